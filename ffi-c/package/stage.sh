#!/bin/sh
# Makes the package for an ecosystem of devices: what stands in the folder of this name, with the version
# filled in, the header, the licences, the libraries for the targets, and the files that all examples share.
#
#     stage.sh ECOSYSTEM VERSION BUILD FOLDER TARGET...
#
# The libraries are BUILD/TARGET/libseal.a, as `make lib-TARGET` leaves them.
set -eu
trap 'exit 1' HUP INT TERM

ecosystem=$1 version=$2 build=$3 folder=$4
shift 4
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..

for target; do
    [ -e "$build/$target/libseal.a" ] || {
        echo "$build/$target/libseal.a is missing; build it: make lib-$target" >&2
        exit 1
    }
done

mkdir -p "$(dirname "$folder")"
new=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$new"' EXIT
cp -R "$here/$ecosystem/." "$new"
find "$new" -type f -exec grep -l '@VERSION@' {} + | while IFS= read -r file; do
    sed "s/@VERSION@/$version/g" "$file" >"$file.filled"
    mv "$file.filled" "$file"
done
mkdir -p "$new/include"
cp "$root/include/libseal_seal.h" "$new/include/"
cp "$root/LICENSE-APACHE" "$root/LICENSE-MIT" "$new/"
example=$(dirname "$(find "$new" -name 'main.c*')")
cp "$here"/example/* "$example/"
for target; do
    mkdir -p "$new/lib/$target"
    cp "$build/$target/libseal.a" "$new/lib/$target/"
done
rm -rf "$folder"
mv "$new" "$folder"
