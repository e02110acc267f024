#!/bin/sh
# PostgreSQL's own clients through `poolstorm proxy`, and faults that aim at their queries.
# proxy_postgres_test.sh POOLSTORM
# shellcheck disable=SC2317 # finish is called by the trap
set -u
poolstorm=$1
bin=$("$poolstorm" doctor postgres | sed -n 's/.*PostgreSQL [^ ]* in \(.*\)/\1/p')
[ -n "$bin" ] && [ -x "$bin/pgbench" ] && [ -x "$bin/psql" ] || exit 77
tmp=$(mktemp -d) || exit 99
server='' proxy=''
finish() {
    [ -z "$proxy" ] || { kill "$proxy" && wait "$proxy"; }
    [ -z "$server" ] || { kill -QUIT "$server" && wait "$server"; }
    rm -rf "$tmp"
}
trap finish EXIT
unset PGPASSWORD PGSERVICE PGPORT PGOPTIONS POOLSTORM_TOKEN
export PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=postgres PGGSSENCMODE=disable
number=0 failed=0

# result WHAT OK: one line of TAP; OK is 0 when it went well.
result() {
    number=$((number + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        tail -n 30 "$tmp/out" "$tmp/err" | sed 's/^/# /'
        failed=1
    fi
}

# ---- A server and a proxy --------------------------------------------------------------------------
as_user=''
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id -u "$user" >/dev/null 2>&1 || user=nobody
    as_user="setpriv --reuid $user --regid $(id -g "$user") --clear-groups"
    chmod 711 "$tmp"
    mkdir "$tmp/own" && chown "$user" "$tmp/own"
else
    mkdir "$tmp/own"
fi
# shellcheck disable=SC2086 # words or nothing
(cd "$tmp/own" && $as_user "$bin/initdb" -D data -U postgres -A trust -N >init.log 2>&1) || exit 99

# shellcheck disable=SC2086 # words or nothing
start_server() {
    (cd "$tmp/own" && exec $as_user "$bin/postgres" -D data -c port="$1" -c fsync=off \
        -c listen_addresses=127.0.0.1 -c autovacuum=off \
        -c unix_socket_directories="$tmp/own" >log 2>&1) &
    server=$!
    until grep -qs '^ready' "$tmp/own/data/postmaster.pid"; do
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.01
    done
}
port=$((30000 + $$ % 10000))
until start_server $port; do # which someone else may have
    wait "$server"
    port=$((port + 1))
    [ $port -lt 40020 ] || exit 99
done

mkfifo "$tmp/pipe" || exit 99
"$poolstorm" proxy --port 0 --seed 1 --name pg --listen 127.0.0.1:0 --upstream "127.0.0.1:$port" \
    --protocol postgres >"$tmp/pipe" 2>"$tmp/log" &
proxy=$!
exec 3<"$tmp/pipe"
while read -r line <&3; do
    case $line in
    *': pg on '*) through=${line#*127.0.0.1:} through=${through%% *} ;;
    *': control on '*) break ;;
    esac
done
export TOXIPROXY_URL="http://${line##* }"

# ---- What tests ask --------------------------------------------------------------------------------

# toxic ARGS...: changes the proxy's faults.
toxic() {
    "$poolstorm" toxic "$@" pg >"$tmp/toxic" 2>&1 || {
        sed 's/^/# /' "$tmp/toxic"
        exit 99
    }
}

# direct SQL: the answer, past the proxy.
direct() {
    "$bin/psql" -X -p "$port" -Atc "$1"
}

# session NAME: runs the SQL on its input through the proxy; what it says is in out, mixed with errors.
session() {
    "$bin/psql" -X -p "$through" -At -v VERBOSITY=sqlstate >"$tmp/out" 2>&1
}

# says LINES...: the session said exactly these.
says() {
    printf '%s\n' "$@" >"$tmp/expected"
    sed 's/^psql:<stdin>:[0-9]*: //' "$tmp/out" | cmp -s - "$tmp/expected"
}

# bench ARGS...: pgbench through the proxy.
bench() {
    "$bin/pgbench" -n -p "$through" "$@" >"$tmp/out" 2>"$tmp/err"
}

# done_all N: pgbench did all of its transactions.
done_all() {
    grep -q "actually processed: $1/$1\$" "$tmp/out"
}

# failed_one: it tells of one transaction that could not be serialized.
failed_one() {
    grep -q '^number of failed transactions: 1 ' "$tmp/out"
}

direct 'CREATE TABLE t (x int)' >/dev/null
printf 'SELECT count(*) AS n FROM t;\n' >"$tmp/fast.sql"
printf 'SELECT count(*) AS slow FROM t;\n' >"$tmp/slow.sql"
printf 'BEGIN;\nINSERT INTO t VALUES (:client_id);\nCOMMIT;\n' >"$tmp/write.sql"
printf '\\startpipeline\nSELECT 1;\nINSERT INTO t VALUES (7);\nSELECT 2;\n\\endpipeline\n' >"$tmp/pipe.sql"

# ---- Unharmed --------------------------------------------------------------------------------------
session <<'END'
SELECT 'one'; SELECT 'two';
COPY t FROM STDIN;
1
2
\.
COPY t TO STDOUT;
SELEC;
BEGIN; SELECT 1/0; SELECT 1; ROLLBACK;
LISTEN c; NOTIFY c;
DO $$ BEGIN RAISE NOTICE 'noted'; END $$;
SELECT length(repeat('x', 1000000));
END
grep -v '^Asynchronous' "$tmp/out" >"$tmp/kept" && mv "$tmp/kept" "$tmp/out"
says one two 'COPY 2' 1 2 'ERROR:  42601' BEGIN 'ERROR:  22012' 'ERROR:  25P02' ROLLBACK LISTEN \
    NOTIFY 'NOTICE:  00000' DO 1000000
result 'psql does not notice the proxy' $?
for wanted in no yes; do
    # A fault that matches nothing lets everything be looked at.
    [ $wanted = no ] || toxic add -t slow_query -n none -a match=nothing -a delay=1
    for mode in simple extended prepared; do
        bench -M $mode -f "$tmp/fast.sql" -f "$tmp/write.sql" -c 4 -j 2 -t 50 && done_all 200
        result "pgbench -M $mode, queries looked at: $wanted" $?
    done
    for mode in extended prepared; do
        bench -M $mode -f "$tmp/pipe.sql" -c 4 -t 20 && done_all 80
        result "pgbench -M $mode, pipelines, queries looked at: $wanted" $?
    done
done
toxic remove -n none
"$bin/psql" -X -p "$through" -Atc 'SELECT pg_sleep(600)' >"$tmp/out" 2>&1 &
sleeper=$!
until [ "$(direct "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%(600)'
    AND pid <> pg_backend_pid()")" = 1 ]; do sleep 0.01; done
kill -INT $sleeper
wait $sleeper
grep -q 'canceling statement due to user request' "$tmp/out"
result 'psql cancels a query through the proxy' $?

# ---- Slow ------------------------------------------------------------------------------------------

# of SCRIPT WHAT FIELD: what pgbench reports for it: that word of its first line with WHAT.
of() {
    awk -v script="$1" -v what="$2" -v field="$3" '
        /^SQL script/ { mine = index($0, script) }
        mine && index($0, what) { print $field; exit }' "$tmp/out"
}

# touched N: the fault called slow has acted on so many pieces.
touched() {
    "$poolstorm" toxic effects -n slow pg | grep -q "pieces=$1[^0-9]"
}

for side in server request client; do
    for mode in simple extended prepared; do
        toxic add -t slow_query -n slow -a match='AS slow' -a delay=40 -a side=$side
        bench -M $mode -f "$tmp/fast.sql" -f "$tmp/slow.sql" -c 2 -t 10 && done_all 20 &&
            touched "$(of slow.sql transactions 2)" &&
            awk "BEGIN { slow = $(of slow.sql 'latency average' 5)
                exit !(slow >= 40 && slow > $(of fast.sql 'latency average' 5)) }"
        result "late by $side, $mode: the queries that match, and no others" $?
        toxic remove -n slow
    done
