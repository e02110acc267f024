# SPDX-License-Identifier: MIT
"""A run as it is seen while it goes on: on a pseudo terminal, in a pipe, and by Prometheus.

live_view_test.py POOLSTORM
"""
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import fcntl
import termios
import urllib.request

try:
    from prometheus_client.parser import text_string_to_metric_families
except ImportError as missing:
    print(f"1..0 # SKIP {missing}: scripts/install-deps test")
    sys.exit(77)

SCENARIO = """\
question: What is to be seen of a run?
source: tests of the program itself
variants:
  plain:
    serve: {{buffers: malloc}}
load: {{connections: 2, think_time: 1ms, timeout: 500ms, path: /health}}
phases:
  - {{name: warm-up, kind: warmup, for: 300ms}}
  - {{name: steady, kind: measure, for: {length}}}
rounds: 1
observe:
  fibers: {{series: poolstorm_fibers, take: max}}
faults:
  - {{kind: latency, on: service, name: slow, at: 1s, for: 1s, latency: 20ms}}
"""

poolstorm = sys.argv[1]
results = []


def check(name, holds, why=""):
    results.append((name, bool(holds), str(why)))


class Screen:
    """As much of a terminal as is needed to see what is on it: rows that scroll, and a cursor."""

    TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines, self.row, self.column = [""], 0, 0
        self.unknown, self.widest, self.frames = [], 0, 0
        self.seen = set()

    def feed(self, text):
        at = 0
        while at < len(text):
            token = self.TOKEN.match(text, at)
            if not token:
                self.unknown.append(text[at : at + 10])
                at += 1
                continue
            at = token.end()
            self.take(*token.groups())

    def take(self, number, letter, control, words):
        if words:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + words + line[self.column + len(words) :]
            self.column += len(words)
            self.widest = max(self.widest, self.column)
        elif control == "\r":
            self.column = 0
        elif control == "\n":
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append("")
        elif letter == "A":
            top = max(0, len(self.lines) - self.rows)
            self.row = max(top, self.row - int(number or 1))
        elif letter == "K":
            self.lines[self.row] = self.lines[self.row][: self.column]
        elif letter == "J":
            self.lines[self.row] = self.lines[self.row][: self.column]
            del self.lines[self.row + 1 :]
            self.frames += 1
            self.seen.update(self.lines)
        elif letter != "m":
            self.unknown.append(f"{number}{letter}")


def environment(**more):
    words = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "LC_CTYPE", "LC_ALL")}
    words.update({"TERM": "xterm", "LANG": "C.UTF-8"})
    words.update(more)
    return words


