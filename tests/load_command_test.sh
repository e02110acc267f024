#!/bin/sh
# poolstorm load against poolstorm serve: what is printed, as a table and as JSON, and what ends it.
# load_command_test.sh POOLSTORM
set -u
poolstorm=$1
tmp=$(mktemp -d) || exit 99
"$poolstorm" serve >"$tmp/serve" 2>&1 &
server=$!
"$poolstorm" serve --delay 10ms >"$tmp/slow" 2>&1 &
slow=$!
python3 "$(dirname "$0")/unheard_port.py" >"$tmp/unheard" &
unheard=$!
trap 'kill $server $slow $unheard 2>/dev/null; wait $server $slow $unheard 2>/dev/null; rm -rf "$tmp"' EXIT
tries=0
until grep -q '^listening on ' "$tmp/serve" && grep -q '^listening on ' "$tmp/slow" &&
    [ -s "$tmp/unheard" ]; do
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
    [ $got -ne 4 ] || got=$code
    if [ "$got" -eq "$code" ] && grep -qE -e "$pattern" "$tmp/out"; then
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

# Four connections with 10 ms a request can do 400/s; 5/s they can.
slow_encode=http://$(sed -n 's/^listening on //p' "$tmp/slow")/api/v1/encode
quick='--settle 10ms --step 400ms --resolution 50% --confirm 1'
# shellcheck disable=SC2086 # words
search() {
    load "$1" "$2" "$3" $quick -c4 -m POST --payload 1KB --search "$4" "$slow_encode" $5
}
search 'a search prints its steps, and then the knee' 0 'knee +[0-9.]+/s' \
    'errors < 1% and p50 < 300ms' '--from 25/s'
number=$((number + 1))
# shellcheck disable=SC2086 # words
"$poolstorm" load $quick --json -c4 -m POST --payload 1KB --from 800/s \
    --search 'errors < 1% and p50 < 300ms' "$slow_encode" >"$tmp/out" 2>&1
code=$?
if python3 - "$tmp/out" $code <<'END' >"$tmp/err" 2>&1
import json, sys
curve = json.load(open(sys.argv[1]))
steps = curve["steps"]
assert steps[0]["rate_per_s"] == 800 and steps[0]["outcome"] != "met", "800/s are not possible"
assert steps[1]["rate_per_s"] == 400, "it halves until the objective is met"
assert all(s["achieved_per_s"] <= 425 for s in steps), "more than 4 connections can carry"
met = [s["rate_per_s"] for s in steps if s["outcome"] == "met"]
missed = [s["rate_per_s"] for s in steps if s["outcome"] == "missed"]
if met:
    assert curve["knee_per_s"] == max(met), "the knee is the highest rate met"
if missed:
    assert curve["missed_per_s"] == min(missed)
if curve["end"] == "bracketed":
    assert curve["missed_per_s"] <= curve["knee_per_s"] * 1.5 and curve["valid"]
else: # this machine was too busy
    assert curve["end"] == "generator" and not curve["valid"] and sys.argv[2] == "4"
END
then
    echo "ok $number - its JSON holds the curve"
else
    echo "not ok $number - its JSON holds the curve"
    sed 's/^/# /' "$tmp/err" "$tmp/out"
    failed=1
fi
search 'a rate that cannot be exceeded' 0 'or higher: the limit of the search' \
    'errors < 100%' '--from 5/s --limit 10/s'
search 'an objective nothing meets' 1 'none: missed even at 20|NOT VALID: no rate' 'p50 < 5ms' \
    '--from 25/s --floor 20/s'
search 'a search that may not go on' 0 'NOT VALID: the search was not finished' \
    'errors < 1%' '--from 25/s --steps-max 1'
search 'a misspelt objective' 2 "at its character 16: .*did you mean 'p90'" 'p99 < 50ms and p9 < 1ms' ''
search 'an objective over what the load does not see' 2 "at its character 1: " 'rss_peak < 1MB' ''
search 'a figure is no objective' 2 'expected a condition' 'p99' ''
search 'a search that is given its rate' 2 'leave out --rate' 'p99 < 1s' '-R 5'
search 'a search that begins outside its bounds' 2 'above its limit' 'p99 < 1s' \
    '--from 5/s --limit 4/s'

load 'nobody there' 5 'Connection refused' -d200ms "http://127.0.0.1:$(cat "$tmp/unheard")/"
load 'not on loopback' 2 'say --allow 192.0.2.1:80 to load it all the same' http://192.0.2.1:80/
load 'https is not spoken' 2 'https is not spoken here' https://127.0.0.1/
load 'settings that contradict each other' 2 'think_time belongs to a closed loop' \
    -R5 --think-time 1s "$url/"
load 'a unit is missing' 2 'expected a duration' -d 5 "$url/"

answered() {
    curl -s "$url/metrics" |
        sed -n 's/^poolstorm_requests_total{endpoint="health",status="200"} //p'
}

# interrupt WHAT PATTERN ARGS...: once there is a line with PATTERN and requests were answered, ^C
# ends it, and it says so.
interrupt() {
    what=$1 pattern=$2
    shift 2
    number=$((number + 1))
    before=$(answered)
    "$poolstorm" load "$@" "$url/health" >"$tmp/out" 2>&1 &
    loader=$!
    until [ "$(answered)" -gt "$before" ] &&
        { [ -z "$pattern" ] || grep -q "$pattern" "$tmp/out"; }; do
        kill -0 $loader 2>/dev/null || break
        sleep 0.02
    done
    kill -INT $loader
    wait $loader
    code=$?
    if [ $code -eq 130 ] && grep -q 'interrupted; this is what came until then' "$tmp/out"; then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what"
        echo "# exit $code"
        sed 's/^/# /' "$tmp/out"
        failed=1
    fi
}

interrupt 'interrupted, it says what came until then' '' -c4 -d1h
interrupt 'an interrupted search, too' ' met$' -c4 --search 'errors < 1%' --from 20/s --step 600ms \
    --settle 0 --limit 40/s --confirm 5 --steps-max 200
echo "1..$number"
exit $failed
