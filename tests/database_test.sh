#!/bin/sh
# A scenario's database from outside: throw-away servers, the user's own, and what is left of both.
# database_test.sh POOLSTORM
set -u
poolstorm=$1
bin=$("$poolstorm" doctor postgres | sed -n 's/.*PostgreSQL [^ ]* in \(.*\)/\1/p')
[ -n "$bin" ] || exit 77
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
# shellcheck source=tests/own_server.sh
. "$(dirname "$0")/own_server.sh"
trap 'own_server_end; rm -rf "$tmp"' EXIT
# Another user's server must get through to its files.
chmod 711 "$tmp" && mkdir -m 711 "$tmp/t" || exit 99
export TMPDIR="$tmp/t" XDG_CACHE_HOME="$tmp/cache"
unset PGPASSWORD PGSERVICE PGHOST PGPORT PGUSER PGDATABASE POOLSTORM_DATABASE POOLSTORM_POSTGRES

# check WHAT CODE TEXT ARGS...: runs ARGS; exit CODE, and TEXT on stderr.
check() {
    what=$1 code=$2 text=$3
    shift 3
    "$poolstorm" "$@" --out "$tmp/result" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$code" ] && grep -qF -e "$text" "$tmp/err"
    result $? "$what (exit $got)"
}

# scenario NAME DATABASE [SUBJECT]: DATABASE on a line of its own, the second.
scenario() {
    subject=${3:-'serve: {threads: 1}'}
    cat >"$tmp/$1.yaml" <<END
question: Does the database come and go?
database: $2
source: tests of the program itself
variants:
  only:
    $subject
load: {connections: 1, think_time: 5ms}
phases:
  - {name: steady, kind: measure, for: 200ms}
rounds: 1
END
}

# Nothing is left of any throw-away server: no file, no socket, no process, no shared memory.
servers() {
    grep -lz "^$tmp/t/" /proc/[0-9]*/cmdline 2>/dev/null
}
empty() {
    [ -z "$(ls -A "$tmp/t")" ] && [ -z "$(servers)" ]
}
# no_segment ID: of System V's shared memory.
no_segment() {
    ! ipcs -m | awk '{ print $2 }' | grep -qx "$1"
}

scenario plain postgres
scenario items '{setup: "CREATE TABLE items (id int); INSERT INTO items VALUES (1)", each_round: "TRUNCATE items"}'

# ---- Throw-away ----
"$poolstorm" run "$tmp/plain.yaml" --out "$tmp/one" >"$tmp/out" 2>"$tmp/err" &
first=$!
"$poolstorm" run "$tmp/items.yaml" --out "$tmp/two" >"$tmp/out2" 2>"$tmp/err2"
second=$?
wait $first && [ $second -eq 0 ] &&
    [ "$(find "$tmp/cache/poolstorm" -maxdepth 1 -name 'postgres-*' | wc -l)" -eq 1 ]
result $? 'two first runs at once make one cluster'
[ ! -e "$tmp/cache/poolstorm/new" ] && empty
result $? 'and leave nothing behind'
grep -q '"database":"PostgreSQL [0-9.a-z]*, throw-away"' "$tmp/two/result.json" &&
    grep -q '"database_cpu_ns":[0-9]' "$tmp/two/result.json"
result $? 'the record says what it was, and what it cost'
rm -rf "$tmp"/cache/poolstorm/postgres-*/base
mkdir -p "$tmp/cache/poolstorm/new" && touch "$tmp/cache/poolstorm/new/half"
rm -rf "$tmp"/cache/poolstorm/postgres-*
check 'a cluster half made by one that was killed' 0 'round 1' run "$tmp/items.yaml"
[ ! -e "$tmp/cache/poolstorm/new" ]
result $? 'is made anew'

scenario syntax '{setup: "SELECT 1; SELEC 2"}'
check 'SQL that is none' 2 'syntax.yaml:2:30: syntax error at or near "SELEC"' run "$tmp/syntax.yaml"
scenario block '
  setup: |
    CREATE TABLE items (id int PRIMARY KEY);

    INSERT INTO items
    VALUES (1), (1);'
check 'a statement that fails' 2 'block.yaml:6:5: duplicate key' run "$tmp/block.yaml"
scenario round '{each_round: "TRUNCATE nothing"}'
check 'SQL of a round that fails' 2 'round.yaml:2:25: relation "nothing" does not exist' \
    run "$tmp/round.yaml"
scenario setting '{settings: {max_conections: 5}}'
check 'a setting there is not' 2 'setting.yaml:2:23: PostgreSQL' run "$tmp/setting.yaml"
scenario value '{settings: {max_connections: many}}'
check 'a value it does not take' 2 'value.yaml:2:23: PostgreSQL' run "$tmp/value.yaml"
POOLSTORM_POSTGRES=/nowhere "$poolstorm" run "$tmp/plain.yaml" --out "$tmp/result" \
    >"$tmp/out" 2>"$tmp/err"
