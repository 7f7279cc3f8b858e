"""Faults: what can go wrong between a client and the Hub, switched on per path.

A `Fault` has a name from `KINDS`, a glob over the names of what is asked (decoded path, repo, file in a repo), and
parameters. An *early* kind answers in place of the origin; a *late* kind changes the origin's answer or the way it is
delivered; a *passive* kind is looked up by the origin itself. `times` counts the answers that it really changed.
"""

import fnmatch
import inspect
import itertools
import json
import threading
from urllib.parse import urlsplit

from . import errors
from .content import Bytes
from .wire import STALL_LIMIT, Budget, Gate, respond

KINDS = {}
_TAKE = object()


class Kind:
    """A sort of fault: when it acts and which parameters it knows."""

    def __init__(self, stage, act, head):
        self.stage, self.act, self.head = stage, act, head
        skipped = {"early": 2, "late": 3, "passive": 0}[stage]
        known = list(inspect.signature(act).parameters.values())[skipped:]
        self.defaults = {parameter.name: parameter.default for parameter in known}
        self.help = inspect.getdoc(act)


def early(act):
    """Declare a kind that answers in place of the origin; it returns a response, or None to stay out of it."""
    KINDS[act.__name__] = Kind("early", act, True)
    return act


def late(head=False):
    """Declare a kind that changes an answer; a generator that yields once before its first change.

    `head` says whether it also acts on answers to HEAD.
    """

    def declare(act):
        KINDS[act.__name__] = Kind("late", act, head)
        return act

    return declare


def passive(act):
    """Declare a kind that the origin looks up."""
    KINDS[act.__name__] = Kind("passive", act, True)
    return act


class Fault:
    """One fault that is switched on."""

    _numbers = itertools.count(1)

    def __init__(self, name, path="*", times=None, origin=None, method=None, **params):
        if name not in KINDS:
            raise ValueError(f"no fault is called {name!r}; there are: {', '.join(sorted(KINDS))}")
        unknown = set(params) - set(KINDS[name].defaults)
        if unknown:
            known = ", ".join(KINDS[name].defaults) or "none"
            raise ValueError(f"fault {name} has no parameter {sorted(unknown)[0]!r}; it has: {known}")
        if origin not in (None, "hub", "cdn"):
            raise ValueError(f"origin is 'hub' or 'cdn', not {origin!r}")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ValueError("times is a positive integer")
        self.id = next(self._numbers)
        self.name, self.kind, self.path, self.times = name, KINDS[name], path, times
        self.origin, self.method = origin, method
        self.params = KINDS[name].defaults | params
        self.hits = 0
        self.gate = Gate()
        self.state = {}
        self.lock = threading.Lock()

    def fits(self, request):
        """Whether the fault is about this request."""
        return (
            self.origin in (None, request.origin)
            and self.method in (None, request.method)
            and (self.kind.head or request.method != "HEAD")
            and any(fnmatch.fnmatchcase(name, self.path) for name in request.names)
        )

    def take(self, request):
        """Use the fault once; false when it is used up."""
        with self.lock:
            if self.times is not None and self.hits >= self.times:
                return False
            self.hits += 1
        if request.entry:
            request.entry.faults.append(self.name)
        return True

    def spent(self):
        """Whether it is used up."""
        return self.times is not None and self.hits >= self.times

    def release(self):
        """Let the answers that stand still at this fault go on; it stalls no further ones."""
        self.gate.open()

    def public(self):
        """The fault as JSON shows it."""
        return {
            "id": self.id,
            "fault": self.name,
            "path": self.path,
            "times": self.times,
            "origin": self.origin,
            "method": self.method,
            "hits": self.hits,
            **self.params,
        }


