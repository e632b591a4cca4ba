"""What libseal costs in time, memory, flash and requests to the KMS."""
