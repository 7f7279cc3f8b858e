"""What files are made of: bytes that can be read at any offset without holding a whole file in memory.

A `Content` knows its size, yields the bytes of any half-open range in pieces, and tells its two hashes: SHA-256 (what
the Hub publishes for LFS files) and the git blob SHA-1 (what it publishes for the rest). Hashes are computed on first
use; those of large contents are remembered on disk between runs.
"""

import bisect
import hashlib
import itertools
import json
import os
import threading
from pathlib import Path

PIECE = 256 * 1024
REMEMBER_FROM = 64 * 1024 * 1024


class HashMemory:
    """A small file that remembers the hashes of large contents, so that a restart does not compute them again.

    Losing the file costs time and nothing else, so every failure to read or write it is passed over.
    """

    def __init__(self, path=None):
        self._path = Path(path) if path else None
        self._lock = threading.Lock()
        self._known = None

    def get(self, key, compute):
        """The remembered value of `key`, else what `compute()` returns, which is then remembered."""
        with self._lock:
            known = self._load()
            if key not in known:
                known[key] = compute()
                self._save()
            return known[key]

    def _load(self):
        if self._known is None:
            self._known = {}
            try:
                stored = json.loads(self._path.read_text("utf-8")) if self._path else {}
                if isinstance(stored, dict):
                    self._known.update((k, v) for k, v in stored.items() if isinstance(v, str))
            except (OSError, ValueError):
                pass
        return self._known

    def _save(self):
        if not self._path:
            return
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(self._known, indent=1, sort_keys=True), "utf-8")
            temporary.replace(self._path)
        except OSError:
            pass


class Content:
    """The bytes of one file."""

    size = 0
    memory = None

    def __init__(self):
        self._hashes = {}
        self._lock = threading.Lock()

    def pieces(self, start, end):
        """Yield bytes-like pieces that make up [start, end); each is at most `PIECE` long."""
        raise NotImplementedError

    def identity(self):
        """A text that names the bytes for good, or None when only the bytes themselves can."""
        return None

    def read(self, start=0, end=None):
        """The bytes of [start, end) in one object; for small contents and short ranges."""
        return b"".join(self.pieces(start, self.size if end is None else min(end, self.size)))

    @property
    def sha256(self):
        """The SHA-256 of the content, in hex."""
        return self._hash("sha256", lambda: self._digest(hashlib.sha256()))

    @property
    def git_sha1(self):
        """The id that git gives the content as a blob, in hex."""
        return self._hash("git-sha1", lambda: self._digest(hashlib.sha1(b"blob %d\0" % self.size)))

    def _hash(self, name, compute):
        with self._lock:
            if name not in self._hashes:
                identity = self.identity()
                if self.memory and identity and self.size >= REMEMBER_FROM:
                    self._hashes[name] = self.memory.get(f"{name} {identity}", compute)
                else:
                    self._hashes[name] = compute()
            return self._hashes[name]

    def _digest(self, digest):
        for piece in self.pieces(0, self.size):
            digest.update(piece)
        return digest.hexdigest()


class Bytes(Content):
    """A content that is held in memory."""

    def __init__(self, data):
        super().__init__()
        self._data = data.encode("utf-8") if isinstance(data, str) else bytes(data)
        self.size = len(self._data)

    def pieces(self, start, end):
        view = memoryview(self._data)
        for at in range(start, end, PIECE):
            yield view[at : min(at + PIECE, end)]


class Noise(Content):
    """Pseudo-random bytes of any length, made block by block and never stored.

    A block is a digest of (seed, block number) followed by a stretch of one shared pool; where the stretch begins
    depends on that digest. So each block differs from each other one, a block that lands at a wrong offset is
    noticed, and serving a range costs no more than slicing.
    """

    BLOCK = PIECE
    _POOL = hashlib.shake_256(b"larder stand-in hub").digest(2 * BLOCK)

    def __init__(self, seed, size, memory=None):
        super().__init__()
        self._seed = seed.encode("utf-8")
        self.size = size
        self.memory = memory

    def identity(self):
        return f"noise-1 {self._seed.decode()} {self.size}"

    def pieces(self, start, end):
        while start < end:
            number, skip = divmod(start, self.BLOCK)
            tag = hashlib.blake2b(self._seed + b" %d" % number, digest_size=32).digest()
            if skip < len(tag):
                piece = memoryview(tag)[skip:]
            else:
                shift = int.from_bytes(tag[:4], "little") % self.BLOCK
                piece = memoryview(self._POOL)[shift + skip : shift + self.BLOCK]
            piece = piece[: end - start]
            yield piece
            start += len(piece)


class Joined(Content):
    """Several contents, one after the other."""

    def __init__(self, parts, memory=None):
        super().__init__()
        self._parts = [part for part in parts if part.size]
        self._ends = list(itertools.accumulate(part.size for part in self._parts))
        self.size = self._ends[-1] if self._ends else 0
        self.memory = memory

    def pieces(self, start, end):
        at = bisect.bisect_right(self._ends, start)
        while start < end:
            part, part_end = self._parts[at], self._ends[at]
            base = part_end - part.size
            stop = min(end, part_end)
            yield from part.pieces(start - base, stop - base)
            start, at = stop, at + 1


class OnDisk(Content):
    """A regular file of this machine."""

    def __init__(self, path, memory=None):
        super().__init__()
        self._path = Path(path)
        self._stat = self._path.stat()
        self.size = self._stat.st_size
        self.memory = memory

    def identity(self):
        return f"file {self._path.name} {self._stat.st_ino} {self.size} {self._stat.st_mtime_ns}"

    def pieces(self, start, end):
        with open(self._path, "rb", buffering=0) as file:
            file.seek(start)
            while start < end:
                piece = file.read(min(PIECE, end - start))
                if not piece:
                    raise OSError(f"{self._path} has become shorter")
                yield piece
                start += len(piece)
