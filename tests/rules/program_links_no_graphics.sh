#!/usr/bin/env bash
# Rule: the program starts where there is no libGL, no X and no CUDA: it opens these itself when a window is
# wanted, or a GPU can compute.
set -euo pipefail
source "$(dirname "$0")/control.sh"

forbidden='lib(GL|GLX|GLdispatch|OpenGL|EGL|OSMesa|X11|Xext|xcb|wayland-[a-z]+|glfw|cuda|cudart|cublas|cublasLt|cusolver|nvJitLink)\.so'

check() {  # check PROGRAM
    local libraries found
    libraries=$(ldd "$1")
    [[ $libraries == *libc.so* ]] || { echo "ldd showed no libraries of $1: nothing was checked" >&2; return 1; }
    found=$(grep -E "$forbidden" <<< "$libraries" || true)
    [[ -z $found ]] || { echo "$1 links:"; echo "$found"; return 1; } >&2
}

if [[ $1 == --control ]]; then
    folder=$(mktemp -d)
    trap 'rm -r "$folder"' EXIT
    # A program that does link X11; without that library's development files, a library that lists it would do.
    echo 'int main() { return 0; }' > "$folder/offender.c"
    cc -Wl,--no-as-needed -o "$folder/offender" "$folder/offender.c" -lX11
    control_expects_failure libX11 check "$folder/offender"
    cc -o "$folder/plain" "$folder/offender.c"
    check "$folder/plain"
else
    check "$1"
fi
