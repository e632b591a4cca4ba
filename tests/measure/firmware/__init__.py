"""What libseal costs on microcontrollers."""
