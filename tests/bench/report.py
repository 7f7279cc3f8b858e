"""The figures as a table, as JSON and as docs/BENCHMARKS.md."""

import json
import os
import platform
import re
from pathlib import Path

from rows import CAPPED_CONNECTIONS, DELAY_MS

HEAD = ("tool", "proven", "wall", "rate", "CPU s/GiB", "peak RSS", "last byte to proven")


def cells(figure, total):
    """One line of the table."""
    tail = figure["tail_ms"]
    return (figure["tool"], "yes" if figure["proven"] else "no", f"{figure['wall_s']:.2f} s",
            f"{total / figure['wall_s'] / 1e6:.0f} MB/s", f"{figure['cpu_s_per_gib']:.2f}",
            f"{figure['rss_mib']:.0f} MiB", "" if tail is None else f"{tail / 1000:.3f} s")


def markdown(lines, heads):
    """A table whose columns are aligned also where it is not rendered; the first one to the left."""
    widths = [max(len(line[i]) for line in [heads, *lines]) for i in range(len(heads))]

    def render(line):
        padded = [text.ljust(width) if i == 0 else text.rjust(width) for i, (text, width) in enumerate(zip(line, widths))]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ("-" if i == 0 else ":") for i, width in enumerate(widths)) + "|"
    return "\n".join([render(heads), rule, *map(render, lines)])


def bar_line(bar):
    """"wall / aria2c's: 0.52 x, asked at most 0.65: met"."""
    digits = 2 if bar.unit == "x" else 1 if bar.unit == "MiB" else 0
    sense = "at most" if bar.sense == "<=" else "at least"
    unit = f" {bar.unit}" if bar.unit else ""
    return (f"{bar.what}: {bar.got:.{digits}f}{unit}, asked {sense} {bar.asked:g}{unit}: "
            + ("met" if bar.is_met else "NOT met"))


def row_text(row, figures, bars):
    """A row's heading, table and bars."""
    lines = [cells(figures[row.id, tool], row.files.total) for tool in row.tools if (row.id, tool) in figures]
    text = [f"### {row.title}", "", markdown(lines, HEAD), ""]
    text += [f"- {bar_line(bar)}" for bar in bars if bar.row == row.id]
    if row.id != "shared" and (connections := figures.get((row.id, "larder"), {}).get("connections")):
        text.append(f"- connections larderd used: {connections:g}")
    return "\n".join(text) + "\n"


def machine():
    """What it ran on, without its name."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text()).group(1))
    cores = len(os.sched_getaffinity(0))
    return (f"{cores} core{'s' if cores > 1 else ''}, {model.group(1).strip() if model else platform.machine()}, "
            f"{memory / (1 << 20):.0f} GiB, {platform.system()} {platform.release()}")


METHOD = f"""
One nginx gives out real files from memory (tmpfs), plain or over TLS; everything is written to memory too, and all of it
shares the machine's cores. curl and aria2c are given the files' addresses. larderd (with its default settings) and `hf` are
given a Hub, which is the same nginx with answers made before: revision, tree, a redirect for each file. Rounds go over the
tools in a new random order each; a figure is the median of the rounds. Each result is checked: sizes always, SHA-256 at
least once. What is slow by the line's doing alone (one connection where each is capped, or far away) has one round, and so
have the zeros.

- **proven**: the tool compared each file's SHA-256. `curl+openssl` is `curl`, then `openssl dgst`; `aria2c` runs with
  `-x16 -s16 -k1M -j16 --file-allocation=none`; `curl` takes several files with `--parallel --parallel-max 16`; `hf` runs
  without Xet and looks at sizes only.
- **wall**: of a command from start to end; of larderd, which is a service, from the request until the event
  that says `completed`.
- **CPU**: user and system time of the tool itself, never the origin's.
- **peak RSS**: the kernel's high-water mark.
- **last byte to proven**: from the newest modification time of the files (the last write) until `completed`, or the end
  of `aria2c`; for `curl+openssl` it is what `openssl` took.
- **capped, shared, {DELAY_MS} ms**: a small TCP proxy of ours is between, which moves bytes with splice(2). It caps each
  connection or all together, or delays as TCP on a clean path of that round trip does, with slow start and a window of
  3 MiB a connection. "What {CAPPED_CONNECTIONS} connections can carry" is their cap times {CAPPED_CONNECTIONS}.
- **connections it settled at**, or used: the median of `connections` in larderd's progress events of the download's
  second half.
- **zeros** (with `--huge`): a file without blocks at the origin, written to a compressed memory device (zram), which
  keeps nothing of zeros: larderd does all it does for a real one.
"""


def text(done, figures, bars, options, versions, load):
    """Everything, as Markdown."""
    rounds = "One round" if options.rounds == 1 else f"Medians of {options.rounds} rounds"
    kind = ", with smaller files, which says little" if options.quick else ""
    parts = [f"{rounds}{kind}. {machine()}, load {load:.1f} before the start. "
             f"{', '.join(versions)}.\n"]
    parts += [row_text(row, figures, bars) for row in done]
    met = sum(bar.is_met for bar in bars)
    parts.append(f"{met} of {len(bars)} bars met.\n")
    return "\n".join(parts)


def document(body):
    """docs/BENCHMARKS.md."""
    return ("# Larder beside other tools\n\nWritten by `make bench BENCH_ARGS=--write-docs`; do not edit."
            f"\n\n## Method\n{METHOD}\n## Figures\n\n{body}")


def save_json(path, figures):
    """The figures for programs."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(list(figures.values()), indent=1) + "\n")
