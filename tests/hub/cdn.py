"""The CDN's side: signed URLs, and nothing without one."""

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import threading
import time
from urllib.parse import quote, urlencode

from . import errors, faults, ranges
from .wire import Budget, respond

PLANTED = {"type": "file", "path": "planted.bin", "size": 8, "oid": "0" * 40}


class Cdn:
    """Gives out and honours signed URLs of contents."""

    def __init__(self, hub):
        self._hub = hub
        self._secret = secrets.token_bytes(32)
        self._held = {}
        self._dead = {}
        self._nonce = itertools.count(1)
        self._lock = threading.Lock()

    def url(self, base, repo, entry, attachment=False):
        """A signed URL of an LFS file; each call gives a fresh one."""
        repo_hash = hashlib.sha256(repo.internal_id.encode()).hexdigest()
        key = hashlib.sha256(f"stand-in xet {repo.key} {entry.path} {entry.content.sha256}".encode()).hexdigest()
        path = f"/xet-bridge-us/{repo_hash}/{key}"
        with self._lock:
            self._held[path] = (repo, entry, key)
            nonce = next(self._nonce)
        expires = int(time.time()) + self._hub.options["url_lifetime"]
        policy = base64.urlsafe_b64encode(json.dumps({"n": nonce, "e": expires}).encode()).decode().rstrip("=")
        name = entry.path.rsplit("/", 1)[-1]
        kind = "attachment" if attachment else "inline"
        query = urlencode(
            {
                "X-Xet-Cas-Uid": "public",
                "response-content-disposition": f"{kind}; filename*=UTF-8''{quote(name, safe='')};",
                "Expires": str(expires),
                "Policy": policy,
            }
        )
        return f"{base}{path}?{query}&Signature={self._sign(path, query)}&Key-Pair-Id=STANDIN"

    def _sign(self, path, query):
        return hmac.new(self._secret, f"{path}?{query}".encode(), hashlib.sha256).hexdigest()

    def name(self, request):
        """Add the names under which a test knows what is asked."""
        request.repo_id = None
        held = self._held.get(request.path)
        if held:
            repo, entry, _ = held
            request.repo_id = repo.id
            request.names |= {repo.key, f"{repo.key}/{entry.path}", f"/{repo.key}/resolve/main/{entry.path}"}

    def answer(self, request):
        """The answer without faults other than those of signed URLs."""
        if "Authorization" in request.headers:
            return errors.xml(400, "InvalidArgument", "Only one auth mechanism allowed")
        if request.method not in ("GET", "HEAD"):
            return errors.xml(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        if request.path.startswith("/foreign/"):
            return _foreign(request)
        held = self._held.get(request.path)
        if not held:
            return errors.xml(403, "AccessDenied", "Access Denied")
        signed, _, tail = request.raw_query.partition("&Signature=")
        signature = tail.partition("&")[0]
        if not hmac.compare_digest(signature.encode(), self._sign(request.raw_path, signed).encode()):
            return errors.xml(403, "SignatureDoesNotMatch", "The signature does not match.")
        if int(request.param("Expires") or 0) <= time.time():
            return errors.xml(403, "AccessDenied", "Request has expired")
        with self._lock:
            left = faults.expire(self._hub.faults, request, signature, self._dead)
        if left == 0 or isinstance(left, Budget) and not left.left:
            return errors.xml(403, "AccessDenied", "Request has expired")
        _, entry, key = held
        headers = [
            ("Content-Type", "binary/octet-stream"),
            ("Content-Disposition", request.param("response-content-disposition")),
            ("Cache-Control", "public, max-age=31536000"),
            ("X-Cache", "Hit from stand-in"),
        ]
        response = ranges.serve(request, entry.content, headers, key)
        response.delivery.rate = self._hub.options["rate"]
        if left:
            response.delivery.budget = left
        return response


def _foreign(request):
    if "/tree/" in request.path:
        return respond(200, json.dumps([PLANTED]), "application/json; charset=utf-8")
    if request.path.startswith("/foreign/api/"):
        return respond(200, "{}", "application/json; charset=utf-8")
    return respond(200, b"planted\n", "application/octet-stream")
