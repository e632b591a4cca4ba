"""What libseal costs, measured."""
