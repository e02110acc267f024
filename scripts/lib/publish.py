#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Arranges what `poolstorm report` writes into pages. For scripts/publish alone.

publish.py names                                     names of scenarios, from `list --json` on stdin
publish.py write POOLSTORM RUNS OUT README NAME...   pages of the records in RUNS into OUT
publish.py check OUT README                          whether they are all there

README may be empty: then none is changed or looked at. Figures and words are all the program's: here they are
only put in their places.
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN = "<!-- published: begin -->"
END = "<!-- published: end -->"
README_PLOT = "partition/database-over-time.svg"
# In this order on a page: what the plots are called in their files.
PLOTS = ["over-time", "percentiles", "knee", "ratios", "errors", "gauges"]


def fail(text):
    sys.exit("publish: " + text)


def catalogue():
    """{name: path of its file}, as the program finds them."""
    found = {}
    for path in sorted((ROOT / "scenarios").glob("*/*.yaml")):
        found["%s/%s" % (path.parent.name, path.stem)] = path.relative_to(ROOT).as_posix()
    return found


# ---- Records ----------------------------------------------------------------------------------------


def records(runs):
    """{scenario: (folder of its newest record, whether it is a quick one)}, without those that were broken off or were
    for something else; cells of grids lie below and go with theirs."""
    newest = {}
    for path in sorted(pathlib.Path(runs).glob("**/result.json")):
        if "cells" in path.relative_to(runs).parts:
            continue
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
        run = record["run"]
        if run.get("interrupted") or run.get("failure") or run.get("aa") or any(
                variant.get("program") for variant in record["variants"]):
            continue
        name, started = record["scenario"]["name"], record["environment"]["started"]
        if name not in newest or newest[name][0] <= started:
            newest[name] = (started, path.parent, run.get("quick", False))
    return {name: (folder, quick) for name, (_, folder, quick) in newest.items()}


def why_not(runs, name):
    path = pathlib.Path(runs, name.replace("/", "-") + ".why")
    text = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    return text or "there is no record"


