"""The Hub's side: the API, and resolve with its redirects."""

import base64
import binascii
import hashlib
import itertools
import json
import re
import threading
import time
import uuid
from urllib.parse import parse_qs, quote, unquote

from . import errors, ranges, views
from .store import TYPES
from .wire import Headers, Response, respond

PAGE_LIMIT = 1000
EXPANDED_PAGE = 50
PATHS_LIMIT = 2000
COMMITS_PAGE = 50
JSON = "application/json; charset=utf-8"
_WINDOW = 300
_REPO = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?", re.ASCII)
_OPERATIONS = ("tree", "revision", "refs", "commits", "paths-info", "treesize", "auth-check", "resolve-cache")
_TEXT = re.compile(r"\.(md|txt|json|jsonl|yaml|yml|py|gitattributes|jinja|cfg|csv|hidden)$|(^|/)\.gitattributes$")


class Refusal(Exception):
    """A request ends with an error response."""

    def __init__(self, response):
        super().__init__(response.status)
        self.response = response


class RateLimits:
    """Counts requests per bucket and client in fixed windows, as the Hub's headers tell them."""

    def __init__(self, options):
        self._options = options
        self._counts = {}
        self._lock = threading.Lock()

    def headers(self, request):
        """The two headers for this request, and whether the quota is exhausted."""
        bucket = "resolvers" if "/resolve/" in request.path else "api" if request.path.startswith("/api/") else "pages"
        if request.path.startswith("/api/resolve-cache/"):
            bucket = "resolvers"
        quota = self._options["quotas"].get(bucket, 100_000)
        window, passed = divmod(int(time.time()), _WINDOW)
        client = hashlib.sha256(request.headers.get("Authorization", "").encode("latin-1", "replace")).digest()
        with self._lock:
            key = (bucket, client)
            last, count = self._counts.get(key, (window, 0))
            count = count + 1 if last == window else 1
            self._counts[key] = (window, count)
        pairs = [
            ("RateLimit", f'"{bucket}";r={max(0, quota - count)};t={_WINDOW - passed}'),
            ("RateLimit-Policy", f'"fixed window";"{bucket}";q={quota};w={_WINDOW}'),
        ]
        return pairs, count > quota

    def clear(self):
        """Start all windows anew."""
        with self._lock:
            self._counts.clear()


