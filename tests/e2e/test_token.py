"""The Hub's token, given at run time: used, kept sealed, told to nobody, forgotten."""

import json
import signal
import subprocess

import pytest

GIVEN = "hf_grantedGIVENGIVENGIVENGIVEN"
PRIVATE = "acme/private-7b"


@pytest.fixture
def stranger(make_larder):
    """A Larder without a token of its own."""
    return make_larder(token="")


def put(larder, token, status=200):
    return larder.api("PUT", "token", {"token": token}, status=status).json


def test_a_token_opens_what_was_closed_and_is_told_to_nobody(stranger, hub):
    assert stranger.api("GET", "token", status=200).json == {
        "set": False, "source": None, "account": None, "role": None, "checked_at": None}
    stranger.api("POST", "preview", {"repo": PRIVATE}, status=404)
    told = put(stranger, GIVEN)
    assert told.pop("checked_at").endswith("Z")
    assert told == {"set": True, "source": "stored", "account": "jane", "role": "read"}
    assert stranger.api("POST", "preview", {"repo": PRIVATE}, status=200).json["repo"] == PRIVATE
    assert stranger.fetch(f"{PRIVATE}:Q4_K_M")["state"] == "completed"
    for path in ("token", "settings", "audit", "changes", "session", "health"):
        assert GIVEN not in stranger.api("GET", path, status=200).body.decode()
    [entry] = stranger.api("GET", "audit").json["audit"][-1:]
    assert entry["action"] == "token.set" and json.loads(entry["what"]) == {"token": "[redacted]"}
    assert not any(GIVEN in line for line in stranger.logs())


def test_it_is_kept_sealed_and_outlives_a_restart(stranger, hub):
    put(stranger, GIVEN)
    stranger.kill_daemon()
    for path in (stranger.folder / "state").iterdir():
        assert GIVEN.encode() not in path.read_bytes(), path
    hub.clear_requests()
    stranger.start_daemon()
    told = stranger.api("GET", "token").json
    assert told["account"] == "jane" and told["source"] == "stored" and not hub.requests()
    stranger.api("POST", "preview", {"repo": PRIVATE}, status=200)


def test_with_another_secret_it_is_not_opened(stranger):
    put(stranger, GIVEN)
    stranger.stop_daemon()
    (stranger.folder / "state/secret.key").unlink()
    stranger.start_daemon()
    assert stranger.api("GET", "token").json["set"] is False
    assert any("sealed with another secret.key" in line for line in stranger.daemon.lines)
    put(stranger, GIVEN)


def test_it_goes_before_the_environments_and_gives_way_again(larder, hub):
    assert larder.api("GET", "token").json["account"] == "jane"
    assert larder.api("GET", "token").json["source"] == "environment"
    assert len(hub.requests(path="/api/whoami-v2")) == 1
    told = put(larder, "hf_otherGIVENGIVENGIVEN")
    assert told["account"] == "john" and told["role"] == "fineGrained" and told["source"] == "stored"
    larder.api("POST", "preview", {"repo": PRIVATE}, status=404)
    told = larder.api("DELETE", "token", status=200).json
    assert told["source"] == "environment" and told["set"] is True
    larder.api("POST", "preview", {"repo": PRIVATE}, status=200)


def test_a_first_token_that_the_hub_does_not_know_is_refused(stranger):
    assert put(stranger, "hf_nobodyknowsthisone", status=422)["field"] == "token"
    assert stranger.api("GET", "token").json["set"] is False


def test_a_mirror_that_cannot_say_whose_it_is_gets_it_unasked(stranger, hub):
    hub.fault("status", path="/api/whoami-v2", status=404)
    told = put(stranger, GIVEN)
    assert told["source"] == "stored" and told["account"] is None
    stranger.api("POST", "preview", {"repo": PRIVATE}, status=200)


