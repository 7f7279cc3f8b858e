"""What was asked of the stand-in: a bounded list of requests that tests read and wait on."""

import collections
import fnmatch
import re
import threading
import time

LIMIT = 100_000
_TOKEN = re.compile(r"\bhf_[A-Za-z]{20,}")  # no user agent has such a word


def _shows_token(request):
    """Whether the request brings a token where none belongs: to the CDN in any way, to the Hub in the URL."""
    brought = request.headers.values() if request.origin == "cdn" else ()
    return any(_TOKEN.search(text) for text in (request.target, *brought))


class Seen:
    """One request and what became of it. Holds no token."""

    def __init__(self, journal, number, request):
        self._journal = journal
        self.number, self.method, self.origin = number, request.method, request.origin
        self.target, self.path, self.names = request.raw_path, request.path, request.names
        self.query = request.raw_query if request.origin == "hub" else ""
        self.range = request.headers.get("Range")
        self.user_agent = request.headers.get("User-Agent")
        self.host = request.headers.get("Host")
        self.had_authorization = "Authorization" in request.headers
        self.status, self.sent, self.stalled, self.done, self.client_left = None, 0, False, False, False
        self.faults = []

    def begin(self, status):
        """The answer is known."""
        self._change(status=status)

    def stall(self, on):
        """The answer stands still, or goes on."""
        self._change(stalled=on)

    def end(self):
        """Nothing more will be sent."""
        self._change(done=True, stalled=False)

    def _change(self, **values):
        with self._journal.changed:
            for name, value in values.items():
                setattr(self, name, value)
            self._journal.changed.notify_all()

    def matches(self, path=None, **wanted):
        """Whether the path (a glob over all names of what was asked) and each given field fit."""
        if not all(getattr(self, name) == value for name, value in wanted.items() if value is not None):
            return False
        return path is None or any(fnmatch.fnmatchcase(name, path) for name in self.names)

    def public(self):
        """The entry as JSON shows it."""
        shown = (
            "number method origin target path query range host user_agent had_authorization status sent stalled done "
            "client_left faults"
        )
        return {name: getattr(self, name) for name in shown.split()} | {
            "names": sorted(name.encode("utf-8", "replace").decode() for name in self.names),
            "path": self.path.encode("utf-8", "replace").decode(),
        }


class Journal:
    """The requests seen so far, oldest first."""

    def __init__(self):
        self.changed = threading.Condition()
        self._seen = collections.deque(maxlen=LIMIT)
        self._leaks = []
        self._number = 0

    def open(self, request):
        """Enter a request."""
        with self.changed:
            self._number += 1
            entry = Seen(self, self._number, request)
            self._seen.append(entry)
            if (request.origin == "cdn" and entry.had_authorization) or _shows_token(request):
                self._leaks.append(entry)
            self.changed.notify_all()
        request.entry = entry
        return entry

    def find(self, **wanted):
        """The entries that fit."""
        with self.changed:
            return [entry for entry in self._seen if entry.matches(**wanted)]

    def under_way(self, request, any_path=False):
        """How many other answers to the same path of the same origin, or to any path of it, are not finished."""
        with self.changed:
            return sum(
                not entry.done and (any_path or entry.path == request.path) and entry.origin == request.origin
                for entry in self._seen
                if entry is not request.entry
            )

    def leaks(self):
        """Requests that brought an Authorization header to the CDN, or a token in any other place."""
        with self.changed:
            return list(self._leaks)

    def wait(self, count=1, timeout=30.0, **wanted):
        """Wait until at least `count` entries fit; they are returned, or TimeoutError is raised."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                found = [entry for entry in self._seen if entry.matches(**wanted)]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    if time.monotonic() >= deadline:
                        raise TimeoutError(f"{len(found)} of {count} requests like {wanted} in {timeout} s")

    def clear(self):
        """Forget all requests, but not those that leaked a token."""
        with self.changed:
            self._seen.clear()

    def forgive(self):
        """Forget the leaks too."""
        with self.changed:
            self._leaks.clear()
