"""A KMS on this machine, and the command that asks a KMS for a data key."""
