"""What watching costs: thousands of event streams through nginx while a download runs.

    events.py BUILD_DIR [--watchers N] [--rounds N] [--rate BYTES]

A download of one file, in memory, as fast as it goes or at the rate that is given, with nobody watching and with N watchers who read (watchers.c), then
with as many as a fifth of them who never do; rounds alternate. And ten thousand connections that come and go. Prints a
table beside the bars of the issue; figures also go to build/bench-events.json. Nothing here is a test.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import harness  # noqa: E402
import measure  # noqa: E402
from origin import Files, FileSet, Origin  # noqa: E402
from run import MEMORY, say, warm  # noqa: E402
from tools import BenchLarder  # noqa: E402

MIB = 1 << 20
FILES = FileSet("events", 1, 2048 * MIB)
CYCLES = 10_000
BARS = {"cpu_cores": 0.5, "rss_mib": 64, "p99_ms": 250, "slower": 0.03}


def build_watchers(folder):
    """The program that watches."""
    path = folder / "watchers"
    subprocess.run(["gcc", "-O2", "-std=c17", "-D_GNU_SOURCE", "-o", path, ROOT / "tests/bench/watchers.c", "-pthread"],
                   check=True)
    return path


def rss_kib(pid):
    """What a process has in memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


@contextlib.contextmanager
def watching(program, larder, count, deaf):
    """`count` watchers while it lasts; afterwards `seen` is what they say of it."""
    seen = {}
    if count == 0:
        yield seen
        return
    argv = [program, str(larder.port), "/api/v1/events", str(larder.run / "events.sock"), str(count)]
    process = subprocess.Popen([str(arg) for arg in argv + (["--deaf"] if deaf else [])], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise measure.ToolFailed("the watchers could not all connect")
    yield seen
    process.stdin.close()
    seen |= json.loads(process.stdout.readline())
    process.wait()


def one_round(program, larder, origin, count, deaf):
    """One download with these watchers: a dict of figures."""
    pid = larder.daemon.process.pid
    before = rss_kib(pid)
    with watching(program, larder, count, deaf) as seen:
        stream = harness.Stream(harness.UnixConnection(larder.run / "events.sock"), "/api/v1/events")
        with contextlib.closing(stream):
            events = iter(stream)
            next(events)
            begin, cpu = time.monotonic(), measure.cpu_s(pid)
            identity = larder.rpc("download.create", {"repo": origin.files.spec.repo})["result"]["id"]
            peak = 0
            for event in events:
                peak = max(peak, rss_kib(pid))
                rows = event.data.get("downloads", []) if event.name == "progress" else [event.data]
                if any(row.get("id") == identity and row.get("state") == "completed" for row in rows):
                    break
            wall, used = time.monotonic() - begin, measure.cpu_s(pid) - cpu
    larder.rpc("download.forget", {"id": identity})
    shutil.rmtree(larder.models / "bench")
    return {"wall_s": wall, "cpu_cores": used / wall, "rss_mib": (peak - before) / 1024, **seen}


def median(rounds, key):
    """Of those that have it."""
    values = [figures[key] for figures in rounds if key in figures]
    return round(statistics.median(values), 4) if values else None


def cycle(larder, count):
    """Connections that come and go, through the web server: descriptors before and after."""
    folder = Path(f"/proc/{larder.daemon.process.pid}/fd")
    before = len(list(folder.iterdir()))
    for number in range(count):
        with socket.create_connection(("127.0.0.1", larder.port), source_address=(f"127.0.2.{number % 250 + 1}", 0)) as one:
            one.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if number % 2:
                one.recv(64)
    deadline = time.monotonic() + 60
    while (after := len(list(folder.iterdir()))) > before and time.monotonic() < deadline:
        time.sleep(0.1)  # until the last of them is noticed
    return before, after, rss_kib(larder.daemon.process.pid)


def main():
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--watchers", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=0, help="bytes a second at most; 125000000 is a line of 1 Gbit/s")
    options = parser.parse_args()
    harness.TIMEOUT = 3600
    work = Path(tempfile.mkdtemp(prefix="larder-bench-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    kinds = {"nobody": (0, False), "readers": (options.watchers, False), "deaf": (options.watchers // 5, True)}
    rounds = {kind: [] for kind in kinds}
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, work)
        program = build_watchers(work)
        files = stack.enter_context(Files(FILES, work))
        origin = stack.enter_context(Origin(files, work, None, None))
        warm(work, FILES.total)
        larder = BenchLarder(work / "larder", origin.endpoint, flavour=options.build.name.split("-")[0],
                             LARDER_BANDWIDTH_LIMIT=options.rate, LARDER_EVENT_CLIENTS=65536, LARDER_EVENT_CLIENTS_EACH=1000)
        larder.web_connections = 4 * options.watchers
        larder.start()
        stack.callback(larder.stop)
        for number in range(options.rounds):
            for kind in random.sample(list(kinds), len(kinds)):
                figures = one_round(program, larder, origin, *kinds[kind])
                rounds[kind].append(figures)
                say(f"  {number + 1}/{options.rounds} {kind:8} " + " ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        opened, left, rss = cycle(larder, CYCLES)
    keys = ("wall_s", "cpu_cores", "rss_mib", "p50_ms", "p99_ms", "max_ms", "ended", "behind", "deliveries")
    result = [{"watchers": kinds[kind][0], "kind": kind, **{key: median(rounds[kind], key) for key in keys}}
              for kind in kinds]
    quiet = result[0]
    for row in result[1:]:
        row["cpu_cores_more"] = round(row["cpu_cores"] - quiet["cpu_cores"], 4)
        row["slower"] = round(row["wall_s"] / quiet["wall_s"] - 1, 4)
    result.append({"kind": "cycles", "cycles": CYCLES, "descriptors_before": opened, "descriptors_after": left,
                   "rss_mib": round(rss / 1024, 2)})
    (ROOT / "build/bench-events.json").write_text(json.dumps(result, indent=1) + "\n")
    for row in result:
        print(json.dumps(row))
    print("bars:", json.dumps(BARS))


if __name__ == "__main__":
    main()
