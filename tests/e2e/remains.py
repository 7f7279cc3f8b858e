"""What a dead larderd has left of one download: in its database, and on the disk. And whether the one is true of the other."""

import base64
import bisect
import collections
import hashlib
import re
import shutil
import sqlite3


class Remains:
    """The files of a download by their paths, as the database has them. Reads a copy, so that looking changes nothing."""

    def __init__(self, larder, repo):
        self.folder = larder.models / repo
        self.trash = [folder / repo for folder in (larder.models / ".larder/trash").glob("*")]
        copy = larder.folder / "copy"
        copy.mkdir()
        for path in (larder.folder / "state").glob("larder.db*"):
            shutil.copy(path, copy)
        with sqlite3.connect(copy / "larder.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            self.states = dict(db.execute("SELECT id, state FROM jobs"))  # of all downloads
            rows = db.execute("SELECT n, path, digest, state, bytes_done FROM files").fetchall()
            extents = db.execute("SELECT n, first, length FROM extents ORDER BY n, first").fetchall()
        db.close()
        shutil.rmtree(copy)
        self.rows = {path: (digest, state, bytes_done) for _, path, digest, state, bytes_done in rows}
        names = {number: path for number, path, *_ in rows}
        self.extents = collections.defaultdict(list)  # path to [(first, end)]
        for number, first, length in extents:
            self.extents[names[number]].append((first, first + length))
        for path, (_, state, bytes_done) in self.rows.items():
            if state != "done":
                assert bytes_done == sum(end - first for first, end in self.extents[path]), path

    @property
    def recorded(self):
        """Durable bytes of all files."""
        return sum(bytes_done for _, _, bytes_done in self.rows.values())

    def holds(self, path, first, end):
        """Is any byte of [first, end) recorded?"""
        if self.rows.get(path, (None, None, 0))[1] == "done":
            return True
        extents = self.extents.get(path, [])
        place = bisect.bisect_left(extents, (end,))
        return place > 0 and extents[place - 1][1] > first

    def check(self, files, mine):
        """`files` is what the Hub has and `mine` what the user had: path to bytes. Nobody finds other bytes under a name,
        nothing of the user's is lost, what is recorded is there."""
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if path.is_file() and not name.startswith(".cache/"):
                assert path.read_bytes() in (files[name], mine.get(name)), f"{name} has its name and wrong bytes"
        for name, content in mine.items():
            places = [self.folder / name] + [folder / name for folder in self.trash]
            assert any(place.exists() and place.read_bytes() == content for place in places), f"the user's {name} is lost"
        for name, (digest, state, _) in self.rows.items():
            if (self.folder / name).exists() and (self.folder / name).stat().st_size == len(files[name]) \
                    and (self.folder / name).read_bytes() == files[name]:
                continue
            assert state != "done", f"{name} is recorded as done, and is not there"
            if self.extents[name]:
                self._check_partial(name, digest, files[name])

    def _check_partial(self, name, digest, content):
        folder, _, base = name.rpartition("/")
        short = base64.urlsafe_b64encode(hashlib.sha1(f"{base}.metadata".encode()).digest()).decode()  # HUB-API 8.2
        partial, = (self.folder / ".cache/huggingface/download" / folder).glob(f"{short}.{digest}.*.incomplete")
        with partial.open("rb") as file:
            for first, end in self.extents[name]:
                file.seek(first)
                assert file.read(end - first) == content[first:end], f"{name}: {first}-{end} is recorded and not there"


Asked = collections.namedtuple("Asked", "path first end sent")


def asked(hub, repo):
    """The bytes of a repo's files that any origin was asked for, and how many of these it sent."""
    found = []
    for request in hub.requests():
        names = [name for name in request["names"] if name.startswith(f"{repo}/")]
        span = re.fullmatch(r"bytes=(\d+)-(\d+)", request["range"] or "")
        if names and span and request["status"] in (200, 206):
            path = names[0].removeprefix(f"{repo}/")
            found.append(Asked(path, int(span[1]), int(span[2]) + 1, request["sent"]))
    return found
