"""What libseal costs in time, memory and flash. Nothing here is a test."""
