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
check 'list names the sets' 0 out 'headline  ' list
check 'list says how long runs take' 0 out 'scenarios: some ' list headline --long
check 'list tells programs, too' 0 out '"quick_length_s": ' list --json allocation/encode
check 'check says how long runs take' 0 out 'with --quick ' check allocation/encode
check 'run wants to know what' 2 err ' is a look at one of each family' run --seed 1
check 'run finds what does not fit before it begins' 2 err "no variant 'xylophone'" \
    run --quick --variants xylophone
check 'completion is for bash' 2 err "expected bash, not 'zsh'" completion zsh

record=$(dirname "$0")/golden/records/first.json
check 'report tells a record again' 0 out 'no condition failed' report "$record"
check 'report writes a format to stdout' 0 out ',qps,4230,per_s,' report -f csv "$record"
check 'report shows its formats' 0 out 'gbench       Google Benchmark' report --help
check 'report wants a record' 2 err 'expected RUN...' report
check 'report says what is no record' 2 err "$0:1:1: " report "$0"
check 'report suggests formats' 2 err "did you mean 'junit'?" report -f csv,junti "$record"
check 'report wants a format' 2 err 'expected the name of a format' report -f , "$record"
check 'report wants to know where several go' 2 err '2 files: say where' report -f csv,junit "$record"
check 'report says what cannot be written' 2 err 'write /nowhere/x: No such' report -o /nowhere/x "$record"
check 'report says what is in the way' 2 err 'Not a directory' report -o "$record/x/" "$record"
"$poolstorm" report -f csv -o "$tmp/a.csv" "$record"
check 'report puts several into a folder' 0 out "$tmp/r/report.customBiggerIsBetter.json" \
    report -f gha,csv -f hgrm -o "$tmp/r/" "$record" "$record"
check 'report lets several begin alike' 0 out "$tmp/b.customSmallerIsBetter.json" \
    report -f gha -o "$tmp/b.json" "$record"
check 'report writes a record each' 0 out "$tmp/c.first-2.json" \
    report -f json -o "$tmp/c" "$record" "$record"
mkfifo "$tmp/pipe"
cat "$tmp/pipe" >"$tmp/piped" &
check 'report lets several begin like none of them' 0 out "$tmp/a.customBigger" report -f gha -o "$tmp/a" "$record"
"$poolstorm" report -f csv -o "$tmp/pipe" "$record"
wait

# One file a line that was printed, and every one of them there.
number=$((number + 1))
if [ -s "$tmp/a.csv" ] && [ "$(find "$tmp/r" -name "report.*" | wc -l)" -eq 7 ] &&
    [ "$(find "$tmp/r" -name 'report.first-2.*.hgrm' | wc -l)" -eq 2 ] &&
    [ -p "$tmp/pipe" ] && cmp -s "$tmp/a.csv" "$tmp/piped"; then
    echo "ok $number - reports are where they were asked for"
else
    echo "not ok $number - reports are where they were asked for"
    find "$tmp" -type f | sed 's/^/# /'
    failed=1
fi

number=$((number + 1))
if "$poolstorm" --help >/dev/full 2>"$tmp/err"; [ $? -eq 5 ] && grep -q 'write to stdout' "$tmp/err"; then
    echo "ok $number - a full disk does not pass for success"
else
    echo "not ok $number - a full disk does not pass for success"
    failed=1
fi
echo "1..$number"
exit $failed
