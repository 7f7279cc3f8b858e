"""Repos, commits and files, with the ids that git would give them."""

import hashlib
import posixpath
import re
import threading
from dataclasses import dataclass, field
from functools import cached_property

from .content import Bytes, Content

TYPES = ("model", "dataset", "space")
_LFS_NAMES = re.compile(r"\.(gguf|safetensors|bin|onnx|pt|pth|parquet|zip|gz|npz|h5|msgpack|ot)$")
_LFS_FROM = 10 * 1024 * 1024


def as_content(data):
    """Text and bytes as a `Content`; a `Content` as it is."""
    return data if isinstance(data, Content) else Bytes(data)


class Entry:
    """One file of one commit."""

    def __init__(self, path, data, lfs=None):
        self.path = path
        self.content = as_content(data)
        self.lfs = bool(_LFS_NAMES.search(path)) or self.content.size >= _LFS_FROM if lfs is None else lfs

    @property
    def size(self):
        """The size of the content."""
        return self.content.size

    @cached_property
    def pointer(self):
        """The text that git stores in place of an LFS file."""
        text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.content.sha256}\nsize {self.size}\n"
        return Bytes(text)

    @property
    def oid(self):
        """The git blob id: of the pointer for an LFS file, of the content for any other."""
        return self.pointer.git_sha1 if self.lfs else self.content.git_sha1

    @property
    def etag(self):
        """The hash by which the Hub names the content: SHA-256 for LFS, the git blob id otherwise."""
        return self.content.sha256 if self.lfs else self.content.git_sha1


class Commit:
    """An immutable set of files."""

    def __init__(self, entries, parent=None, title="Upload", date="2026-03-04T05:06:07.000Z", stamp=1772600767):
        self.entries = {entry.path: entry for entry in entries}
        self.parent, self.title, self.date, self._stamp = parent, title, date, stamp
        self._listings = {}
        self._lock = threading.RLock()

    @cached_property
    def id(self):
        """The git commit id."""
        who = f"acme <acme@example.invalid> {self._stamp} +0000"
        parent = f"parent {self.parent.id}\n" if self.parent else ""
        text = f"tree {self.directories['']}\n{parent}author {who}\ncommitter {who}\n\n{self.title}\n".encode()
        return hashlib.sha1(b"commit %d\0" % len(text) + text).hexdigest()

    @cached_property
    def directories(self):
        """Each directory's path (the root is '') and its git tree id."""
        children = {"": {}}
        for path, entry in self.entries.items():
            above = posixpath.dirname(path)
            children.setdefault(above, {})[posixpath.basename(path)] = (b"100644", entry.oid)
            while above.strip("/"):
                over = posixpath.dirname(above)
                children.setdefault(over, {})
                above = over
        ids = {}
        for path in sorted(children, key=lambda name: (name.count("/"), len(name)), reverse=True):
            rows = [(name, mode, oid) for name, (mode, oid) in children[path].items()]
            for below, oid in ids.items():
                if below != path and posixpath.dirname(below) == path:
                    rows.append((posixpath.basename(below), b"40000", oid))
            rows.sort(key=lambda row: row[0] + ("/" if row[1] == b"40000" else ""))
            tree = b"".join(
                mode + b" " + name.encode("utf-8", "surrogateescape") + b"\0" + bytes.fromhex(oid)
                for name, mode, oid in rows
            )
            ids[path] = hashlib.sha1(b"tree %d\0" % len(tree) + tree).hexdigest()
        return ids

    def history(self):
        """This commit and those before it, newest first."""
        commit = self
        while commit:
            yield commit
            commit = commit.parent

    def listing(self, directory, recursive):
        """Files (`Entry`) and directories (their path) below a directory in the order of the tree API, or None."""
        with self._lock:
            key = directory, recursive
            if key not in self._listings:
                self._listings[key] = self._list(directory, recursive)
            return self._listings[key]

    def _list(self, directory, recursive):
        if directory not in self.directories:
            return None
        prefix = directory + "/" if directory else ""

        def wanted(path):
            rest = path[len(prefix) :]
            return path.startswith(prefix) and path != directory and (recursive or "/" not in rest.strip("/"))

        found = sorted(path for path in self.directories if path.strip("/") and wanted(path))
        return found + sorted((e for path, e in self.entries.items() if wanted(path)), key=lambda e: e.path)


