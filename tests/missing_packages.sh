#!/bin/sh
# Prints, in one line, the Debian packages that this machine lacks. Rust is not among them: it comes
# from rustup.
#
#     missing_packages.sh            to build, and for the demo
#     missing_packages.sh tests      to run the tests as well
#     missing_packages.sh all        and those that are skipped where their tool is missing

PYTHON=${PYTHON:-python3}
missing=

need() { # need PACKAGES CHECK...: the packages are missing if the check fails
    packages=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $packages"
}

compiles_c() {
    echo '#include <stdio.h>' | cc -E -
}

need "gcc libc6-dev" compiles_c
need make command -v make
need python3-venv "$PYTHON" -c 'import ensurepip, venv'
case $1 in tests | all)
    need g++ command -v c++
    need openssl command -v openssl
esac
case $1 in all)
    need valgrind command -v valgrind
esac

echo $missing
