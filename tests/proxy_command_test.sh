#!/bin/sh
# poolstorm proxy and poolstorm toxic from outside: flags, configuration file, and every action.
# proxy_command_test.sh POOLSTORM
set -u
poolstorm=$1
tmp=$(mktemp -d) || exit 99
proxy=
trap '[ -z "$proxy" ] || kill "$proxy" 2>/dev/null; rm -rf "$tmp"' EXIT
unset POOLSTORM_TOKEN TOXIPROXY_URL LOG_LEVEL
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

# start ARGS...: in the background; sets url once it is ready. Its output is in $tmp/told.
start() {
    rm -f "$tmp/pipe"
    mkfifo "$tmp/pipe" || exit 99
    "$poolstorm" proxy "$@" >"$tmp/pipe" 2>"$tmp/log" &
    proxy=$!
    exec 3<"$tmp/pipe"
    : >"$tmp/told"
    line=
    while read -r line <&3; do
        echo "$line" >>"$tmp/told"
        case $line in *': control on '*) break ;; esac
    done
    url=http://${line##* }
}

# stop SIGNAL: ends with what the program ended with.
stop() {
    kill "-$1" "$proxy"
    wait "$proxy"
    code=$?
    proxy=
    exec 3<&-
    return $code
}

# refused WHAT CODE TEXT ARGS...: it doesn't start, with CODE and TEXT.
refused() {
    what=$1 code=$2 text=$3
    shift 3
    timeout 20 "$poolstorm" proxy --port 0 --seed 1 "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ $got -eq "$code" ] && grep -qF -e "$text" "$tmp/err"
    result "$what" $?
}

# does WHAT TEXT ARGS...: poolstorm toxic ARGS prints the line TEXT and nothing else.
does() {
    what=$1 text=$2
    shift 2
    TOXIPROXY_URL=$url "$poolstorm" toxic "$@" >"$tmp/out" 2>"$tmp/err" &&
        printf '%b' "$text" | cmp -s - "$tmp/out" && [ ! -s "$tmp/err" ]
    result "$what" $?
}

# fails WHAT CODE TEXT ARGS...: poolstorm toxic ARGS ends with CODE, and TEXT on stderr alone.
fails() {
    what=$1 code=$2 text=$3
    shift 3
    TOXIPROXY_URL=$url "$poolstorm" toxic "$@" >"$tmp/out" 2>"$tmp/err"
    got=$?
    [ $got -eq "$code" ] && grep -qF -e "$text" "$tmp/err" && [ ! -s "$tmp/out" ]
    result "$what" $?
}

# ---- The proxy ----

start --port 0 --seed 7
[ "$(cat "$tmp/told")" = "poolstorm proxy: control on ${url#http://}" ]
result 'one line says that it is ready' $?
case $url in
http://127.0.0.1:[1-9]*) result 'it listens on loopback' 0 ;;
*) result 'it listens on loopback' 1 ;;
esac
refused 'a port in use is named' 5 "${url#http://}" --port "${url##*:}"
does 'nobody is there yet' '' list
stop TERM
result 'SIGTERM ends it well' $?

start -port 0 -proxy-metrics -runtime-metrics -host 127.0.0.1
grep -q '^poolstorm proxy: seed [1-9]' "$tmp/told"
result 'a seed that was drawn is printed; dashes may be single' $?
stop INT
result 'SIGINT ends it well' $?

"$poolstorm" proxy -version >"$tmp/out" 2>"$tmp/err" && grep -q '^poolstorm 0\.' "$tmp/out"
result 'it says its version' $?

cat >"$tmp/config.json" <<'END'
[
  {"name": "redis", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:6379",
   "toxics": [{"type": "latency", "attributes": {"latency": 20}}]},
  {"name": "off", "listen": "[::1]:26379", "upstream": "localhost:1", "enabled": false}
]
END
start --port 0 --seed 1 --config "$tmp/config.json"
does 'a configuration file has proxies and toxics' \
    'latency_downstream\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[\tjitter=0\tlatency=20\t]\n' \
    inspect redis
TOXIPROXY_URL=$url "$poolstorm" toxic ls >"$tmp/out" 2>"$tmp/err"
grep -qx "$(printf 'off\t\\[::1\\]:26379\tlocalhost:1\tdisabled\t0')" "$tmp/out"
result 'a disabled one is as given' $?
stop TERM

echo '[{"name": "redis"}]' >"$tmp/config.json"
refused 'a mistake in it is named' 2 'config.json: missing required field: upstream at proxy 1' \
    --config "$tmp/config.json"