def test_a_token_that_the_hub_does_not_know_changes_nothing(larder, hub):
    for _ in range(2):
        refused = put(larder, "hf_nobodyknowsthisone", status=422)
        assert refused["field"] == "token" and "nobodyknows" not in json.dumps(refused)
    assert larder.api("GET", "token").json["account"] == "jane"
    larder.api("POST", "preview", {"repo": PRIVATE}, status=200)
    hub.fault("status", path="/api/whoami-v2", status=503)
    assert put(larder, GIVEN, status=502)["code"] == "hub_unavailable"
    assert larder.api("GET", "token").json["source"] == "environment"


@pytest.mark.parametrize("body", [
    {}, {"token": ""}, {"token": "a b"}, {"token": "a\nb"}, {"token": "x" * 1025}, {"token": 7}, {"token": None},
    {"token": "hf_\u00e4"}, {"token": GIVEN, "more": 1},
])
def test_what_is_no_token_is_refused(larder, hub, body):
    refused = larder.api("PUT", "token", body).json
    assert refused["status"] in (400, 422), refused
    assert not hub.requests()


def test_offline_it_is_kept_unasked(make_larder, hub):
    larder = make_larder(token="", LARDER_OFFLINE="1")
    told = put(larder, GIVEN)
    assert told["source"] == "stored" and told["account"] is None and not hub.requests()


def test_the_question_whose_it_is_goes_to_the_endpoint_only(make_larder, hub):
    """A redirect elsewhere does not take the new token along."""
    larder = make_larder(token="")
    hub.fault("redirect_host", path="/api/whoami-v2")
    assert larder.api("PUT", "token", {"token": GIVEN}).status != 200
    assert not hub.leaks()


def test_the_command_line_sets_shows_and_forgets(stranger):
    def run(*words, given=""):
        return subprocess.run([stranger.build / "larder", "token", *words], env=stranger.env, input=given,
                              capture_output=True, text=True, timeout=60, check=False)

    assert run().stdout == "no token: the Hub takes us for anybody\n"
    done = run("set", given=GIVEN + "\n")
    assert done.returncode == 0 and done.stdout == "a token is kept here: jane (read)\n" and GIVEN not in done.stderr
    assert json.loads(run("--json").stdout)["account"] == "jane"
    assert run("set", given="hf_wrong1\n").returncode == 2
    assert run("forget").stdout == "no token: the Hub takes us for anybody\n"
    assert run("nonsense").returncode == 2


def test_a_new_token_does_not_wait_for_the_old_ones_quota(stranger, hub):
    hub.set(quotas={"api": 5})
    codes = [stranger.api("GET", f"hub/search?q=x{number}").status for number in range(8)]
    assert codes[0] == 200 and codes[-1] == 429
    put(stranger, GIVEN)
    assert stranger.api("GET", "hub/search?q=z").status == 200


def test_what_was_told_to_one_is_not_told_under_another(larder):
    larder.api("POST", "preview", {"repo": PRIVATE}, status=200)
    assert larder.api("GET", "hub/search?q=private-7b").json["results"] != []
    put(larder, "hf_otherGIVENGIVENGIVEN")
    larder.api("POST", "preview", {"repo": PRIVATE}, status=404)
    assert larder.api("GET", "hub/search?q=private-7b").json["results"] == []


def test_what_a_file_holds_is_read_again_on_a_hangup(make_larder, hub, tmp_path):
    """As `systemctl reload` asks for it."""
    file = tmp_path / "token"
    file.write_text(GIVEN)
    file.chmod(0o644)
    larder = make_larder(token="", HF_TOKEN_FILE=file)
    assert larder.api("GET", "token", status=200).json["account"] == "jane"
    larder.api("POST", "preview", {"repo": PRIVATE}, status=200)
    # What makes no sense changes nothing.
    file.unlink()
    larder.daemon.process.send_signal(signal.SIGHUP)
    larder.daemon.wait_line("all stays as it is: HF_TOKEN_FILE")
    larder.api("POST", "preview", {"repo": PRIVATE}, status=200)
    file.write_text("")
    larder.daemon.process.send_signal(signal.SIGHUP)
    larder.daemon.wait_line("read again")
    assert larder.api("GET", "token", status=200).json["set"] is False
    larder.api("POST", "preview", {"repo": PRIVATE}, status=404)
