#!/bin/sh
# compare, baseline and gate from outside: what they print, how they fail, what they leave behind.
# gate_test.sh POOLSTORM
set -u
poolstorm=$(realpath "$1") || exit 99
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

# check WHAT CODE TEXT ARGS...: runs ARGS; exit CODE, and TEXT in what it says.
check() {
    what=$1 code=$2 text=$3
    shift 3
    "$poolstorm" "$@" >out 2>err </dev/null
    got=$?
    [ $got -eq "$code" ] && grep -qF -e "$text" out err
    result $? "$what (exit $got)"
}

says() {
    grep -qF -e "$1" out
    result $? "and says: $1"
}

# Two variants, of which the first is as slow as $1 says.
scenario() {
    mkdir -p "$2"
    cat >"$2/service.yaml" <<END_OF_SCENARIO
question: Is it as fast as it was?
source: tests of the program itself
variants:
  plain:
    serve: {busy: $1}
  other:
    serve: {buffers: malloc}
load: {method: POST, path: /api/v1/encode, payload: 200B, check: token, connections: 2, think_time: 2ms}
phases:
  - {name: warm-up, kind: warmup, for: 20ms}
  - {name: steady, kind: measure, for: 200ms}
rounds: 8
invariants:
  - errors == 0
END_OF_SCENARIO
}

# Tens of times slower, and limits far from noise: what comes out is not a matter of luck.
scenario 0 tests
mkdir moved
check 'a run to compare with' 0 'conditions hold' run tests/service.yaml --seed 1 --out runs/before
mkdir -p slow && scenario 40ms slow/tests

check 'a baseline is saved' 0 'results/baselines/default.json: 1 scenario' baseline save runs/before
[ "$(wc -c <results/baselines/default.json)" -lt 100000 ]
result $? 'and is small'
check 'and shown' 0 'tests/service' baseline show
check 'a baseline of the same scenario twice is refused' 2 'two runs of tests/service' \
    baseline save runs/before runs/before
ln -s target link
"$poolstorm" baseline save runs/before --out link >out 2>err && [ -L link ] && cmp -s target results/baselines/default.json
result $? 'a link is written through, not replaced'
"$poolstorm" run tests/service.yaml --aa other --out runs/same-twice >out 2>err
[ $? -le 1 ] # it may find a difference: one time in twenty
result $? 'an A/A run'
check 'is no baseline' 2 'it was an A/A run' baseline save runs/same-twice
check 'but says what noise there is' 0 'noise: ' noise runs/same-twice
"$poolstorm" noise --append aa.csv runs/same-twice >out 2>err && [ ! -s out ] && [ "$(wc -l <aa.csv)" -eq 2 ]
result $? 'and is kept in a file'
check 'once' 2 'is there already' noise --append aa.csv runs/same-twice
check 'that can be read' 0 '1 comparisons of 8 pairs' noise aa.csv
check 'and is a table for Markdown, with the key as code' 0 '    noise: ' noise aa.csv --format markdown
check 'another run says nothing of noise' 2 'is no A/A run' noise runs/before
check 'neither save nor show' 2 "did you mean 'save'?" baseline sav runs/before
check 'a name with a folder in it' 2 'expected a plain name' baseline save runs/before --name ../x

check 'unchanged, the gate is passed' 0 'no limit is passed' \
    gate tests/service.yaml --baseline default --limit qps=85%,errors=50% --out runs/same
says 'not paired'
says 'now / baseline'

check 'slower, it exits with the code for regression' 3 'worse by more than the limit: qps of plain' \
    gate slow/tests/service.yaml --baseline default --limit qps=50%,other.errors=50% --out runs/slow --junit slow.xml
says "the scenario's text has changed"
says 'the regression is there again in fresh rounds'
[ -s runs/slow/again1/result.json ] && grep -q '"name":"other","plan_index"' runs/slow/again1/result.json
result $? 'having measured again, with the same variants beside it'
grep -q '<testsuite name="tests/service" tests="3" failures="1" errors="0"' slow.xml &&
    grep -q '<failure type="regression" message="fail: ' slow.xml
