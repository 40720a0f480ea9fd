#!/usr/bin/env bash
# Rule: no committed text file names a folder of the machine it was written on.
set -euo pipefail
source "$(dirname "$0")/control.sh"

# Spelled in two halves, so that this file does not offend itself.
forbidden="(^|[^[:alnum:]_./\$}>-])/(ro""ot|wo""rk|ho""me/[a-z]+)/[[:alnum:]_.-]+"

check() {  # check FOLDER
    local found
    [[ -f $1/CMakeLists.txt ]] || { echo "$1 is not the repository" >&2; return 1; }
    found=$(grep -rnIE --exclude-dir=build --exclude-dir=.deps --exclude-dir=.git "$forbidden" "$1" || true)
    [[ -z $found ]] || { echo "a path of one machine:"; echo "$found"; return 1; } >&2
}

if [[ $1 == --control ]]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    touch "$folder/CMakeLists.txt"
    echo "see /ro""ot/notes" > "$folder/offender.md"
    control_expects_failure offender.md check "$folder"
    echo "see assets/wo""rk/notes and https://example.org/wo""rk/notes" > "$folder/offender.md"
    check "$folder"
else
    check "$1"
fi
