#!/bin/sh
# From nothing to a verdict about a service of one's own: new, check, run; and what explains them.
# own_scenario_test.sh POOLSTORM SOURCE_ROOT
set -u
poolstorm=$(realpath "$1") root=$2
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
number=0 failed=0

# check WHAT CODE TEXT COMMAND...: runs it; exit CODE, TEXT somewhere in what it said.
check() {
    what=$1 code=$2 text=$3
    shift 3
    number=$((number + 1))
    "$@" >out 2>&1 </dev/null
    got=$?
    if [ $got -eq "$code" ] && { [ -z "$text" ] || grep -qF -e "$text" out; }; then
        echo "ok $number - $what"
        return
    fi
    echo "not ok $number - $what"
    echo "# exit $got, expected $code and '$text'"
    sed 's/^/# /' out
    failed=1
}

check 'a file to begin with' 0 'poolstorm check mine.yaml' "$poolstorm" new mine
check 'it is sound as it is' 0 'mine.yaml: sound' "$poolstorm" check mine.yaml
check 'and says what is not there' 0 "no program './my-service'" "$poolstorm" check mine.yaml
cp mine.yaml before.yaml
check 'no file is written over' 2 'is there already' "$poolstorm" new mine.yaml
check 'it is as it was' 0 '' cmp mine.yaml before.yaml
check 'a variant needs its what' 2 'expected NAME=URL or NAME=COMMAND' \
    "$poolstorm" new other --variant old=
check 'a variant needs a name for paths' 2 'expected a name of letters' \
    "$poolstorm" new other --variant 'o.ld=http://127.0.0.1:1'
check 'and one of its own' 2 "'a' is given twice" "$poolstorm" new other --variant a=x --variant a=y
check 'quotes do not hold words together' 2 'cannot be quoted here' \
    "$poolstorm" new other --variant 'a=sh -c "sleep 1"'
check 'a path has no blanks' 2 'has no blanks' "$poolstorm" new other --path '/a b'
check 'a file has a name' 2 'expected a name' "$poolstorm" new ''
check 'a path begins at the root' 2 "begins with '/'" "$poolstorm" new other --path users
check 'a mistake leaves nothing behind' 1 '' test -e other.yaml
check 'a folder that is not there' 2 'no/other.yaml' "$poolstorm" new no/other
check 'services that run already' 0 'Wrote urls.yaml' "$poolstorm" new urls \
    --path '/a?b="c"' --variant one=http://127.0.0.1:1 --variant two=http://127.0.0.1:2
check 'are told as such' 0 'http://127.0.0.1:2, which has to run already' \
    "$poolstorm" check urls.yaml

check 'services that are started' 0 'Wrote started.yaml' "$poolstorm" new started --path /health \
    --variant "one=$poolstorm serve --listen 127.0.0.1:{port}" \
    --variant "two=$poolstorm serve --listen 127.0.0.1:{port} --threads 2"
# A machine that is busy may spoil the round, and the run says so by 4.
# shellcheck disable=SC2016 # the inner shell's words
check 'are measured' 0 'P99 / one' sh -c '"$@"; code=$?; [ $code -eq 4 ] || exit $code' - \
    "$poolstorm" run started.yaml --rounds 1 --out run \
    --set warmup=50ms --set measure=100ms --set rate=50/s --set connections=2 --seed 1
check 'into a record' 0 '' test -s run/result.json

sed 's/connections:/conections:/' mine.yaml >wrong.yaml
check 'a mistake has its place' 2 'wrong.yaml:26:3: expected a key of load' \
    "$poolstorm" check wrong.yaml
check 'and a suggestion' 2 "did you mean 'connections'?" "$poolstorm" check wrong.yaml mine.yaml
check 'and does not hide what is sound' 2 'mine.yaml: sound' "$poolstorm" check wrong.yaml mine.yaml
check 'all that ships is sound' 0 'allocation/encode.yaml: sound' "$poolstorm" check allocation
check 'the example is' 0 'nginx-gzip.yaml: sound' \
    "$poolstorm" check "$root/docs/examples/nginx-gzip.yaml"
check 'and has twenty lines' 0 '20' sed -n '$=' "$root/docs/examples/nginx-gzip.yaml"

sed -n '/^question: Is it worth taking/,/^```$/p' "$root/README.md" | sed '$d' >shown.yaml
check 'the scenario that the README shows is the one that ships' 0 '' \
    cmp shown.yaml "$root/scenarios/allocation/encode.yaml"
check 'the reference names kinds of faults' 0 '### reset_peer' "$poolstorm" reference
# shellcheck disable=SC2016 # a dollar of JSON Schema's
check 'the schema is one' 0 '"$schema": "http://json-schema.org/draft-07/schema#"' \
    "$poolstorm" reference --schema
check 'docs/scenarios.md is up to date' 0 '' "$root/scripts/docs" --check "$poolstorm"
echo "1..$number"
exit $failed
