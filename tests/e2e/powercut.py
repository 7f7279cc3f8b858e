"""What a machine that lost its power finds on its disk: tests/preload/powercut.c has written down what larderd changed,
and here what no sync covers is undone.

How a disk may be found (the rules are those of the file systems that people have: ext4, XFS, Btrfs):

- bytes that were written, or a size that was set, after the last successful sync of the file began: any part of that may
  be there or not, each write by itself;
- a new, removed or changed name is there for good once its folder was synced, and a new file's name once the file was;
  of the others the first so many are there, since they reach the disk in their order;
- a folder stays as long as something in it does.
"""

import collections
import os
import shutil
import struct
from pathlib import Path

WRITE, TRUNCATE, SYNC_BEGUN, SYNCED, CREATE, MKDIR, RENAME, LINK, UNLINK = range(9)
_RECORD = struct.Struct("=IIQQQQIIQ")  # struct record of powercut.c

Record = collections.namedtuple("Record", "kind thread ino dir at old_size old new kept")


class PowerCut:
    """Larder's disk with its switch. Make it before larderd starts; pull() when larderd was killed."""

    def __init__(self, larder):
        self.log = larder.folder / "powercut.log"
        self.kept = larder.folder / "powercut.log.kept"
        self.roots = [Path(larder.env[name]) for name in ("LARDER_MODELS_DIR", "LARDER_STATE_DIR")]
        for root in self.roots:
            root.mkdir(parents=True, exist_ok=True)
        larder.preload("powercut", LARDER_POWERCUT_LOG=self.log, LARDER_POWERCUT_ROOTS=":".join(map(str, self.roots)))

    def pull(self, rng=None):
        """Undoes all that no sync covers, or as much of it as `rng` decides: how many changes there were, and how many
        are undone."""
        records = read_log(self.log)
        lost = [record for record, is_safe in zip(records, safety(records), strict=True) if not is_safe]
        data = [record for record in lost if record.kind in (WRITE, TRUNCATE)]
        names = [record for record in lost if record.kind in (CREATE, MKDIR, RENAME, LINK, UNLINK)]
        kept = [record for record in data if rng and rng.random() < 0.5]
        names = names[rng.randint(0, len(names)) if rng else 0:]
        self._undo_data(data, kept)
        for record in reversed(names):
            self._undo_name(record)
        self.log.unlink(missing_ok=True)
        shutil.rmtree(self.kept, ignore_errors=True)
        for memory in self.roots[1].glob("*-shm"):  # SQLite makes it anew, whatever is in it
            memory.unlink()
        return len(records), len(data) - len(kept) + len(names)

    def _files(self):
        """Every file by its inode, also those that have lost their last name."""
        found = {}
        for root in (*self.roots, self.kept):
            for folder, _, names in os.walk(root):
                for name in names:
                    path = os.path.join(folder, name)
                    found[os.lstat(path).st_ino] = path
        return found

    def _undo_data(self, lost, kept):
        files = self._files()
        for record in reversed(lost):
            with open(files[record.ino], "r+b", buffering=0) as file:
                file.truncate(record.old_size)
                os.pwrite(file.fileno(), record.old, record.at)
        for record in kept:
            with open(files[record.ino], "r+b", buffering=0) as file:
                if record.kind == TRUNCATE:
                    file.truncate(record.at)
                else:
                    os.pwrite(file.fileno(), record.new, record.at)

    def _undo_name(self, record):
        path = record.old.decode()
        if record.kind in (CREATE, LINK) and ino_of(path) == record.ino:
            os.unlink(path)
        elif record.kind == MKDIR and not os.listdir(path):
            os.rmdir(path)
        elif record.kind == RENAME and ino_of(record.new.decode()) == record.ino:
            os.rename(record.new.decode(), path)
            if record.kept:
                os.link(self.kept / str(record.kept), record.new.decode())
        elif record.kind == UNLINK and record.kept and ino_of(path) is None:
            os.link(self.kept / str(record.kept), path)


def ino_of(path):
    """The inode that has this name, or None."""
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return None


def read_log(path):
    """All records; the kill may have cut the last one short, then what it tells of has not happened."""
    text = path.read_bytes() if path.exists() else b""
    records, at = [], 0
    while at + _RECORD.size <= len(text):
        kind, thread, ino, folder, offset, old_size, n_old, n_new, kept = _RECORD.unpack_from(text, at)
        at += _RECORD.size + n_old + n_new
        if at <= len(text):
            old, new = text[at - n_old - n_new:at - n_new], text[at - n_new:at]
            records.append(Record(kind, thread, ino, folder, offset, old_size, old, new, kept))
    return records


def safety(records):
    """For each record whether a sync covers it."""
    begun, synced = {}, {}  # (thread, inode) and inode to a place in the log
    for place, record in enumerate(records):
        if record.kind == SYNC_BEGUN:
            begun[record.thread, record.ino] = place
        elif record.kind == SYNCED:
            synced[record.ino] = max(begun[record.thread, record.ino], synced.get(record.ino, -1))
    for place, record in enumerate(records):
        inodes = {WRITE: [record.ino], TRUNCATE: [record.ino], CREATE: [record.ino, record.dir]}.get(record.kind, [record.dir])
        yield record.kind in (SYNC_BEGUN, SYNCED) or any(synced.get(ino, -1) > place for ino in inodes)
