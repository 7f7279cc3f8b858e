"""The stand-in Hub as a whole: two listeners, a store, faults, a journal and a control interface."""

import os
import ssl
import sys
from pathlib import Path

from . import control, fixtures
from .cdn import Cdn
from .content import HashMemory
from .faults import Fault, Faults
from .hub import Hub
from .journal import Journal
from .store import Commit, Entry, Repo
from .wire import Server

OPTIONS = {
    "rate": 0,
    "direct": False,
    "repo_not_found_code": False,
    "page_size": 1000,
    "url_lifetime": 3600,
    "compress": True,
    "quotas": {},
}
BIG_SIZE = 256 * 1024 * 1024


def default_cache():
    """Where hashes of large files are remembered: the build directory of the repository."""
    return Path(__file__).resolve().parents[2] / "build" / "hub-cache"


class StandInHub:
    """A Hub and a CDN on two ports of 127.0.0.1.

    Use it as a context manager, or with `start` and `stop`; when started again it has the same ports. With `tls`, the
    paths of a certificate and its key, the Hub is at an https address; the CDN never is. Keyword arguments beyond those
    named here are `OPTIONS`.
    """

    def __init__(
        self, which="all", *, port=0, cdn_port=0, real_model=None, big_size=BIG_SIZE, cache=None, tls=None, **options
    ):
        self.options = {key: dict(value) if isinstance(value, dict) else value for key, value in OPTIONS.items()}
        self.set(**options)
        memory = HashMemory(Path(cache or default_cache()) / "hashes.json")
        self.store = fixtures.store(which, big_size, real_model, memory)
        self.faults = Faults()
        self.journal = Journal()
        self.errors = []
        self._cdn = Cdn(self)
        self._hub = Hub(self, self.store, self._cdn)
        self._servers = []
        self._ports = (port, cdn_port)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if tls:
            self._tls.load_cert_chain(*tls)
        self.endpoint = self.cdn = self.control = None

    # running

    def start(self):
        """Listen and serve."""
        try:
            self._servers.append(Server(self._ports[0], "hub", self._answer_hub, self._failed, self._tls))
            self._servers.append(Server(self._ports[1], "cdn", self._answer_cdn, self._failed))
        except OSError:
            for server in self._servers:
                server.server_close()
            self._servers.clear()
            raise
        self.endpoint, self.cdn = (server.url for server in self._servers)
        self._ports = tuple(server.server_port for server in self._servers)
        self.control = f"{self.endpoint}/_control"
        for server in self._servers:
            server.start()
        return self

    def stop(self):
        """Close everything; answers that stand still are cut."""
        for server in self._servers:
            server.stopping.set()
        self.faults.clear()
        for server in self._servers:
            server.stop()
        self._servers.clear()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def urls(self):
        """Where we listen, as the ready file tells it."""
        return {"endpoint": self.endpoint, "cdn": self.cdn, "control": self.control}

    # answering

    def _answer_hub(self, request):
        if request.path == "/_control" or request.path.startswith("/_control/"):
            return control.answer(self, request)
        self._hub.name(request)
        self.journal.open(request)
        response = self.faults.answer(request, self)
        response = self._hub.finish(request, response) if response else self._hub.answer(request)
        self.faults.change(request, response)
        return response

    def _answer_cdn(self, request):
        request.hub, request.base = self, self.cdn
        self._cdn.name(request)
        self.journal.open(request)
        response = self.faults.answer(request, self) or self._cdn.answer(request)
        self.faults.change(request, response)
        return response

    def _failed(self, text):
        self.errors.append(text)
        sys.stderr.write(text)

    # for tests

    def set(self, **options):
        """Change options of `OPTIONS` while running."""
        for name, value in options.items():
            if name not in OPTIONS:
                raise ValueError(f"no option is called {name!r}; there are: {', '.join(sorted(OPTIONS))}")
            if isinstance(value, bool) is not isinstance(OPTIONS[name], bool) or not isinstance(
                value, type(OPTIONS[name])
            ):
                raise ValueError(f"option {name} is of type {type(OPTIONS[name]).__name__}")
            self.options[name] = value

    def fault(self, name, path="*", times=None, origin=None, method=None, **params):
        """Switch a fault on; see `faults.KINDS`. The result has `hits`, `release()` and `id`."""
        return self.faults.add(Fault(name, path, times, origin, method, **params))

    def release(self):
        """Let every answer that stands still go on."""
        for fault in self.faults.all():
            fault.release()

    def requests(self, **wanted):
        """The requests seen, oldest first; filter by `path` (a glob) and any field of an entry."""
        return [entry.public() for entry in self.journal.find(**wanted)]

    def wait(self, count=1, timeout=30.0, **wanted):
        """Wait until `count` requests fit the filter; raises TimeoutError."""
        return [entry.public() for entry in self.journal.wait(count, timeout, **wanted)]

    def wait_idle(self, timeout=30.0):
        """Wait until all clients that had connected have left; for when the last of them has died."""
        for server in self._servers:
            server.wait_idle(timeout)

    def leaks(self):
        """Requests that brought a token to the CDN, or showed it in a URL."""
        return [entry.public() for entry in self.journal.leaks()]

    def clear(self):
        """Switch all faults off, forget all requests, leaks and rate limit counts."""
        self.faults.clear()
        self.clear_requests()
        self.journal.forgive()

    def clear_requests(self):
        """Forget all requests and rate limit counts; a token that leaked is not forgotten."""
        self.journal.clear()
        self._hub.limits.clear()

    def files(self, repo, revision="main"):
        """What a client should end up with: path -> size, sha256, git_sha1, lfs."""
        commit = self.store.get(repo).find(revision)
        if not commit:
            raise KeyError(revision)
        return {
            path: {
                "size": entry.size,
                "sha256": entry.content.sha256,
                "git_sha1": entry.content.git_sha1,
                "lfs": entry.lfs,
                "etag": entry.etag,
            }
            for path, entry in commit.entries.items()
        }

    def commit(self, repo, revision="main"):
        """The id of a commit."""
        return self.store.get(repo).find(revision).id

    def content(self, repo, path, revision="main"):
        """The `Content` of a file; it has `read(start, end)`, `size` and `sha256`."""
        return self.store.get(repo).find(revision).entries[path].content

    def push(self, repo, files=None, delete=(), branch="main", title="Update", lfs=None):
        """Add a commit to a branch of a repo, which is made when it is new; returns the commit id.

        `files` maps a path to text, bytes or a `Content`; `lfs` a path to whether it is an LFS file.
        """
        try:
            target = self.store.get(repo)
        except KeyError:
            head, _, rest = repo.partition("/")
            dataset = head == "datasets" and "/" in rest
            target = self.store.add(Repo(rest if dataset else repo, "dataset" if dataset else "model"))
        parent = target.branches.get(branch)
        entries = dict(parent.entries) if parent else {}
        for path in delete:
            entries.pop(path, None)
        for path, data in (files or {}).items():
            entries[path] = Entry(path, data, (lfs or {}).get(path))
        commit = Commit(entries.values(), parent, title, "2026-04-05T06:07:08.000Z", 1775369228)
        target.branches[branch] = commit
        return commit.id


def write_ready(path, text):
    """Write a file so that nobody sees a part of it."""
    temporary = Path(f"{path}.{os.getpid()}")
    temporary.write_text(text + "\n", "utf-8")
    temporary.replace(path)