class Faults:
    """The faults that are switched on, in the order in which they were."""

    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []

    def add(self, fault):
        """Switch one on."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def all(self):
        """The faults that are on."""
        with self._lock:
            return list(self._faults)

    def remove(self, fault_id):
        """Switch one off; what stands still at it goes on."""
        with self._lock:
            gone = [fault for fault in self._faults if fault.id == fault_id]
            self._faults = [fault for fault in self._faults if fault.id != fault_id]
        for fault in gone:
            fault.release()
        return bool(gone)

    def clear(self):
        """Switch all off."""
        for fault in self.all():
            self.remove(fault.id)

    def passive(self, name, request):
        """The first fitting fault of a passive kind that is not used up, or None."""
        return next((f for f in self.all() if f.name == name and not f.spent() and f.fits(request)), None)

    def answer(self, request, hub):
        """The answer of the first early fault that has one, or None."""
        for fault in self.all():
            if fault.kind.stage == "early" and not fault.spent() and fault.fits(request):
                response = fault.kind.act(request, hub, **fault.params)
                if response and fault.take(request):
                    return response
        return None

    def change(self, request, response):
        """Let every late fault act on an answer."""
        for fault in self.all():
            if fault.kind.stage == "late" and not fault.spent() and fault.fits(request):
                steps = fault.kind.act(request, response, fault, **fault.params)
                if next(steps, None) is _TAKE and fault.take(request):
                    next(steps, None)


def _middle(response, after):
    return response.length // 2 if after is None else min(after, response.length)


# answers in place of the origin


@early
def status(request, hub, status=503, body=None, html=True):
    """A server error (or any other status) with an HTML page, or with `body` as text."""
    if body is not None:
        return respond(status, body)
    return errors.html_page(status) if html else respond(status, f'{{"error":"{status}"}}', "application/json")


@early
def html(request, hub, status=502):
    """An HTML error page; with status 200 it is what a captive portal sends."""
    return errors.html_page(status)


@early
def rate_limited(request, hub, t=1, bucket=None, retry_after=None, quota=3000):
    """429: with `RateLimit: "<bucket>";r=0;t=<t>`, or with only `Retry-After` when `retry_after` is given."""
    if bucket is None:
        bucket = "resolvers" if "/resolve/" in request.path else "api" if request.path.startswith("/api/") else "pages"
    if retry_after is not None:
        headers = [("Retry-After", str(retry_after))]
    else:
        headers = [
            ("RateLimit", f'"{bucket}";r=0;t={t}'),
            ("RateLimit-Policy", f'"fixed window";"{bucket}";q={quota};w=300'),
        ]
    return respond(429, '{"error":"You have reached your rate limit."}', "application/json", headers)


@early
def gated(request, hub, status=None):
    """A gated repo's refusal: 401 for the anonymous and 403 for others, or the given status."""
    if request.origin != "hub":
        return None
    status = status or (403 if "Authorization" in request.headers else 401)
    return errors.gated(request.repo_id or "acme/gated", status, hub.endpoint)


@early
def repo_missing(request, hub, status=401, code=None):
    """A missing repo as the Hub tells it to the anonymous (401, no code), or 404 with `RepoNotFound`."""
    if request.origin != "hub":
        return None
    if status == 401:
        return errors.anonymous_missing(code)
    return errors.error(404, "Repository not found", code or "RepoNotFound")


@early
def revision_missing(request, hub, revision="main"):
    """404 RevisionNotFound."""
    return errors.revision_missing(revision) if request.origin == "hub" else None


@early
def entry_missing(request, hub, commit="0" * 40):
    """404 EntryNotFound."""
    return errors.entry_missing(commit) if request.origin == "hub" else None


@early
def bad_json(request, hub):
    """200 with a body that says it is JSON and is none."""
    return respond(200, '{"id": acme, "sha": \'', "application/json; charset=utf-8")


@early
def redirect_loop(request, hub, status=302):
    """A redirect that leads back to itself, for ever."""
    turn = int(request.param("turn") or 0) + 1
    location = f"{request.raw_path}?turn={turn}"
    return respond(status, "Found. Redirecting", headers=[("Location", location)])


