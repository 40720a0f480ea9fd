#!/usr/bin/env bash
# Rule: core writes to no standard stream and ends no process; both are for app to decide.
set -euo pipefail
source "$(dirname "$0")/control.sh"

forbidden='\bstd::(cout|cerr|clog|exit|quick_exit|abort|terminate)\b|(^|[^[:alnum:]_.>"])(printf|puts|putchar|perror|exit|_exit|abort)[[:space:]]*\(|\bfprintf[[:space:]]*\([[:space:]]*std(out|err)|\b(stdout|stderr)\b'

# Comments may name what the code may not do.
code_of() { sed -E 's://.*$::' "$1"; }

check() {  # check FOLDER
    local file found bad=0 count=0
    while IFS= read -r -d '' file; do
        count=$((count + 1))
        if found=$(code_of "$file" | grep -nE "$forbidden"); then
            echo "core prints or exits: $file: $found" >&2
            bad=1
        fi
    done < <(find "$1" \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' \) -print0)
    ((count > 0)) || { echo "no source below $1: nothing was checked" >&2; return 1; }
    return $bad
}

if [[ $1 == --control ]]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    for line in 'std::cout << 1;' 'printf("x");' 'fprintf(stderr, "x");' 'std::exit(1);' 'exit(1);' 'std::abort();'; do
        echo "void f() { $line }" > "$folder/offender.cpp"
        control_expects_failure "$line" check "$folder"
    done
    echo 'void f() { snprintf(b, 1, "x"); queue.exit(); }  // printf( is for app' > "$folder/offender.cpp"
    check "$folder"
else
    check "$1"
fi
