#!/bin/sh
# Prints what the linker needs beside libseal.a: what `rustc --print native-static-libs` says, without
# -lgcc_s and -lunwind. C compilers add one that fits to every program, and -lgcc_s exists only as a
# shared library, so that no static program would link.
#
#     link_libs.sh [TARGET]
set -eu

target=${1-}
[ -n "$target" ] || case $(uname) in
Linux) target=this-linux-gnu ;;
*) target=$(rustc -vV | sed -n 's/^host: //p') ;;
esac

case $target in
*-none | *-none-*) ;;
# In musl, all but -lc are empty. Without that header, nothing is unwound in static programs: gcc for glibc
# has another way.
*-linux-musl*) echo -Wl,--eh-frame-hdr -lutil -lrt -lpthread -lm -ldl -lc ;;
*-linux-gnu*) echo -lutil -lrt -lpthread -lm -ldl -lc ;;
*-windows-gnu*) echo -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp ;;
*)
    # rustc replaces the file that it writes: never name a device.
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo >"$work/nothing.rs"
    "${RUSTC:-rustc}" --target "$target" --crate-type staticlib --print native-static-libs \
        --out-dir "$work" "$work/nothing.rs" 2>&1 |
        sed -n 's/^note: native-static-libs: //p' | sed 's/-lgcc_s//; s/-lunwind//'
    ;;
esac
