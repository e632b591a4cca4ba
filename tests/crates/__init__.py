"""Builds and tests the Rust crate as it is packed, outside the repository: what its users have."""
