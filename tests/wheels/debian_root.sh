#!/bin/sh
# Unpacks packages of Debian, of any suite and architecture, and what they need, into a folder. Nothing of them is
# installed or run, so this takes no rights.
#
#     debian_root.sh FOLDER SUITE ARCHITECTURE PACKAGE...
#
# They come from the mirror that this machine has, and are checked with its keys.
set -eu

folder=$1 suite=$2 architecture=$3
shift 3
command -v apt-get >/dev/null || {
    echo "apt-get is missing; this takes a machine with Debian" >&2
    exit 1
}
# The main archive: not the one with security updates, which has only some packages.
# shellcheck disable=SC2016 # it is apt-get that fills this in
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' |
    grep '/debian/*$' | head -1)
[ -n "$mirror" ] || {
    echo "apt-get knows no archive of Debian; name one in /etc/apt/sources.list" >&2
    exit 1
}

work=$folder.part
rm -rf "$work" "$folder"
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/root"
trap 'rm -rf "$work"' EXIT
# An apt of its own, which knows nothing of what is installed here.
: > "$work/apt/status"
echo "deb $mirror $suite main" > "$work/apt/sources.list"
cat > "$work/apt/conf" << END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$work/apt";
Dir::State::Lists "$work/apt/lists";
Dir::State::Status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Cache::Archives "$work/apt/archives";
Acquire::Languages "none";
Debug::NoLocking "true";
END
export APT_CONFIG="$work/apt/conf"
apt-get -q update >&2
apt-get -q -y --download-only install "$@" >&2
for package in "$work"/apt/archives/*.deb; do
    dpkg -x "$package" "$work/root"
done
mv "$work/root" "$folder"
