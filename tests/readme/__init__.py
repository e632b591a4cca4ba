"""Runs the code in README.md; test_readme.py says how."""