class Hub:
    """Answers for the Hub's origin."""

    def __init__(self, standin, store, cdn):
        self._standin, self._store, self._cdn = standin, store, cdn
        self.limits = RateLimits(standin.options)
        self._moved = set()
        self._requests = itertools.count(1)

    # entrance

    def name(self, request):
        """Work out which repo and file a request is about, and the names under which tests know it."""
        host = request.headers.get("Host", "")
        request.base = f"http://{host}" if re.fullmatch(r"[\w.:\[\]-]+", host) else self._standin.endpoint
        request.hub = self._standin
        request.repo_type, request.repo_id, request.operation = None, None, None
        request.revision, request.file = None, None
        self._split(request)
        if request.repo_id:
            repo, _ = self._store.find(request.repo_type, request.repo_id)
            prefix = "" if request.repo_type == "model" else f"{request.repo_type}s/"
            ids = {request.repo_id} | ({repo.id} if repo else set())
            request.names |= {prefix + one for one in ids}
            if request.file:
                request.names |= {f"{prefix}{one}/{request.file}" for one in ids}

    def answer(self, request):
        """The answer without faults."""
        headers, exhausted = self.limits.headers(request)
        if exhausted:
            response = errors.error(429, "You have reached your rate limit.")
        else:
            try:
                response = self._route(request)
            except Refusal as refusal:
                response = refusal.response
        for name, value in headers:
            response.headers.set(name, value)
        return self.finish(request, response)

    def finish(self, request, response):
        """Headers that every answer of the Hub carries."""
        now = f"{int(time.time()):08x}"
        response.headers.set("X-Request-Id", f"Root=1-{now}-{next(self._requests):024x};{uuid.uuid4()}")
        response.headers.set("Vary", "Origin")
        exposed = "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,"
        response.headers.set("Access-Control-Expose-Headers", exposed + "Content-Range,X-Linked-Size,X-Linked-ETag")
        return response

    # parsing

    def _split(self, request):
        """Set repo_type, repo_id, operation, revision (text) and file of a request from its still encoded path."""
        parts = request.raw_path.strip("/").split("/")
        if parts[0] == "api":
            self._split_api(request, parts[1:])
            return
        kind = "model"
        if parts[0] in ("datasets", "spaces") and len(parts) > 1:
            kind, parts = parts[0][:-1], parts[1:]
        for operation in ("resolve", "raw", "blob", "tree"):
            at = parts.index(operation) if operation in parts[:3] else 0
            if at in (1, 2) and (len(parts) > at + 1):
                self._set(request, kind, parts[:at], operation, parts[at + 1 :])
                return
        if len(parts) <= 2 and parts[0]:
            self._set(request, kind, parts, "page", [])

    def _split_api(self, request, parts):
        if parts and parts[0] == "resolve-cache" and len(parts) > 3:
            plural, parts = parts[1], parts[2:]
            cut = 1 if len(parts) > 2 and re.fullmatch(r"[0-9a-f]{40}", parts[1]) else 2
            self._set(request, plural[:-1], parts[:cut], "resolve-cache", parts[cut:])
            return
        if not parts or parts[0][:-1] not in TYPES or len(parts) < 2:
            return
        kind, parts = parts[0][:-1], parts[1:]
        legacy = len(parts) == 1 or (parts[1] in _OPERATIONS and not self._store.find(kind, "/".join(parts[:2]))[0])
        cut = 1 if legacy else 2
        operation = parts[cut] if len(parts) > cut else "info"
        self._set(request, kind, parts[:cut], operation, parts[cut + 1 :])

    def _set(self, request, kind, name, operation, rest):
        request.repo_type, request.operation = kind, operation
        request.repo_parts = name
        request.repo_id = "/".join(unquote(part) for part in name)
        if not rest:
            return
        rest = [unquote(part, errors="surrogateescape") for part in rest]
        take = 1
        if rest[0] == "refs" and len(rest) > 1:
            repo, _ = self._store.find(kind, request.repo_id)
            while repo and take < len(rest) and not repo.find("/".join(rest[:take])):
                take += 1
            take = take if repo and repo.find("/".join(rest[:take])) else 1
        request.revision = "/".join(rest[:take])
        request.file = "/".join(rest[take:])

    # who asks

    def _identity(self, request):
        """None for the anonymous, else the account; refuses a token that the Hub does not know."""
        given = request.headers.get("Authorization")
        if given is None:
            return None
        token = given.removeprefix("Bearer ").strip() if given.startswith("Bearer ") else ""
        for prefix, account in (("hf_granted", "jane"), ("hf_other", "john")):
            if token.startswith(prefix):
                return account
        raise Refusal(errors.wrong_token())

    def _missing(self, account):
        if account is None:
            return Refusal(
                errors.anonymous_missing("RepoNotFound" if self._standin.options["repo_not_found_code"] else None)
            )
        return Refusal(errors.error(404, "Repository not found", "RepoNotFound"))

    def _repo(self, request):
        """The repo that is asked for; refuses, or redirects from a name that is not its exact id."""
        account = self._identity(request)
        if not _REPO.fullmatch(request.repo_id):
            raise self._missing(account)
        repo, exact = self._store.find(request.repo_type, request.repo_id)
        if not repo or (repo.private and account != "jane"):
            raise self._missing(account)
        if not exact:
            old, new = "/".join(request.repo_parts), quote(repo.id)
            location = request.target.replace(f"/{old}", f"/{new}", 1)
            body = f"Temporary Redirect. Redirecting to {location}"
            raise Refusal(respond(307, body, headers=[("Location", location)]))
        if repo.disabled:
            raise Refusal(errors.error(403, errors.DISABLED))
        return repo

    def _content_allowed(self, request, repo):
        account = self._identity(request)
        if repo.gated and account != "jane":
            raise Refusal(errors.gated(repo.id, 401 if account is None else 403, self._standin.endpoint, repo.type))

    # revisions

    def _commit(self, request, repo, revision):
        commit = self._tip(request, repo, revision) or repo.find(revision)
        if not commit:
            raise Refusal(errors.revision_missing(revision))
        return commit

    def _tip(self, request, repo, revision):
        """The first commit, while the fault `moved_branch` keeps main there."""
        if revision not in ("main", "HEAD", "refs/heads/main") or "main" not in repo.branches:
            return None
        fault = self._standin.faults.passive("moved_branch", request)
        if not fault:
            return None
        with fault.lock:
            if repo.key in fault.state:
                return None
            if request.operation in ("info", "revision"):
                fault.state[repo.key] = True
                fault.hits += 1
            return list(repo.branches["main"].history())[-1]

    # routes

    def _route(self, request):
        if request.method == "POST" and request.operation == "paths-info":
            return self._paths_info(request)
        if request.method not in ("GET", "HEAD"):
            raise Refusal(errors.error(405, "Method not allowed", None, [("Allow", "GET, HEAD")]))
        plain = {
            "/api/whoami-v2": self._whoami,
            "/api/quicksearch": self._quicksearch,
            "/api/models": lambda request: self._search(request, "model"),
            "/api/datasets": lambda request: self._search(request, "dataset"),
            "/api/spaces": lambda request: self._search(request, "space"),
        }
        path = request.path.rstrip("/")
        if path in plain:
            return plain[path](request)
        if not request.repo_id:
            return self._page(request) if not path else errors.error(404, "Not found")
        if request.path.startswith("/api/") or request.operation in ("resolve", "raw"):
            routes = {
                "info": self._info,
                "revision": self._info,
                "tree": self._tree,
                "refs": self._refs,
                "commits": self._commits,
                "treesize": self._treesize,
                "auth-check": self._auth_check,
                "resolve-cache": self._cached,
                "resolve": self._resolve,
                "raw": self._raw,
            }
            route = routes.get(request.operation)
            return route(request) if route else errors.error(404, "Not found")
        return self._page(request)

    def _json(self, request, value, headers=()):
        response = respond(200, json.dumps(value, ensure_ascii=True), JSON, headers)
        self._compress(request, response)
        return response

    def _compress(self, request, response):
        if self._standin.options["compress"] and request.accepts_gzip() and response.length > 256:
            response.delivery.gzip = True

    def _page(self, request):
        if request.repo_id:
            self._repo(request)
        return respond(200, "<!DOCTYPE html><title>stand-in Hub</title><p>A page.</p>", "text/html; charset=utf-8")

    def _whoami(self, request):
        try:
            account = self._identity(request)
        except Refusal:
            account = None
        if account is None:
            raise Refusal(errors.anonymous_missing())
        return self._json(request, views.account(account, "read" if account == "jane" else "fineGrained"))

    def _auth_check(self, request):
        self._content_allowed(request, self._repo(request))
        return self._json(request, {})

    def _expand_keys(self, request, kind):
        keys = request.params("expand")
        unknown = sorted(set(keys) - views.EXPAND_KEYS[kind])
        if unknown:
            raise Refusal(errors.error(400, f'Invalid option for "expand": {unknown[0]}'))
        return keys

    def _info(self, request):
        repo = self._repo(request)
        commit = self._commit(request, repo, request.revision or "main") if repo.branches or request.revision else None
        keys = self._expand_keys(request, repo.type)
        blobs, security = request.flag("blobs"), request.flag("securityStatus")
        if keys and (blobs or security):
            raise Refusal(errors.error(400, '"expand" cannot be used with "blobs" or "securityStatus"'))
        return self._json(
            request, views.expanded(repo, commit, keys) if keys else views.info(repo, commit, blobs, security)
        )

    def _limit(self, request, default, largest):
        text = request.param("limit")
        if text is None:
            return min(default, largest)
        if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
            raise Refusal(errors.error(400, '"limit" must be a positive number'))
        return min(int(text), largest)

    def _next(self, request, **changed):
        """A `Link` header to the next page: this request's absolute URL with some parameters changed."""
        pairs = [(key, value) for key, value in request.query if key not in changed]
        pairs += [(key, str(value)) for key, value in changed.items()]
        query = "&".join(f"{quote(key, safe='[]')}={quote(value, safe='')}" for key, value in pairs)
        return [("Link", f'<{request.base}{request.raw_path}?{query}>; rel="next"')]

    def _tree(self, request):
        repo = self._repo(request)
        commit = self._commit(request, repo, request.revision or "main")
        directory = (request.file or "").strip("/")
        listing = commit.listing(directory, request.flag("recursive"))
        if listing is None:
            raise Refusal(errors.entry_missing(commit.id))
        expand = request.flag("expand")
        page = self._standin.options["page_size"]
        limit = self._limit(request, min(page, EXPANDED_PAGE) if expand else page, PAGE_LIMIT)
        start = self._cursor_start(request, commit, listing)
        shown = [views.tree_entry(item, commit, expand) for item in listing[start : start + limit]]
        headers = [("X-Repo-Commit", commit.id)]
        if start + limit < len(listing):
            position = json.dumps({"file_name": shown[-1]["path"], "tree_oid": commit.directories[directory]})
            inner = base64.b64encode(position.encode()).decode()
            cursor = base64.b64encode(f"{inner}:{limit}".encode()).decode()
            headers += self._next(request, limit=limit, cursor=cursor)
        return self._json(request, shown, headers)

    def _cursor_start(self, request, commit, listing):
        cursor = request.param("cursor")
        if not cursor:
            return 0
        try:
            inner = base64.b64decode(cursor, validate=True).partition(b":")[0]
            last = json.loads(base64.b64decode(inner, validate=True))["file_name"]
            paths = [item if isinstance(item, str) else item.path for item in listing]
            return paths.index(last) + 1
        except (binascii.Error, ValueError, KeyError, TypeError):
            raise Refusal(errors.error(400, "Invalid cursor")) from None

    def _paths_info(self, request):
        repo = self._repo(request)
        commit = self._commit(request, repo, request.revision or "main")
        if "json" in request.headers.get("Content-Type", ""):
            try:
                asked = json.loads(request.body)
                paths, expand = asked["paths"], asked.get("expand", False)
            except (ValueError, KeyError, TypeError, AttributeError):
                raise Refusal(errors.error(400, "Invalid body")) from None
        else:
            form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            paths, expand = form.get("paths", []), form.get("expand", ["false"])[0].lower() in ("true", "1")
        paths = [paths] if isinstance(paths, str) else paths
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise Refusal(errors.error(400, '"paths" must be an array of strings'))
        if len(paths) > PATHS_LIMIT:
            raise Refusal(errors.error(400, f'"paths" must contain less than or equal to {PATHS_LIMIT} items'))
        items = [commit.entries.get(path) or (path if path and path in commit.directories else None) for path in paths]
        return self._json(request, [views.tree_entry(item, commit, expand) for item in items if item])

    def _treesize(self, request):
        repo = self._repo(request)
        commit = self._commit(request, repo, request.revision or "main")
        directory = (request.file or "").strip("/")
        if directory not in commit.directories:
            raise Refusal(errors.entry_missing(commit.id))
        inside = [e for p, e in commit.entries.items() if not directory or p.startswith(directory + "/")]
        return self._json(request, {"path": f"/{directory}", "size": sum(entry.size for entry in inside)})

    def _refs(self, request):
        repo = self._repo(request)
        with_prs = request.flag("include_prs") or request.flag("include_pull_requests")
        return self._json(
            request, views.refs(repo, with_prs, lambda name: self._tip(request, repo, name) or repo.branches[name])
        )

    def _commits(self, request):
        repo = self._repo(request)
        rows = list(self._commit(request, repo, request.revision or "main").history())
        limit = self._limit(request, COMMITS_PAGE, PAGE_LIMIT)
        page = request.param("p", "0")
        if not re.fullmatch(r"[0-9]{1,6}", page):
            raise Refusal(errors.error(400, '"p" must be a number'))
        start = int(page) * limit
        headers = [("X-Total-Count", str(len(rows)))]
        if start + limit < len(rows):
            headers += self._next(request, p=int(page) + 1, limit=limit)
        formatted = "formatted" in request.params("expand")
        return self._json(request, [views.commit_row(row, formatted) for row in rows[start : start + limit]], headers)

    # search

    def _visible(self, request, kind):
        account = self._identity(request)
        return [repo for repo in self._store.all(kind) if not repo.disabled and (not repo.private or account == "jane")]

    @staticmethod
    def _parameters(request):
        """num_parameters=min:6B,max:128B"""
        bounds = {"min": 0, "max": float("inf")}
        for one in (request.param("num_parameters") or "").split(","):
            if one and not (found := re.fullmatch(r"(min|max):([0-9.]+)([KMBT])", one)):
                raise Refusal(errors.error(400, 'Invalid value for "num_parameters"'))
            if one:
                bounds[found[1]] = float(found[2]) * 1000 ** ("KMBT".index(found[3]) + 1)
        return bounds["min"], bounds["max"]

    def _search(self, request, kind):
        repos = self._visible(request, kind)
        text, author = request.param("search", "").lower(), request.param("author")
        filters = [one for value in request.params("filter") for one in value.split(",")]
        gated, pipeline = request.param("gated"), request.param("pipeline_tag")

        least, most = self._parameters(request)

        def fits(repo):
            return (
                text in repo.id.lower()
                and least <= repo.parameters <= most
                and (not author or repo.author.lower() == author.lower())
                and all(one in repo.labels or one in (repo.pipeline, repo.library) for one in filters)
                and (gated is None or bool(repo.gated) == request.flag("gated"))
                and (not pipeline or repo.pipeline == pipeline)
            )

        repos = [repo for repo in repos if fits(repo)]
        order = request.param("sort", "trendingScore")
        keys = {
            "trendingScore": lambda repo: (-repo.likes, repo.id),
            "likes": lambda repo: (-repo.likes, repo.id),
            "likes30d": lambda repo: (-repo.likes, repo.id),
            "downloads": lambda repo: (-repo.downloads, repo.id),
            "createdAt": lambda repo: (repo.created, repo.id),
            "lastModified": lambda repo: (max(c.date for c in repo.commits()), repo.id),
            "num_parameters": lambda repo: (-repo.parameters, repo.id),
            "mainSize": lambda repo: (-sum(e.size for e in repo.branches["main"].entries.values()), repo.id),
            "id": lambda repo: repo.id,
        }
        if order not in keys:
            raise Refusal(errors.error(400, f'Invalid value for "sort": {order}'))
        repos.sort(key=keys[order], reverse=order in ("createdAt", "lastModified"))
        limit = self._limit(request, PAGE_LIMIT, PAGE_LIMIT)
        start = 0
        if request.param("cursor"):
            try:
                start = int(base64.b64decode(request.param("cursor"), validate=True))
            except (binascii.Error, ValueError):
                raise Refusal(errors.error(400, "Invalid cursor")) from None
        expand = self._expand_keys(request, kind)
        extra = [key for key in ("cardData", "config") if request.flag(key)]
        rows = []
        for repo in repos[start : start + limit]:
            tip = repo.branches.get("main")
            if expand:
                rows.append(views.expanded(repo, tip, expand))
            else:
                rows.append(views.found(repo, tip, request.flag("full"), extra))
        headers = []
        if start + limit < len(repos):
            headers = self._next(request, limit=limit, cursor=base64.b64encode(b"%d" % (start + limit)).decode())
        return self._json(request, rows, headers)

    def _quicksearch(self, request):
        text = request.param("q", "").lower()
        limit = self._limit(request, 10, 100)
        kinds = request.params("type") or ["model", "dataset", "space"]
        shown = {}
        for kind in kinds:
            repos = self._visible(request, kind) if kind in TYPES else []
            shown[f"{kind}s"] = [{"id": repo.id, "_id": repo.internal_id} for repo in repos if text in repo.id.lower()][
                :limit
            ]
        return self._json(request, shown)

    # content

    def _entry(self, request):
        repo = self._repo(request)
        commit = self._commit(request, repo, request.revision)
        self._content_allowed(request, repo)
        entry = commit.entries.get(request.file)
        if not entry:
            raise Refusal(errors.entry_missing(commit.id))
        return repo, commit, entry

    def _file_headers(self, request, commit, entry):
        name = entry.path.rsplit("/", 1)[-1]
        plain = re.sub(r'[^ -~]|["\\%]', "_", name)
        kind = "attachment" if request.flag("download") else "inline"
        pairs = [
            ("X-Repo-Commit", commit.id),
            ("Accept-Ranges", "bytes"),
            ("X-Linked-Size", str(entry.size)),
            ("X-Linked-ETag", f'"{entry.etag}"'),
        ]
        if not request.flag("noContentDisposition"):
            value = f"{kind}; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain}\";"
            pairs.append(("Content-Disposition", value))
        if "Authorization" not in request.headers:
            pairs.append(
                ("X-HF-Warning", "unauthenticated; You are sending unauthenticated requests to the stand-in Hub.")
            )
        return pairs

    def _resolve(self, request):
        repo, commit, entry = self._entry(request)
        headers = self._file_headers(request, commit, entry)
        if entry.lfs:
            location = self._cdn.url(self._cdn_base(request), repo, entry, request.flag("download"))
            # ollama follows a redirect to another host only when it is a 307
            status = 307 if request.headers.get("User-Agent", "").startswith("ollama") else 302
            headers += [("Location", location), ("Cache-Control", "no-store")]
            return respond(status, f"Found. Redirecting to {location}", headers=headers)
        if self._standin.options["direct"]:
            return self._small(request, commit, entry)
        prefix = f"/api/resolve-cache/{repo.type}s/{quote(repo.id)}/{commit.id}/{quote(entry.path)}"
        location = (
            f"{prefix}?{quote(request.path.encode('utf-8', 'surrogateescape'), safe='')}=&etag=%22{entry.etag}%22"
        )
        headers.append(("Location", location))
        return respond(307, f"Temporary Redirect. Redirecting to {location}", headers=headers)

    def _cdn_base(self, request):
        """The CDN under the host name by which the client knows us."""
        host = request.headers.get("Host", "").rpartition(":")[0]
        return self._standin.cdn.replace("127.0.0.1", host) if host == "localhost" else self._standin.cdn

    def _cached(self, request):
        _, commit, entry = self._entry(request)
        return self._small(request, commit, entry)

    def _small(self, request, commit, entry):
        headers = Headers(*self._file_headers(request, commit, entry))
        headers.drop("X-Linked-Size")
        headers.drop("X-Linked-ETag")
        text = bool(_TEXT.search(entry.path))
        headers.set("Content-Type", "text/plain; charset=utf-8" if text else "application/octet-stream")
        response = ranges.serve(request, entry.content, headers, entry.etag)
        if text and response.status == 200 and request.method == "GET":
            self._compress(request, response)
        return response

    def _raw(self, request):
        _, commit, entry = self._entry(request)
        content = entry.pointer if entry.lfs else entry.content
        headers = Headers(("X-Repo-Commit", commit.id), ("Content-Type", "text/plain; charset=utf-8"))
        headers.set("ETag", f'"{entry.oid}"')
        return Response(200, headers, content, 0, content.size)