echo '[' >"$tmp/config.json"
refused 'and where' 2 'config.json: bad request body: line 2, column 0' --config "$tmp/config.json"
refused 'a file must be there' 2 'No such file or directory' --config "$tmp/none.json"
refused 'beyond loopback it wants a token' 2 'give a token' --host 0.0.0.0
refused 'which is not empty' 2 'not empty' --token ''
refused 'a listen needs an upstream' 2 '--upstream ADDRESS' --listen 127.0.0.1:0
refused 'a protocol must be known' 2 'expected one of opaque, postgres' --protocol mysql
refused 'an address must make sense' 2 'missing port in address' --listen nonsense --upstream x:1

printf '1 0.5\n2 1.0\n' >"$tmp/slow.hgrm"
start --port 0 --seed 1 --listen "unix:$tmp/socket" --upstream "unix:$tmp/none" --files "$tmp" \
    --connect-timeout 1s --dead-after 10m
grep -qx "poolstorm proxy: proxy on unix:$tmp/socket to unix:$tmp/none" "$tmp/told" && [ -S "$tmp/socket" ]
result 'Unix sockets are addresses' $?
does 'a file is read where --files says' "Added downstream latency toxic 'f' on proxy 'proxy'\\n" \
    add -t latency -a file="$tmp/slow.hgrm" -n f proxy
# shellcheck disable=SC2016 # backquotes of the message's
fails 'and nowhere else' 2 'is none that `poolstorm proxy --files PATH` lets be read' \
    add -t latency -a file=/etc/passwd proxy
stop TERM
[ ! -e "$tmp/socket" ]
result 'its file goes with it' $?
refused 'dead connections do not stay for ever' 2 'dead_after: must lie between' --dead-after 10h

# Nobody else gets in who was not named.
start --port 0 --seed 1 --listen :0 --upstream localhost:1
grep -qE '^poolstorm proxy: proxy on 127\.0\.0\.1:[1-9][0-9]* to localhost:1$' "$tmp/told"
result 'a listen without a host is on loopback' $?
stop TERM
start --port 0 --seed 1 --upstream localhost:1
grep -qE '^poolstorm proxy: proxy on 127\.0\.0\.1:[1-9][0-9]* to localhost:1$' "$tmp/told"
result 'and so is none' $?
does 'by the API it is on every address, as Toxiproxy has it' 'Created new proxy q\n' \
    create -l :0 -u localhost:1 q
TOXIPROXY_URL=$url "$poolstorm" toxic list >"$tmp/out" 2>"$tmp/err"
grep -qE "^q	(\[::\]|0\.0\.0\.0):[1-9]" "$tmp/out"
result 'which is shown' $?
stop TERM
start --port 0 --seed 1 --listen 0.0.0.0:0 --upstream localhost:1
grep -qE '^poolstorm proxy: proxy on (\[::\]|0\.0\.0\.0):[1-9][0-9]* to' "$tmp/told"
result 'who names every address gets it' $?
stop TERM

LOG_LEVEL=info start --port 0 --seed 1 --listen 127.0.0.1:0 --upstream localhost:1
grep -qE '^poolstorm proxy: proxy on 127\.0\.0\.1:[0-9]+ to localhost:1$' "$tmp/told"
result 'one proxy is made at once' $?
does 'it is called proxy' 'Deleted proxy proxy\n' delete proxy
stop TERM
grep -qx 'poolstorm proxy: DELETE /proxies/proxy 204' "$tmp/log"
result 'LOG_LEVEL=info tells what was changed' $?

POOLSTORM_TOKEN=sesame start --port 0 --seed 1 --host 0.0.0.0
url=http://127.0.0.1:${url##*:}
fails 'without the token nothing is told' 2 'expected Authorization: Bearer' list
does 'with it all is well' '' list --token sesame
stop TERM

# ---- Seeds ----

