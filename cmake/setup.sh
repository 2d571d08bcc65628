# Shared by run.sh and test.sh (bash, sourced): installs the Debian packages that are missing, configures and builds.
# Quiet: one line a stage on stderr; the output of apt, cmake and ninja goes to logs that are shown only on failure.
# The sourcing script sets sourceFolder (the repository) and buildFolder. MMFREE_NO_INSTALL=1: install nothing.
# shellcheck shell=bash disable=SC2154

requiredPackages=(
    g++ cmake ninja-build pkg-config
    nlohmann-json3-dev libcli11-dev libsentencepiece-dev libopenblas-dev libboost-dev liblzma-dev
    qt6-base-dev qt6-charts-dev libqt6opengl6-dev qt6-svg-dev qt6-tools-dev qt6-l10n-tools libqt6sql6-sqlite
    fonts-inter fonts-dejavu-core
)
# Without these only the OpenCL backend is left out.
optionalPackages=(opencl-headers ocl-icd-opencl-dev pocl-opencl-icd oclgrind)

say() { printf '%s\n' "$*" >&2; }

fail()
{
    say "error: $*"
    exit 1
}

# missingPackages NAME...: those that are neither installed nor provided by an installed package.
missingPackages()
{
    local package installed
    installed=" $(dpkg-query -W -f='${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
        sed -n 's/^installed //p' | sed 's/([^)]*)//g; s/,/ /g' | tr '\n' ' ') "
    for package in "$@"; do
        [[ $installed == *" $package "* ]] || printf '%s\n' "$package"
    done
}

# asRoot COMMAND...: runs a command with root's rights; fails when they cannot be had.
asRoot()
{
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

rootIsPossible()
{
    [[ $(id -u) -eq 0 ]] && return 0
    command -v sudo >/dev/null || return 1
    [[ -t 0 ]] || sudo -n true 2>/dev/null
}

aptInstall()
{
    asRoot env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@" >>"$setupLog" 2>&1
}

# installMissing: every required package, and the optional ones that can be had.
installMissing()
{
    local missing optional
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "This is not a Debian system; needed and not checked: ${requiredPackages[*]}"
        return
    fi
    mapfile -t missing < <(missingPackages "${requiredPackages[@]}")
    mapfile -t optional < <(missingPackages "${optionalPackages[@]}")
    if [[ ${#missing[@]} -eq 0 && (${#optional[@]} -eq 0 || -e $buildFolder/.optional-packages-tried) ]]; then
        return
    fi
    if [[ -n ${MMFREE_NO_INSTALL:-} ]] || ! rootIsPossible; then
        [[ ${#missing[@]} -eq 0 ]] && return
        fail "packages are missing and this user cannot install them (not root, no usable sudo). As root, run:
  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    setupLog=$buildFolder/packages.log
    : >"$setupLog"
    say "Installing ${missing[*]} ${optional[*]} (log: $setupLog)"
    if ! asRoot apt-get update -qq >>"$setupLog" 2>&1; then
        say "The package lists could not be refreshed; trying with those at hand"
    fi
    if [[ ${#missing[@]} -gt 0 ]] && ! aptInstall "${missing[@]}"; then
        tail -n 15 "$setupLog" >&2
        fail "these packages could not be installed: ${missing[*]}. Needed: a network and a Debian 12 mirror in /etc/apt"
    fi
    if [[ ${#optional[@]} -gt 0 ]] && ! aptInstall "${optional[@]}"; then
        say "Not available: ${optional[*]}; the OpenCL backend is left out"
    fi
    : >"$buildFolder/.optional-packages-tried"
}

# configureBuild CMAKE-ARGUMENTS...: configures into $buildFolder and says what the build contains.
configureBuild()
{
    local log=$buildFolder/configure.log
    # A copied or moved checkout: CMake refuses the old cache.
    if [[ -e $buildFolder/CMakeCache.txt ]] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$sourceFolder" "$buildFolder/CMakeCache.txt"; then
        rm -rf "$buildFolder/CMakeCache.txt" "$buildFolder/CMakeFiles"
    fi
    local arguments=(-S "$sourceFolder" -B "$buildFolder" -G Ninja "$@")
    if command -v ccache >/dev/null; then
        arguments+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
    fi
    local first=yes
    [[ -e $buildFolder/build.ninja ]] && first=no
    if ! cmake "${arguments[@]}" >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        fail "configuring failed; the whole output is in $log"
    fi
    if [[ $first == yes ]]; then
        sed -n '/^-- MatMul-Free Studio/,/^--   local server/s/^-- //p' "$log" >&2
    fi
}

# showBuildProgress: reads ninja's output; prints a percentage (redrawn on a terminal, else every 10 %).
showBuildProgress()
{
    local line percent shown=-10 count total
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        count=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
        # A handful of steps is done before anybody reads a percentage.
        ((total < 10)) && continue
        percent=$((100 * count / total))
        if [[ -t 2 ]]; then
            printf '\rBuilding %3d %%' "$percent" >&2
        elif ((percent >= shown + 10)); then
            shown=$percent
            say "Building $percent %"
        fi
    done
    [[ -t 2 ]] && printf '\r\033[K' >&2
    return 0
}

# buildTargets TARGET...
buildTargets()
{
    local log=$buildFolder/build.log
    if ! ninja -C "$buildFolder" "$@" 2>&1 | tee "$log" | showBuildProgress; then
        grep -v '^\[[0-9]*/[0-9]*\]' "$log" | head -n 60 >&2
        fail "the build failed; the whole output is in $log"
    fi
}