result $? 'and as test cases the regression is a failure'

check 'which two runs show, too' 3 'worse by more than the limit' \
    compare runs/before runs/slow --limit qps=50% --junit two.xml
grep -q '<testcase classname="tests.service" name="qps of plain"' two.xml
result $? 'and say so as test cases'
check 'a limit may be of one scenario' 0 'no limit is passed' \
    compare runs/before runs/slow --limit qps=50%,tests/service:qps=99.9%
check 'which has to be there' 2 'no run of tests/another was compared' \
    compare runs/before runs/slow --limit tests/another:qps=50%
check 'also at the gate' 2 '--limit: tests/another is not run' \
    gate tests/service.yaml --baseline default --limit tests/another:qps=50%
check 'and without a limit is no failure' 0 'worse' compare runs/before runs/slow --format markdown
says '| plain | QPS |'
check 'too much to ask of a percentile' 4 'wants 10000 requests a round' \
    compare runs/before runs/slow --limit other.p99=10%

check 'the same build in turns' 0 'paired: both sides ran in turns' \
    gate tests/service.yaml --against "$poolstorm" --limit qps=85% --variants plain --out runs/turns
check 'is compared from its record, too' 0 'paired' compare runs/turns
check 'what ran one program is not' 2 'expected two runs' compare runs/before

# The build before it was faster: this program, told so.
cat >before <<END_OF_BUILD
#!/bin/sh
for word; do
    shift
    [ "\$word" = --busy=20ms ] && word=--busy=1ms
    set -- "\$@" "\$word"
done
exec "$poolstorm" "\$@"
END_OF_BUILD
chmod +x before
cat >slower.yaml <<'END_OF_SCENARIO'
question: Is a slowdown found?
source: tests of the program itself
variants:
  plain:
    serve: {busy: 20ms}
load: {method: POST, path: /api/v1/encode, payload: 200B, check: token, connections: 2}
phases:
  - {name: warm-up, kind: warmup, for: 20ms}
  - {name: steady, kind: measure, for: 200ms}
rounds: 6
END_OF_SCENARIO
check 'a build that is slower than the one before is a regression' 3 'there again in fresh rounds' \
    gate slower.yaml --against ./before --limit qps=40% --out runs/slower
says 'now / other'
says 'All of it, with plots: runs/slower/report.html'
grep -q '<h1>At the gate</h1>' runs/slower/report.html && grep -q 'worse by more than the limit' runs/slower/report.html
result $? 'a page which says it, too'
check 'held against itself it is none' 0 'now / other' \
    gate slower.yaml --against "$poolstorm" --limit qps=40% --out runs/unchanged
check 'the last of several runs is not one of those that confirm' 3 'worse by more than the limit' \
    compare runs/slower --limit qps=40%

check 'few rounds decide nothing' 4 'no verdict under 6' \
    gate tests/service.yaml --baseline default --limit qps=85% --rounds 2 --out runs/few

check 'a run and itself' 2 'the same run' compare runs/before default
check 'a file that is no result' 2 'service.yaml' compare runs/before tests/service.yaml
check 'nothing there' 2 "no run and no baseline 'nothing'" compare runs/before nothing
check 'a limit that is none' 2 'expected a share such as 10%' compare runs/before runs/slow --limit qps=much
check 'an unknown metric' 2 "did you mean 'qps'" compare runs/before runs/slow --limit qpx=5%
check 'an unknown format' 2 'expected terminal or markdown' compare runs/before runs/slow --format pdf
check 'a gate without limits' 2 'expected limits' gate tests/service.yaml --baseline default
check 'a gate without anything to compare with' 2 'either --baseline or --against' \
    gate tests/service.yaml --limit qps=5%
check 'a program that is none' 2 '--against: cannot run' \
    gate tests/service.yaml --against ./nothing --limit qps=5%
cp tests/service.yaml moved/elsewhere.yaml
check 'a scenario the baseline lacks' 2 'holds no run of moved/elsewhere' \
    gate moved/elsewhere.yaml --baseline default --limit qps=5%
finish
