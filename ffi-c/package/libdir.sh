#!/bin/sh
# Checks where `make install` installs to, and prints the folder for libraries, relative to PREFIX.
#
#     libdir.sh PREFIX [LIBDIR [TARGET]]
#
# The default is lib, where compilers, linkers, pkg-config and CMake look on all distributions. In /usr it
# is the distribution's: lib/x86_64-linux-gnu or its like on Debian, lib64 on Fedora. So does CMake.
set -eu

prefix=$1 libdir=${2-} target=${3-}

case $prefix in
/*) ;;
*)
    echo "PREFIX must be an absolute path, such as /usr/local, and is '$prefix'" >&2
    exit 1
    ;;
esac
prefix=${prefix%/}

if [ -z "$libdir" ]; then
    libdir=lib
    if [ "$prefix" != /usr ]; then
        :
    elif [ -e /etc/debian_version ]; then
        case $target in
        '') multiarch=$(cc -print-multiarch) ;;
        arm*-linux-* | thumb*-linux-*) multiarch=arm-linux-${target##*-} ;;
        i?86-*-linux-*) multiarch=i386-linux-${target##*-} ;;
        riscv64*-linux-*) multiarch=riscv64-linux-${target##*-} ;;
        *-linux-*) multiarch=${target%%-*}-linux-${target##*-} ;;
        *) multiarch= ;;
        esac
        libdir=lib${multiarch:+/$multiarch}
    elif [ -d /usr/lib64 ] && [ ! -L /usr/lib64 ]; then
        case ${target:-$(uname -m)} in x86_64* | aarch64* | riscv64* | powerpc64* | s390x*) libdir=lib64 ;; esac
    fi
fi

libdir=${libdir%/}
case $libdir in
"$prefix"/*) libdir=${libdir#"$prefix"/} ;;
/*)
    # What is installed finds its parts relative to each other.
    echo "LIBDIR must be in PREFIX ($1), and is '$libdir'" >&2
    exit 1
    ;;
esac
# Other signs mean something in the files that name it.
LC_ALL=C
case /$libdir/ in
*//* | */./* | */../* | /-* | *[!A-Za-z0-9._+/-]*)
    echo "LIBDIR must be a path such as lib64, of A-Z a-z 0-9 . _ + - and /, without //, . or .. and no - at" \
        "its start, and is '$libdir'" >&2
    exit 1
    ;;
esac
echo "$libdir"