def on_terminal(args, rows=24, columns=80, env=None, on_text=None):
    """Runs it with stderr and stdin on a pseudo terminal; its stdout elsewhere, as tables go there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def lead():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen([poolstorm, *args], stdin=slave, stderr=slave, stdout=subprocess.DEVNULL,
                               preexec_fn=lead, env=env or environment())
    before = termios.tcgetattr(master)
    os.close(slave)
    text, ends = b"", time.monotonic() + 60
    while time.monotonic() < ends:
        ready, _, _ = select.select([master], [], [], 1)
        if ready:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            text += piece
            if on_text:
                on_text(master, text)
    else:
        process.kill()
    code = process.wait()
    same = termios.tcgetattr(master) == before
    os.close(master)
    return code, text.decode("utf8", "replace"), same


def shown(text, rows=24, columns=80):
    screen = Screen(rows, columns)
    screen.feed(text)
    return screen


def check_terminal(tmp, scenario):
    code, text, same = on_terminal(["run", scenario, "--out", f"{tmp}/terminal"])
    screen = shown(text)
    check("a run on a terminal comes to its end", code in (0, 1, 4), f"exit {code}: {text[-500:]}")
    check("frames come while it goes on", screen.frames > 8, screen.frames)
    seen = "\n".join(screen.seen)
    for word in ("[1/1] plain, steady", "goodput", "p99", "errors", "in flight", "fibers  ", "slow"):
        check(f"they show {word}", word in seen, seen)
    check("with sparklines", re.search("goodput .*[▁▂▃▄▅▆▇█]{10}", seen), seen)
    check("the fault's window is planned, and then there", "░░░" in seen and "███" in seen, seen)
    check("and is said to act, and to be over", re.search("slow +acting", seen) and re.search("slow +over", seen), seen)
    check("no line is wider than the terminal", screen.widest < 80, screen.widest)
    check("nothing is asked of the terminal that has to be undone", not screen.unknown and same, screen.unknown)
    left = [line for line in screen.lines if line]
    check("what stays is a line a round", len(left) >= 1 and left[0].startswith("round 1 of 1, plain: "), left)
    check("and no frame", not any(word in line for line in left for word in ("goodput ", "[1/1]")), left)
    check("the cursor is at the beginning of a line", screen.column == 0 and screen.lines[screen.row] == "")


def check_narrow(tmp, scenario):
    _, text, _ = on_terminal(["run", scenario, "--out", f"{tmp}/narrow"], rows=7, columns=40,
                             env=environment(LC_ALL="C", NO_COLOR="1"))
    screen = shown(text, 7, 40)
    frames = [line for line in screen.seen if not line.startswith(("round", "    "))]
    check("a small one gets what fits", screen.widest < 80 and all(len(line) < 40 for line in frames), frames)
    check("in ASCII where the locale says so", all(ord(sign) < 128 for line in frames for sign in line), frames)
    check("and without colours where they are not wanted", "\x1b[1m" not in text and "\x1b[31m" not in text)


def check_interrupted(tmp, scenario):
    sent = []

    def interrupt(master, text):
        if not sent and text.count(b"\x1b[J") > 3:
            sent.append(os.write(master, b"\x03"))

    code, text, same = on_terminal(["run", scenario, "--out", f"{tmp}/broken"], on_text=interrupt)
    screen = shown(text.replace("^C", "", 1))
    check("^C ends it", code == 130, f"exit {code}: {text[-500:]}")
    check("and leaves the terminal as it was", not screen.unknown and same, screen.unknown)
    check("with the cursor on a line of its own, and no frame", screen.column == 0 and screen.lines[screen.row] == ""
          and not any("goodput " in line for line in screen.lines), screen.lines)
    check("and no colour", text.rfind("\x1b[0m") >= max(text.rfind("\x1b[1m"), text.rfind("\x1b[2m")))


def check_quiet(tmp, scenario):
    done = subprocess.run([poolstorm, "run", scenario, "--out", f"{tmp}/pipe"], capture_output=True,
                          text=True, check=False, env=environment())
    check("in a pipe there is a line a round", "round 1 of 1, plain: " in done.stderr, done.stderr)
    check("and nothing else", "\x1b" not in done.stderr + done.stdout and "\r" not in done.stderr
          and "goodput " not in done.stderr, done.stderr)
    for name, words, env in (("dumb", [], environment(TERM="dumb")), ("never", ["--live", "never"], None)):
        _, text, _ = on_terminal(["run", scenario, "--out", f"{tmp}/{name}", *words], env=env)
        check(f"{name}: a terminal gets a line a round, too", "\x1b" not in text and "round 1 of 1" in text, text)
    done = subprocess.run([poolstorm, "run", scenario, "--out", f"{tmp}/always", "--live=always"],
                          capture_output=True, text=True, check=False, env=environment(COLUMNS="60"))
    screen = shown(done.stderr.replace("\n", "\r\n"))
    check("always: a pipe gets frames, too", screen.frames > 8 and 40 < screen.widest < 100, screen.widest)


def scrape(url):
    with urllib.request.urlopen(url, timeout=10) as reply:
        return reply.read().decode(), reply.headers["Content-Type"]


def check_exposition(text):
    """Returns the samples by name and labels."""
    families = list(text_string_to_metric_families(text))
    samples = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples, f"twice: {key}"
            samples[key] = sample.value
    assert all(family.type in ("gauge", "counter", "histogram") for family in families), families
    assert len({family.name for family in families}) == len(families), families
    return samples


def total(samples, name, **labels):
    return sum(value for (key, own), value in samples.items()
               if key == name and all(dict(own).get(label) == wanted for label, wanted in labels.items()))


def follow(process, url):
    """Scrapes until the run is over."""
    scrapes = []
    while process.poll() is None and len(scrapes) < 500:
        try:
            text, kind = scrape(url)
        except OSError: # it ended meanwhile
            break
        assert kind.startswith("text/plain; version=0.0.4"), kind
        scrapes.append(check_exposition(text))
        time.sleep(0.1)
    return scrapes


def check_prometheus(tmp, scenario):
    process = subprocess.Popen([poolstorm, "run", scenario, "--out", f"{tmp}/served", "--prometheus", "127.0.0.1:0"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment())
    line = process.stderr.readline()
    url = re.search(r"http://127\.0\.0\.1:\d+/metrics", line)
    check("--prometheus says where it serves", url, line)
    if not url:
        process.kill()
        return
    try:
        scrapes, why = follow(process, url.group()), ""
    except (AssertionError, ValueError) as error:
        scrapes, why = [], str(error)
    process.communicate()
    check("and Prometheus' parser reads it while the run goes on", len(scrapes) > 8, why or len(scrapes))
    if not scrapes:
        return
    counts = [total(s, "poolstorm_live_requests_total", outcome="ok") for s in scrapes]
    check("what is counted never falls, and grows", counts == sorted(counts) and counts[-1] > 100, counts)
    replies = [total(s, "poolstorm_live_latency_seconds_count") for s in scrapes]
    check("latencies keep up with it", replies == sorted(replies) and 0.5 * counts[-1] < replies[-1] <= counts[-1],
          (replies[-1], counts[-1]))
    acting = [total(s, "poolstorm_live_fault_acting", fault="slow", phase="steady") for s in scrapes]
    check("the fault acts for a while", 0 < sum(acting) < len(acting), acting)
    check("what was asked during it is told apart",
          0 < total(scrapes[-1], "poolstorm_live_requests_total", fault="slow", outcome="ok") < counts[-1])
    names = {key for s in scrapes for key, _ in s}
    wanted = {f"poolstorm_live_{name}" for name in ("goodput_per_second", "errors_per_second", "latency_p99_seconds",
                                                    "in_flight", "elapsed_seconds", "observed", "round")}
    check("the figures of the terminal are there", wanted <= names, wanted - names)
    scenarios = {dict(labels).get("scenario") for s in scrapes for _, labels in s}
    check("with the scenario's name", len(scenarios) == 1, scenarios)


def check_addresses(tmp, scenario):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = ((f"127.0.0.1:{port}", 5, "Address already in use"), ("nonsense", 2, "expected HOST:PORT"),
                 ("192.0.2.1:9464", 2, "Cannot assign requested address"), (":99999", 2, "port"))
        for where, code, words in cases:
            done = subprocess.run([poolstorm, "run", scenario, "--out", f"{tmp}/none", "--prometheus", where],
                                  capture_output=True, text=True, check=False)
            check(f"--prometheus {where.split(':')[0] or ':'}: {words}", done.returncode == code and words in done.stderr
                  and "--prometheus" in done.stderr, f"exit {done.returncode}: {done.stderr}")
            check("and nothing was begun", not os.path.exists(f"{tmp}/none"))


signal.alarm(170)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "seen.yaml")
    with open(path, "w", encoding="utf8") as file:
        file.write(SCENARIO.format(length="3s"))
    check_terminal(folder, path)
    check_narrow(folder, path)
    check_interrupted(folder, path)
    check_quiet(folder, path)
    check_prometheus(folder, path)
    check_addresses(folder, path)

print(f"1..{len(results)}")
for index, (title, well, reason) in enumerate(results, 1):
    print(f"{'ok' if well else 'not ok'} {index} - {title}")
    if not well and reason:
        print("# " + reason.replace("\n", "\n# "))
sys.exit(0 if all(well for _, well, _ in results) else 1)