done
# Its versions have different names.
bench -M prepared -d -f "$tmp/fast.sql" -c 1 -t 1
toxic add -t slow_query -n slow -a delay=1 \
    -a statement="$(sed -n 's/.*preparing \(P[0-9_]*\)$/\1/p' "$tmp/err")"
bench -M prepared -f "$tmp/fast.sql" -c 1 -t 3 && done_all 3 && touched 3
result 'late by the name of a statement' $?
toxic remove -n slow

# ---- statement_timeout -----------------------------------------------------------------------------
toxic add -t slow_query -n slow -a match='AS slow|INTO t' -a delay=60000
export PGOPTIONS='-c statement_timeout=50ms'
session <<'END'
SELECT 1 AS slow;
BEGIN;
SELECT 1 AS slow;
SELECT 2;
ROLLBACK;
INSERT INTO t VALUES (99);
SELECT 3;
END
says 'ERROR:  57014' BEGIN 'ERROR:  57014' 'ERROR:  25P02' ROLLBACK 'ERROR:  57014' 3 &&
    [ "$(direct 'SELECT count(*) FROM t WHERE x = 99')" -eq 0 ]
result 'statement_timeout strikes a server that is late, and the query is not executed' $?
for mode in simple extended prepared; do
    ! bench -M $mode -f "$tmp/slow.sql" -c 1 -t 1 &&
        grep -q 'canceling statement due to statement timeout' "$tmp/err"
    result "statement_timeout, $mode" $?
