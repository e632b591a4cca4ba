"""Runs the pages of examples/walkthrough."""
