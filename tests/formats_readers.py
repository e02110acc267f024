# SPDX-License-Identifier: MIT
"""formats_readers.py - what poolstorm report writes is read by others: JUnit by junitparser, Google
Benchmark's JSON by its own compare.py, Prometheus' text by the Prometheus client's parser.

formats_readers.py POOLSTORM REPORT_TEST RECORD...; exits 77 (skipped) where a reader is missing."""
import csv
import json
import math
import os
import subprocess
import sys
import tempfile

COMPARE = os.environ.get("BENCHMARK_COMPARE", "/usr/share/benchmark/compare.py")
try:
    import junitparser
    import numpy  # noqa: F401, what compare.py stands on
    import scipy  # noqa: F401
    from prometheus_client.parser import text_string_to_metric_families
except ImportError as missing:
    print(f"skipped: {missing}: scripts/install-deps test")
    sys.exit(77)
if not os.path.exists(COMPARE):
    print(f"skipped: there is no {COMPARE}: scripts/install-deps test")
    sys.exit(77)

results = []


def check(name, holds, why=""):
    results.append((name, holds, why))


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: {done.stderr}{done.stdout}")
    return done.stdout


def report(record, name):
    return run(poolstorm, "report", record, "--format", name)


def check_junit(name, record, path):
    """Its verdicts are those of the record."""
    suites = list(junitparser.JUnitXml.fromfile(path))
    check(f"{name}: one suite", len(suites) == 1, str(suites))
    cases = list(suites[0])
    judged = record["judgement"]["expectations"] + record["judgement"]["invariants"]
    check(f"{name}: a case a condition, and the measurement", len(cases) == len(judged) + 1)
    wrong = 0
    for case, condition in zip(cases[1:], judged):
        kinds = [type(result).__name__ for result in case.result]
        wanted = {"pass": [[], ["Skipped"]], "fail": [["Failure"]]}.get(condition["verdict"], [["Skipped"]])
        wrong += kinds not in wanted or not case.name.startswith(condition["condition"])
    check(f"{name}: each case has its condition's verdict", wrong == 0, f"{wrong} have not")
    invalid = record["judgement"]["outcome"] == "invalid"
    check(f"{name}: an invalid run is an error", suites[0].errors == int(invalid))
    counted = [sum(type(r).__name__ == kind for case in cases for r in case.result)
               for kind in ("Failure", "Error", "Skipped")]
    told = [suites[0].failures, suites[0].errors, suites[0].skipped]
    check(f"{name}: it counts what it has", counted == told, f"{counted} against {told}")
    check(f"{name}: names are unique", len({case.name for case in cases}) == len(cases))
    seconds = record["run"]["length_ns"] / 1e9
    check(f"{name}: times are seconds", abs(suites[0].time - seconds) < 0.001)


def compare(first, second, dump):
    """What Google Benchmark's own tool finds, by name."""
    run(sys.executable, COMPARE, "-d", dump, "benchmarks", first, second)
    with open(dump, encoding="utf8") as file:
        return {row["name"]: row for row in json.load(file)}


def check_benchmarks(name, record, folder):
    """Against itself nothing differs; with every time half as long again, everything does by half."""
    first, second = os.path.join(folder, "a.json"), os.path.join(folder, "b.json")
    rows = json.loads(report(record, "gbench"))
    with open(first, "w", encoding="utf8") as file:
        json.dump(rows, file)
    for row in rows["benchmarks"]:
        row["real_time"] *= 1.5
    with open(second, "w", encoding="utf8") as file:
        json.dump(rows, file)
    names = {row["name"] for row in rows["benchmarks"]}
    same = compare(first, first, os.path.join(folder, "same.json"))
    other = compare(first, second, os.path.join(folder, "other.json"))
    overall = {"OVERALL_GEOMEAN"}
    check(f"{name}: compare.py finds every row", set(same) - overall == names and names,
          f"{len(same)} of {len(names)}")
    changes = [measured["time"] for row in same.values() for measured in row["measurements"]]
    check(f"{name}: compare.py finds no change of nothing", all(change == 0 for change in changes))
    changes = [measured["time"] for key, row in other.items() if key not in overall
               for measured in row["measurements"]]
    check(f"{name}: compare.py finds half as much again",
          all(abs(change - 0.5) < 1e-9 for change in changes), str(changes[:3]))
    repeated = {row["name"]: row["repetitions"] for row in rows["benchmarks"]}
    check(f"{name}: compare.py sees a repetition a round",
          all(len(other[key]["measurements"]) == repeated[key] for key in names))
    qps = {row["name"]: row for row in rows["benchmarks"] if row["name"].endswith("/qps")}
    check(f"{name}: compare.py tests what is repeated",
          all(("time_pvalue" in other[key]["utest"]) == (repeated[key] > 1) for key in qps))


def check_prometheus(name, text):
    families = list(text_string_to_metric_families(text))
    samples = [sample for family in families for sample in family.samples]
    check(f"{name}: Prometheus' parser reads it", any(s.name == "poolstorm_qps_per_second" for s in samples))
    check(f"{name}: every family has a type and stands once",
          all(family.type in ("gauge", "histogram") for family in families)
          and len({family.name for family in families}) == len(families))
    keys = [(s.name, tuple(sorted(s.labels.items()))) for s in samples]
    check(f"{name}: no sample twice", len(set(keys)) == len(keys))
    check(f"{name}: numbers alone", not any(math.isnan(s.value) for s in samples))


def check_csv(name, text, record):
    rows = list(csv.DictReader(text.splitlines()))
    never = sum(len(entry.get("never", [])) for entry in record["rounds"])
    wanted = never + sum(value is not None for entry in record["rounds"] for value in entry["metrics"].values())
    whole = sum(row["phase"] == "" for row in rows)
    check(f"{name}: CSV has every figure", whole == wanted, f"{whole} of {wanted}")
    numbers = [row["value"] for row in rows if row["value"] not in ("never", "-never")]
    check(f"{name}: CSV holds numbers", all(math.isfinite(float(value)) for value in numbers))


poolstorm, writer, *paths = sys.argv[1:]
with tempfile.TemporaryDirectory() as tmp:
    os.mkdir(os.path.join(tmp, "made"))
    paths.insert(0, os.path.join(tmp, "made", "result.json"))
    run(writer, paths[0])
    for at, given in enumerate(paths):
        place = os.path.join(tmp, str(at))
        os.mkdir(place)
        # As judged by this version, whatever version has measured it.
        run(poolstorm, "report", given, "--format", "json", "--out", os.path.join(place, "result.json"))
        with open(os.path.join(place, "result.json"), encoding="utf8") as opened:
            whole_record = json.load(opened)
        scenario = whole_record["scenario"]["name"]
        run(poolstorm, "report", given, "--format", "junit", "--out", os.path.join(place, "junit.xml"))
        check_junit(scenario, whole_record, os.path.join(place, "junit.xml"))
        check_benchmarks(scenario, given, place)
        check_prometheus(scenario, report(given, "prometheus"))
        check_csv(scenario, report(given, "csv"), whole_record)

print(f"1..{len(results)}")
for number, (title, holds, why) in enumerate(results, 1):
    print(f"{'ok' if holds else 'not ok'} {number} - {title}")
    if not holds and why:
        print(f"# {why}")
sys.exit(0 if all(holds for _, holds, _ in results) else 1)