done
toxic update -n slow -a match='AS slow' -a delay=200 -a side=client
session <<'END'
SELECT 1 AS slow;
END
says 1
result 'statement_timeout does not strike where only the client is late' $?
unset PGOPTIONS
toxic remove -n slow

# ---- Failing ---------------------------------------------------------------------------------------
toxic add -t fail_query -n fail -a match='^(INSERT|COMMIT)' -a sqlstate=40001
direct 'TRUNCATE t' >/dev/null
session <<'END'
INSERT INTO t VALUES (1);
SELECT count(*) FROM t;
BEGIN;
INSERT INTO t VALUES (2);
SELECT 1;
ROLLBACK;
BEGIN;
UPDATE t SET x = 3;
COMMIT;
SELECT 2;
END
says 'ERROR:  40001' 0 BEGIN 'ERROR:  40001' 'ERROR:  25P02' ROLLBACK BEGIN 'UPDATE 0' \
    'ERROR:  40001' 2
result 'failing leaves the transaction as PostgreSQL would' $?
for mode in simple extended prepared; do
    bench -M $mode -f "$tmp/write.sql" -c 1 -t 1 && failed_one
    result "a statement fails in a transaction, $mode" $?
done
toxic update -n fail -a match='^COMMIT' -a sqlstate=40001
for mode in simple extended prepared; do
    bench -M $mode --max-tries=2 -f "$tmp/write.sql" -c 1 -t 1 && failed_one &&
        [ "$(direct 'SELECT count(*) FROM t')" -eq 0 ]
    result "a COMMIT fails and has rolled back, $mode" $?
done
toxic update -n fail -a match='^INSERT' -a sqlstate=08006
for mode in extended prepared; do
    ! bench -M $mode -f "$tmp/pipe.sql" -c 1 -t 1 && [ "$(direct 'SELECT count(*) FROM t')" -eq 0 ]
    result "a statement fails in a pipeline, $mode" $?
done
toxic remove -n fail
bench -M extended -f "$tmp/pipe.sql" -c 1 -t 5 && done_all 5
result 'and is undone' $?

# ---- Cut -------------------------------------------------------------------------------------------
direct 'TRUNCATE t' >/dev/null
toxic add -t cut_commit -n cut
! printf 'BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n' | session
! grep -q '^COMMIT' "$tmp/out" && [ "$(direct 'SELECT count(*) FROM t')" -eq 1 ]
result 'a commit whose answer is cut is stored' $?
for mode in simple extended prepared; do
    direct 'TRUNCATE t' >/dev/null
    ! bench -M $mode -f "$tmp/write.sql" -c 1 -t 1 && [ "$(direct 'SELECT count(*) FROM t')" -eq 1 ]
    result "a commit whose answer is cut is stored, $mode" $?
done
printf 'INSERT INTO t VALUES (5);\n' | session
says 'INSERT 0 1'
result 'a statement by itself is not cut' $?
toxic update -n cut -a autocommit=true
for mode in simple extended prepared; do
    direct 'TRUNCATE t' >/dev/null
    printf 'INSERT INTO t VALUES (6);\n' >"$tmp/insert.sql"
    ! bench -M $mode -f "$tmp/insert.sql" -c 1 -t 1 && [ "$(direct 'SELECT count(*) FROM t')" -eq 1 ]
    result "unless asked for, and then it is stored, $mode" $?
done
toxic remove -n cut
toxic add -t cut_answer -n cut -a match=RETURNING -a how=close
direct 'TRUNCATE t' >/dev/null
printf 'INSERT INTO t VALUES (1);\nINSERT INTO t VALUES (2) RETURNING x;\n' | session
grep -q '^INSERT 0 1' "$tmp/out" && ! grep -qx 2 "$tmp/out" &&
    [ "$(direct 'SELECT count(*) FROM t')" -eq 2 ]
result 'a query whose answer is cut was executed' $?
toxic remove -n cut

# ---- Nothing of ours stays -------------------------------------------------------------------------
! grep -qE 'PANIC|TRAP|protocol' "$tmp/own/log"
result 'the server never heard nonsense' $?
kill -0 "$proxy" 2>/dev/null && kill "$proxy" && wait "$proxy"
code=$?
proxy=''
cp "$tmp/log" "$tmp/err"
[ $code -eq 0 ]
result "the proxy ends well (exit $code)" $?

echo "1..$number"
exit $failed
