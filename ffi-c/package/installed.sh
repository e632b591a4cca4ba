#!/bin/sh
# What install.sh and uninstall.sh know of what is installed. They set root, the folder that PREFIX is in
# DESTDIR, and libdir, and source this.
#
# The manifest names the files that were installed, relative to root. There is one for each LIBDIR, because
# libraries for several machines can be in one root, where they share headers and licences. Files that no
# manifest names belong to others: Microsoft SEAL has a libseal.so too.

# shellcheck disable=SC2154 # those who source this set it
doc=share/doc/libseal manifest_name=installed.$(echo "$libdir" | tr / ,)
manifest=$doc/$manifest_name

# Removes the folders that install.sh makes the files in, which one that was killed leaves.
sweep() {
    for folder in include bin "$doc" "$libdir" "$libdir/pkgconfig" "$libdir/cmake/libseal"; do
        rm -rf "$root/$folder/.libseal.new"
    done
}

# Prints the files that libraries in other LIBDIRs have.
named_by_others() {
    for other in "$root/$doc"/installed.*; do
        [ "$other" = "$root/$manifest" ] || [ ! -f "$other" ] || cat "$other"
    done
}

# Prints those lines of the first file that the second has not.
without() {
    grep -vxF -f "$2" "$1" || [ $? = 1 ]
}

# remove_listed LIST
remove_listed() {
    while read -r file; do
        # A folder is not what was installed.
        if [ -L "$root/$file" ] || [ ! -d "$root/$file" ]; then
            rm -f "$root/$file" || return
        fi
    done <"$1"
}
