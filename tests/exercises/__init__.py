"""Right and wrong solutions of the notebooks' exercises: a module for each notebook.

``EXERCISES`` holds for the id of each exercise's cell a right solution, and wrong ones with words
of the message that each must get.
"""
