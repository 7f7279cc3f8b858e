"""Who may come in: the same answer of the API and of the event stream, behind every web server."""

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

TERM = "acme/tiny-7b-GGUF:Q4_K_M"
KEYS = {"viewer": "watch-only-0001", "operator": "do-things-0002", "admin": "may-everything-0003"}
CLOSED_S = 10  # a session that is over must be gone by then


def hashed(key):
    return hashlib.sha256(key.encode()).hexdigest()


CONFIGURED = ",".join(f"{role}s:{role}:{hashed(key)}" for role, key in KEYS.items())


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def cookie(larder, lasts_s=3600, epoch=0, role="operator", secret=None):
    """What a sign-in would give: HMAC-SHA-512 cut to 256 bits, as libsodium's crypto_auth."""
    secret = secret or (Path(larder.env["LARDER_STATE_DIR"]) / "secret.key").read_bytes()
    head = "s2." + encode(f"{int(time.time()) + lasts_s} {epoch} {role} {os.urandom(8).hex()} ada".encode())
    mac = hmac.new(secret, head.encode(), hashlib.sha512).digest()[:32]
    return {"Cookie": f"theme=dark; larder_session={head}.{encode(mac)}"}


def key(role):
    return {"Authorization": f"Bearer {KEYS[role]}"}


@pytest.fixture(params=["nginx", "caddy", "lighttpd"])
def guarded(request, make_larder):
    return make_larder(web=request.param, LARDER_AUTH="password", LARDER_API_KEYS=CONFIGURED)


def statuses(larder, headers):
    """What the API and the stream say to these headers, both through the web server."""
    connection = larder.connect()
    connection.request("GET", f"{larder.base}/api/v1/events", headers=headers)
    stream = connection.getresponse().status
    connection.close()
    return larder.raw("GET", "/api/v1/downloads", headers=headers).status, stream


def test_who_shows_nothing_stays_outside(guarded):
    for headers in ({}, {"Cookie": "larder_session=s2.x.y"}, {"Authorization": "Bearer guess"}, {"Remote-User": "ada"},
                    cookie(guarded, lasts_s=-1), cookie(guarded, epoch=1), cookie(guarded, secret=bytes(32))):
        assert statuses(guarded, headers) == (401, 401), headers
    refused = guarded.raw("GET", "/api/v1/downloads")
    assert refused.headers["WWW-Authenticate"] == "Bearer" and refused.json["code"] == "sign_in"
    # The event stream says so in the same words.
    watching = guarded.raw("GET", "/api/v1/events")
    assert watching.headers["WWW-Authenticate"] == "Bearer"
    first, second = refused.json, watching.json
    assert first.pop("request_id") != second.pop("request_id") and first == second
    # These tell nothing but that somebody must sign in.
    assert guarded.raw("GET", "/api/v1/health").status == 200
    session = guarded.api("GET", "session", status=200).json
    assert (session["auth"], session["user"], session["role"]) == ("password", None, None)


def test_a_session_or_a_key_opens_both_doors(guarded):
    for headers, user, role in ((cookie(guarded), "ada", "operator"), (key("viewer"), "viewers", "viewer")):
        assert statuses(guarded, headers) == (200, 200)
        guarded.headers = headers
        session = guarded.api("GET", "session", status=200).json
        assert (session["user"], session["role"]) == (user, role)


def test_each_role_does_what_it_may(guarded):
    for role, create, patch in (("viewer", 403, 403), ("operator", 202, 403), ("admin", 409, 200)):
        guarded.headers = key(role)
        assert guarded.api("POST", "downloads", {"repo": TERM}).status == create, role
        assert guarded.api("PATCH", "settings", {"paused": True}).status == patch, role
        assert guarded.api("GET", "settings").status == 200


def test_a_session_that_is_revoked_is_closed_within_ten_seconds(guarded):
    guarded.headers = cookie(guarded)
    with guarded.stream() as by_session:
        events = iter(by_session)
        next(events)
        guarded.headers = key("viewer")
        with guarded.stream() as by_key:
            kept = iter(by_key)
            next(kept)
            guarded.headers = {}
            begun = time.monotonic()
            assert "result" in guarded.rpc("session.revoke")
            assert list(events) == []  # it ends, in good order
            assert time.monotonic() - begun < CLOSED_S
            while statuses(guarded, cookie(guarded))[0] != 401:  # larder-fcgi asks anew soon
                assert time.monotonic() - begun < CLOSED_S
            assert statuses(guarded, cookie(guarded)) == (401, 401)
            assert statuses(guarded, cookie(guarded, epoch=1)) == (200, 200)
            guarded.rpc("settings.patch", {"slow": True})
            assert next(event.name for event in kept if event.name == "settings")


def test_a_session_that_is_over_is_closed_within_ten_seconds(guarded):
    guarded.headers = cookie(guarded, lasts_s=2)
    begun = time.monotonic()
    with guarded.stream() as stream:
        assert [event.name for event in stream if event.name != "disk"] == ["snapshot"]
    assert time.monotonic() - begun < 2 + CLOSED_S


