#!/bin/sh
# zig as the linker of shared libraries for Linux: it knows all versions of glibc, so that the library
# runs on an old one, wherever it is built. `-target` is among the arguments.
exec "${ZIG_PYTHON:?is missing: the Python that has ziglang}" -m ziglang cc "$@"