@early
def redirect_host(request, hub, to=None, status=302):
    """A redirect to another origin: `to` as a base URL, else our CDN listener's `/foreign`, which answers plausibly."""
    if request.origin != "hub":
        return None
    base = (to or f"{hub.cdn}/foreign").rstrip("/")
    return respond(status, "Found. Redirecting", headers=[("Location", base + request.target)])


@early
def unsatisfiable(request, hub, size=0):
    """416 whatever the range."""
    return respond(416, "", headers=[("Content-Range", f"bytes */{size}")])


@early
def busy(request, hub, limit=4, status=503, any_path=False):
    """A refusal while `limit` other answers to the same path, or to any path of the origin, are under way."""
    return errors.html_page(status) if hub.journal.under_way(request, any_path) >= limit else None


@early
def disconnect(request, hub, reset=False):
    """The connection closes before any byte of an answer."""
    response = respond(200, "")
    response.delivery.drop_before_head = True
    response.delivery.reset = reset
    return response


# changes to the origin's answer


@late()
def cut(request, response, fault, after=None, reset=False):
    """The connection closes after `after` bytes of the body (default: half); `reset` sends RST."""
    if response.has_body and (after is None or after < response.length):
        yield _TAKE
        response.delivery.cut_at = _middle(response, after)
        response.delivery.reset = reset


@late()
def stall(request, response, fault, after=None, seconds=STALL_LIMIT):
    """After `after` bytes (default: half) nothing, until released (then the rest), or closed after `seconds`."""
    if response.has_body:
        yield _TAKE
        response.delivery.stall_at = _middle(response, after)
        response.delivery.stall_seconds = seconds
        response.delivery.gate = fault.gate


@late(head=True)
def silent(request, response, fault, seconds=STALL_LIMIT):
    """Not one byte of an answer, until released, or closed after `seconds`."""
    yield _TAKE
    response.delivery.stall_head = True
    response.delivery.stall_seconds = seconds
    response.delivery.gate = fault.gate


@late()
def ration(request, response, fault, amount=65536):
    """All answers together bring `amount` bytes, then they stand still until released, and so do those that follow."""
    if response.has_body:
        yield _TAKE
        with fault.lock:
            response.delivery.ration = fault.state.setdefault("ration", Budget(amount))
        response.delivery.gate = fault.gate


@late()
def slow(request, response, fault, rate=65536):
    """At most `rate` bytes a second for one answer."""
    if response.has_body:
        yield _TAKE
        response.delivery.rate = rate


@late(head=True)
def status200_to_range(request, response, fault):
    """The whole file with status 200, though a range was asked for."""
    if response.status == 206:
        yield _TAKE
        response.status = 200
        response.headers.drop("Content-Range")
        response.start, response.end = 0, response.content.size


@late(head=True)
def wrong_content_range(request, response, fault, mode="start", by=1):
    """A `Content-Range` that lies: mode `start` (both ends shifted), `end`, `total`, or `missing`."""
    if response.status == 206:
        yield _TAKE
        start, end, total = response.start, response.end - 1, response.content.size
        if mode == "missing":
            response.headers.drop("Content-Range")
            return
        start, end = (start + by, end + by) if mode == "start" else (start, end + by if mode == "end" else end)
        total = total + by if mode == "total" else total
        response.headers.set("Content-Range", f"bytes {start}-{end}/{total}")


@late()
def short_body(request, response, fault, missing=1):
    """A body that lacks its last `missing` bytes, with a `Content-Length` that is right for what is sent."""
    if response.has_body and response.length >= missing:
        yield _TAKE
        response.end -= missing


@late()
def flipped_byte(request, response, fault, at=None, mask=1):
    """One byte is changed: at offset `at` of the file (default: its middle); counts when that byte was in range."""
    if not response.has_body:
        return
    at = response.content.size // 2 if at is None else at
    if response.start <= at < response.end:
        yield _TAKE
        response.delivery.flip = (at, mask)