def test_a_revocation_survives_kill_9(make_larder):
    larder = make_larder(LARDER_AUTH="password")
    before = cookie(larder)
    larder.rpc("session.revoke")
    larder.kill_daemon()
    larder.start_daemon()
    assert statuses(larder, before)[1] == 401
    assert statuses(larder, cookie(larder, epoch=1))[1] == 200


@pytest.mark.parametrize("setting, value", [("LARDER_AUTH", "maybe"), ("LARDER_API_KEYS", "sesame"),
                                            ("LARDER_TRUSTED_USER_HEADER", "a: b"), ("LARDER_EVENT_CLIENTS", "0")])
def test_a_setting_that_makes_no_sense_is_refused_by_name(make_larder, setting, value):
    larder = make_larder(is_started=False, **{setting: value})
    for start in (larder.start_daemon, larder.start_fcgi):
        with pytest.raises(AssertionError, match=f"{setting}: "):
            start()
    larder.daemon = larder.fcgi = None


# --- signing in ---

PASSWORD = "correct horse battery staple"


def make_hash(password):
    """What `larder hash-password` makes."""
    from harness import programs
    done = subprocess.run([programs() / "larder", "hash-password", "--json"], input=password + "\n",
                          capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["hash"]
    assert found.startswith("$argon2id$") and password not in found
    return found


@pytest.fixture(scope="session")
def password_hash():
    return make_hash(PASSWORD)


@pytest.fixture(params=["nginx", "caddy", "lighttpd"])
def door(request, make_larder, password_hash):
    return make_larder(web=request.param, LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)


def sign_in(larder, password=PASSWORD, **headers):
    return larder.raw("POST", "/api/v1/session", json.dumps({"password": password}).encode(),
                      {"Content-Type": "application/json", **headers})


def signed_in(larder):
    """The headers of a page that has signed in."""
    answer = sign_in(larder)
    assert answer.status == 200, answer.body
    cookie_text = answer.headers["Set-Cookie"]
    return {"Cookie": cookie_text.split(";")[0], "X-CSRF-Token": answer.json["csrf_token"]}, cookie_text


def test_who_knows_the_password_comes_in_and_goes(door):
    assert door.raw("GET", "/api/v1/downloads").status == 401
    headers, text = signed_in(door)
    attributes = {part.strip().lower() for part in text.split(";")[1:]}
    assert {"httponly", "samesite=lax", f"path={door.base}/"} <= attributes and "secure" not in attributes
    assert statuses(door, headers) == (200, 200)
    door.headers = headers
    session = door.api("GET", "session", status=200).json
    assert (session["user"], session["role"], session["csrf_token"]) == ("admin", "admin", headers["X-CSRF-Token"])
    assert door.api("PATCH", "settings", {"slow": True}).status == 200
    # A change without the page's token, or with another's, is not this page's.
    for token in (None, "", "0" * 32):
        changed = {"Cookie": headers["Cookie"], **({"X-CSRF-Token": token} if token is not None else {})}
        door.headers = changed
        assert door.api("PATCH", "settings", {"slow": False}).json["code"] == "csrf"
    door.headers = headers
    # Out, and what somebody kept of it opens nothing, now and after a restart.
    gone = door.raw("DELETE", "/api/v1/session", headers=headers)
    assert gone.status == 204 and "max-age=0" in gone.headers["Set-Cookie"].lower()
    door.headers = {}
    assert statuses(door, headers) == (401, 401)
    door.kill_daemon()
    door.start_daemon()
    assert statuses(door, headers) == (401, 401)
    assert statuses(door, signed_in(door)[0]) == (200, 200)


def test_a_new_password_ends_what_the_old_one_began(make_larder, password_hash):
    larder = make_larder(LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)
    old = signed_in(larder)[0]
    larder.stop_daemon()
    larder.start_daemon()
    assert statuses(larder, old) == (200, 200)
    larder.stop_daemon()
    larder.fcgi.end()
    larder.ended.append(larder.fcgi)
    larder.env["LARDER_PASSWORD_HASH"] = make_hash("another one")
    larder.start_daemon()
    larder.start_fcgi()
    assert statuses(larder, old) == (401, 401)
    assert statuses(larder, {}) == (401, 401)


def test_a_new_password_counts_at_once_where_larderd_is_told_to_look(make_larder, password_hash):
    """As `systemctl reload` does it."""
    larder = make_larder(is_started=False, LARDER_AUTH="password")
    file = larder.folder / "hash"
    larder.env["LARDER_PASSWORD_HASH_FILE"] = str(file)
    file.write_text(password_hash)
    larder.start()
    old = signed_in(larder)[0]
    assert statuses(larder, old) == (200, 200)
    larder.headers = old
    with larder.stream() as stream:
        events = iter(stream)
        next(events)
        file.write_text(make_hash("another one"))
        larder.daemon.process.send_signal(signal.SIGHUP)
        assert list(events) == [], "who watches is sent away"
    larder.headers = {}
    begun = time.monotonic()
    while statuses(larder, old) != (401, 401):  # larder-fcgi asks anew soon
        assert time.monotonic() - begun < CLOSED_S


def test_a_sign_out_ends_its_stream_and_no_other(make_larder, password_hash):
    larder = make_larder(LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)
    mine, other = signed_in(larder)[0], signed_in(larder)[0]
    larder.headers = other
    with larder.stream() as stays:
        kept = iter(stays)
        next(kept)
        larder.headers = mine
        with larder.stream() as ends:
            events = iter(ends)
            next(events)
            assert larder.raw("DELETE", "/api/v1/session", headers=mine).status == 204
            assert list(events) == []
        larder.headers = {}
        larder.rpc("settings.patch", {"slow": True})
        assert next(event.name for event in kept if event.name == "settings")


def test_guessing_is_slow(door):
    answers = [sign_in(door, f"guess number {number}") for number in range(7)]
    assert [answer.status for answer in answers] == [403] * 5 + [429] * 2
    assert answers[0].json["code"] == "wrong_password" and "Set-Cookie" not in answers[0].headers
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert sign_in(door).status == 429, "the right one waits as well: it tells nothing"
    assert door.raw("GET", "/api/v1/health").status == 200
    assert all("guess number" not in line for line in door.daemon.lines + door.fcgi.lines)


@pytest.mark.parametrize("body, status", [
    ({}, 422), ({"password": ""}, 422), ({"password": 7}, 422), ({"password": "x" * 1025}, 422), ({"password": ["x"]}, 422),
    ({"password": "x", "user": "root"}, 400), ({"password": "x\u0000y"}, 403),
])
def test_bad_input_to_the_sign_in(make_larder, password_hash, body, status):
    larder = make_larder(LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)
    answer = larder.api("POST", "session", body)
    assert answer.status in (status, 400), answer.body
    assert "Set-Cookie" not in answer.headers


def test_without_a_hash_nobody_signs_in(make_larder):
    larder = make_larder(LARDER_AUTH="password")
    refused = sign_in(larder)
    assert refused.status == 403 and refused.json["code"] == "forbidden" and "no password is set" in refused.json["detail"]
    assert any("LARDER_PASSWORD_HASH is empty" in line for line in larder.fcgi.lines)
    assert sign_in(make_larder()).json["code"] == "forbidden"


# --- other sites ---

def test_a_page_of_another_site_changes_nothing(larder):
    ours = f"http://127.0.0.1:{larder.port}"
    for headers, status in (
        ({}, 200), ({"Origin": ours}, 200), ({"Sec-Fetch-Site": "same-origin", "Origin": ours}, 200), ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ):
        larder.headers = headers
        answer = larder.api("PATCH", "settings", {"slow": False})
        assert answer.status == status, headers
        if status == 403:
            assert answer.json["code"] == "cross_site"
        assert larder.api("GET", "settings").status == 200
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_another_name_for_this_server_opens_nothing(make_larder):
    larder = make_larder()
    for host, status in ((f"localhost:{larder.port}", 200), ("nas.local", 200), ("rebound.evil.example", 403),
                         (f"rebound.evil.example:{larder.port}", 403)):
        assert statuses(larder, {"Host": host}) == (status, status), host
    named = make_larder(LARDER_HOSTS="models.example.org, *.example.net")
    for host, status in (("models.example.org", 200), ("a.example.net:81", 200), (f"127.0.0.1:{named.port}", 200), ("evil.example", 403)):
        assert statuses(named, {"Host": host}) == (status, status), host


# --- how often ---

def test_each_has_a_share(make_larder):
    larder = make_larder(LARDER_AUTH="password", LARDER_API_KEYS=CONFIGURED, LARDER_RATE_LIMIT=100)
    larder.headers = key("viewer")
    answers = [larder.raw("GET", "/api/v1/downloads", headers=key("viewer")) for _ in range(103)]
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=100;w=60'
    assert answers[0].headers["RateLimit"] == '"default";r=99'
    assert answers[-1].status == 429 and answers[-1].json["code"] == "too_many_requests"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert larder.raw("GET", "/api/v1/downloads", headers=key("admin")).status == 200
    # Of those that ask the Hub there are fewer.
    hub = [larder.raw("POST", "/api/v1/preview", b'{"repo": "acme/words", "type": "dataset"}',
                      {"Content-Type": "application/json", **key("operator")}).status for _ in range(3)]
    assert hub == [200, 200, 429]
    # Who is nobody shares the address.
    larder.headers = {}
    assert {larder.raw("GET", "/api/v1/downloads", headers={}).status for _ in range(101)} <= {401, 429}
