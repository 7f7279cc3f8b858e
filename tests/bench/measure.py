"""What a run took: wall, its own CPU, peak memory, and how long after the last byte it was proven.

- Wall: of a command from just before it is started until it has ended; of larderd, which runs already, from just before
  `download.create` until its event says `completed`.
- CPU: user and system time of the command and its children (wait4), of larderd the difference of its process's CPU
  clock. Never the origin's.
- Memory: VmHWM, the kernel's own high-water mark, looked at every SAMPLE_S while a command runs (ru_maxrss would count this
  process's memory, from before the exec), and at the end for larderd.
- Last byte: the newest modification time of the files, as the kernel set it at the last write. Nothing is polled for it,
  it is the same for all tools, and it is as fine as the kernel's tick (1 to 10 ms).
"""

import dataclasses
import os
import re
import subprocess
import threading
import time
from pathlib import Path

SAMPLE_S = 0.01


@dataclasses.dataclass
class Usage:
    """What one run took; `tail_s` is None if it proves nothing. `connections` is larderd's."""

    wall_s: float
    cpu_s: float
    rss_kib: int
    tail_s: float | None = None
    connections: float | None = None


class ToolFailed(Exception):
    """A tool did not do what it was asked."""


def peak_kib(pid):
    """The most memory a living process has had, or 0 when it is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found.group(1)) if found else 0


def cpu_s(pid):
    """CPU seconds of a living process, to the nanosecond: the clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def last_write_s(paths):
    """When the last byte was written to any of them, by the wall clock."""
    return max(os.stat(path).st_mtime_ns for path in paths) / 1e9


def tail_s(paths):
    """Seconds from the last byte until now."""
    return max(0.0, time.time_ns() / 1e9 - last_write_s(paths))


def command(argv, env=None):
    """Runs a command to its end: (Usage, what it printed)."""
    begin = time.monotonic()
    process = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=env)
    seen = {"rss": 0, "text": b""}
    ended = threading.Event()

    def watch():
        while not ended.wait(SAMPLE_S):
            seen["rss"] = max(seen["rss"], peak_kib(process.pid))

    def read():
        seen["text"] = process.stdout.read()

    threads = [threading.Thread(target=watch), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    try:
        _, status, used = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    else:
        wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    text = seen["text"].decode(errors="replace")
    if process.returncode != 0:
        raise ToolFailed(f"{argv[0]} ended with {process.returncode}:\n{text[-2000:]}")
    return Usage(wall, used.ru_utime + used.ru_stime, seen["rss"]), text
