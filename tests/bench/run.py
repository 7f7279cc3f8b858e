"""Larder beside other tools: the same files from the same origin, in one run, in memory.

    run.py BUILD_DIR [--rounds N] [--quick] [--rows GLOB,...] [--tools GLOB,...] [--huge [GIB]] [--write-docs]

Prints a table for each row with the bars that larderd should clear; figures also go to build/bench.json. Nothing here is
a test: it fails when bytes are wrong or a tool does, never over a time. What is measured is in rows.py, how in measure.py,
by which commands in tools.py, what they fetch from in origin.py and line.py. docs/BENCHMARKS.md says it all in prose.
"""

import argparse
import contextlib
import fnmatch
import os
import random
import re
import shutil
import signal
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

import harness  # noqa: E402
import report  # noqa: E402
import rows as what  # noqa: E402
import tools as how  # noqa: E402
import zram  # noqa: E402
from origin import Authority, Files, Origin, origin_version  # noqa: E402

GIB = 1 << 30
MEMORY = "/dev/shm"
LOAD_MAX = 0.5  # of others, before the start


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, help="rounds over all tools (5; 1 with --quick)")
    parser.add_argument("--quick", action="store_true", help="smaller files")
    parser.add_argument("--rows", default="*", help="globs of rows, with commas: one-*,capped")
    parser.add_argument("--tools", default="*", help="globs of tools, with commas: larder,aria2c*")
    parser.add_argument("--huge", type=int, nargs="?", const=100, default=0, metavar="GIB",
                        help="also files of zeros, of 1 GiB and so many (100), for larderd's memory")
    parser.add_argument("--write-docs", action="store_true", help="write docs/BENCHMARKS.md")
    options = parser.parse_args()
    if options.write_docs and (options.rows, options.tools) != ("*", "*"):
        parser.error("--write-docs is for all rows and tools")
    options.build = options.build.resolve()
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def chosen(name, globs):
    """Is it one of those asked for?"""
    return any(fnmatch.fnmatch(name, glob) for glob in globs.split(","))


def say(text):
    """Tells what goes on."""
    print(text, file=sys.stderr, flush=True)


def fetch_once(tool, row, origin, work, is_first):
    """One tool, one round: its Usage. Nothing of it is left."""
    folder = work / "got" / "in"
    folder.mkdir(parents=True)
    try:
        if row.is_on_zram:
            with zram.Zram(row.files.total) as disk:
                return tool.fetch(origin, folder, disk.mount_words)
        usage = tool.fetch(origin, folder)
        how.check(tool, origin, folder, is_first)
        return usage
    finally:
        shutil.rmtree(folder.parent)


def figure(row, tool, usages):
    """The medians of a tool's rounds, as in bench.json."""
    def median(key):
        values = [getattr(usage, key) for usage in usages if getattr(usage, key) is not None]
        return statistics.median(values) if values else None

    tail = median("tail_s")
    result = {
        "row": row.id,
        "tool": tool.name,
        "proven": tool.proves,
        "wall_s": round(median("wall_s"), 4),
        "cpu_s_per_gib": round(median("cpu_s") / (row.files.total / GIB), 4),
        "rss_mib": round(median("rss_kib") / 1024, 2),
        "tail_ms": None if tail is None or not tool.proves else round(tail * 1000, 1),
    }
    if row.line and tool.name == "larder":
        result["connections"] = median("connections")
    return result


def warm(work, size):
    """Touches as much memory as a download will take: what a virtual machine has not used yet, it gets slowly."""
    path = work / "warm"
    block = bytes(16 << 20)
    with path.open("wb") as out:
        for _ in range(0, size, len(block)):
            out.write(block)
    path.unlink()


def measure_row(row, tools, work, authority, rounds):
    """All rounds of one row: its figures by (row, tool)."""
    usages = {tool.name: [] for tool in tools if tool.name in row.tools}
    with Files(row.files, work) as files, Origin(files, work, authority if row.is_tls else None, row.line) as origin:
        if not row.files.is_sparse:
            warm(work, row.files.total)
        for number in range(rounds):
            turn = [tool for tool in tools if tool.name in usages and (number == 0 or tool.name not in row.once)]
            for tool in random.sample(turn, len(turn)):
                usage = fetch_once(tool, row, origin, work, is_first=number == 0)
                usages[tool.name].append(usage)
                say(f"  {row.id:12} {number + 1}/{rounds} {tool.name:16} {usage.wall_s:8.2f} s")
    return {(row.id, tool.name): figure(row, tool, usages[tool.name]) for tool in tools if usages.get(tool.name)}


def room_for(row, work):
    """Is there memory for the set and one download of it?"""
    needed = 0 if row.files.is_sparse else 2 * row.files.total + GIB // 2
    available = int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1)) << 10
    return min(available, shutil.disk_usage(work).free) >= needed


def measure_all(options, tools, work):
    """Every row that was asked for and is possible here: (rows, figures)."""
    done, figures = [], {}
    authority = Authority(work)
    for row in what.rows(options.quick, options.huge):
        if not chosen(row.id, options.rows) or not any(tool.name in row.tools for tool in tools):
            continue
        if row.is_on_zram and not zram.is_there():
            say(f"  {row.id}: left out; it takes root, zram in the kernel, and mkfs.ext4")
            continue
        if not room_for(row, work):
            say(f"  {row.id}: left out; it takes twice its {row.files.total >> 20} MiB of memory")
            continue
        say(f"{row.id}: {row.title}")
        figures |= measure_row(row, tools, work, authority, options.rounds)
        done.append(row)
    return done, figures


def main():
    """Measures, prints, writes."""
    options = arguments()
    harness.TIMEOUT = 3600  # a stream here may last as long as a slow line makes it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    tools = [tool for tool in (kind(options) for kind in how.TOOLS.values())
             if chosen(tool.name, options.tools) and tool.is_there()]
    load = os.getloadavg()[0]
    if load > LOAD_MAX:
        say(f"the machine is busy (load {load:.1f}): these figures will be of it, too")
    versions = dict.fromkeys([*(tool.version() for tool in tools), origin_version()])
    with contextlib.ExitStack() as stack:
        folder = tempfile.mkdtemp(prefix="larder-bench-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
        stack.callback(shutil.rmtree, folder)
        done, figures = measure_all(options, tools, Path(folder))
    bars = what.bars(done, figures)
    body = report.text(done, figures, bars, options, versions, load)
    print(body)
    report.save_json(ROOT / "build/bench.json", figures)
    if options.write_docs:
        (ROOT / "docs/BENCHMARKS.md").write_text(report.document(body))


if __name__ == "__main__":
    main()
