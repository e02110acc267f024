# shellcheck shell=sh
# What the scripts share: where the clone is, how to say things, how to build. Sourced after
# root=… is set; leaves the caller in $root.

here=$(pwd)
cd "${root:?}" || exit 2

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$(basename "$0"): $*"
    exit 2
}

# from_here PATH: as it was meant where the script was called.
from_here() {
    case $1 in
    /*) printf '%s' "$1" ;;
    *) realpath -ms -- "$here/$1" ;;
    esac
}

# program PATH: likewise, and there has to be one.
program() {
    path=$(from_here "$1")
    if [ ! -f "$path" ] || [ ! -x "$path" ]; then
        die "'$1' is not a program"
    fi
    printf '%s' "$path"
}

# quietly LOG COMMAND...: shows what it printed only when it fails.
quietly() {
    log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 </dev/null || {
        code=$?
        cat "$log" >&2
        return "$code"
    }
}

# build DIR SETUP...: sets build/DIR up once and brings it up to date; says nothing when it is.
build() {
    dir=build/$1
    shift
    if [ ! -f "$dir/build.ninja" ]; then
        say "setting up $dir"
        rm -rf "$dir"
        quietly "$dir.setup.log" meson setup "$dir" "$@" || return 1
    fi
    # The commit is looked up each time and compiled into one file: no more than that is no news.
    if [ "$(ninja -C "$dir" -n 2>&1 | grep -c Compiling)" -gt 1 ] || [ ! -e "$dir/poolstorm" ]; then
        if [ -t 2 ]; then
            ninja -C "$dir" >&2
            return
        fi
        say "building $dir"
    fi
    quietly "$dir.build.log" ninja -C "$dir"
}