[ $? -eq 77 ] && grep -qF 'no PostgreSQL server' "$tmp/err"
result $? 'without a server it is skipped'
HOME=/dev/null XDG_CACHE_HOME=/dev/null "$poolstorm" run "$tmp/items.yaml" --out "$tmp/result" \
    >"$tmp/out" 2>"$tmp/err"
result $? 'without a cache it takes longer'

# A ledger: one write in four or so fails at its commit, which the right way tells and the wrong way
# does not.
cat >"$tmp/ledger.yaml" <<'END'
question: Is what was acknowledged stored?
source: tests of the program itself
database:
  setup: |
    CREATE TABLE ledger (token text NOT NULL, key text UNIQUE);
    CREATE FUNCTION forbid() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ledger INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.token ~ '[048c]$') EXECUTE FUNCTION forbid();
  each_round: TRUNCATE ledger
variants:
  right:
    serve: {threads: 1}
  wrong:
    serve: {threads: 1, ledger_acknowledge: before-commit}
load:
  method: POST
  path: /ledger
  headers: "X-Request-Token: {token}"
  connections: 4
  think_time: 1ms
phases:
  - {name: steady, kind: measure, for: 300ms}
  - {name: settle, kind: drain, for: 50ms}
ledger: SELECT token FROM ledger
rounds: 1
invariants:
  - right.ledger_acknowledged == right.ledger_stored
  - right.ledger_refused > 0
  - right.ledger_ghosts == 0
  - right.ledger_unknown == 0
  - ledger_lost == 0
END
check 'a ledger catches what was acknowledged and lost' 1 'wrong' run "$tmp/ledger.yaml"
python3 - "$tmp/result/result.json" >"$tmp/out" 2>"$tmp/err" <<'END'
import json, sys
result = json.load(open(sys.argv[1]))
right, wrong = sorted(result["rounds"], key=lambda r: r["variant"])
assert right["valid"] and not right["broken"], right
broken = [str(b) for b in wrong["broken"]]
assert len(broken) == 1 and "ledger_lost == 0" in broken[0], broken
END
result $? 'and nothing else'
sed 's/each_round:.*/each_round: select 1/' "$tmp/ledger.yaml" >"$tmp/full.yaml"
check 'rows of another round are strangers' 0 'written by no request of the round' \
    run "$tmp/full.yaml" --rounds 2 --variants right
sed 's/^ledger:.*/ledger: SELECT tokn FROM ledger/' "$tmp/ledger.yaml" >"$tmp/mistaken.yaml"
check 'mistaken SQL of a ledger' 2 'mistaken.yaml:24:16: column "tokn" does not exist' \
    run "$tmp/mistaken.yaml"

scenario told postgres "command: [sh, -c, 'echo \"\$0 \$POOLSTORM_DATABASE \$MINE \$PGPASSWORD\" >$tmp/told; exec \"$poolstorm\" serve --listen=127.0.0.1:{port}', '{database} {dir}']
    health: /health
    env: {MINE: 'x{database}'}"
check 'a command that wants to know' 0 'round 1' run "$tmp/told.yaml"
read -r bare folder full mine password <"$tmp/told"
[ "${full#postgresql://poolstorm:"$password"@127.0.0.1:}" != "$full" ] && [ "$mine" = "x$full" ] &&
    [ "${#password}" -eq 32 ] && [ "${bare#*"$password"}" = "$bare" ] &&
    [ "${bare#postgresql://poolstorm@127.0.0.1:}" != "$bare" ]
result $? 'is told by its environment, and without the password by its command line'
[ "${folder#"$tmp/t/"}" != "$folder" ] && [ ! -e "$folder" ]
result $? 'and its folder was in TMPDIR'

"$poolstorm" run "$tmp/items.yaml" --set measure=1s --rounds 2 --keep-logs --out "$tmp/dies" \
    >"$tmp/out" 2>"$tmp/err" &
runner=$!
for log in 01-only 01-only-again1; do
    until_true test -s "$tmp/dies/logs/$log.log"
    server=$(sed -n 1p "$tmp"/t/*/data/postmaster.pid)
    kill -KILL "$server"
done
wait $runner && grep -qF "the database's server (process $server) ended: killed by signal 9" "$tmp/err"
result $? 'a server that dies is told of, and the round is run again on a new one'
python3 - "$tmp/dies/result.json" 2>>"$tmp/err" <<'END'
import json, sys
rounds = json.load(open(sys.argv[1]))["rounds"]
seen = [(r["block"], r["attempt"], r["valid"]) for r in rounds]
assert seen == [(0, 0, False), (0, 1, False), (1, 0, True), (0, 2, True)], seen
END
result $? 'which is believed, at once or at the end of the run'

"$poolstorm" run "$tmp/told.yaml" --set measure=20s --out "$tmp/result" >"$tmp/out" 2>"$tmp/err" &
runner=$!
rm -f "$tmp/told"
until_true test -s "$tmp/told"
segment=$(awk 'NR == 7 { print $2 }' "$tmp"/t/*/data/postmaster.pid)
[ -n "$(servers)" ] && ! no_segment "$segment" && kill -KILL $runner
result $? 'kill -9 of the runner'
wait $runner 2>/dev/null
until_true empty
result $? 'leaves no process and no folder'
[ -n "$segment" ] && until_true no_segment "$segment" # which the kernel frees after the last exit
result $? 'and no shared memory'

