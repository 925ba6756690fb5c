"""The predictions, a file for each notebook: each a function of what was measured."""
