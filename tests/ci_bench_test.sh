#!/bin/sh
# scripts/ci-bench: which steps it takes, what it leaves, how it ends. poolstorm itself is played by a
# script here, but for one run; commits and builds by a small repository.
# ci_bench_test.sh POOLSTORM SOURCE_ROOT
set -u
poolstorm=$(realpath "$1") root=$2
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$tmp"' EXIT
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY GITHUB_BASE_REF CI_MERGE_REQUEST_DIFF_BASE_SHA

# A program that notes what it is asked, and ends with what $tmp/COMMAND says.
cat >"$tmp/player" <<'END'
#!/bin/sh
here=$(dirname "$0")
echo "$*" >>"$here/calls"
command=$1 out=
while [ $# -gt 0 ]; do
    [ "$1" != --out ] || out=$2
    shift
done
case $command in
run) mkdir -p "$out" && echo '{}' >"$out/result.json" ;;
report) echo "a report" >"$out" ;;
gate) echo "of the gate" ;;
esac
exit "$(cat "$here/$command" 2>/dev/null || echo 0)"
END
chmod +x "$tmp/player"

# bench ARGS...: into $tmp/bench; $code is how it ended.
bench() {
    rm -f "$tmp/calls"
    "$root/scripts/ci-bench" --poolstorm "$tmp/player" --no-test --out "$tmp/bench" "$@" \
        >"$tmp/out" 2>"$tmp/err" </dev/null
    code=$?
}

# ends WHAT CODE TEXT: of the last one; TEXT in what it said, called or wrote.
ends() {
    [ $code -eq "$2" ] && grep -qF -e "$3" "$tmp/out" "$tmp/err" "$tmp/calls" "$tmp/bench/summary.md"
    result $? "$1 (exit $code)"
}

# codes RUN GATE: what the player will end with.
codes() {
    echo "$1" >"$tmp/run"
    echo "$2" >"$tmp/gate"
}

codes 0 0
GITHUB_STEP_SUMMARY="$tmp/job" bench --against "$tmp/player"
ends 'all steps go well' 0 'run --quick --no-grid --out'
grep -qx 'run .* headline' "$tmp/calls" && grep -q '^gate .*--against' "$tmp/calls" &&
    cmp -s "$tmp/job" "$tmp/bench/summary.md" && grep -qF '| gate | well (0) |' "$tmp/job" &&
    grep -q 'of the gate' "$tmp/job"
result $? 'the set is measured, the build compared, and the job told'
for name in bench.html bench.csv bench.xml bench.json bench summary.md; do
    [ -s "$tmp/bench/reports/$name" ] || false
    result $? "with reports/$name"
done
bench --whole --no-gate allocation exhaustion/reuse
ends 'what is asked for is measured, whole' 0 "run --out $tmp/bench/runs allocation exhaustion/reuse"
grep -q '^gate' "$tmp/calls"
[ $? -eq 1 ]
result $? 'and no gate passed when not asked for'
bench --baseline "$tmp/player" --gate 'pause --rounds 7' --limit p99=20%
ends 'a gate of one'\''s own' 0 "gate pause --rounds 7 --limit p99=20% --format markdown --junit $tmp/bench/reports/gate.xml"

codes 139 0
bench --against "$tmp/player"
ends 'a crash is a failure' 5 '| measurement | did not work (139) |'
bench --poolstorm "$tmp/nobody"
ends 'a program that is not there is a mistake' 2 'is not a program'
mkdir -p "$tmp/kept/runs" && bench --out "$tmp/kept"
ends 'runs of others are not removed' 2 'not of ci-bench'
[ -d "$tmp/kept/runs" ]
result $? 'indeed'
codes 1 3
bench --against "$tmp/player"
ends 'a regression says more than an expectation' 3 '| gate | regression (3) |'
codes 4 3
bench --against "$tmp/player"
ends 'and more than what cannot be believed' 3 '| measurement | not to be believed (4) |'
codes 4 1
bench --against "$tmp/player"
ends 'which says more than an expectation' 4 '| gate | failed (1) |'
bench --lenient --against "$tmp/player"
ends 'but not leniently' 1 '| measurement | not to be believed (4) |'
codes 4 77
GITHUB_ACTIONS=true bench --lenient --against "$tmp/player"
ends 'which tells GitHub' 0 '::warning::measurement: not to be believed (4)'
codes 5 0
GITHUB_ACTIONS=true bench --lenient --against "$tmp/player"
ends 'a failure stays one' 5 '::error::measurement: did not work (5)'
codes 130 0
bench --against "$tmp/player"
ends 'an interruption ends all' 130 '| measurement | interrupted (130) |'
codes 0 0
echo 1 >"$tmp/report"
bench --no-gate
ends 'reports that fail are a failure' 1 '| reports | failed (1) |'
rm "$tmp/report"

