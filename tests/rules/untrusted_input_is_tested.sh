#!/usr/bin/env bash
# Rule: every test that README.md's table "What untrusted input meets" names is there, and every row names one.
set -euo pipefail
source "$(dirname "$0")/control.sh"

exists() {  # exists FOLDER TEST
    local first=${2%%.*} name=${2#*.}
    if [[ $name == test_* ]]; then
        [[ -f $1/e2e/test_$first.py ]] && grep -qF "def $name(self" "$1/e2e/test_$first.py"
    else
        grep -rqE "TEST(_F|_P)?\($first, $name\)" "$1/core" "$1/app" --include=*.cpp
    fi
}

check() {  # check FOLDER (the tests)
    local rows row test names wrong=0
    rows=$(sed -n '/^## What untrusted input meets/,/^## [^W]/p' "$1/README.md" | grep '^| ' | tail -n +2)
    (($(wc -l <<< "$rows") >= ${2:-20})) || { echo "the table in $1/README.md is not there" >&2; return 1; }
    while IFS= read -r row; do
        names=$(grep -oE '`[A-Za-z0-9_]+\.[A-Za-z0-9_]+`' <<< "$row" | grep -v '\.py`' | tr -d '`' | sort -u || true)
        [[ -n $names ]] || { echo "no test is named: $row" >&2; wrong=1; }
        for test in $names; do
            [[ $test == prediction.* ]] || exists "$1" "$test" || { echo "there is no test $test" >&2; wrong=1; }
        done
    done <<< "$rows"
    return $wrong
}

if [[ $1 == --control ]]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    mkdir -p "$folder"/{core,app,e2e}
    echo 'TEST_F(Suite, Holds) {' > "$folder/core/a_test.cpp"
    echo '    def test_holds(self):' > "$folder/e2e/test_name.py"
    table() { printf '## What untrusted input meets\n\n| promise | held by |\n|---|---|\n| one | %s |\n' "$1" > "$folder/README.md"; }
    table '`Suite.Holds` `name.test_holds`'
    check "$folder" 1
    for offender in Suite.Hold Suit.Holds name.test_hold names.test_holds; do
        table "\`Suite.Holds\` \`$offender\`"
        control_expects_failure "$offender" check "$folder" 1
    done
    table 'nobody'
    control_expects_failure nobody check "$folder" 1
    control_expects_failure README.md check "$folder"
else
    check "$1"
fi
