#!/bin/sh
# The service from outside: it says where it listens, answers, drains on SIGTERM, and explains itself.
# serve_test.sh POOLSTORM
set -u
poolstorm=$1
tmp=$(mktemp -d) || exit 99
service=
trap '[ -z "$service" ] || kill "$service" 2>/dev/null; rm -rf "$tmp"' EXIT
number=0 failed=0

# result WHAT OK: one line of TAP; OK is 0 when it went well.
result() {
    number=$((number + 1))
    if [ "$2" -eq 0 ]; then
        echo "ok $number - $1"
    else
        echo "not ok $number - $1"
        head -c 1000 "$tmp/out" "$tmp/err" | sed 's/^/# /'
        failed=1
    fi
}

# start ARGS...: in the background; its first line is read through a pipe, which waits for it.
start() {
    rm -f "$tmp/pipe"
    mkfifo "$tmp/pipe" || exit 99
    "$poolstorm" serve "$@" >"$tmp/pipe" 2>"$tmp/err" &
    service=$!
    read -r line <"$tmp/pipe"
    echo "$line" >"$tmp/out"
}

# refused WHAT CODE TEXT ARGS...: it doesn't start, with CODE and TEXT.
refused() {
    what=$1 code=$2 text=$3
    shift 3
    "$poolstorm" serve "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ $got -eq "$code" ] && grep -qF -e "$text" "$tmp/err" && [ ! -s "$tmp/out" ]
    result "$what" $?
}

start --threads 2
case $line in
'listening on 127.0.0.1:'[1-9]*) result 'it says where it listens' 0 ;;
*) result 'it says where it listens' 1 ;;
esac
addr=${line#listening on }

refused 'a port in use is named' 5 "$addr" --listen "$addr"
refused 'a port in use is named with several threads too' 5 "$addr" --listen "$addr" --threads 2

if command -v curl >/dev/null; then
    curl -s -H 'X-Request-Token: t1' -d '{"a": 1}' "http://$addr/api/v1/encode" >"$tmp/out"
    grep -qxF '{"token":"t1","bytes":8,"payload":{"a":1}}' "$tmp/out"
    result 'curl gets its answer' $?
    head -c 300000 /dev/zero | tr '\0' 7 | sed 's/.*/"&"/' >"$tmp/payload"
    curl -s -H 'Transfer-Encoding: chunked' -d "@$tmp/payload" "http://$addr/api/v1/encode" >"$tmp/out"
    [ "$(wc -c <"$tmp/out")" -eq 300041 ]
    result 'curl gets a large answer to chunks' $?
    curl -s "http://$addr/metrics" >"$tmp/out"
    grep -qxF 'poolstorm_requests_total{endpoint="encode",status="200"} 2' "$tmp/out"
    result 'curl gets metrics' $?
fi

kill -TERM "$service"
wait "$service"
result 'SIGTERM ends it well' $?
service=

start --drain-timeout 1h
kill -INT "$service"
wait "$service"
result 'SIGINT ends it well' $?
service=

if command -v curl >/dev/null; then
    start --no-db-check --db-acquire-timeout 50ms --database "host=$tmp user=nobody dbname=none"
    curl -s "http://${line#listening on }/query?id=7" >"$tmp/out"
    grep -q 'became free in time: .*No such file or directory' "$tmp/out"
    result 'a database that is not there is told of to who asks' $?
    kill -TERM "$service"
    wait "$service"
    grep -qF 'no connection to the database: ' "$tmp/err"
    result 'and to who runs it' $?
    service=
fi

refused 'settings that contradict each other are explained' 2 'pool_prewarm needs buffers: pool' \
    --buffers malloc --pool-prewarm 1
refused 'an address must make sense' 2 'nonsense' --listen nonsense
refused 'a mode must exist' 2 "did you mean 'malloc'?" --buffers maloc

unset POOLSTORM_DATABASE
refused 'a database that is not there is named' 5 "the database can't be used" \
    --database 'host=127.0.0.1 port=1 user=nobody'
refused 'a connection string must make sense' 2 'colour' --database 'colour=blue'
refused 'settings of the database that contradict each other' 2 'db_purge_every needs db_source' \
    --db-purge-every 1s
export POOLSTORM_DATABASE='colour=green'
refused 'the environment names a database, too' 2 'colour'
refused 'which the command line has precedence over' 5 "the database can't be used" \
    --database 'host=127.0.0.1 port=1 user=nobody'
unset POOLSTORM_DATABASE

echo "1..$number"
exit $failed
