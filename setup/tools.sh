#!/usr/bin/env bash
# Sees to the compilers and the emulator, with apt where they are missing.
# Usage: setup/tools.sh [--required] TOOL ...    a TOOL is a command; without --required a missing one is only reported
set -euo pipefail
cd "$(dirname "$0")/.."
required=no
if [ "${1:-}" = --required ] || [ -n "${KSHOT_REQUIRE_TOOLS:-}" ]; then required=yes; fi
[ "${1:-}" != --required ] || shift

declare -A package=(
    [gcc]="gcc libc6-dev" [g++]=g++ [clang]=clang [cmake]=cmake [cppcheck]=cppcheck [doxygen]=doxygen [qemu-system-arm]=qemu-system-arm
    [arm-none-eabi-gcc]="gcc-arm-none-eabi libnewlib-arm-none-eabi"
)
# libFuzzer and the sanitizers come in a package that is named after clang's version; install clang by a call before.
if command -v clang >/dev/null; then
    package[libfuzzer]="libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
fi
is_there() {
    if [ "$1" = libfuzzer ]; then
        ! command -v clang >/dev/null || [ -n "$(find "$(clang -print-resource-dir)/" -name 'libclang_rt.fuzzer*' -print -quit)" ]
    else
        command -v "$1" >/dev/null
    fi
}
missing=()
for tool in "$@"; do
    is_there "$tool" || read -ra missing <<<"${missing[*]} ${package[$tool]}"
done
# Debian ships the compiler's C library apart from it.
if command -v arm-none-eabi-gcc >/dev/null && [ ! -e "$(arm-none-eabi-gcc -print-file-name=libc.a)" ]; then
    missing+=(libnewlib-arm-none-eabi)
fi
[ ${#missing[@]} -gt 0 ] || exit 0
if ! setup/apt.sh "${missing[@]}"; then
    [ "$required" = no ] || exit 1
    echo "Going on without them: what needs them is left out and named." >&2
fi
