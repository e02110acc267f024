#!/bin/sh
# Faults on a timeline from outside: what they record, whose mistakes they are, and what is left of
# them when runner or proxy are killed at any moment.
# faults_test.sh POOLSTORM; from the environment:
#   FAULTS_TEST_KILLS=100  so many moments at which the runner is killed, as many for the proxy, and
#                          for the guardian
#   FAULTS_TEST_SEED=7     other moments
#   FAULTS_TEST_WITHIN=1   in so many seconds all has to be gone; a busy machine is left more
set -u
poolstorm=$1
kills=${FAULTS_TEST_KILLS:-4} seed=${FAULTS_TEST_SEED:-1} within=${FAULTS_TEST_WITHIN:-8}
bin=$("$poolstorm" doctor postgres | sed -n 's/.*PostgreSQL [^ ]* in \(.*\)/\1/p')
[ -n "$bin" ] || exit 77
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=tests/own_server.sh
. "$(dirname "$0")/own_server.sh"
trap 'own_server_end; rm -rf "$tmp"' EXIT
# Another user's server must get through to its files.
chmod 711 "$tmp" && mkdir -m 711 "$tmp/t" || exit 99
export XDG_CACHE_HOME="$tmp/cache"
unset PGPASSWORD PGSERVICE PGHOST PGPORT PGUSER PGDATABASE POOLSTORM_DATABASE POOLSTORM_POSTGRES

# run ARGS...: by its environment everything that stems from it can be told.
run() {
    env TMPDIR="$tmp/t" POOLSTORM_TEST="$tmp" "$poolstorm" run "$@" --out "$tmp/result" \
        >"$tmp/out" 2>"$tmp/err" </dev/null
}

# The run's processes, by their environment; a server's children write their titles over that, and
# are told by where they are, which stays when it has been removed.
ours() {
    grep -lz "^POOLSTORM_TEST=$tmp\$" /proc/[0-9]*/environ 2>/dev/null
    find /proc/[0-9]*/cwd -maxdepth 0 -lname "$tmp/t/*" 2>/dev/null
}

# Nothing is left: no process, so no listening port and no lock either, no file, no shared memory of
# a server's ($segment), nothing in the user's own ($own, when one is used).
segment='' own=''
nothing_left() {
    [ -z "$(ls -A "$tmp/t")" ] && [ -z "$(ours)" ] &&
        { [ -z "$segment" ] || ! awk '{ print $2 }' /proc/sysvipc/shm | grep -qx "$segment"; } &&
        { [ -z "$own" ] || [ "$(ask "$leftovers")" = 0 ]; }
}
leftovers="SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'poolstorm%') + (
    SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'poolstorm%')"

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

# Its proxy may read the file that a scenario names.
printf '10 0.5\n30 1.0\n' >"$tmp/slow.hgrm"
scenario several '  - {kind: lock, table: items, at: 300ms, for: 400ms, hold: 300ms}
  - {kind: partition, at: 1s, for: 400ms, hold: 300ms}
  - {kind: latency, on: service, file: '"$tmp"'/slow.hgrm, at: 1s, for: 400ms, hold: 300ms}
  - {kind: pause, at: 1700ms, for: 300ms, hold: 200ms}
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

# ---- Its proxy is lost ----
# Long before the phase is over: another round begins, with a proxy of its own.
scenario proxied '  - {kind: latency, on: service, latency: 1ms, at: 100ms, for: 119s}'
sed -i 's/for: 3s/for: 2min/' "$tmp/proxied.yaml"

