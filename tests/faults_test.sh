#!/bin/sh
# Faults on a timeline from outside: what they record, whose mistakes they are, and what is left of
# them when runner or proxy are killed at any moment.
# faults_test.sh POOLSTORM; FAULTS_TEST_KILLS=100 FAULTS_TEST_SEED=7 for more moments, or others.
set -u
poolstorm=$1
kills=${FAULTS_TEST_KILLS:-3} seed=${FAULTS_TEST_SEED:-1}
bin=$("$poolstorm" doctor postgres | sed -n 's/.*PostgreSQL [^ ]* in \(.*\)/\1/p')
[ -n "$bin" ] || exit 77
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
# Another user's server must get through to its files.
chmod 711 "$tmp" && mkdir -m 711 "$tmp/t" || exit 99
export XDG_CACHE_HOME="$tmp/cache"
unset PGPASSWORD PGSERVICE PGHOST PGPORT PGUSER PGDATABASE POOLSTORM_DATABASE POOLSTORM_POSTGRES
number=0 failed=0

# result OK WHAT: says how a test went, with what the program said when it went wrong.
result() {
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
        return
    fi
    echo "not ok $number - $2"
    sed 's/^/# /' "$tmp/out" "$tmp/err"
    failed=1
}

# run ARGS...: by its environment everything that stems from it can be told.
run() {
    env TMPDIR="$tmp/t" POOLSTORM_TEST="$tmp" "$poolstorm" run "$@" --out "$tmp/result" \
        >"$tmp/out" 2>"$tmp/err" </dev/null
}

# Nothing is left: no process, so no lock and no port either, and no file.
ours() {
    grep -lz "^POOLSTORM_TEST=$tmp\$" /proc/[0-9]*/environ 2>/dev/null
}
nothing_left() {
    [ -z "$(ls -A "$tmp/t")" ] && [ -z "$(ours)" ]
}

# until_true COMMAND...: tries for ten seconds; sets tries, of 10 ms and more each.
until_true() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 1000 ] || return 1
        sleep 0.01
    done
}

# scenario NAME FAULTS
scenario() {
    cat >"$tmp/$1.yaml" <<END
question: What becomes of it?
source: tests of the program itself
database:
  kind: postgres
  setup: CREATE TABLE items (id int, value text); INSERT INTO items VALUES (7, 'seven')
subject: {serve: {db_max_open: 4, db_prewarm: 4, db_acquire_timeout: 200ms}}
variants: {only: {serve: {}}}
load: {connections: 8, rate: 200/s, timeout: 500ms, path: "/query?id=7"}
phases:
  - {name: steady, kind: measure, for: 3s}
rounds: 1
faults:
$2
END
}

scenario several '  - {kind: lock, table: items, at: 300ms, for: 400ms, hold: 300ms}
  - {kind: partition, at: 1s, for: 400ms, hold: 300ms}
  - {kind: latency, on: service, latency: 20ms, at: 1s, for: 400ms, hold: 300ms}
  - {kind: pause, at: 1700ms, for: 300ms, hold: 300ms}
  - {kind: down, at: 2200ms, for: 200ms, hold: 300ms}'

run "$tmp/several.yaml"
code=$?
{ [ $code -eq 0 ] || [ $code -eq 4 ]; } && nothing_left
result $? "a run with five faults ends and leaves nothing (exit $code)"
record="$tmp/result/result.json"
for fault in lock partition latency pause down; do
    grep -q "\"fault\":\"$fault\",\"acted\":true" "$record"
    result $? "$fault has really acted"
done
grep -q '^Faults, ' "$tmp/out" && grep -q 'sessions waiting' "$tmp/out"
result $? 'the report says what they touched'
rm -rf "$tmp/result"

scenario mistaken '  - {kind: lock, table: no_such_table, at: 100ms, for: 100ms}'
run "$tmp/mistaken.yaml"
[ $? -eq 2 ] && grep -q 'mistaken.yaml:[0-9]*:5: lock table no_such_table: .*does not exist' \
    "$tmp/err" && nothing_left
result $? 'a table that is not there is a mistake of the file'
rm -rf "$tmp/result"

scenario idle '  - {kind: latency, latency: 1ms, source: 10.9.8.7, at: 100ms, for: 100ms}'
run "$tmp/idle.yaml" --set measure=500ms
[ $? -eq 4 ] && grep -q "fault 'latency' touched nothing" "$tmp/out"
result $? 'a fault that touched nothing makes the round invalid'
rm -rf "$tmp/result"

# process_of COMMAND: the run's processes of that command of ours: "run", "proxy".
process_of() {
    for file in $(ours); do
        process=${file%/environ}
        [ -r "$process/cmdline" ] || continue
        tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q "^[^ ]* $1 " && echo "${process#/proc/}"
    done
}
# shellcheck disable=SC2317 # called by its name
has_process() {
    [ -n "$(process_of "$1")" ]
}
# kill_process SIGNAL COMMAND
kill_process() {
    pid=$(process_of "$2" | head -n 1)
    [ -z "$pid" ] || kill "-$1" "$pid" 2>/dev/null
}

# moment INDEX: seconds, from the seed.
moment() {
    awk -v seed="$seed" -v index_="$1" 'BEGIN { srand(seed * 1000 + index_); printf "%.3f", 3.5 * rand() }'
}

worst=0 broken=0 index=0
while [ $index -lt "$kills" ]; do
    run "$tmp/several.yaml" &
    shell=$!
    until_true has_process run
    sleep "$(moment $index)"
    kill_process KILL run
    wait "$shell" 2>/dev/null
    until_true nothing_left || broken=1
    [ $tries -le $worst ] || worst=$tries
    rm -rf "$tmp/result"
    index=$((index + 1))
done
result $broken "kill -9 of the runner at $kills moments leaves nothing (seed $seed)"
echo "# the slowest needed $worst looks"

broken=0 index=0
while [ $index -lt "$kills" ]; do
    run "$tmp/several.yaml" &
    shell=$!
    until_true has_process proxy
    sleep "$(moment $((index + 500)))"
    kill_process KILL proxy
    kill_process TERM run
    wait "$shell" 2>/dev/null
    until_true nothing_left || broken=1
    rm -rf "$tmp/result"
    index=$((index + 1))
done
result $broken "kill -9 of the proxy at $kills moments leaves nothing"

echo "1..$number"
exit $failed
