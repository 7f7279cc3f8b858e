"""A disk larger than memory, for files of zeros: a zram device with ext4 on it, which is told of and not kept.

zram notes a page that repeats one value as that value, so a hundred gigabytes of zeros take nothing but the device's own
table (16 bytes a page). The program that writes them notices no difference: page cache, write-back and fdatasync are real.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

CONTROL = Path("/sys/class/zram-control")
SPARE = 4 << 30  # for the file system's own


def is_there():
    """Root, a kernel with zram, and mkfs."""
    return os.geteuid() == 0 and CONTROL.exists() and shutil.which("mkfs.ext4", path="/usr/sbin:/sbin") is not None


class Zram:
    """Use as a context manager; `mount_words` are for mount(8)."""

    def __init__(self, size):
        self.size = size
        self.number = None

    @property
    def mount_words(self):
        """What to mount, without where."""
        return f"-t ext4 /dev/zram{self.number}"

    def __enter__(self):
        self.number = int((CONTROL / "hot_add").read_text())
        try:
            Path(f"/sys/block/zram{self.number}/disksize").write_text(str(self.size + SPARE))
            mkfs = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin")
            subprocess.run([mkfs, "-q", "-T", "largefile4", "-m", "0", f"/dev/zram{self.number}"], check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for _ in range(100):  # the mount goes with its namespace, a moment after larderd
            try:
                (CONTROL / "hot_remove").write_text(str(self.number))
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"zram{self.number} is still in use: echo {self.number} > {CONTROL}/hot_remove")
