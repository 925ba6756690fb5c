"""One file for each experiment of the course: its settings, and functions that return its runs."""
