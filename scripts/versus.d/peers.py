# SPDX-License-Identifier: MIT
# peers.py - what the comparisons of load generators share: where things run, how they are started,
# measured and ended, and how each generator is called and read.
import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("POOLSTORM_BUILD",
                                       os.path.join(HERE, "../../build/release")))
POOLSTORM = os.path.join(BUILD, "poolstorm")
SERVER = os.path.join(BUILD, "scripts/versus.d/versus-server")
OURS = "poolstorm"

# What a POST carries, 1.2 KB of it.
BODY = json.dumps({"payload": "0123456789abcdef" * 74}).encode()


def cpus():
    """The CPU of servers and the CPU of generators."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        sys.exit("this comparison needs two CPUs: one for the server, one for the generator")
    return usable[0], usable[1]


SERVER_CPU, CLIENT_CPU = cpus()


def end_on_signals():
    """Unwinds, so that everything started is ended, and without a traceback."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda got, _: sys.exit(128 + got))


def pinned(cpu, words):
    """On one CPU, and gone when this process is killed outright. Keeps its process id."""
    return ["taskset", "-c", str(cpu), "setpriv", "--pdeathsig", "TERM", *words]


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# ---- Servers --------------------------------------------------------------------------------------


@contextlib.contextmanager
def our_server(*options):
    """Gives its HOST:PORT."""
    process = subprocess.Popen(pinned(SERVER_CPU, [SERVER, *options]), stdout=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)
    try:
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise RuntimeError("versus-server did not start")
        yield line.split()[-1]
    finally:
        end(process)
        process.stdout.close()


NGINX = """\
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    server {{
        listen {address};
        location / {{ return 200 "ok\\n"; }}
    }}
}}
"""


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % probe.getsockname()[1]


def await_listener(address, process):
    host, port = address.split(":")
    until = time.monotonic() + 5
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"nothing listens on {address}") from None
            time.sleep(0.02)


def find_nginx():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def nginx_server(folder):
    """One worker with a configuration of its own, as whoever calls. Gives its HOST:PORT."""
    address = free_address()
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="ascii") as conf:
        conf.write(NGINX.format(folder=folder, address=address))
    process = subprocess.Popen(
        pinned(SERVER_CPU, [find_nginx(), "-p", folder, "-e", os.path.join(folder, "error.log"),
                            "-c", path]), stdin=subprocess.DEVNULL)
    try:
        await_listener(address, process)
        yield address
    finally:
        end(process)


# ---- Generators -----------------------------------------------------------------------------------


class Failed(Exception):
    """A generator that did not do its work."""


def there(program):
    return os.path.exists(program) if "/" in program else shutil.which(program) is not None


def run_client(words, folder, seconds_max):
    """Its output and what wait4 says it used, from its exec to its end: the same for everyone."""
    path = os.path.join(folder, "client.out")
    with open(path, "wb") as out:
        process = subprocess.Popen(pinned(CLIENT_CPU, words), stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.DEVNULL, cwd=folder,
                                   env=dict(os.environ, HOME=folder))
    timer = threading.Timer(seconds_max, process.kill)
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        timer.cancel()
        end(process)
    with open(path, encoding="utf-8", errors="replace") as out:
        text = out.read()
    # Ours says 4 where the generator was the limit, which is the point here.
    if process.returncode not in (0, 4 if words[0] == POOLSTORM else 0):
        raise Failed(f"{words[0]} exited with {process.returncode}: {text[-200:].strip()}")
    return text, usage


class Tool:
    """A generator: how to call it, and how many requests its output counts."""

    def __init__(self, name, words, count, program=None):
        self.name = name
        self.words = words  # of a Case
        self.count = count  # of the output
        self.program = program or name


