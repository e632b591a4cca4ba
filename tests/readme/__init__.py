"""Runs the code in README.md and py/OPERATING.md; test_readme.py says how."""
