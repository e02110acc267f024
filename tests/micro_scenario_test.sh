#!/bin/sh
# Scenarios of kind micro from outside: with the program that has the benchmarks.
# micro_scenario_test.sh POOLSTORM POOLSTORM_MICRO
set -u
poolstorm=$1 micro=$2
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$tmp"' EXIT

# check WHAT CODE TEXT ARGS...: runs ARGS; exit CODE, TEXT in what it said. A machine that is busy
# spoils rounds, which the run says by 4: that is as good as 0.
check() {
    what=$1 code=$2 text=$3
    shift 3
    "$poolstorm" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    { [ $got -eq "$code" ] || { [ "$code" -eq 0 ] && [ $got -eq 4 ]; }; } &&
        cat "$tmp/out" "$tmp/err" | grep -qF -e "$text"
    result $? "$what (exit $got)"
}

# scenario NAME VARIANTS [MORE]
scenario() {
    printf 'question: What takes how long?\nkind: micro\nvariants:\n%b\nphases: [{name: timed, for: 5ms}]\nrounds: 2\n%b' \
        "$2" "${3-}" >"$tmp/$1.yaml"
}

scenario sound '  clock: {benchmark: clock/read}\n  pool: {benchmark: lockfree_stack, row: 1KiB/first, threads: 2}' \
    'observe: {retries: retries}\nshow: [retries, iterations]\nexpect: [clock.time_per_op < 1s]\nclaims: [{what: it, figure: pool.time_per_op / clock.time_per_op, says: 2}]\n'
check 'it is sound' 0 'the micro-benchmark lockfree_stack/1KiB/first on 2 threads' check "$tmp/sound.yaml"
check 'it runs' 0 'time/op / clock' run "$tmp/sound.yaml" --seed 1 --out "$tmp/sound" --keep-logs
grep -q 'ops' "$tmp/out" && grep -q 'retries' "$tmp/out"
result $? 'its figures stand in the table'
! grep -qE 'QPS|P99|lateness|generator' "$tmp/out"
result $? 'and no others'
grep -q 'round 2 of 2, pool.* an operation' "$tmp/err"
result $? 'rounds are told as they end'
[ -s "$tmp/sound/logs/01-clock.gbench.log" ] && [ -s "$tmp/sound/logs/02-pool.gbench.log" ]
result $? 'the benchmarks have said so themselves'
check 'with each format it can be written' 0 '' report "$tmp/sound" -o "$tmp/formats" \
    --format terminal --format markdown --format html --format csv --format junit --format gbench \
    --format gha --format prometheus --format summary --format json
check 'a row for each figure in csv' 0 ',,time_per_op,' report "$tmp/sound" --format csv
check 'it is read back' 0 'lockfree_stack' report "$tmp/sound" --format json
check 'another run of it' 0 'time/op / clock' run "$tmp/sound.yaml" --seed 2 --out "$tmp/other"
# Of two runs without a valid round there is nothing to compare.
"$poolstorm" compare "$tmp/sound" "$tmp/other" >"$tmp/out" 2>"$tmp/err" </dev/null
grep -qE 'time/op|nothing in common' "$tmp/out" "$tmp/err"
result $? 'is compared with it'
check 'a quick run' 0 'clock' run "$tmp/sound.yaml" --quick --seed 1 --out "$tmp/quick"
[ ! -e "$tmp/quick/logs" ]
result $? 'leaves no logs'

scenario wrong '  a: {benchmark: clock/reed}'
check 'a benchmark that is none' 2 "did you mean 'clock/read'?" run "$tmp/wrong.yaml" --out "$tmp/wrong"
scenario wrong '  a: {benchmark: lockfree_stack, row: 1KiB/first, threads: 3}'
check 'threads that it does not know' 2 'does not run on 3 threads' run "$tmp/wrong.yaml" --out "$tmp/wrong"
scenario wrong '  a: {benchmark: clock/read, url: "http://127.0.0.1:1"}'
check 'a service' 2 "'url' has no place" check "$tmp/wrong.yaml"
check 'a load' 2 "only 'measure' can be set" run "$tmp/sound.yaml" --set connections=3 --out "$tmp/wrong"
check 'one variant against itself' 0 "clock'" run "$tmp/sound.yaml" --aa clock --out "$tmp/aa"
scenario counter '  a: {benchmark: clock/read}' 'observe: {x: retreats}\n'
check 'a counter that is none' 0 'ever had a value of retreats' run "$tmp/counter.yaml" --out "$tmp/counter"

# All that ships names what there is.
"$micro" --benchmark_list_tests=true >"$tmp/rows" 2>/dev/null
"$poolstorm" check allocation 2>/dev/null | sed -n 's/.*the micro-benchmark \(.*\) on \([0-9]*\) thread.*/\1 \2/p' |
    sort -u >"$tmp/wanted"
[ -s "$tmp/wanted" ]
result $? 'scenarios that ship name benchmarks'
missing=$(while read -r row threads; do
    grep -qE "^$row/(real|manual)_time/threads:$threads\$" "$tmp/rows" || echo "$row on $threads"
done <"$tmp/wanted")
[ -z "$missing" ]
result $? "which are there${missing:+, but for $missing}"

# Ended in the midst of a round, it leaves nothing behind.
scenario long '  a: {benchmark: clock/read}'
"$poolstorm" run "$tmp/long.yaml" --set measure=60s --out "$tmp/long" >"$tmp/out" 2>"$tmp/err" </dev/null &
runner=$!
running() {
    grep -qsa "benchmark_ou[t]=$tmp/long" /proc/[0-9]*/cmdline
}
until_true running
result $? 'a long one begins'
kill -INT $runner
wait $runner
got=$?
[ $got -eq 130 ] && ! running
result $? "and ends at once when interrupted (exit $got)"
echo "1..$number"
exit $failed
