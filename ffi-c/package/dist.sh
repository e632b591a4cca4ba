#!/bin/sh
# Packs the library in FOLDER for those who have no Rust: what `make install` installs, with a README, the
# licences and the list (SBOM) of what it is made of, and checksums.
#
#     dist.sh FOLDER VERSION TARGET STAGE ARCHIVE
#
# From the environment: SOURCE_DATE_EPOCH, CARGO, and PYTHON, which has cyclonedx and ziglang.
set -eu
trap 'exit 1' HUP INT TERM

folder=$1 version=$2 target=$3 stage=$4 archive=$5
here=$(dirname "$0")

# One at a time: two would take each other's folder.
mkdir -p "$(dirname "$stage")"
exec 9>"$stage.lock"
flock 9

rm -rf "$stage"
"$here/install.sh" "$folder" "$version" "$target" "$stage" / lib

doc=share/doc/libseal
readme=host seal_only=
if [ ! -e "$stage/include/libseal.h" ]; then
    readme=firmware seal_only=--seal-only
fi
link_libs=$("$here/link_libs.sh" "$target")
packages='' compile=''
eval "$("$here/../target.sh" "$target" 2>/dev/null | sed 's/.* packages=/packages=/')"
[ "$readme" = host ] ||
    compile=$(make -s -C "$here/../../examples/firmware" TARGET="$target" compiler 2>/dev/null) ||
    compile='gcc FLAGS_OF_YOUR_PROCESSOR'
case $target in
*-linux-musl*) compiler=musl-gcc ;;
*-windows-gnu) compiler=${target%%-*}-w64-mingw32-gcc ;;
*) compiler=cc ;;
esac
sed -e "s|@VERSION@|$version|g" -e "s|@TARGET@|$target|g" -e "s|@LINK_LIBS@|$link_libs|g" \
    -e "s|@CC@|$compiler|g" -e "s|@COMPILE@|$compile|g" -e "s|@PACKAGES@|$packages|g" \
    -e "s|@MINOR@|$(echo "$version" | cut -d. -f1,2)|g" "$here/README.$readme.md" >"$stage/$doc/README.md"
"$PYTHON" -m tests.packages.sbom --library "$folder/libseal.a" --target "$target" $seal_only \
    --sbom "$stage/$doc/libseal.cdx.json" --licences "$stage/$doc/LICENSES-dependencies.txt"

(cd "$stage" && find . ! -type d | LC_ALL=C sort | xargs sha256sum | sed 's|  \./|  |') >"$stage.sums"
mv -f "$stage.sums" "$stage/$doc/SHA256SUMS"
"$here/../../tests/packages/pack.sh" "$stage" "$archive"