# process_of COMMAND: the run's processes of that command of ours: "run", "proxy".
process_of() {
    for file in $(ours); do
        process=${file%/*}
        tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q "^[^ ]* $1 " && echo "${process#/proc/}"
    done
}
# The load's clock runs at this, give or take some ms.
# shellcheck disable=SC2317 # until_true calls it
serves() {
    grep -qs '^listening on' "$tmp"/result/logs/01-only.log
}
# shellcheck disable=SC2317 # until_true calls it
serves_again() {
    grep -qs '^listening on' "$tmp"/result/logs/01-only-again1.log
}

run "$tmp/proxied.yaml" &
shell=$!
until_true serves
victim=$(process_of proxy)
kill -KILL "$victim"
until_true serves_again
result $? 'a round ends with its proxy, and is repeated'
kill -TERM "$(process_of run)"
wait "$shell" 2>/dev/null
grep -q "the fault proxy (process $victim) has ended: killed by signal 9" "$record" && nothing_left
result $? 'which is why it is not valid'
rm -rf "$tmp/result"

# ---- Killed at any moment ----
# Of these one acts at any time, mostly several. The phase is longer than the moments, so that none
# misses it on a slow machine.
scenario ceaseless '  - {kind: lock, table: items, at: 20ms, for: 7500ms, hold: 100ms}
  - {kind: latency, on: service, latency: 20ms, at: 20ms, for: 1400ms, hold: 100ms}
  - {kind: pause, at: 500ms, for: 700ms, hold: 100ms}
  - {kind: partition, at: 1s, for: 900ms, hold: 100ms}
  - {kind: down, at: 2s, for: 500ms, hold: 100ms}'
sed -i 's/for: 3s/for: 8s/' "$tmp/ceaseless.yaml"

# moment INDEX: seconds, from the seed.
moment() {
    awk -v seed="$seed" -v index_="$1" 'BEGIN { srand(seed * 1000 + index_); printf "%.3f", 2.8 * rand() }'
}
now_ms() {
    date +%s%3N
}

# What acts at this moment, for the record: a process of the run's is stopped; a table of the user's
# own server is locked.
note_moment() {
    for file in $(ours); do
        [ "$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "${file%/*}/status" 2>/dev/null)" != T ] || stopped=1
    done
    [ -z "$own" ] || [ "$(ask "$held")" = 0 ] || locked=1
}
held="SELECT count(*) FROM pg_locks JOIN pg_class c ON c.oid = relation WHERE granted AND
    relname = 'items' AND mode = 'AccessExclusiveLock'"

lost='ceaseless: .*the guardian (process [0-9]*) has ended: killed by signal 9'

# kill_at_moments COMMAND FROM: kills the run's process of that command at moments FROM, FROM+1…, in
# turn with a throw-away server and with the user's own; of a run whose proxy was killed the runner is
# asked to end, of one whose guardian was killed it has to end by itself, and to say why. Writes how many ms it took until nothing was left to $tmp/times.
kill_at_moments() {
    index=0 broken=0 stops=0 locks=0
    : >"$tmp/times"
    while [ $index -lt "$kills" ]; do
        own='' stopped=0 locked=0
        [ $((index % 2)) -eq 0 ] || own="--database $uri"
        rm -rf "$tmp/result"
        # shellcheck disable=SC2086 # words or nothing
        run "$tmp/ceaseless.yaml" $own &
        shell=$!
        until_true serves || { broken=1 && break; }
        sleep "$(moment $(($2 + index)))"
        segment=$(cat "$tmp"/t/*/data/postmaster.pid 2>/dev/null | awk 'NR == 7 { print $2 }')
        note_moment
        victims=$(process_of "$1") runner=$(process_of run)
        from=$(now_ms)
        # shellcheck disable=SC2086 # words
        kill -KILL $victims
        [ "$1" != proxy ] || kill -TERM "$runner"
        { [ -n "$victims" ] && until_true nothing_left; } || broken=1
        took=$(($(now_ms) - from))
        echo "$took" >>"$tmp/times"
        [ $took -le $((within * 1000)) ] || broken=1
        wait "$shell" 2>/dev/null
        code=$?
        [ "$1" != guardian ] || { [ $code -eq 5 ] && grep -q "$lost" "$tmp/err"; } || broken=1
        stops=$((stops + stopped)) locks=$((locks + locked)) index=$((index + 1))
    done
}

# spread: the distribution of $tmp/times.
spread() {
    sort -n "$tmp/times" | awk '{ all[NR] = $1 }
        END { printf "# nothing is left after %d ms at least, %d in the median, %d at 90 %%, %d at most\n",
            all[1], all[int((NR + 1) / 2)], all[int(NR * 0.9 + 0.5)], all[NR] }'
    echo "# in ms: $(sort -n "$tmp/times" | tr '\n' ' ')"
    echo "# at $stops of the moments the subject was stopped, at $locks the table was locked" \
        "(which is asked of the user's own server only)"
}

own_server_start
result $? 'a server of the user is there'
kill_at_moments run 0
result $broken "kill -9 of the runner at $kills moments leaves nothing within $within s (seed $seed)"
spread
kill_at_moments proxy 500
result $broken "kill -9 of the proxy at $kills moments leaves nothing within $within s"
spread
kill_at_moments guardian 1000
result $broken "kill -9 of the guardian at $kills moments ends the run and leaves nothing within $within s"
spread

finish
