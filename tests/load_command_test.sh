#!/bin/sh
# poolstorm load against poolstorm serve: what is printed, as a table and as JSON, and what ends it.
# load_command_test.sh POOLSTORM
set -u
poolstorm=$1
tmp=$(mktemp -d) || exit 99
"$poolstorm" serve >"$tmp/serve" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$tmp"' EXIT
tries=0
until grep -q '^listening on ' "$tmp/serve"; do
    tries=$((tries + 1))
    [ $tries -lt 500 ] || { echo "Bail out! serve does not listen"; exit 99; }
    sleep 0.02
done
url=http://$(sed -n 's/^listening on //p' "$tmp/serve")
number=0 failed=0

# load WHAT CODE PATTERN ARGS...: exit CODE, and a line that matches PATTERN.
load() {
    what=$1 code=$2 pattern=$3
    shift 3
    number=$((number + 1))
    "$poolstorm" load "$@" >"$tmp/out" 2>&1 </dev/null
    got=$?
    # 4: this machine was too busy to believe the figures; whether it was is not what is tested.
    [ $got -ne 4 ] || got=0
    if [ $got -eq "$code" ] && grep -qE -e "$pattern" "$tmp/out"; then
        echo "ok $number - $what"
        return
    fi
    echo "not ok $number - $what"
    echo "# exit $got, expected $code and /$pattern/"
    sed 's/^/# /' "$tmp/out"
    failed=1
}

encode="$url/api/v1/encode"
load 'a closed loop' 0 'goodput +[0-9.]+.*good replies' -c4 -d200ms "$url/health"
load 'the path of the URL is asked for' 0 'errors +0$' -c4 -d200ms "$url/health?x=y"
load 'an open loop counts its arrivals' 0 '200 good replies of 200 arrivals' \
    -c4 -d200ms -R1k/s "$url/health"
load 'a payload, and its token checked' 0 'errors +0$' \
    -c4 -d200ms -m POST --payload 16KiB --check token "$encode"
load 'a body with the token in it' 0 'errors +0$' \
    -c4 -d200ms -m POST --body '["{token}"]' -H 'X-Request-Token: {token}' --check token "$encode"
load 'a missing token is an error of its own' 5 'no token [0-9]+' \
    -c4 -d200ms --check token "$url/health"
load 'errors are named' 5 'status [0-9]+ .*first: status 404' -c4 -d200ms "$url/nowhere"
load 'JSON for programs' 0 '"goodput_per_s": [0-9]' --json -c4 -d200ms "$url/health"
load 'warming up first' 0 'for 200 ms' -c4 -d200ms --warmup 50ms "$url/health"
load 'nobody there' 5 'Connection refused' -d200ms http://127.0.0.1:1/
load 'not on loopback' 2 'say --allow 192.0.2.1:80 to load it all the same' http://192.0.2.1:80/
load 'https is not spoken' 2 'https is not spoken here' https://127.0.0.1/
load 'settings that contradict each other' 2 'think_time belongs to a closed loop' \
    -R5 --think-time 1s "$url/"
load 'a unit is missing' 2 'expected a duration' -d 5 "$url/"

answered() {
    curl -s "$url/metrics" |
        sed -n 's/^poolstorm_requests_total{endpoint="health",status="200"} //p'
}

number=$((number + 1))
before=$(answered)
"$poolstorm" load -c4 -d1h "$url/health" >"$tmp/out" 2>&1 &
loader=$!
until [ "$(answered)" -gt "$before" ]; do sleep 0.02; done
kill -INT $loader
wait $loader
code=$?
if [ $code -eq 130 ] && grep -q 'interrupted; this is what came until then' "$tmp/out"; then
    echo "ok $number - interrupted, it says what came until then"
else
    echo "not ok $number - interrupted, it says what came until then"
    echo "# exit $code"
    sed 's/^/# /' "$tmp/out"
    failed=1
fi
echo "1..$number"
exit $failed
