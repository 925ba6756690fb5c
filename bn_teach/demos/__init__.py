"""The pictures of the course: one file for each notebook, one function for each explorable."""