@dataclass
class Repo:
    """A repo with its refs and the facts that the info calls tell."""

    id: str
    type: str = "model"
    branches: dict = field(default_factory=dict)
    tags: dict = field(default_factory=dict)
    pull_requests: dict = field(default_factory=dict)
    converts: dict = field(default_factory=dict)
    gated: object = False
    private: bool = False
    disabled: bool = False
    labels: list = field(default_factory=list)
    card: dict = field(default_factory=dict)
    pipeline: str = ""
    library: str = ""
    downloads: int = 0
    likes: int = 0
    created: str = "2026-01-02T03:04:05.000Z"
    facts: dict = field(default_factory=dict)

    @property
    def author(self):
        """The user or organisation that owns the repo."""
        return self.id.split("/")[0]

    @property
    def parameters(self):
        """How many the model has, as far as its facts tell."""
        return max(self.facts.get(kind, {}).get("total", 0) for kind in ("gguf", "safetensors"))

    @property
    def internal_id(self):
        """The opaque `_id`."""
        return hashlib.sha256(f"{self.type} {self.id}".encode()).hexdigest()[:24]

    @property
    def key(self):
        """The repo id as tests name it: with the type in front unless it is a model."""
        return self.id if self.type == "model" else f"{self.type}s/{self.id}"

    def commits(self):
        """Every commit that a ref reaches."""
        seen = {}
        for refs in (self.branches, self.tags, self.pull_requests, self.converts):
            for tip in refs.values():
                for commit in tip.history():
                    seen[id(commit)] = commit
        return seen.values()

    def find(self, revision):
        """The commit that a revision names, or None."""
        if revision == "HEAD":
            revision = "main"
        for prefix, refs in (
            ("", self.branches),
            ("", self.tags),
            ("refs/heads/", self.branches),
            ("refs/tags/", self.tags),
            ("refs/pr/", self.pull_requests),
            ("refs/convert/", self.converts),
        ):
            if revision.startswith(prefix) and revision[len(prefix) :] in refs:
                return refs[revision[len(prefix) :]]
        if re.fullmatch(r"[0-9a-f]{7,40}", revision):
            found = [commit for commit in self.commits() if commit.id.startswith(revision)]
            if len(found) == 1:
                return found[0]
        return None


class Store:
    """All repos of a stand-in Hub, found by id in any case and by former names."""

    def __init__(self):
        self._repos = {}
        self._aliases = {}

    def add(self, repo):
        """Put a repo in, in place of one with the same id."""
        self._repos[repo.type, repo.id.lower()] = repo
        return repo

    def alias(self, name, target, type="model"):
        """Let a legacy or former name lead to a repo."""
        self._aliases[type, name.lower()] = target

    def find(self, type, name):
        """The repo and whether `name` is its exact id; (None, False) when there is none."""
        target = self._aliases.get((type, name.lower()), name)
        repo = self._repos.get((type, target.lower()))
        return repo, bool(repo) and repo.id == name

    def get(self, key):
        """The repo of a key such as `acme/x` or `datasets/acme/x`; KeyError when there is none."""
        head, _, rest = key.partition("/")
        if head in ("datasets", "spaces") and "/" in rest:
            return self._repos[head[:-1], rest.lower()]
        return self._repos["model", key.lower()]

    def all(self, type):
        """The repos of one type, by id."""
        return sorted((repo for repo in self._repos.values() if repo.type == type), key=lambda repo: repo.id)