# ---- The user's own ----
own_server_start
result $? 'a server started by hand'
inventory() {
    ask "SELECT 'n', nspname FROM pg_namespace UNION ALL SELECT 'c', relname FROM pg_class
         UNION ALL SELECT 'p', proname FROM pg_proc UNION ALL SELECT 'r', rolname FROM pg_roles
         UNION ALL SELECT 's', application_name FROM pg_stat_activity
             WHERE backend_type = 'client backend' ORDER BY 1, 2" >"$tmp/inventory.$1"
}
same() {
    inventory after
    cmp -s "$tmp/inventory.before" "$tmp/inventory.after"
}
scenario lasting '{setup: "CREATE TABLE items (id int); CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$"}'
inventory before
check 'a schema in it' 0 'round 1' run "$tmp/lasting.yaml" --database "$uri"
[ -s "$tmp/inventory.before" ] && same
result $? 'is gone afterwards, with its sessions'
grep -q "\"database\":\"PostgreSQL [^\"]*, postgres at 127.0.0.1:$port\"" "$tmp/result/result.json" &&
    ! grep -qr secret "$tmp/result"
result $? 'and the record does not know the password'
scenario fails '{setup: "CREATE TABLE items (id int); SELECT 1 / 0"}'
check 'SQL that fails in it' 2 'fails.yaml:2:49: division by zero' \
    run "$tmp/fails.yaml" --database "$uri"
same
result $? 'is undone, too'

"$poolstorm" run "$tmp/lasting.yaml" --set measure=20s --out "$tmp/result" --database "$uri" \
    >"$tmp/out" 2>"$tmp/err" &
runner=$!
# shellcheck disable=SC2317 # until_true calls it
there() {
    [ "$(ask "SELECT count(*) FROM pg_class WHERE relname = 'items'")" = 1 ]
}
until_true there
hidden=$(tr '\0' ' ' <"/proc/$runner/cmdline")
[ "${hidden#*secret}" = "$hidden" ] && [ "${hidden#*--database \*}" != "$hidden" ]
result $? 'ps does not show the password'
kill -KILL $runner
wait $runner 2>/dev/null
until_true same
result $? 'kill -9 of the runner leaves nothing in it'

check 'a wrong password' 2 'password authentication failed' \
    run "$tmp/plain.yaml" --database "postgresql://app:wrong@127.0.0.1:$port/postgres"
check 'a database there is not' 2 'database "nothing" does not exist' \
    run "$tmp/plain.yaml" --database "postgresql://app:secret@127.0.0.1:$port/nothing"
check 'no server there' 5 'No such file or directory' \
    run "$tmp/plain.yaml" --database "host=$tmp/t user=app dbname=postgres"
check 'a Unix socket' 0 'round 1' \
    run "$tmp/plain.yaml" --database "host=$tmp/own port=$port user=app dbname=postgres"
check 'a server elsewhere' 2 '--allow 192.0.2.1:5432' \
    run "$tmp/plain.yaml" --database 'postgresql://app:secret@192.0.2.1/postgres'
check 'something else elsewhere' 2 '--allow 192.0.2.1:99' \
    run "$tmp/plain.yaml" --database 'host=127.0.0.1,192.0.2.1 port=5432,99'
check 'no connection string' 2 'invalid connection option "hots"' \
    run "$tmp/plain.yaml" --database 'hots=127.0.0.1'
ask 'REVOKE CREATE ON DATABASE postgres FROM app'
check 'no permission' 5 'permission denied for database postgres' \
    run "$tmp/plain.yaml" --database "$uri"
same
result $? 'and still nothing is left in it'

# Last, for it takes the server away.
ask 'GRANT CREATE ON DATABASE postgres TO app'
"$poolstorm" run "$tmp/lasting.yaml" --set measure=2s --out "$tmp/result" --database "$uri" \
    >"$tmp/out" 2>"$tmp/err" &
runner=$!
until_true there
own_server_end
wait $runner
[ $? -eq 5 ] && grep -qF 'not valid: the database does not answer' "$tmp/err"
result $? 'a server of the user that dies is told of, and the run ends'

finish
