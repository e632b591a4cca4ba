"""What the command `libseal` costs, beside others."""
