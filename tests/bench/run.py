"""How long one big file takes, beside other clients, in one run: the median of five and the ratio.

    run.py BUILD_DIR [--rounds N] [--mib N]

The stand-in Hub serves a file that is computed on the fly from a temporary directory in memory; each client ends
with the file proven: larderd by itself, curl with sha256sum after it, `hf download` by size only, as it does. Figures also
go to build/bench.json. Nothing here is a test: it asserts that the bytes are right, never a time.
"""

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/e2e")]

from harness import Larder, Program  # noqa: E402
from hub import StandInHub  # noqa: E402

REPO = "acme/big-1"


def in_memory():
    """A temporary directory on tmpfs where there is one."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


def cpu_of(pid):
    """CPU seconds of a living process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def larder(hub, name, expected, flavour):
    """larderd alone, asked over its control socket."""
    with in_memory() as folder:
        client = Larder(folder, hub.endpoint, flavour=flavour)
        client.start_daemon()
        begin, cpu = time.monotonic(), cpu_of(client.daemon.process.pid)
        identity = client.rpc("download.create", {"repo": REPO})["result"]["id"]
        done = client.wait(identity)
        seconds, used = time.monotonic() - begin, cpu_of(client.daemon.process.pid) - cpu
        assert done["state"] == "completed", done
        rss = int(next(line for line in Path(f"/proc/{client.daemon.process.pid}/status").read_text().splitlines()
                       if line.startswith("VmHWM")).split()[1])
        client.stop_daemon()
        return {"seconds": seconds, "cpu_seconds": used, "peak_rss_kib": rss}


def command(argv, env=None):
    """Another client, as a child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    seconds = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def curl(hub, name, expected, flavour):
    with in_memory() as folder:
        url = f"{hub.endpoint}/{REPO}/resolve/main/{name}"
        return command(["sh", "-c", f"curl -sSfL -o '{folder}/f' '{url}' && echo '{expected}  {folder}/f' | sha256sum -c -"])


def hf(hub, name, expected, flavour):
    with in_memory() as folder:
        env = {"PATH": os.environ["PATH"], "HF_ENDPOINT": hub.endpoint, "HF_HOME": f"{folder}/home",
               "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1"}
        figures = command([str(ROOT / "build/venv/bin/hf"), "download", REPO, "--local-dir", f"{folder}/d"], env)
        assert hashlib.file_digest(open(f"{folder}/d/{name}", "rb"), "sha256").hexdigest() == expected
        return figures


def main():
    """Rounds of all clients in turn, so that the machine's mood hits each alike."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024)
    options = parser.parse_args()
    flavour = options.build.name.split("-")[0]
    clients = {"larderd": larder, "curl + sha256sum": curl, "hf download": hf}
    rounds = {name: [] for name in clients}
    with in_memory() as folder:
        hub = Program("hub", [sys.executable, "-m", "tests.hub", "--set", "all", "--big-size", str(options.mib << 20),
                              "--ready", f"{folder}/ready", "--cache", str(ROOT / "build/hub-cache")],
                      {**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            bench(hub, Path(folder), options, clients, rounds, flavour)
        finally:
            hub.end()


class Endpoint:
    """Where the stand-in Hub of another process is."""

    def __init__(self, ready):
        self.endpoint = json.loads(ready)["endpoint"]


def bench(program, folder, options, clients, rounds, flavour):
    """Measures and prints."""
    ready = folder / "ready"
    while not ready.exists():
        if program.process.poll() is not None:
            raise SystemExit("the stand-in Hub ended:\n" + "\n".join(program.lines))
        select_tick()
    hub = Endpoint(ready.read_text())
    listing = json.loads(subprocess.run(["curl", "-sSf", f"{hub.endpoint}/api/models/{REPO}/tree/main?recursive=true"],
                                        check=True, capture_output=True).stdout)
    big = max((f for f in listing if "lfs" in f), key=lambda f: f["size"])
    for _ in range(options.rounds):
        for name, client in clients.items():
            rounds[name].append(client(hub, big["path"], big["lfs"]["oid"], flavour))
    figures = {name: {key: statistics.median(r[key] for r in done) for key in done[0]} for name, done in rounds.items()}
    base = figures["larderd"]["seconds"]
    print(f"{options.mib} MiB, median of {options.rounds}:")
    for name, figure in figures.items():
        rate = options.mib / figure["seconds"]
        print(f"  {name:18} {figure['seconds']:7.2f} s  {rate:7.0f} MiB/s  {figure['cpu_seconds']:6.2f} CPU s"
              f"  {figure['seconds'] / base:5.2f} x larderd")
    print(f"  larderd's peak memory: {figures['larderd']['peak_rss_kib'] / 1024:.0f} MiB")
    (ROOT / "build/bench.json").write_text(json.dumps(figures, indent=1))


def select_tick():
    """A short wait for the ready file; this is a benchmark's start, not a test's synchronisation."""
    time.sleep(0.05)


if __name__ == "__main__":
    main()