@late()
def truncated_json(request, response, fault, after=None):
    """A JSON body that ends in the middle, with a fitting `Content-Length`."""
    if response.has_body and "json" in response.headers.get("Content-Type", ""):
        yield _TAKE
        response.end = response.start + _middle(response, after)


@late()
def chunked(request, response, fault, framing="chunked"):
    """No `Content-Length`: the body comes in chunks, or (`framing="close"`) ends when the connection does."""
    if response.has_body:
        yield _TAKE
        response.delivery.framing = framing


@late()
def gzip(request, response, fault):
    """A gzip body, asked for or not."""
    if response.has_body and not response.delivery.gzip:
        yield _TAKE
        response.delivery.gzip = True


@late(head=True)
def foreign_link(request, response, fault, to=None):
    """The `Link` to the next page leads to another origin: `to`, else our CDN listener's `/foreign`."""
    link = response.headers.get("Link", "")
    if 'rel="next"' in link:
        yield _TAKE
        url = urlsplit(link[link.index("<") + 1 : link.index(">")])
        base = (to or f"{request.hub.cdn}/foreign").rstrip("/")
        response.headers.set("Link", f'<{base}{url.path}?{url.query}>; rel="next"')


@late(head=True)
def link_loop(request, response, fault):
    """The `Link` to the next page leads to this page."""
    if response.status == 200 and request.origin == "hub":
        yield _TAKE
        response.headers.set("Link", f'<{request.base}{request.target}>; rel="next"')


@late(head=True)
def huge_header(request, response, fault, size=1024 * 1024):
    """One more header, of `size` bytes."""
    yield _TAKE
    response.headers.set("X-Padding", "x" * size)


@late(head=True)
def wrong_linked_size(request, response, fault, by=1):
    """`X-Linked-Size` disagrees with the tree."""
    size = response.headers.get("X-Linked-Size")
    if size is not None:
        yield _TAKE
        response.headers.set("X-Linked-Size", int(size) + by)


@late(head=True)
def wrong_linked_etag(request, response, fault, etag="f" * 64):
    """`X-Linked-ETag` disagrees with the tree."""
    if response.headers.get("X-Linked-ETag") is not None:
        yield _TAKE
        response.headers.set("X-Linked-ETag", f'"{etag}"')


@late(head=True)
def headers(request, response, fault, set=None, drop=()):  # pylint: disable=redefined-builtin
    """Put in or take out headers of the answer."""
    yield _TAKE
    for name in drop:
        response.headers.drop(name)
    for name, value in (set or {}).items():
        response.headers.set(name, value)


@late()
def tree_entries(request, response, fault, add=(), drop=()):
    """Add entries to a tree listing (as JSON objects), or take out those of the given paths."""
    if response.status == 200 and "/tree/" in request.path:
        yield _TAKE
        entries = [entry for entry in json.loads(response.content.read()) if entry["path"] not in drop]
        response.content = Bytes(json.dumps(entries + list(add)))
        response.start, response.end = 0, response.content.size


# looked up by the origins


@passive
def expired_url(after=0):
    """A signed URL dies: before its first byte, or when `after` bytes have gone over it; `times` counts URLs."""


@passive
def moved_branch():
    """`main` is the first commit until the repo's info was asked for once, and the newest from then on."""


def expire(faults, request, signature, dead):
    """What `expired_url` makes of a signed URL: None (fine), 0 (dead) or a `Budget` of bytes that it still has."""
    if signature not in dead:
        fault = faults.passive("expired_url", request)
        if not fault or not fault.take(request):
            return None
        dead[signature] = Budget(fault.params["after"]) if fault.params["after"] else 0
    elif request.entry:
        request.entry.faults.append("expired_url")
    return dead[signature]
