#!/bin/sh
# Publishing from outside, in a clone of its own with three tiny scenarios: pages, plots, the tables, the block of
# README.md, going on where it was, and what it refuses.
# publish_test.sh POOLSTORM SOURCE_ROOT
set -u
poolstorm=$(realpath "$1") root=$(realpath "$2")
command -v git >/dev/null && command -v python3 >/dev/null || exit 77
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
trap 'rm -rf "$tmp"' EXIT
clone=$tmp/clone
mkdir -p "$clone/scenarios/partition" "$clone/scenarios/other" "$clone/docs"
cp -r "$root/scripts" "$clone/scripts"
touch "$clone/docs/statistics.md"
cd "$clone" || exit 99
export POOLSTORM_SCENARIOS="$clone/scenarios"

cat >scenarios/partition/database.yaml <<'END'
question: Is <b>it</b> drawn?
source: tests of the program itself
variants:
  unpooled:
    serve: {buffers: malloc}
  pooled:
    serve: {buffers: pool}
load: {method: POST, path: /api/v1/encode, payload: 200B, connections: 2, think_time: 2ms}
phases:
  - {name: warm-up, kind: warmup, for: 20ms}
  - {name: steady, kind: measure, for: 400ms}
rounds: 2
observe: {live: {series: poolstorm_pool_live, take: max}}
claims:
  - {what: 'a | b & <i>c</i>', figure: pooled.qps / unpooled.qps, says: 1.5}
axes:
  payload: {set: load.payload, to: [200B, 2KB]}
grid: {rounds: 2}
END
cat >scenarios/other/unclaimed.yaml <<'END'
question: Does nobody claim anything?
source: tests of the program itself
variants:
  unpooled: {serve: {buffers: malloc}}
load: {method: POST, path: /api/v1/encode, payload: 200B, connections: 1, think_time: 2ms}
phases: [{name: steady, kind: measure, for: 50ms}]
rounds: 1
END
cat >scenarios/other/absent.yaml <<'END'
question: Is there a service?
source: tests of the program itself
variants:
  a: {url: 'http://127.0.0.1:9'}
load: {path: /}
phases: [{name: steady, kind: measure, for: 100ms}]
rounds: 1
END
echo partition/database >scenarios/headline.set
printf 'Before.\n\n%s\n%s\n\nAfter.\n' '<!-- published: begin -->' '<!-- published: end -->' >README.md
printf '/results/runs/\n' >.gitignore
git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -q -m all || exit 99

# check WHAT CODE TEXT ARGS...: runs it; exit CODE, and TEXT in what it says.
check() {
    what=$1 code=$2 text=$3
    shift 3
    scripts/publish "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
    got=$?
    [ $got -eq "$code" ] && grep -qF -e "$text" "$tmp/out" "$tmp/err"
    result $? "$what (exit $got)"
}

# holds FILE TEXT
holds() {
    grep -qF -e "$2" "$1"
    result $? "$1 has: $2"
}

check 'nothing is published yet' 1 'nothing is published yet' --check
check 'a quick run is not published' 2 'results/ is for whole runs' --quick "$poolstorm"
touch new && check 'nor one with changes' 2 'not committed' "$poolstorm"
rm new
check 'a quick one for trying' 0 'partition/database' --quick --only partition --out "$tmp/try" "$poolstorm"
[ -f "$tmp/try/partition/database.md" ] && [ ! -e results/README.md ] && git diff --quiet
result $? 'goes where it is told'
check 'a quick record is not published either' 1 'a quick run' --from results/runs "$poolstorm"
rm -rf results

check 'all of it' 0 '3 scenarios, 1 of them not run' "$poolstorm"
holds results/README.md '[partition/database](partition/database.md)'
holds results/README.md 'not run'
holds results/README.md 'a \| b &amp; &lt;i>c&lt;/i>'
holds results/README.md '| [other/unclaimed](other/unclaimed.md) | – none published | Does nobody claim anything? | – |'
holds results/README.md '## Environment'
holds results/partition/database.md '# partition/database'
holds results/partition/database.md '](database-over-time.svg)'
holds results/partition/database.md '](database-grid-1.svg)'
holds results/partition/database.md '(../../scenarios/partition/database.yaml)'
holds results/other/absent.md '**Not run**'
holds README.md '[partition/database](results/partition/database.md)'
holds README.md '](results/partition/database-over-time.svg)'
holds README.md 'After.'
! grep -rqF -e "$clone" results/*.md results/*/*.md results/*/*.svg
result $? 'no path of this machine is in it'

/usr/bin/env python3 - results <<'END' >"$tmp/out" 2>"$tmp/err"
import pathlib, re, sys
import xml.etree.ElementTree as tree
files = sorted(pathlib.Path(sys.argv[1]).glob("*/*.svg"))
names = {path.name for path in files}
assert {"database-over-time.svg", "database-percentiles.svg", "database-ratios.svg", "database-grid-1.svg"} <= names, names
for path in files:
    text = path.read_text(encoding="utf-8")
    root = tree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg", path
    assert not re.search(r"\bnan\b|\binf\b", text), path
    assert path.stat().st_size < 60000, path
END
result $? 'the plots are XML, with numbers in it'

check 'it is whole' 0 '3 scenarios have their pages' --check
cp results/partition/database.md kept.md
: >results/partition/database.md
check 'a page that says something else is noticed' 1 'has other claims on its page' --check
mv kept.md results/partition/database.md
check 'a second time nothing is run again' 0 'partition/database: has a record' "$poolstorm"
grep -qF 'other/absent: did not run' "$tmp/err"
result $? 'but for what did not run'
rm results/other/absent.md
check 'a page that is gone is missed' 1 'other/absent has no page' --check
! grep -qF 'aa.csv' results/README.md
result $? 'nothing is said of A/A comparisons while there are none'
cat >results/aa.csv <<'END'
started,seed,commit,scenario,variant,metric,pairs,rounds,rounds_invalid,value,low,high,verdict
2026-01-01T00:00:00Z,1,0123456789ab,lib/aa,pooled,qps,6,12,0,1.00770,0.95000,1.04000,inconclusive
2026-01-01T00:01:00Z,2,0123456789ab,lib/aa,pooled,qps,6,12,0,1.10000,1.05000,1.15000,better
END
check 'and written from the records' 0 '1 of them not run' --from results/runs "$poolstorm"
holds results/README.md '| lib/aa | qps | 2 | 1: 50.0 %'
echo broken >results/aa.csv
check 'comparisons that cannot be read are refused' 1 'publish: noise: ' --from results/runs "$poolstorm"
sed -i 's/^| \[partition/| [participation/' README.md
check 'what README.md says is looked at' 1 'README.md does not say' --check
check 'a scenario there is not' 2 'nobody' --only nobody "$poolstorm"
! grep -q Traceback "$tmp/err"
result $? 'in one line'
check 'an option there is not' 2 "no option '--fast'" --fast
check 'a folder without records' 1 'no records' --from docs "$poolstorm"
finish
