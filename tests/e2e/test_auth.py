"""Who may come in: the same answer of the API and of the event stream, behind every web server."""

import base64
import hashlib
import hmac
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
    head = "s1." + encode(f"{int(time.time()) + lasts_s} {epoch} {role} ada".encode())
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
    for headers in ({}, {"Cookie": "larder_session=s1.x.y"}, {"Authorization": "Bearer guess"}, {"Remote-User": "ada"},
                    cookie(guarded, lasts_s=-1), cookie(guarded, epoch=1), cookie(guarded, secret=bytes(32))):
        assert statuses(guarded, headers) == (401, 401), headers
    refused = guarded.raw("GET", "/api/v1/downloads")
    assert refused.headers["WWW-Authenticate"] == "Bearer" and refused.json["code"] == "sign_in"
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