class Case:
    """What every generator is asked for: a closed loop, as fast as it can."""

    def __init__(self, address, connections, seconds, folder, post=False):
        self.url = f"http://{address}/"
        self.connections = connections
        self.seconds = seconds
        self.post = post
        self.body = self.write(folder, "body.json", BODY)
        self.lua = self.write(folder, "post.lua", b'wrk.method = "POST"\nwrk.body = [[' + BODY +
                              b']]\nwrk.headers["Content-Type"] = "application/json"\n')
        head = (f"POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(BODY)}\r\n\r\n")
        self.raw = self.write(folder, "post.raw", head.encode() + BODY)

    @staticmethod
    def write(folder, name, content):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def when_post(self, *words):
        return list(words) if self.post else []


def number(pattern):
    """Reads the count that a pattern finds in the output."""
    def read(text):
        found = re.search(pattern, text)
        if not found:
            raise Failed(f"no count in the output: {text[-200:].strip()}")
        return int(found.group(1))
    return read


def hey_count(text):
    """Replies by status; errors are not among them."""
    return sum(int(count) for count in re.findall(r"\[\d{3}\]\s+(\d+) responses", text))


TOOLS = (
    Tool(OURS, lambda c: [POOLSTORM, "load", "-t1", f"-c{c.connections}", f"-d{c.seconds}s",
                          "--json", *c.when_post("-m", "POST", "--payload", "1.2KB"), c.url],
         lambda text: json.loads(text)["outcomes"]["ok"], POOLSTORM),
    Tool("wrk", lambda c: ["wrk", "-t1", f"-c{c.connections}", f"-d{c.seconds}s",
                           *c.when_post("-s", c.lua), c.url],
         number(r"(\d+) requests in")),
    Tool("wrk2", lambda c: ["wrk2", "-t1", f"-c{c.connections}", f"-d{c.seconds}s", "-R1000000",
                            *c.when_post("-s", c.lua), c.url],
         number(r"(\d+) requests in")),
    Tool("h2load --h1", lambda c: ["h2load", "--h1", "-t1", f"-c{c.connections}", f"-D{c.seconds}",
                                   *c.when_post("-d", c.body), c.url],
         number(r"(\d+) succeeded"), "h2load"),
    Tool("ab -k", lambda c: ["ab", "-q", "-k", "-t", str(c.seconds), "-n", str(400000 * c.seconds),
                             "-c", str(c.connections),
                             *c.when_post("-p", c.body, "-T", "application/json"), c.url],
         number(r"Complete requests:\s+(\d+)"), "ab"),
    Tool("hey", lambda c: ["hey", "-cpus", "1", "-z", f"{c.seconds}s", "-c", str(c.connections),
                           *c.when_post("-m", "POST", "-D", c.body), c.url],
         hey_count),
    Tool("gcannon", lambda c: ["gcannon", c.url, "-t", "1", "-c", str(c.connections), "-d",
                               f"{c.seconds}s", "--json", *c.when_post("--raw", c.raw)],
         lambda text: json.loads(text)["status"]["2xx"]),
)


# ---- Figures --------------------------------------------------------------------------------------


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def with_quartiles(values, form="{:.2f}"):
    low, high = quartiles(values)
    return (form + " [" + form + "–" + form + "]").format(statistics.median(values), low, high)


class Others:
    """How much of the machine everyone else used, by the ticks of /proc/stat: on a busy machine the
    figures of one run say little, and only ratios of neighbouring runs say anything."""

    def __init__(self):
        self.begun = time.monotonic()
        self.before_s = self.used_s()

    @staticmethod
    def used_s():
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        all_s = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
        own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return all_s - sum(usage.ru_utime + usage.ru_stime for usage in own)

    def __str__(self):
        cpus_used = max(0.0, (self.used_s() - self.before_s) / (time.monotonic() - self.begun))
        verdict = "quiet enough" if cpus_used < 0.1 else "not quiet: repeat it when it is"
        return f"others kept {cpus_used:.2f} CPUs busy meanwhile: the machine was {verdict}"
