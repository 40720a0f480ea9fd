#!/usr/bin/env bash
# Rule: core includes nothing of ImGui, GLFW, OpenGL or X11, and nothing of app.
set -euo pipefail
source "$(dirname "$0")/control.sh"

forbidden='#[[:space:]]*include[[:space:]]*[<"]([^">]*/)?(imgui|implot|hello_imgui|GLFW|glad|GL|GLES[23]?|EGL|X11|app)[^">]*[">]'

check() {  # check FOLDER
    [[ -n $(find "$1" -name '*.h' -print -quit) ]] || { echo "no header below $1: nothing was checked" >&2; return 1; }
    local found
    found=$(grep -rnE --include='*.h' --include='*.cpp' --include='*.cu' "$forbidden" "$1" || true)
    [[ -z $found ]] || { echo "core includes a window's header:"; echo "$found"; return 1; } >&2
}

if [[ $1 == --control ]]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    for header in imgui.h GLFW/glfw3.h app/state.h; do
        printf '#pragma once\n#include <vector>\n#include "%s"\n' "$header" > "$folder/offender.h"
        control_expects_failure "$header" check "$folder"
    done
    printf '#pragma once\n#include "core/base/mapped_file.h"\n#include <Eigen/Core>\n' > "$folder/offender.h"
    check "$folder"
else
    check "$1"
fi
