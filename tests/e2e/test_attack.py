"""What somebody tries who means harm, behind each of the three web servers. `make attack` runs this alone."""

import base64
import http.server
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from contract import routes
from harness import ROOT
from test_auth import CONFIGURED, KEYS, key, password_hash, sign_in, signed_in, statuses  # noqa: F401

TINY = "acme/tiny-7b-GGUF"
ROLES = ("nobody", "viewer", "operator", "admin")
PATIENCE = 30
RANDOM_REQUESTS = 10_000
MIB = 1 << 20

each_server = pytest.mark.parametrize("web", ["nginx", "caddy", "lighttpd"])


def send(larder, data, wait=PATIENCE, path=None):
    """What comes back to these bytes, up to the end of the connection or of an answer with a length."""
    family = socket.AF_UNIX if path else socket.AF_INET
    got = b""
    with socket.socket(family) as peer:
        peer.settimeout(wait)
        peer.connect(str(path) if path else ("127.0.0.1", larder.port))
        try:
            peer.sendall(data)
            while True:
                more = peer.recv(65536)
                if not more:
                    break
                got += more
        except (ConnectionError, socket.timeout):
            pass
    return got


def request(larder, target, method="GET", headers=(), body=b""):
    """A request as it is written here: nobody tidies the address, and the connection is closed after it."""
    lines = [f"{method} {larder.base}{target} HTTP/1.1", f"Host: 127.0.0.1:{larder.port}", "Connection: close", *headers]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    return send(larder, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def status(answer):
    """The status of a raw answer; 0 when there was none."""
    found = re.match(rb"HTTP/1\.[01] (\d{3})", answer)
    return int(found[1]) if found else 0


def rss(program):
    """Bytes that a program has in memory."""
    text = Path(f"/proc/{program.process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) * 1024


def is_well(larder):
    """Both programs live and answer."""
    return larder.daemon.process.poll() is None and larder.fcgi.process.poll() is None and (
        larder.raw("GET", "/api/v1/health").status == 200)


def everything_outside(larder):
    """All files around the library, with their times and sizes; what the programs write is left out."""
    found = {}
    for path in larder.folder.rglob("*"):
        part = path.relative_to(larder.folder).parts[0]
        if part not in ("state", "run", "web") and path.is_file():
            found[str(path)] = (path.stat().st_size, path.stat().st_mtime_ns)
    return found


# --- names that lead elsewhere ---

WAYS_OUT = [
    "..", "../..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..%252f..%252fetc%252fpasswd",
    "..%c0%af..%c0%afetc", "..%5c..%5cetc", "/etc/passwd", "%2fetc%2fpasswd", "acme/../../secret", "acme/..%2f..%2fsecret",
    "a%00b", "acme/tiny%00.gguf", "acme//tiny", "./acme", "acme/.", ".larder/trash", ".cache", "C:%5cx", "%0d%0ax",
    "acme/%e2%80%ae", "%ff%fe", "acme/" + "x" * 300, "~/../..", "datasets/../x/y",
]


@each_server
def test_no_name_leads_out_of_the_library(make_larder, web):
    larder = make_larder(web=web)
    (larder.folder / "secret").write_text("the secret of the house")
    (larder.models / "acme/tiny").mkdir(parents=True)
    (larder.models / "acme/tiny/model-Q4_0.gguf").write_bytes(b"GGUF")
    larder.api("POST", "scan", {})
    before = everything_outside(larder)
    for way in WAYS_OUT:
        for method, target in (("GET", f"models/{way}"), ("DELETE", f"models/{way}"), ("POST", f"models/{way}/verify"),
                               ("GET", f"downloads/{way}"), ("DELETE", f"trash/{way}"), ("POST", f"trash/{way}/restore"),
                               ("DELETE", f"models/acme/tiny?group={way}"), ("GET", f"models/acme/tiny?revision={way}"),
                               ("GET", f"models?cursor={way}")):
            answer = request(larder, f"/api/v1/{target}", method, ["Content-Type: application/json"],
                             b"{}" if method == "POST" else b"")
            assert b"secret of the house" not in answer and b"root:x:" not in answer
            assert status(answer) < 500, (method, target, answer)
            if method != "GET":
                assert status(answer) >= 400 or status(answer) in (301, 302, 307), (method, target, answer)
        for target in (f"/{way}", f"/js/{way}", f"/css/../{way}", f"/api/v1/../../{way}"):
            answer = request(larder, target)
            assert b"root:x:" not in answer and b"secret of the house" not in answer, (target, answer)
    assert everything_outside(larder) == before and is_well(larder)


@each_server
def test_no_word_of_a_body_leads_out_of_the_library(make_larder, web, hub):
    larder = make_larder(web=web)
    before = everything_outside(larder)
    words = ["../../etc/passwd", "/etc/passwd", "acme/../x", "a\u0000b", "..", "a/b/c/d", "\r\nX: y",
             "file:///etc/passwd", "http://169.254.169.254/latest/meta-data", "gopher://x/y", "https://evil.example/acme/tiny"]
    for word in words:
        for body in ({"repo": word}, {"repo": TINY, "revision": word}, {"repo": TINY, "type": word},
                     {"repo": TINY, "commit": word}, {"repo": TINY, "select": [word]}):
            for path in ("preview", "downloads"):
                answer = larder.api("POST", path, body)
                assert answer.status < 500, (path, body, answer.body)
                if "select" not in body and body.get("revision") != "a/b/c/d":
                    assert answer.status >= 400, (path, body, answer.body)
    assert everything_outside(larder) == before and is_well(larder)
    assert {entry["path"].split("/")[1] for entry in hub.requests()} <= {"api"}, "somebody else was asked"


# --- lines that are broken into, bodies that are too much ---

@each_server
def test_no_header_and_no_line_of_the_log_is_broken_into(make_larder, web):
    larder = make_larder(web=web)
    for target in ("/api/v1/models?q=a%0d%0aSet-Cookie:%20broken=1", "/api/v1/downloads/a%0d%0aSet-Cookie:%20broken=1",
                   "/api/v1/events?last_event_id=1%0d%0aSet-Cookie:%20broken=1", "/%0d%0aSet-Cookie:%20broken=1"):
        connection = larder.connect()
        connection.request("GET", f"{larder.base}{target}")
        answer = connection.getresponse()
        assert "broken" not in (answer.headers.get("Set-Cookie") or "")
        connection.close()
    for name in ("x\ninjected line", "x\x1b[2Jinjected", "x\u2028injected", 'x","level":"injected'):
        larder.api("POST", "preview", {"repo": name})
        larder.api("POST", "downloads", {"repo": TINY, "revision": name})
    larder.raw("GET", "/api/v1/models", headers={"X-Request-Id": "abc injected"})
    for line in larder.daemon.lines + larder.fcgi.lines:
        assert not line.startswith("injected") and "\x1b" not in line


@each_server
def test_headers_that_contradict_each_other(make_larder, web):
    larder = make_larder(web=web, LARDER_AUTH="password", LARDER_API_KEYS=CONFIGURED)
    base = f"{larder.base}/api/v1"
    bearer = f"Authorization: Bearer {KEYS['admin']}"
    body = b'{"paused":true}'
    json_type = "Content-Type: application/json"
    for lines in (
        ["Content-Length: 15", "Content-Length: 0"],
        ["Content-Length: 0", "Content-Length: 15"],
        ["Content-Length: 15", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 15"],
        ["Transfer-Encoding: x, chunked", "Content-Length: 15"],
        ["Content-Length: +15"], ["Content-Length: 0x0f"], ["Content-Length: -1"], ["Content-Length: 99999999999999999999"],
        ["Transfer-Encoding : chunked"], ["Content-Length: 15", "Host: evil.example"],
    ):
        follow = f"GET {base}/smuggled HTTP/1.1\r\nHost: x\r\n{bearer}\r\n\r\n".encode()
        head = "\r\n".join([f"PATCH {base}/settings HTTP/1.1", "Host: 127.0.0.1", bearer, json_type, *lines])
        answer = send(larder, head.encode() + b"\r\n\r\n" + body + follow, wait=2)
        assert answer.count(b"HTTP/1.1 200") <= 1 and b"evil.example" not in answer, (lines, answer)
    # Whoever is two people is at most one of them.
    for lines in ([bearer, "Authorization: Bearer wrong"], ["Authorization: Bearer wrong", bearer],
                  ["Cookie: larder_session=x", "Cookie: larder_session=y"], [f"Authorization: Basic {KEYS['admin']}"],
                  ["Authorization: Bearer "], [f"Authorization: Bearer {KEYS['admin']}, Bearer wrong"]):
        answer = request(larder, "/api/v1/downloads", headers=lines)
        assert status(answer) in (200, 400, 401), (lines, answer)
        if bearer not in lines:
            assert status(answer) in (400, 401), (lines, answer)
    assert is_well(larder)


@each_server
def test_bodies_that_are_too_large_or_never_end(make_larder, web):
    larder = make_larder(web=web)
    json_type = ["Content-Type: application/json"]
    for size in (2 * MIB, 9 * MIB):
        answer = request(larder, "/api/v1/preview", "POST", json_type, b'{"repo":"' + b"x" * size + b'"}')
        assert status(answer) in (413, 422, 0), answer[:200]
    lie = "\r\n".join([f"POST {larder.base}/api/v1/preview HTTP/1.1", "Host: 127.0.0.1", *json_type,
                       "Content-Length: 10737418240"]).encode() + b"\r\n\r\n{"
    assert status(send(larder, lie, wait=3)) in (413, 0)
    # Many who say a word a second do not keep others waiting.
    slow = []
    for _ in range(3 * int(larder.env.get("LARDER_FCGI_THREADS", 8))):
        peer = socket.create_connection(("127.0.0.1", larder.port))
        peer.sendall(f"POST {larder.base}/api/v1/preview HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                     "Content-Length: 100\r\n\r\n{".encode())
        slow.append(peer)
    for _ in range(5):
        assert larder.raw("GET", "/api/v1/downloads").status == 200
    for peer in slow:
        peer.close()
    assert is_well(larder)


BOMBS = [
    b"[" * 100_000, b'{"a":' * 50_000, b'{"repo":' + b"[" * 500 + b"]" * 500 + b"}", b"[" + b"{}," * 100_000 + b"{}]",
    b'{"repo":"' + b"\\u0041" * 100_000 + b'"}', b'{"repo":' + b"9" * 100_000 + b"}", b'{"repo":1e999999}',
    b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"{" + b'"a":1,' * 50_000 + b'"b":2}', b"null", b"",
    b'"' + b"x" * 100_000, b'{"repo":"\xff"}', b'{"repo":"\\ud800"}', b"{}" * 1000, b'{"__proto__":{"repo":"x"}}', b"NaN",
]


@each_server
def test_bombs_of_json(make_larder, web):
    larder = make_larder(web=web)
    for path in ("preview", "downloads", "settings"):
        for bomb in BOMBS:
            if bomb == b"" and path == "settings":
                continue  # that changes nothing
            method = "PATCH" if path == "settings" else "POST"
            answer = larder.raw(method, f"/api/v1/{path}", bomb, {"Content-Type": "application/json"})
            assert 400 <= answer.status < 500, (path, bomb[:40], answer.status, answer.body[:200])
    before = rss(larder.fcgi)
    for _ in range(20):
        larder.raw("POST", "/api/v1/preview", BOMBS[3], {"Content-Type": "application/json"})
    assert rss(larder.fcgi) < before + 64 * MIB and is_well(larder)


@each_server
def test_floods_of_headers(make_larder, web):
    larder = make_larder(web=web)
    for headers in ([f"X-{n}: {n}" for n in range(2000)], ["X-Long: " + "x" * 200_000], ["Cookie: " + "a=b; " * 20_000],
                    ["Authorization: Bearer " + "x" * 60_000], [f"Cookie: larder_session={'x' * 6000}"] * 3):
        answer = request(larder, "/api/v1/downloads", headers=headers)
        assert status(answer) in (0, 200, 400, 401, 413, 414, 431, 494), answer[:300]
    assert status(request(larder, "/api/v1/models?q=" + "x" * 100_000)) in (0, 400, 413, 414, 422, 431)
    assert is_well(larder)


# --- who one is ---

@each_server
def test_nobody_names_himself(make_larder, web):
    larder = make_larder(web=web, LARDER_AUTH="proxy")
    for name in ("Remote-User", "remote-user", "REMOTE-USER", "Remote_User", "remote_user", "X-Remote-User", "HTTP_REMOTE_USER",
                 "REMOTE_USER"):
        assert statuses(larder, {name: "admin"}) == (401, 401), name
    answer = request(larder, "/api/v1/downloads", headers=["Remote-User: a", "Remote_User: b", "Remote-User: c"])
    assert status(answer) in (400, 401)


def test_where_nobody_signs_in_only_this_machine_is_served(make_larder, monkeypatch):
    """The web server says that the client is elsewhere."""
    read = Path.read_text

    def read_changed(path, *words, **options):
        text = read(path, *words, **options)
        if ROOT / "etc" in path.parents:
            text = text.replace("include fastcgi_params;", "fastcgi_param REMOTE_ADDR 192.0.2.7; include fastcgi_params;")
            text = text.replace("X-Forwarded-For $remote_addr", "X-Forwarded-For 192.0.2.7")
        return text

    monkeypatch.setattr(Path, "read_text", read_changed)
    larder = make_larder(web="nginx")
    assert statuses(larder, {}) == (403, 403)
    refused = larder.raw("GET", "/api/v1/downloads")
    assert refused.json["code"] == "not_this_machine" and "LARDER_AUTH" in refused.json["hint"]
    assert larder.raw("GET", "/api/v1/health").status == 200
    assert statuses(make_larder(web="nginx", LARDER_ALLOW_ANYONE="1"), {}) == (200, 200)
    locked = make_larder(web="nginx", LARDER_AUTH="password", LARDER_API_KEYS=CONFIGURED)
    assert statuses(locked, {}) == (401, 401) and statuses(locked, key("viewer")) == (200, 200)


@each_server
def test_whom_the_web_server_names_comes_in(make_larder, web, monkeypatch):
    """The site file with the operator's word in the place of the empty one; what a client says still does not count."""
    changes = {"nginx": [('HTTP_REMOTE_USER ""', "HTTP_REMOTE_USER ada"), ('Remote-User ""', "Remote-User ada")],
               "caddy": [("request_header -Remote-User", "request_header Remote-User ada")],
               "lighttpd": [('"Remote-User" => ""', '"Remote-User" => "ada"')]}[web]
    read = Path.read_text

    def read_changed(path, *words, **options):
        text = read(path, *words, **options)
        if ROOT / "etc" in path.parents:
            for old, new in changes:
                assert old in text
                text = text.replace(old, new)
        return text

    monkeypatch.setattr(Path, "read_text", read_changed)
    larder = make_larder(web=web, LARDER_AUTH="proxy")
    for headers in ({}, {"Remote-User": "mallory"}, {"Remote_User": "mallory"}):
        assert statuses(larder, headers) == (200, 200)
        larder.headers = headers
        assert larder.api("GET", "session").json["user"] == "ada"


@each_server
def test_a_session_that_was_tampered_with_opens_nothing(make_larder, web, password_hash):  # noqa: F811
    larder = make_larder(web=web, LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)
    token = signed_in(larder)[0]["Cookie"].split("=", 1)[1]
    version, head, mac = token.split(".")
    plain = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)).decode()
    forged = [f"{version}.{base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}.{mac}"
              for text in (plain.replace("admin", "root"), "9" + plain, plain + " ", plain.replace(" 0 ", " 1 "))]
    forged += [token[:-1], token + "A", token.upper(), token.replace("s2", "s1"), f"{head}.{mac}", f"{version}.{head}.",
               f"{version}..{mac}", mac, "", token + "." + mac, f'"{token}"x', f"{version}.{mac}.{head}"]
    places = random.Random(1).sample(range(len(token)), 40)
    forged += [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:] for at in places]
    for one in forged:
        assert larder.raw("GET", "/api/v1/downloads", headers={"Cookie": f"larder_session={one}"}).status == 401, one
    assert larder.raw("GET", "/api/v1/downloads", headers={"Cookie": f"larder_session={token}"}).status == 200


@each_server
def test_a_session_is_not_handed_in_and_not_used_again(make_larder, web, password_hash):  # noqa: F811
    larder = make_larder(web=web, LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)
    fixed = {"Cookie": "larder_session=s2.chosen.byme"}
    answer = sign_in(larder, **fixed)
    assert answer.status == 200 and "chosen" not in answer.headers["Set-Cookie"]
    assert statuses(larder, fixed) == (401, 401)
    first, second = signed_in(larder)[0], signed_in(larder)[0]
    assert first["Cookie"] != second["Cookie"] and first["X-CSRF-Token"] != second["X-CSRF-Token"]
    # One session's token does not do for another's change.
    mixed = {"Cookie": first["Cookie"], "X-CSRF-Token": second["X-CSRF-Token"], "Content-Type": "application/json"}
    assert larder.raw("PATCH", "/api/v1/settings", b'{"slow":true}', mixed).status == 403
    assert larder.raw("DELETE", "/api/v1/session", headers=first).status == 204
    assert statuses(larder, first) == (401, 401)
    assert statuses(larder, second) == (200, 200)


@each_server
def test_each_role_on_each_route(make_larder, web):
    """A table made of the routes: each takes exactly those that may."""
    larder = make_larder(web=web, LARDER_AUTH="password", LARDER_API_KEYS=CONFIGURED, LARDER_RATE_LIMIT=0)
    for method, path, need, cost in routes():
        if cost == "SIGN_IN":
            continue
        target = "/api/v1/" + path.replace("{}", "x")
        for at, role in enumerate(ROLES):
            headers = {"Content-Type": "application/json"} | ({} if role == "nobody" else key(role))
            answer = larder.raw(method, target, None if method in ("GET", "DELETE") else b"{}", headers)
            least = 0 if need == "NOTHING" else ROLES.index(need.lower())
            wanted = answer.status not in (401, 403) if at >= least else answer.status == (401 if role == "nobody" else 403)
            assert wanted, (method, path, role, answer.status, answer.body)
    assert is_well(larder)


# --- a Hub that means harm ---

class Hostile(http.server.BaseHTTPRequestHandler):
    """Answers that never end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """A listing without an end."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        piece = b'{"type":"file","path":"a","size":1,"oid":"' + b"x" * 60_000 + b'"},'
        try:
            while not self.server.is_over.is_set():
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.server.sent += len(piece)
        except OSError:
            pass

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def hostile():
    """A server whose answers never end."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.sent, server.is_over = 0, threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.is_over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_answers_of_the_hub_that_never_end_are_ended(make_larder, hostile):
    larder = make_larder(flavour="release", endpoint=f"http://127.0.0.1:{hostile.server_address[1]}")
    before = rss(larder.daemon)
    for path, body in (("preview", {"repo": TINY}), ("hub/search?q=x", None), ("token", None)):
        answer = larder.api("POST" if body else "GET", path, body)
        assert answer.status == 200 if path == "token" else answer.status == 502, answer.body
    assert rss(larder.daemon) < before + 128 * MIB
    assert hostile.sent < 400 * MIB and is_well(larder)


def test_pages_of_the_hub_that_never_end_are_ended(larder, hub):
    hub.fault("link_loop", path="/api/models/*/tree/*")
    answer = larder.api("POST", "preview", {"repo": TINY})
    assert answer.status in (422, 502) and is_well(larder)


def test_the_hub_gets_nobodys_credentials_sent_elsewhere(larder, hub):
    hub.fault("redirect_host", path="/api/models/*")
    larder.api("POST", "preview", {"repo": TINY})
    hub.faults.clear()
    hub.fault("foreign_link", path="/api/models/*/tree/*")
    assert larder.api("POST", "preview", {"repo": "acme/many"}).status == 502
    assert not hub.leaks()


def test_a_hub_on_the_internet_leads_nobody_to_private_addresses(make_larder, tmp_path):
    """SSRF: a Hub at a public address, in a network of its own, redirects to this machine and to a cloud's metadata."""
    apart = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]
    if subprocess.run([*apart, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        pytest.skip("this user may not have a network of its own")
    asked = tmp_path / "asked"
    larder = make_larder(is_started=False, endpoint="http://93.184.216.34:8000")
    script = Path(__file__).with_name("elsewhere.py")
    larder.daemon_argv = [*apart, sys.executable, str(script), str(asked), *larder.daemon_argv]
    larder.start()
    for address in ("127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1"):
        refused = larder.api("POST", "preview", {"repo": f"acme/at-{address}"})
        assert refused.status == 502 and "private" in refused.json["detail"], refused.body
    assert not asked.exists(), asked.read_text()


# --- noise ---

def noise(rng, larder):
    """A request that is one in part."""
    kind = rng.randrange(6)
    junk = rng.randbytes(rng.randrange(1, 300))
    if kind == 0:
        return junk
    if kind == 1:
        return b"GET " + junk.replace(b"\n", b"") + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    target = f"{larder.base}/api/v1/" + rng.choice(["downloads", "models", "preview", "settings", "events", "trash/x", "token"])
    method = rng.choice(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"])
    if kind == 2:
        quoted = "".join(f"%{byte:02x}" for byte in junk[:60])
        return f"GET {target}/{quoted}?q={quoted} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    if kind == 3:
        return f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n".encode() + junk + b"\r\n\r\n"
    body = junk if kind == 4 else json.dumps({"repo": junk.decode("latin-1")}).encode()
    return (f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


@each_server
def test_ten_thousand_requests_of_noise_while_a_download_goes_on(make_larder, web, hub):
    """No crash, no leak (the sanitizer's word at the end), memory bounded, and the download is what it should be."""
    # What a sanitizer keeps of freed memory, to see it used, is not ours.
    larder = make_larder(web=web, LARDER_RATE_LIMIT=0, ASAN_OPTIONS="detect_leaks=1:quarantine_size_mb=4")
    hub.fault("slow", "*", origin="cdn", rate=200_000)
    job = larder.download(f"{TINY}:Q4_K_M")
    larder.wait_state(job, "downloading")
    seed = int(os.environ.get("LARDER_TEST_SEED", "20261129"))
    sent = [0]
    sizes = []

    def run(number):
        rng = random.Random(seed + number)
        for count in range(RANDOM_REQUESTS // 4):
            where = rng.randrange(20)
            path = larder.run / "fcgi.sock" if where == 0 else larder.run / "events.sock" if where == 1 else None
            try:
                with socket.socket(socket.AF_UNIX if path else socket.AF_INET) as peer:
                    peer.settimeout(PATIENCE)
                    peer.connect(str(path) if path else ("127.0.0.1", larder.port))
                    peer.sendall(noise(rng, larder))
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(4096)
            except OSError:
                pass
            sent[0] += 1
            if number == 0 and count % 500 == 100:
                sizes.append((rss(larder.daemon), rss(larder.fcgi)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_well(larder)
    for which in (0, 1):
        assert sizes[-1][which] < sizes[0][which] + 48 * MIB, sizes
    hub.faults.clear()
    for verb in ("pause", "resume"):  # with connections at full speed
        larder.api("POST", f"downloads/{job}/{verb}", {})
    for row in larder.api("GET", "downloads?state=active").json["downloads"]:
        if row["id"] != job:
            larder.api("POST", f"downloads/{row['id']}/cancel", {})
    assert larder.wait(job)["state"] == "completed"
    assert (larder.models / TINY / "tiny-7b-Q4_K_M.gguf").stat().st_size == hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["size"]
