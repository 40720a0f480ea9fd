#!/usr/bin/env bash
# Rule: every GLSL file in shaders compiles by itself.
set -euo pipefail
source "$(dirname "$0")/control.sh"

check() {  # check FOLDER
    local file bad=0 count=0
    for file in "$1"/*.vert "$1"/*.frag "$1"/*.geom; do
        [[ -e $file ]] || continue
        count=$((count + 1))
        glslangValidator "$file" || { echo "$file does not compile" >&2; bad=1; }
    done
    ((count > 0)) || { echo "no shader in $1: nothing was checked" >&2; return 1; }
    return $bad
}

if [[ $1 == --control ]]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    printf '#version 330 core\nout vec4 c;\nvoid main() { c = vec3(1.0); }\n' > "$folder/offender.frag"
    control_expects_failure offender.frag check "$folder"
    printf '#version 330 core\nout vec4 c;\nvoid main() { c = vec4(1.0); }\n' > "$folder/offender.frag"
    check "$folder"
else
    check "$1"
fi
