# The C library for this machine.

# The crypto provider of the C library: rustcrypto is portable, aws-lc-rs and fips are for servers.
PROVIDER ?= rustcrypto
providers := rustcrypto aws-lc-rs fips
