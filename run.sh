#!/usr/bin/env bash
# Starts MatMul-Free Studio from a fresh checkout on Debian 12: installs what is missing, builds, runs.
#   ./run.sh [MODEL] [OPTIONS]   the window, with MODEL or the bundled model
#   ./run.sh --cli ARGUMENTS     the command line tool: build/bin/mmfree ARGUMENTS
set -euo pipefail

sourceFolder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
buildFolder=$sourceFolder/build
mkdir -p "$buildFolder" 2>/dev/null || { echo "error: cannot write $buildFolder" >&2; exit 1; }
# shellcheck source=cmake/setup.sh
source "$sourceFolder/cmake/setup.sh"

installMissing
configureBuild -DCMAKE_BUILD_TYPE=Release
if [[ ${1:-} == --cli ]]; then
    shift
    buildTargets mmfree
    exec "$buildFolder/bin/mmfree" "$@"
fi

grep -qx 'MMFREE_WITH_GUI:BOOL=ON' "$buildFolder/CMakeCache.txt" ||
    fail "the window is not part of this build: Qt 6 was not found (see $buildFolder/configure.log); ./run.sh --cli works"
buildTargets mmfree mmfree-studio
arguments=("$@")
if [[ ${#arguments[@]} -eq 0 || ${arguments[0]} == -* ]]; then
    shopt -s nullglob
    bundled=("$sourceFolder"/resources/demo/*.safetensors)
    arguments=("${bundled[@]:0:1}" "$@")
fi
if [[ -z ${DISPLAY:-}${WAYLAND_DISPLAY:-}${QT_QPA_PLATFORM:-} ]]; then
    [[ " $* " == *" --screenshot "* ]] ||
        fail "there is no display (DISPLAY and WAYLAND_DISPLAY are not set); ./run.sh --cli works without one"
    export QT_QPA_PLATFORM=offscreen
fi
exec "$buildFolder/bin/mmfree-studio" "${arguments[@]}"
