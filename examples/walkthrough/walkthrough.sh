#!/bin/sh
# Runs the commands of a page, README.md unless you name another, in a directory of their own. A block
# with a file name, such as `c seal_reading.c`, becomes that file. The first command that fails ends
# it.
#
#     examples/walkthrough/walkthrough.sh [PAGE]
#
# Needs bash, and what the page needs. It works in the AWS account of your environment, and deletes
# what it makes there only if it gets to the end. In no account at all, on this machine alone:
#
#     python -m tests.kms.ministack examples/walkthrough/walkthrough.sh
set -eu

page=$(realpath "${1:-$(dirname "$0")/README.md}")
work=$(mktemp -d)
cd "$work"

awk '
    /^```sh$/          { in_commands = 1; next }
    /^```[a-z]+ [^ ]+/ { file = $2; next }
    /^```$/            { in_commands = 0; if (file) close(file); file = ""; next }
    in_commands        { print > "commands.sh" }
    file               { print > file }
' "$page"

# Each command is shown before it runs.
PS4='
$ ' bash -euxo pipefail commands.sh
printf '\nThe files are in %s\n' "$work"
