#!/bin/sh
# Packs a folder, name included, into a .tar.gz that is the same bytes whenever and wherever it is packed.
#
#     SOURCE_DATE_EPOCH=SECONDS pack.sh FOLDER ARCHIVE
set -eu
trap 'exit 1' HUP INT TERM

folder=$1 archive=$2
: "${SOURCE_DATE_EPOCH:?is missing: pass the seconds since 1970 that all files shall have as their time}"
tar --version 2>/dev/null | grep -q 'GNU tar' || {
    echo "tar is not GNU tar, which can leave out what differs; install that" >&2
    exit 1
}

mkdir -p "$(dirname "$archive")"
part=$(mktemp "$archive.XXXXXX")
trap 'rm -f "$part" "$part.gz"' EXIT
tar --create --file "$part" --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" \
    --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --directory "$(dirname "$folder")" "$(basename "$folder")"
gzip -9 -n -c "$part" >"$part.gz"
mv -f "$part.gz" "$archive"
