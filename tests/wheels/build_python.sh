#!/bin/sh
# Builds a CPython to try wheels in, with zig, so that it runs on the system that the wheel is for, and with
# nothing but what the tests need: no TLS, no compression.
#
#     [PYTHON=python3.11] build_python.sh SOURCE TARGET FOLDER [--disable-gil]
#
# SOURCE is CPython's archive, such as what `apt-get source --download-only python3.11` fetches. TARGET is one
# of zig's, such as x86_64-linux-gnu.2.17. FOLDER/python is the result. PYTHON, of the same version, is needed
# if that does not run on this machine.
set -eu

source=$1
target=$2
folder=$3
shift 3
here=$(cd "$(dirname "$0")/../.." && pwd)
zig=$(echo "$here"/.venv/lib/python3*/site-packages/ziglang/zig)
[ -x "$zig" ] || {
    echo "zig is missing; install it: make .venv/ready" >&2
    exit 1
}
work=$folder.building
rm -rf "$work" "$folder"
mkdir -p "$work/source" "$work/tools"
trap 'rm -rf "$work"' EXIT
tar -xf "$source" -C "$work/source" --strip-components=1

# configure takes no blanks in these names. Headers of this machine, which CPython's setup.py adds, are of another
# C library.
cat > "$work/tools/cc" << END
#!/bin/sh
for argument; do
    shift
    case \$argument in -I/usr/* | -L/usr/*) ;; *) set -- "\$@" "\$argument" ;; esac
done
exec "$zig" cc -target $target -dynamic -fno-sanitize=undefined -Wno-date-time "\$@"
END
for tool in ar ranlib; do
    printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$zig" "$tool" > "$work/tools/$tool"
done
chmod +x "$work/tools"/*
export CC="$work/tools/cc" AR="$work/tools/ar" RANLIB="$work/tools/ranlib"
READELF=$(command -v readelf)
# Nothing of this machine: its libraries are of another C library.
export READELF PKG_CONFIG=false

host=$(echo "$target" | sed 's/\.[0-9.]*$//; s/-linux-/-unknown-linux-/')
cd "$work/source"
set -- "$@" --prefix="$folder" --without-ensurepip --disable-test-modules OPT=-O1
if [ -n "${PYTHON-}" ]; then
    set -- "$@" --build=x86_64-pc-linux-gnu --host="$host" --with-build-python="$(command -v "$PYTHON")" \
        ac_cv_file__dev_ptmx=yes ac_cv_file__dev_ptc=no ac_cv_buggy_getaddrinfo=no
fi
{
    ./configure "$@" && make -j"$(nproc)" && make install
} > "$folder.log" 2>&1 || {
    tail -20 "$folder.log" >&2
    exit 1
}
cd "$folder/bin"
for python in python3.*[0-9t]; do
    ln -s "bin/$python" "$folder/python"
done