bench --xylophone
ends 'an unknown option' 2 "no option '--xylophone'"
bench --limit
ends 'an option without its value' 2 '--limit wants a value'
bench --baseline x --against y
ends 'two gates' 2 'either --against or --baseline'
bench --against no-such-commit
ends 'a commit that is not there' 2 "no commit or program 'no-such-commit'"
[ ! -e "$tmp/calls" ]
result $? 'is told before anything is done'

# Once for true. Whether this machine is quiet is not what is asked.
"$root/scripts/ci-bench" --poolstorm "$poolstorm" --no-test --no-gate --lenient --out "$tmp/true" \
    "$root/tests/scenarios/tiny.yaml" >"$tmp/out" 2>"$tmp/err" </dev/null &&
    grep -q 'uPlot\|<html' "$tmp/true/reports/bench.html" &&
    python3 - "$tmp/true/reports" <<'END'
import json, sys, xml.etree.ElementTree as tree
folder = sys.argv[1]
assert tree.parse(folder + "/bench.xml").getroot().tag == "testsuites"
assert json.load(open(folder + "/bench.json"))["benchmarks"] is not None
for way in "Smaller", "Bigger":
    assert isinstance(json.load(open(f"{folder}/bench.custom{way}IsBetter.json")), list)
END
result $? 'with the program itself'

command -v git >/dev/null || finish

# A repository whose builds are scripts that say which commit they are of.
repo=$tmp/repo
mkdir -p "$repo/scripts/lib"
cp "$root/scripts/ci-bench" "$repo/scripts/"
sed '/^# build DIR/,$d' "$root/scripts/lib/common.sh" >"$repo/scripts/lib/common.sh"
cat >>"$repo/scripts/lib/common.sh" <<'END'
build() {
    mkdir -p build/release && cp player build/release/poolstorm
}
END
printf '#!/bin/sh\n' >"$repo/scripts/install-deps"
chmod +x "$repo/scripts/install-deps"
cp "$tmp/player" "$repo/player"
: >"$repo/meson.build"
echo build >"$repo/.gitignore"
in_repo() {
    git -C "$repo" -c user.name=test -c user.email=test -c init.defaultBranch=main "$@" >/dev/null 2>&1
}
commit() {
    echo "$1" >"$repo/file" && in_repo add -A && in_repo commit -m "$1" && git -C "$repo" rev-parse HEAD
}

# against WHAT COMMIT: the gate's other side is a build of it.
against() {
    rm -f "$repo/build/release/calls"
    (cd "$repo" && scripts/ci-bench --no-test --out "$tmp/bench") >"$tmp/out" 2>"$tmp/err" </dev/null &&
        grep -qF -e "$2" "$repo/build/release/calls"
    result $? "$1"
}

in_repo init
one=$(commit one)
against 'a first commit has nothing before it' 'run --quick'
grep -q 'nothing to compare with' "$tmp/bench/summary.md"
result $? 'which is said'
two=$(commit two)
against 'on the main branch it is the commit before' "--against $repo/build/base/$one/"
echo changed >"$repo/file"
against 'before one'\''s change it is the last commit' "--against $repo/build/base/$two/"
[ ! -e "$repo/build/base/$one" ] && [ "$(git -C "$repo" worktree list | wc -l)" -eq 2 ]
result $? 'and the build of another is gone'
in_repo checkout -f -b topic
three=$(commit three)
four=$(commit four)
against 'on a branch it is where that began' "--against $repo/build/base/$two/"
in_repo checkout -b other "$three"
five=$(commit five)
GITHUB_BASE_REF=topic CI_MERGE_REQUEST_DIFF_BASE_SHA='' against 'for want of a remote the main branch is taken' \
    "--against $repo/build/base/$two/"
in_repo update-ref refs/remotes/origin/topic "$four"
GITHUB_BASE_REF=topic against 'on GitHub it is what is to be merged into' "--against $repo/build/base/$three/"
CI_MERGE_REQUEST_DIFF_BASE_SHA=$one against 'on GitLab, too' "--against $repo/build/base/$one/"
[ -n "$five" ]
result $? 'with commits that were made'
finish