# touched SEED: the connections, of 24 one after another, that two faults with a toxicity of 50 %
# touch; the proxy stands before its own API.
touched() {
    start --port 0 --seed "$1"
    TOXIPROXY_URL=$url "$poolstorm" toxic create -l 127.0.0.1:0 -u "${url#http://}" p
    TOXIPROXY_URL=$url "$poolstorm" toxic add -t latency -a latency=1 --toxicity 0.5 p
    TOXIPROXY_URL=$url "$poolstorm" toxic add -t slicer -a average_size=9 --toxicity 0.5 --upstream p
    before=http://$(TOXIPROXY_URL=$url "$poolstorm" toxic list | cut -f2)
    count=0
    while [ $count -lt 24 ]; do
        "$poolstorm" toxic list --host "$before"
        count=$((count + 1))
    done
    for name in latency_downstream slicer_upstream; do
        TOXIPROXY_URL=$url "$poolstorm" toxic effects -n $name p | sed 1d | cut -f1 | sort -n | tr '\n' ' '
        echo "by $name"
    done >"$tmp/touched-$2"
    stop TERM
}
touched 7 first >"$tmp/out" 2>"$tmp/err" &&
    touched 7 again >"$tmp/out" 2>"$tmp/err" &&
    cmp -s "$tmp/touched-first" "$tmp/touched-again" &&
    [ "$(wc -w <"$tmp/touched-first")" -gt 12 ] && [ "$(wc -w <"$tmp/touched-first")" -lt 44 ]
result 'the same seed makes the same faults' $?
touched 8 other >"$tmp/out" 2>"$tmp/err"
! cmp -s "$tmp/touched-first" "$tmp/touched-other"
result 'another one makes others' $?

# ---- What toxiproxy-cli does ----

start --port 0 --seed 1
does 'create' 'Created new proxy p\n' create -l 127.0.0.1:0 -u 127.0.0.1:1 p
fails 'create one that is there' 2 'proxy already exists' create -l 127.0.0.1:0 -u 127.0.0.1:1 p
fails 'create without an address' 2 'expected --listen' create q
does 'create with a protocol' 'Created new proxy a/b\n' \
    new --listen=localhost:0 --upstream localhost:1 --protocol postgres --disabled a/b
does 'toggle' 'Proxy a/b is now enabled\n' toggle a/b
does 'toggle again' 'Proxy a/b is now disabled\n' tog a/b
does 'add' "Added downstream latency toxic 'latency_downstream' on proxy 'p'\\n" \
    add -t latency -a latency=100 -a jitter=1.5 p
does 'add, as toxiproxy-cli is called' "Added upstream latency toxic 'up' on proxy 'p'\\n" \
    --host "$url" toxic add --type latency --toxicName up --upstream --tox 0.25 p
fails 'add one that is there' 2 'toxic already exists' add -t latency p
fails 'add what is unknown' 2 'invalid toxic type' add -t colour p
fails 'add nothing' 2 'expected --type' add p
fails 'add both ways by two words' 2 'only one of' add -t noop -u -d p
fails 'add with a share of 2' 2 'toxicity should be' add -t noop --toxicity 2 p
fails 'add with half an attribute' 2 'KEY=VALUE' add -t noop -a latency p
does 'update leaves alone what is not given' "Updated toxic 'up' on proxy 'p'\\n" \
    update -n up -a latency=7 p
does 'inspect' 'up\ttype=latency\tstream=upstream\ttoxicity=0.25\tattributes=[\tjitter=0\tlatency=7\t]
latency_downstream\ttype=latency\tstream=downstream\ttoxicity=1.00\tattributes=[\tjitter=1.5\tlatency=100\t]\n' \
    inspect p
does 'effects' 'connections=0\tbytes=0\tpieces=0\trefused=0\n' effects -n up p
does 'remove' "Removed toxic 'up' on proxy 'p'\\n" toxic delete -n up p
fails 'remove it again' 2 'toxic not found' remove -n up p
fails 'remove without a name' 2 'expected --toxicName' remove p
does 'delete' 'Deleted proxy p\n' d p
fails 'inspect what is not there' 2 'proxy not found' inspect p
fails 'a proxy must be named' 2 'inspect: expected PROXY' inspect
fails 'one proxy at a time' 2 "unexpected 'b'" inspect a b
fails 'a mistyped action gets a suggestion' 2 "did you mean 'inspect'?" inpsect p
fails 'a mistyped option, too' 2 'did you mean --attribute?' add --atribute x=1 p
fails 'an action is needed' 2 'expected an action'
stop TERM
fails 'nobody answers' 5 'Connection refused' list
fails 'a URL must make sense' 2 'expected http://HOST:PORT' list --host https://localhost
"$poolstorm" toxic --help >"$tmp/out" 2>"$tmp/err" && grep -q 'effects -n NAME PROXY' "$tmp/out"
result 'it explains itself' $?
"$poolstorm" toxic add --help >"$tmp/out" 2>"$tmp/err" && grep -q -- '--toxicName' "$tmp/out"
result 'and each action' $?

echo "1..$number"
exit $failed
