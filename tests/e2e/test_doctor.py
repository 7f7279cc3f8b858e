"""The connection doctor: each thing that can be wrong on the way is wrong once, and must be the one that is named."""

import http.server
import json
import socket
import subprocess
import threading

import pytest
from harness import certificate, free_port
from hub import StandInHub

TINY = "acme/tiny-7b-GGUF"


def examine(larder, **params):
    """The report, and its checks by name; of several redirects the last."""
    report = larder.api("POST", "doctor", params, 200).json
    assert report["healthy"] == (not any(check["state"] == "failed" for check in report["checks"]))
    return report, {check["check"]: check for check in report["checks"]}


def only_failure(report):
    """The one check that failed; all that fails has a hint."""
    failed = [check for check in report["checks"] if check["state"] == "failed"]
    assert len(failed) == 1 and failed[0]["detail"] and failed[0]["hint"], report["checks"]
    return failed[0]


def host(url):
    return url.split("//")[1].split("/")[0]


def test_of_a_good_way_every_step_is_told(larder, hub):
    hub.clear_requests()
    report, checks = examine(larder)
    assert list(checks) == ["disk", "database", "hub", "clock", "token", "model", "redirect", "storage"]
    assert {check["state"] for check in report["checks"]} == {"ok"}
    assert checks["redirect"]["host"] == checks["hub"]["host"] == host(hub.endpoint)
    assert checks["hub"]["address"] == host(hub.endpoint), "what was connected to"
    assert checks["storage"]["host"] == host(hub.cdn)
    assert all(isinstance(checks[name]["ms"], int) for name in ("hub", "redirect", "storage"))
    assert checks["disk"]["ms"] is None and checks["disk"]["host"] is None
    ranged = hub.requests(path="*/resolve/*")
    assert [request["range"] for request in ranged if request["origin"] == "cdn"] == ["bytes=0-65535"]


def test_it_tries_with_what_is_named_in_any_form(larder, hub):
    for words in (TINY, f"{hub.endpoint}/{TINY}/tree/main", f"hf download {TINY}"):
        report, _ = examine(larder, repo=words)
        assert report["repo"] == TINY and report["path"].endswith(".gguf")
    largest = max(hub.files(TINY).items(), key=lambda item: item[1]["size"])
    assert report["path"] == largest[0]


def test_it_tries_with_the_download_that_is_in_trouble(larder, hub):
    larder.fetch(f"{TINY}:Q2_K")
    hub.fault("gated", "acme/tiny-st")
    refused = larder.wait(larder.download("acme/tiny-st"))
    assert refused["state"] == "failed"
    report, _ = examine(larder)
    wrong = only_failure(report)
    assert report["repo"] == "acme/tiny-st" and wrong["check"] == "model"
    assert f"{hub.endpoint}/acme/tiny-st" in wrong["hint"], "where the licence is accepted"
    # A name that the Hub does not have is no trouble, and what failed before another went well is over.
    assert larder.fetch("acme/nope")["state"] == "failed"
    assert examine(larder)[0]["repo"] == "acme/tiny-st"
    larder.fetch(f"{TINY}:Q4_K_M")
    report, _ = examine(larder)
    assert report["healthy"] and report["repo"] == TINY


def test_a_hub_that_is_not_there(make_larder):
    port = free_port()
    larder = make_larder(endpoint=f"http://127.0.0.1:{port}")
    report, checks = examine(larder)
    wrong = only_failure(report)
    assert (wrong["check"], wrong["host"]) == ("hub", f"127.0.0.1:{port}") and "no connection" in wrong["detail"]
    assert checks["model"]["state"] == checks["storage"]["state"] == "skipped" and "token" not in checks


def test_a_name_that_nobody_knows(make_larder):
    report, _ = examine(make_larder(endpoint="http://hub.invalid:8000"))
    wrong = only_failure(report)
    assert wrong["host"] == "hub.invalid:8000" and "does not find its address" in wrong["detail"]
    assert "getent hosts hub.invalid" in wrong["hint"]


def test_a_certificate_that_is_not_believed(make_larder, tmp_path):
    with StandInHub("demo", cache=tmp_path, tls=certificate(tmp_path)) as hub:
        wrong = only_failure(examine(make_larder(endpoint=hub.endpoint))[0])
        assert "certificate is not believed" in wrong["detail"] and "update-ca-certificates" in wrong["hint"]


def test_a_port_that_speaks_no_tls(make_larder, hub):
    wrong = only_failure(examine(make_larder(endpoint=hub.endpoint.replace("http:", "https:")))[0])
    assert "no secure connection" in wrong["detail"]


