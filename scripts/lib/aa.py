#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Keeps what A/A runs found, a line a figure, and counts. For scripts/aa alone.

aa.py count FILE              how many runs the file holds
aa.py add FILE RESULT         adds the comparisons of a result.json
aa.py show FILE               how often a difference was found, with its interval
"""
import csv
import json
import math
import os
import sys

FIELDS = ["started", "commit", "seed", "scenario", "variant", "metric",
          "pairs", "value", "low", "high", "verdict"]


def read(path):
    if not os.path.exists(path):
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run_of(row):
    return row["started"], row["seed"]


def add(path, result_path):
    with open(result_path, encoding="utf-8") as file:
        result = json.load(file)
    env = result["environment"]
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        for found in result["judgement"]["comparisons"]:
            measured = found["measured"]
            if found["verdict"] == "no verdict" or measured["low"] is None:
                continue
            writer.writerow({
                "started": env["started"],
                "commit": env["commit"][:12] + ("+" if env["dirty"] else ""),
                "seed": result["run"]["seed"],
                "scenario": result["scenario"]["name"],
                "variant": found["baseline"],
                "metric": found["metric"],
                "pairs": measured["used"],
                "value": "%.5f" % measured["value"],
                "low": "%.5f" % measured["low"],
                "high": "%.5f" % measured["high"],
                "verdict": found["verdict"],
            })


def tail(count, total, share):
    """The probability of count or more of total."""
    if share <= 0:
        return 0.0 if count > 0 else 1.0
    if share >= 1:
        return 1.0
    return math.fsum(
        math.exp(math.lgamma(total + 1) - math.lgamma(i + 1) - math.lgamma(total - i + 1)
                 + i * math.log(share) + (total - i) * math.log1p(-share))
        for i in range(count, total + 1))


def bisect(holds):
    """The share up to which holds is true."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def clopper_pearson(count, total):
    low = 0.0 if count == 0 else bisect(lambda p: tail(count, total, p) < 0.025)
    high = 1.0 if count == total else bisect(lambda p: tail(count + 1, total, p) < 0.975)
    return low, high


def say(what, count, total):
    low, high = clopper_pearson(count, total)
    print("| %s | %d of %d | %.1f %% [%.1f %%, %.1f %%] |"
          % (what, count, total, 100 * count / total, 100 * low, 100 * high))


def show(path):
    rows = read(path)
    if not rows:
        sys.exit("aa: nothing in %s yet" % path)
    print("| difference found, where there is none | comparisons | share [95 % interval] |")
    print("|---|---|---|")
    for metric in sorted({row["metric"] for row in rows}):
        of = [row for row in rows if row["metric"] == metric]
        beyond = [row for row in of if float(row["low"]) > 1 or float(row["high"]) < 1]
        word = [row for row in of if row["verdict"] in ("better", "worse")]
        say(metric + ", its 95 % interval without 1", len(beyond), len(of))
        say(metric + ", in words", len(word), len(of))
    runs = {run_of(row) for row in rows}
    differ = {run_of(row) for row in rows if row["verdict"] in ("better", "worse")}
    say("either of them, in words", len(differ), len(runs))
    commits = sorted({row["commit"] for row in rows})
    print("\n%d runs of %s pairs of rounds each, no round used twice; %s; commit %s"
          % (len(runs), "/".join(sorted({row["pairs"] for row in rows}, key=int)),
             ", ".join(sorted({row["scenario"] for row in rows})), ", ".join(commits)))


def main(words):
    if len(words) == 2 and words[0] == "count":
        print(len({run_of(row) for row in read(words[1])}))
    elif len(words) == 3 and words[0] == "add":
        add(words[1], words[2])
    elif len(words) == 2 and words[0] == "show":
        show(words[1])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