def report(poolstorm, words, formats, out):
    done = subprocess.run([poolstorm, "report", *map(str, words), "--format", formats, "--out", str(out)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0 and "nothing to write" not in done.stderr:
        fail("report %s: %s" % (formats, done.stderr.strip() or done.returncode))


# ---- Pages ------------------------------------------------------------------------------------------


def title_of(svg):
    found = re.search(r"<title>(.*?)</title>", svg.read_text(encoding="utf-8"))
    return found.group(1) if found else svg.stem


def place(svg):
    name = svg.stem.rsplit(".", 1)[-1]
    return (PLOTS.index(name) if name in PLOTS else len(PLOTS), name)


def plots_of(poolstorm, folder, family, stem, out):
    """Writes them as OUT/FAMILY/STEM-PLOT.svg; returns (file name, title) of each."""
    with tempfile.TemporaryDirectory() as tmp:
        target = pathlib.Path(tmp, "svg")
        target.mkdir()
        report(poolstorm, [folder / "result.json"], "svg", target)
        if (folder / "cells").is_dir():
            report(poolstorm, [folder], "heatmap", target)
        made = []
        for svg in sorted(target.glob("*.svg"), key=place):
            # NAME.PLOT.svg, where NAME is the folder's and may have dots
            name = "%s-%s.svg" % (stem, svg.name[len(folder.name) + 1:-len(".svg")])
            shutil.copyfile(svg, out / family / name)
            made.append((name, title_of(svg)))
        return made


def clear(name, out):
    """Makes the folder of a page, without the plots of one before."""
    family, stem = name.split("/")
    (out / family).mkdir(parents=True, exist_ok=True)
    for old in (out / family).glob(stem + "-*.svg"):
        if not any(other != name and other.startswith("%s/%s-" % (family, stem))
                   and old.name.startswith(other.split("/")[1] + "-") for other in catalogue()):
            old.unlink()


def page(poolstorm, folder, name, scenario, out):
    family, stem = name.split("/")
    clear(name, out)
    with tempfile.TemporaryDirectory() as tmp:
        written = pathlib.Path(tmp, "page.md")
        report(poolstorm, [folder], "markdown", written)
        text = written.read_text(encoding="utf-8")
    plots = plots_of(poolstorm, folder, family, stem, out)
    # Heads rise by one: on its own page a scenario's is the first.
    text = re.sub(r"^##(#*) ", r"#\1 ", text, flags=re.M)
    images = "".join("\n![%s](%s)\n" % (title, file) for file, title in plots)
    head, rest = text.split("\n\n", 1)
    question, rest = rest.split("\n\n", 1)
    links = "[All results](../README.md) · [the scenario](../../%s)" % scenario
    # Between the table of variants and the first section.
    at = rest.find("\n## ")
    figures, sections = (rest, "") if at < 0 else (rest[:at], rest[at:])
    (out / family / (stem + ".md")).write_text(
        "%s\n\n%s\n\n%s\n\n%s\n%s%s" % (head, question, links, figures.rstrip("\n"), images, sections),
        encoding="utf-8")


def missing_page(name, scenario, why, out):
    family, stem = name.split("/")
    clear(name, out)
    (out / family / (stem + ".md")).write_text(
        "# %s\n\n**Not run**: %s.\n\n[All results](../README.md) · [the scenario](../../%s)\n"
        % (name, plain(why), scenario), encoding="utf-8")


def plain(text):
    """A line from elsewhere for a table."""
    text = re.sub(r"\s+", " ", text).rstrip(".")
    return re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", text)


# ---- The table --------------------------------------------------------------------------------------


def rows_of(text, section):
    """The lines of a section's table without its two heads, and these."""
    part = text.split("## %s\n" % section, 1)
    lines = [line for line in part[1].split("\n## ", 1)[0].splitlines() if line.startswith("|")] if len(part) > 1 else []
    return lines[2:], lines[:2]


def name_in(row):
    """Of the first cell, whether it is a link or not."""
    cell = row.split("|")[1].strip().replace("\\", "")
    found = re.match(r"\[(.*)\]\(.*\)$", cell)
    return found.group(1) if found else cell


def linked(row, prefix=""):
    """The first cell as a link to its page."""
    name = name_in(row)
    rest = row.split("|", 2)[2]
    return "| [%s](%s%s.md) |%s" % (name, prefix, name, rest)


def family_order(row):
    return name_in(row)


def unclaimed(scenarios, claims, found, columns):
    """Rows of scenarios that nobody has published a figure of: what they ask, and what came of it."""
    told = {name_in(row) for row in claims}
    rows = []
    for row in scenarios:
        name = name_in(row)
        if name in told or name not in found:
            continue
        with open(found[name] / "result.json", encoding="utf-8") as file:
            question = json.load(file)["scenario"]["question"]
        outcome = row.split("|")[2].strip()
        rows.append("| %s | – none published | %s |%s %s |" % (name, plain(question), " – |" * (columns - 4), outcome))
    return rows


def overview(poolstorm, found, missing, out):
    with tempfile.TemporaryDirectory() as tmp:
        written = pathlib.Path(tmp, "summary.md")
        report(poolstorm, [folder / "result.json" for _, folder in sorted(found.items())], "summary", written)
        text = written.read_text(encoding="utf-8")
    claims, heads = rows_of(text, "Claims")
    scenarios, scenario_heads = rows_of(text, "Scenarios")
    columns = heads[0].count("|") - 1
    claims += unclaimed(scenarios, claims, found, columns)
    claims += ["| %s | – not run | %s |%s" % (name, plain(why), " – |" * (columns - 3))
               for name, why in missing.items()]
    scenarios += ["| %s | not run: %s |%s" % (name, plain(why), " – |" * (scenario_heads[0].count("|") - 4))
                  for name, why in missing.items()]
    environment = text.split("## Environment\n", 1)
    ran = "%d of %d scenarios ran" % (len(found), len(found) + len(missing))
    parts = [
        "# Results", "",
        "A run of the whole catalogue on one machine, written by `scripts/publish`: each scenario's page has its figures,",
        "verdicts and plots. What the words mean stands in [docs/statistics.md](../docs/statistics.md). %s." % ran, "",
        "## Claims", "",
        "What others published, and what was measured here: the median ratio of pairs of rounds, or the median of rounds,",
        "with its 95 % interval.", "",
        *heads, *[linked(row) for row in sorted(claims, key=family_order)], "",
        "## Scenarios", "",
        *scenario_heads, *[linked(row) for row in sorted(scenarios, key=family_order)], "",
        *no_difference(poolstorm, out),
    ]
    if len(environment) > 1:
        parts += ["## Environment", environment[1].rstrip("\n"), ""]
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")


def no_difference(poolstorm, out):
    """How often the same variant differed from itself, of what scripts/aa left beside the pages; or nothing."""
    if not (out / "aa.csv").exists():
        return []
    done = subprocess.run([poolstorm, "noise", str(out / "aa.csv"), "--format", "markdown"],
                          capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # 1: more often than the level says, which is in its words
        fail("noise: %s" % (done.stderr.strip() or done.returncode))
    return ["## Differences where there are none", "",
            "One variant held against itself ([lib/aa](../scripts/lib/aa.yaml), the shortest rounds there are) by",
            "`scripts/aa`, fresh rounds each time: [aa.csv](aa.csv) holds what each comparison found. What is counted stands in",
            "[docs/statistics.md](../docs/statistics.md#whether-any-of-this-errs-as-often-as-it-says).", "",
            done.stdout.rstrip("\n"), ""]


# ---- The block of README.md -------------------------------------------------------------------------


def headline():
    path = ROOT / "scenarios/headline.set"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    words = [line.split("#")[0].split() for line in lines]  # a name, and perhaps its variants
    return [line[0] for line in words if line]


def block(out):
    """The rows of the headline set, out of the written table, and a plot."""
    claims, heads = rows_of((out / "README.md").read_text(encoding="utf-8"), "Claims")
    wanted = headline()
    rows = [linked(row, "results/") for name in wanted for row in claims if name_in(row) == name]
    lines = [BEGIN, "", *heads, *rows, "", "[All results](results/README.md)."]
    if (out / README_PLOT).exists():
        lines += ["", "![%s](results/%s)" % (title_of(out / README_PLOT), README_PLOT)]
    return "\n".join([*lines, "", END]) if rows else None


def replace_block(readme, out):
    text = pathlib.Path(readme).read_text(encoding="utf-8")
    made = block(out)
    if BEGIN not in text or END not in text:
        fail("%s has no block that is marked for results" % os.path.basename(readme))
    if made:
        before, rest = text.split(BEGIN, 1)
        pathlib.Path(readme).write_text(before + made + rest.split(END, 1)[1], encoding="utf-8")


# ---- Nothing of the machine's that is nobody's business --------------------------------------------


def private_words(runs):
    words = {str(ROOT), str(pathlib.Path(runs).resolve()), str(pathlib.Path.home()) + "/", "/tmp/"}
    words |= {socket.gethostname(), socket.getfqdn()}
    return {word for word in words if len(word) >= 4 and word not in ("localhost",)}


def check_private(out, runs):
    words = private_words(runs)
    for path in written(out):
        text = path.read_text(encoding="utf-8")
        for word in words:
            if re.search(r"(?<![\w.-])%s(?![\w-])" % re.escape(word) if word[0] != "/" else re.escape(word), text):
                fail("%s has a name or path of this machine in it: %s" % (path.relative_to(out), word))


def written(out):
    """What is published, and not the records or what else lies there."""
    paths = [out / "README.md", *out.glob("*/*.md"), *out.glob("*/*.svg")]
    return [path for path in paths if path.parent == out or path.parent.name != "runs"]


# ---- Commands ---------------------------------------------------------------------------------------


def write(poolstorm, runs, out, readme, names):
    files, out = catalogue(), pathlib.Path(out)
    found = {name: of for name, of in records(runs).items() if name in files}
    if not found:
        fail("%s holds no records of the catalogue" % runs)
    for name, (_, quick) in found.items():
        if quick and readme:
            fail("%s: a quick run is not to be published" % name)
    found = {name: folder for name, (folder, _) in found.items()}
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in found:
            page(poolstorm, found[name], name, files[name], out)
        else:
            missing_page(name, files[name], why_not(runs, name), out)
    missing = {name: why_not(runs, name) for name in files if name not in found}
    whole = set(names) == set(files)
    if whole or not (out / "README.md").exists():
        overview(poolstorm, found, missing, out)
        for path in written(out):
            stem = path.relative_to(out).with_suffix("").as_posix()
            if path.suffix == ".md" and path.parent != out and stem not in files:
                path.unlink()
    check_private(out, runs)
    if readme and whole:
        replace_block(readme, out)
    size = sum(path.stat().st_size for path in written(out) if path.exists())
    print("%s: %d scenarios, %d of them not run; %.1f MB" % (out, len(found) + len(missing), len(missing), size / 1e6))


def told_of(row):
    """What a row says of its scenario, on whichever page."""
    return row.split("|", 2)[2]


def unheard(row):
    """Whether it stands there only for its scenario to be there."""
    return told_of(row).startswith((" – none published ", " – not run "))


def of_page(out, name):
    rows, _ = rows_of((out / (name + ".md")).read_text(encoding="utf-8"), "Claims")
    return [row[1:] for row in rows]


def check(out, readme):
    out, wrong = pathlib.Path(out), []
    if not (out / "README.md").exists():
        fail("%s has no README.md: nothing is published yet" % out)
    overview_text = (out / "README.md").read_text(encoding="utf-8")
    claims, _ = rows_of(overview_text, "Claims")
    told = {name_in(row) for row in claims}
    for name in catalogue():
        if not (out / (name + ".md")).exists():
            wrong.append("%s has no page" % name)
        elif of_page(out, name) != [told_of(row) for row in claims if name_in(row) == name and not unheard(row)]:
            wrong.append("%s has other claims on its page than in the table" % name)
        if name not in told:
            wrong.append("%s is not in the table of claims" % name)
    for path in written(out):
        if path.suffix == ".md":
            for link in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
                if "://" not in link and not (path.parent / link).exists() and not link.startswith("../../scenarios"):
                    wrong.append("%s links to %s, which is not there" % (path.relative_to(out), link))
    if readme and (block(out) or "") not in pathlib.Path(readme).read_text(encoding="utf-8"):
        wrong.append("README.md does not say what results/README.md does")
    if wrong:
        fail("not whole:\n  " + "\n  ".join(wrong))
    print("%s: all %d scenarios have their pages" % (out, len(catalogue())))


def main(words):
    if words == ["names"]:
        listed = json.load(sys.stdin)
        for one in listed["scenarios"] if isinstance(listed, dict) else listed:
            print(one["name"])
    elif len(words) >= 6 and words[0] == "write":
        write(*words[1:5], words[5:])
    elif len(words) == 3 and words[0] == "check":
        check(*words[1:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
