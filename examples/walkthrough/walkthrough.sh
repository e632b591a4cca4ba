#!/bin/sh
# Runs the commands of a page, README.md unless you name another, in a new directory. A block with a
# file name, such as `c seal_reading.c`, becomes that file. The first command that fails ends it.
#
#     examples/walkthrough/walkthrough.sh [PAGE]
#
# It works in the AWS account of your environment, and deletes what it made there if it gets to the
# end. `make walkthrough` runs it without an account.
set -eu

page=$(realpath "${1:-$(dirname "$0")/README.md}")
work=$(mktemp -d)
cd "$work"

awk '
    /^```sh$/          { in_commands = 1; next }
    /^```[a-z]+ [^ ]+/ { file = $2; next }
    /^```$/            { if (in_commands) print "" > "commands.sh"
                         in_commands = 0; if (file) close(file); file = ""; next }
    in_commands        { print > "commands.sh" }
    file               { print > file }
' "$page"

# The AWS CLI would show its answers in a pager, and wait. With -v, bash shows each command first.
AWS_PAGER='' bash -v -eu -o pipefail commands.sh
printf 'The files are in %s\n' "$work"
