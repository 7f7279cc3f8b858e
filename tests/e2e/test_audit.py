"""Who did what, from where: kept in the database, told in the log, readable by administrators."""

import hashlib
import json
import os
import pwd
import subprocess

import pytest

from test_auth import password_hash, sign_in, signed_in  # noqa: F401  (a fixture, and two doors)

TINY = "acme/tiny-7b-GGUF"
KEYS = {role: f"{role}-key-{role}-key-{role}-key" for role in ("viewer", "operator", "admin")}
API_KEYS = ",".join(f"{role}:{role}:{hashlib.sha256(key.encode()).hexdigest()}" for role, key in KEYS.items())


def bearer(role):
    return {"Authorization": f"Bearer {KEYS[role]}", "Content-Type": "application/json"}


def told(larder, **wanted):
    """The entries that are like that, the newest first."""
    entries = larder.api("GET", "audit?limit=500", status=200).json["audit"]
    return [e for e in entries if all(e[name] == value for name, value in wanted.items())]


def test_a_deed_is_told_with_who_where_what_and_what_came_of_it(larder):
    job = larder.download(f"{TINY}:Q4_K_M")
    larder.wait(job)
    refused = larder.api("POST", f"downloads/{job}/pause", {}, status=409).json
    [paused] = told(larder, action="download.pause")
    assert paused["outcome"] == "illegal_state" and json.loads(paused["what"]) == {"id": job}
    assert paused["who"] == "anybody" and paused["address"] == "127.0.0.1"
    assert paused["request_id"] == refused["request_id"] and paused["at"].endswith("Z")
    [made] = told(larder, action="download.create")
    assert json.loads(made["what"])["repo"] == f"{TINY}:Q4_K_M" and made["outcome"] == "ok"
    line = f"audit: anybody at 127.0.0.1: download.pause {paused['what']}: illegal_state [{paused['request_id']}]"
    assert any(line in one for one in larder.daemon.lines)


def test_looking_is_no_deed(larder):
    for path in ("downloads", "models", "settings", "trash", "scrub", "hub/search?q=tiny", "health", "session"):
        larder.api("GET", path, status=200)
    larder.api("POST", "preview", {"repo": TINY}, status=200)
    assert told(larder) == []


def test_keys_and_people_of_this_machine_are_told_apart(make_larder):
    larder = make_larder(LARDER_AUTH="password", LARDER_API_KEYS=API_KEYS)
    assert larder.raw("PATCH", "/api/v1/settings", b'{"paused":true}', bearer("operator")).status == 403
    assert larder.raw("PATCH", "/api/v1/settings", b'{"paused":true}', bearer("admin")).status == 200
    subprocess.run([larder.build / "larder", "scan"], env=larder.env, capture_output=True, check=True, timeout=60)
    larder.headers = bearer("admin")
    [patched] = told(larder, action="settings.patch", address="127.0.0.1")
    assert patched["who"] == "key admin" and json.loads(patched["what"]) == {"paused": True}
    [scanned] = told(larder, action="library.scan")
    assert scanned["who"] == f"user {os.geteuid()}" and scanned["address"] is None and scanned["request_id"] is None


def test_only_administrators_read_it(make_larder):
    larder = make_larder(LARDER_AUTH="password", LARDER_API_KEYS=API_KEYS)
    assert larder.raw("GET", "/api/v1/audit").status == 401
    for role, status in (("viewer", 403), ("operator", 403), ("admin", 200)):
        assert larder.raw("GET", "/api/v1/audit", headers=bearer(role)).status == status


def test_it_outlives_a_restart_and_has_pages(larder):
    for _ in range(5):
        larder.api("POST", "scan", {})
    larder.kill_daemon()
    larder.start_daemon()
    seen, cursor = [], ""
    while cursor is not None:
        page = larder.api("GET", f"audit?limit=2{cursor and f'&cursor={cursor}'}", status=200).json
        seen += [entry["id"] for entry in page["audit"]]
        cursor = page["next_cursor"]
    assert seen == sorted(seen, reverse=True) and len(set(seen)) == 5
    assert larder.api("GET", "audit?limit=0", status=422).json["field"] == "limit"
    assert larder.api("GET", "audit?cursor=x", status=422).json["field"] == "cursor"


def test_the_command_line_shows_it(larder):
    larder.api("POST", "scan", {})
    run = [larder.build / "larder", "audit"]
    shown = subprocess.run(run, env=larder.env, capture_output=True, text=True, check=True, timeout=60).stdout
    assert shown.startswith("TIME (UTC)") and "library.scan" in shown and "127.0.0.1" in shown
    answer = subprocess.run([*run, "--json", "--limit=1"], env=larder.env, capture_output=True, text=True, check=True,
                            timeout=60).stdout
    assert json.loads(answer)["audit"][0]["action"] == "library.scan"


def test_coming_in_and_going_is_told_and_so_is_who_could_not(make_larder, password_hash):  # noqa: F811
    larder = make_larder(LARDER_AUTH="password", LARDER_PASSWORD_HASH=password_hash)
    assert sign_in(larder, "not the password").status == 403
    headers, _ = signed_in(larder)
    assert larder.raw("DELETE", "/api/v1/session", headers=headers).status == 204
    larder.headers, _ = signed_in(larder)
    entries = [(e["action"], e["outcome"], e["who"]) for e in larder.api("GET", "audit", status=200).json["audit"]]
    assert entries == [("session.create", "ok", "admin"), ("session.end", "ok", "admin"),
                       ("session.create", "ok", "admin"), ("session.create", "wrong_password", "anybody")]
    assert not any("not the password" in line for line in larder.logs())


FORGE = """
import json, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
for method, params in (("library.scan", {}), ("audit.note", {"action": "model.delete", "outcome": "ok"})):
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params,
            "caller": {"name": "admin", "address": "192.168.1.5", "request_id": "forged-forged"}}
    peer.sendall(json.dumps(call).encode() + b"\\n")
    print(peer.makefile().readline())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_nobody_of_this_machine_puts_a_deed_on_another(larder):
    """Somebody in the socket's group, as `larder` may be used by, calls in the web side's way."""
    group = (larder.run / "control.sock").stat().st_gid
    answers = subprocess.run(["/usr/bin/python3", "-c", FORGE, str(larder.run / "control.sock")], user="daemon", group=group,
                             extra_groups=[], capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert "result" in answers[0] and "forbidden" in " ".join(answers[1:])
    who = f"user {pwd.getpwnam('daemon').pw_uid}"
    rows = [(e["who"], e["action"], e["outcome"], e["address"]) for e in larder.api("GET", "audit").json["audit"]]
    assert rows == [(who, "audit.note", "forbidden", None), (who, "library.scan", "ok", None)]
