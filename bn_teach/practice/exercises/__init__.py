"""The exercises, a file for each notebook: what is right, and the known ways to get it wrong."""
