#!/bin/sh
# tap.sh - the head of the shell tests, to be read in with `.`: a temporary folder $tmp, TAP's lines,
# and patience.
# shellcheck disable=SC2317 # its functions are called by who reads it in
tmp=$(mktemp -d) || exit 99
number=0 failed=0

# result OK WHAT: one line of TAP; OK is 0 when it went well. When not, with what is in $tmp/out and
# $tmp/err: the words of the program.
result() {
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
        return
    fi
    echo "not ok $number - $2"
    for words in "$tmp/out" "$tmp/err"; do
        [ ! -f "$words" ] || tail -c 3000 "$words" | sed 's/^/# /'
    done
    failed=1
}

# until_true COMMAND...: tries for ten seconds and more.
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 1000 ] || return 1
        sleep 0.01
    done
}

# The last line of a test.
finish() {
    echo "1..$number"
    exit $failed
}
