#!/bin/sh
# The program as typed: help, version, mistakes, exit codes, and where the words go.
# cli_test.sh POOLSTORM
set -u
poolstorm=$1
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
number=0 failed=0

# check WHAT CODE STREAM TEXT ARGS...: runs ARGS; exit CODE, TEXT somewhere in STREAM (out or err),
# and nothing in the other stream.
check() {
    what=$1 code=$2 stream=$3 text=$4
    shift 4
    other=err
    [ "$stream" = out ] || other=out
    number=$((number + 1))
    "$poolstorm" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    if [ $got -eq "$code" ] && grep -qF -e "$text" "$tmp/$stream" && [ ! -s "$tmp/$other" ]; then
        echo "ok $number - $what"
        return
    fi
    echo "not ok $number - $what"
    echo "# exit $got, expected $code and '$text' on std$stream alone"
    sed 's/^/# /' "$tmp/out" "$tmp/err"
    failed=1
}

check 'the overview lists commands' 0 out 'list the commands, or explain one' --help
check 'the overview explains the exit status' 0 out '77   skipped' -h
check 'help alone is the overview' 0 out 'Commands:' help
check 'help explains a command' 0 out 'Usage: poolstorm help [OPTIONS] [COMMAND]' help help
check 'every command has --help' 0 out 'Usage: poolstorm help' help --help
check 'the version' 0 out 'poolstorm 0.' --version
check 'every command has --version' 0 out 'poolstorm 0.' help --version
check 'nothing asked is a mistake' 2 out 'Usage: poolstorm COMMAND'
check 'an unknown command is a mistake' 2 err "no command 'xylophone'" xylophone
check 'a mistyped command gets a suggestion' 2 err "did you mean 'help'?" hlep
check 'help on a mistyped command too' 2 err "did you mean 'help'?" help hlep
check 'an option before the command is a mistake' 2 err 'expected a command' --verbose
check 'an unknown option is a mistake' 2 err 'no option --xylophone' help --xylophone
check 'a mistyped option gets a suggestion' 2 err 'did you mean --version?' help --versoin
check 'a word too many is a mistake' 2 err "unexpected 'two'" help one two

check 'doctor makes one check' 0 out 'Linux' doctor kernel
check 'doctor answers programs' 0 out '"check": "kernel"' doctor --json kernel
check 'doctor suggests checks' 2 err "did you mean 'kernel'?" doctor kernle
check 'list names scenarios with their questions' 0 out 'allocation/encode ' list
check 'list answers programs' 0 out '"name": "allocation/encode"' list --json allocation/encode
check 'list suggests families' 2 err "did you mean 'allocation'?" list alocation
check 'completion is for bash' 2 err "expected bash, not 'zsh'" completion zsh

number=$((number + 1))
if "$poolstorm" --help >/dev/full 2>"$tmp/err"; [ $? -eq 5 ] && grep -q 'write to stdout' "$tmp/err"; then
    echo "ok $number - a full disk does not pass for success"
else
    echo "not ok $number - a full disk does not pass for success"
    failed=1
fi
echo "1..$number"
exit $failed