def test_a_hub_that_takes_and_never_answers(make_larder):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        larder = make_larder(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", haste=10)
        wrong = only_failure(examine(larder)[0])
        assert "no whole answer came" in wrong["detail"] and wrong["ms"] is None


class Proxy(http.server.BaseHTTPRequestHandler):
    """Refuses everybody, with the status that its server has."""

    def do_CONNECT(self):
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_CONNECT

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass


@pytest.fixture
def proxy():
    """A proxy that lets nobody through; `status` is what it says."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.status = 407
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status, words", [(407, "NAME:PASSWORD"), (403, "")])
def test_a_proxy_that_lets_nobody_through(make_larder, proxy, scheme, status, words):
    proxy.status = status
    address = f"http://quentin:secret@127.0.0.1:{proxy.server_port}"
    larder = make_larder(endpoint=f"{scheme}://hub.example", **{f"{scheme}_proxy": address})
    report, checks = examine(larder)
    if scheme == "https" or status == 407:
        assert only_failure(report)["check"] == "hub" and words in checks["hub"]["hint"]
    told = checks["proxy"]["detail"]
    assert f"{scheme}_proxy" in told and f"127.0.0.1:{proxy.server_port}" in told
    assert "quentin" not in json.dumps(report) and "secret" not in json.dumps(report)


def test_a_proxy_whose_name_nobody_knows(make_larder):
    larder = make_larder(endpoint="https://hub.example", https_proxy="http://proxy.invalid:3128")
    wrong = only_failure(examine(larder)[0])
    assert "the proxy's name is not known" in wrong["detail"] and "https_proxy" in wrong["hint"]


@pytest.mark.parametrize("fault, options, words", [
    ("html", {"status": 200}, "a page for people"), ("status", {"status": 503}, "status 503")])
def test_an_answer_that_is_not_the_hubs(larder, hub, fault, options, words):
    hub.fault(fault, "/api/whoami-v2", **options)
    wrong = only_failure(examine(larder)[0])
    assert wrong["check"] == "hub" and words in wrong["detail"]


def test_a_token_that_is_refused(make_larder, hub):
    report, checks = examine(make_larder(token="hf_revoked_long_ago"), repo=TINY)
    assert checks["hub"]["state"] == "ok" and checks["token"]["state"] == "failed"
    assert f"{hub.endpoint}/settings/tokens" in checks["token"]["hint"] and "hf_revoked" not in json.dumps(report)


def test_no_token_is_no_fault(make_larder):
    report, checks = examine(make_larder(token=""))
    assert report["healthy"] and checks["token"]["state"] == "skipped"


@pytest.mark.parametrize("wrong_by_s, words", [(3600, "60 min fast"), (-7200, "120 min slow"), (60, "agrees")])
def test_a_clock_that_goes_wrong(make_larder, wrong_by_s, words):
    larder = make_larder(has_calendar=True)
    larder.set_calendar(wrong_by_s)
    report, checks = examine(larder)
    assert report["healthy"] and words in checks["clock"]["detail"]
    assert (checks["clock"]["state"] == "warning") == (abs(wrong_by_s) > 300) == bool(checks["clock"]["hint"])


def test_storage_that_is_not_there(larder, hub):
    gone = f"http://127.0.0.1:{free_port()}"
    hub.fault("redirect_host", "*/resolve/*", origin="hub", to=gone)
    report, checks = examine(larder)
    wrong = only_failure(report)
    assert (wrong["check"], wrong["host"]) == ("storage", host(gone)) and "firewall" in wrong["hint"]
    assert checks["redirect"]["state"] == "ok" and host(gone) in checks["redirect"]["detail"]


@pytest.mark.parametrize("fault, options, words", [
    ("status", {"status": 403}, "status 403"), ("status", {"status": 500}, "status 500"),
    ("wrong_content_range", {}, "other bytes"),
    ("cut", {"after": 1000}, "no whole answer")])
def test_storage_that_does_not_give_the_bytes(larder, hub, fault, options, words):
    hub.fault(fault, "*.gguf", origin="cdn", **options)
    wrong = only_failure(examine(larder, repo=TINY)[0])
    assert (wrong["check"], wrong["host"]) == ("storage", host(hub.cdn)) and words in wrong["detail"]


def test_storage_that_gives_whole_files_only_is_no_failure(larder, hub):
    hub.fault("status200_to_range", "*.gguf", origin="cdn")
    report, checks = examine(larder, repo=TINY)
    assert report["healthy"] and checks["storage"]["state"] == "warning"
    assert larder.fetch(f"{TINY}:Q2_K")["state"] == "completed", "it is as the doctor says"


def test_what_the_hub_itself_refuses_is_not_blamed_on_the_way(make_larder, hub):
    report, checks = examine(make_larder(token="hf_other"), repo="acme/gated-7b")
    wrong = only_failure(report)
    assert (wrong["check"], wrong["host"]) == ("storage", host(hub.endpoint)) and "access" in wrong["detail"]
    assert f"accept the licence at {hub.endpoint}/acme/gated-7b" in wrong["hint"] and checks["model"]["state"] == "ok"


def test_a_mirror_that_knows_no_tokens_is_examined_all_the_same(larder, hub):
    hub.fault("html", "/api/whoami-v2", status=404)
    report, checks = examine(larder, repo=TINY)
    assert report["healthy"] and checks["token"]["state"] == "warning" and checks["storage"]["state"] == "ok"


def test_a_hub_that_leads_elsewhere_is_told(larder, hub):
    hub.fault("redirect_host", "/api/whoami-v2", to="http://127.0.0.1:1")
    _, checks = examine(larder, repo=TINY)
    assert checks["hub"]["state"] == "warning" and "HF_ENDPOINT" in checks["hub"]["hint"]


@pytest.mark.parametrize("path, repo", [("/api/models", None), (f"/api/models/{TINY}/*", TINY)])
def test_it_does_not_take_for_ever(make_larder, hub, path, repo):
    larder = make_larder(haste=10)
    hub.fault("silent", path, seconds=60)
    report, _ = examine(larder, **({"repo": repo} if repo else {}))
    assert only_failure(report)["check"] == "model"
    hub.release()


@pytest.mark.parametrize("address", [
    "http://quentin:se/cret@127.0.0.1:1", "http://quentin:se cret@127.0.0.1:1", "ftp://quentin:secret@x"])
def test_a_proxy_that_is_written_wrong_shows_no_password(make_larder, address):
    larder = make_larder(endpoint="https://hub.example", https_proxy=address)
    text = json.dumps(examine(larder)[0]) + larder.api("POST", "preview", {"repo": TINY}).body.decode()
    assert "cret" not in text and "quentin" not in text and "cret" not in "\n".join(larder.logs())


def test_redirects_without_end(larder, hub):
    hub.fault("redirect_loop", "*/resolve/*", origin="hub")
    report, _ = examine(larder)
    assert only_failure(report)["check"] == "redirect"
    assert len(report["checks"]) < 24


def test_a_hub_that_asks_us_to_slow_down_is_not_broken(larder, hub):
    hub.fault("rate_limited", "/api/whoami-v2")
    report, checks = examine(larder)
    assert report["healthy"] and checks["hub"]["state"] == "warning" and checks["model"]["state"] == "skipped"


def test_offline_asks_nothing(make_larder, hub):
    larder = make_larder(LARDER_OFFLINE="1")
    hub.clear_requests()
    report, checks = examine(larder)
    assert report["healthy"] and checks["hub"]["state"] == "warning" and "LARDER_OFFLINE" in checks["hub"]["detail"]
    assert not hub.requests()


def test_a_pause_that_was_forgotten_is_said(larder):
    larder.api("PATCH", "settings", {"paused": True}, 200)
    report, checks = examine(larder)
    assert report["healthy"] and checks["settings"]["state"] == "warning" and "paused" in checks["settings"]["detail"]


def test_a_models_folder_that_is_gone(larder, hub):
    slow = hub.fault("slow", f"{TINY}/*Q2_K.gguf", origin="cdn", rate=50_000)
    job = larder.download(f"{TINY}:Q2_K")
    larder.wait_state(job, "downloading")
    larder.models.rename(larder.models.with_name("moved-away"))
    larder.wait_state(job, "waiting")  # as soon as the disk has been looked at
    report, checks = examine(larder)
    assert only_failure(report)["check"] == "disk" and str(larder.models) in checks["disk"]["detail"]
    larder.models.with_name("moved-away").rename(larder.models)
    slow.release()
    assert larder.wait(job)["state"] == "completed"


@pytest.mark.parametrize("body, status", [
    ({"repo": ""}, 422), ({"repo": 1}, 422), ({"repo": "../etc"}, 422), ({"other": "x"}, 422), ({"repo": "x" * 9000}, 422)])
def test_what_makes_no_sense_is_refused(larder, body, status):
    assert larder.api("POST", "doctor", body).status == status


def run(larder, *words, env=None):
    return subprocess.run([larder.build / "larder", "doctor", *words], env={**larder.env, **(env or {})}, text=True,
                          capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)


def test_the_terminal_says_it_in_one_sentence(larder, hub):
    done = run(larder, TINY)
    assert done.returncode == 0 and done.stdout.endswith("\nNothing is wrong that could be found.\n"), done.stdout
    hub.fault("status", "*.gguf", origin="cdn", status=403)
    done = run(larder, TINY)
    assert done.returncode == 1 and done.stdout.endswith(f"\nIt fails at: storage, {host(hub.cdn)}.\n"), done.stdout
    assert "FAILED   storage" in done.stdout and "> something between may filter" in done.stdout
    done = run(larder, TINY, "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["healthy"] is False
    assert run(larder, "acme/a/b/c/d").returncode == 2
    larder.stop_daemon()
    assert run(larder).returncode == 3
