"""What the network and the Hub do wrong, one fault a test: the file is right in the end, or the reason is.

tests/FAULTS.md lists all faults. Where larderd waits before it tries again, it is one for which time runs faster (the
fixture `fast`).
"""

import datetime
import hashlib
import re

import pytest

from harness import FINAL, ROOT, certificate
from hub import StandInHub

TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"
TERM = f"{TINY}:Q4_K_M"


def assert_lands(larder, hub, repo=TERM, path=Q4):
    """The download ends proven, whatever happened on the way."""
    done = larder.fetch(repo)
    assert done["state"] == "completed", done["reason"]
    folder = repo.split(":")[0]
    content = (larder.models / folder / path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == hub.files(folder, "main")[path]["sha256"]
    return done


def assert_fails(larder, repo, code):
    """The download ends failed with this reason, and nothing has the file's name."""
    done = larder.fetch(repo)
    assert done["state"] == "failed" and done["reason"]["code"] == code, done
    assert done["reason"]["message"]
    assert not [p for p in larder.models.rglob("*") if p.is_file() and ".cache" not in p.parts]
    return done["reason"]


@pytest.mark.parametrize("fault, options", [
    ("cut", {"after": 1_000_000}),
    ("cut", {"after": 1_000_000, "reset": True}),
    ("cut", {"after": 0}),
    ("disconnect", {}),
    ("disconnect", {"reset": True}),
    ("status", {"status": 500}),
    ("status", {"status": 502}),
    ("status", {"status": 503, "html": True}),
    ("status", {"status": 504}),
    ("html", {"status": 200}),
    ("wrong_content_range", {"mode": "start"}),
    ("wrong_content_range", {"mode": "end"}),
    ("wrong_content_range", {"mode": "total"}),
    ("wrong_content_range", {"mode": "missing"}),
    ("status200_to_range", {}),
    ("unsatisfiable", {}),
    ("expired_url", {"after": 0}),
    ("expired_url", {"after": 1_000_000}),
    ("flipped_byte", {"at": 2_000_000}),
    ("gzip", {}),
    ("chunked", {}),
    ("chunked", {"framing": "close"}),
    ("short_body", {"missing": 1000}),
    ("huge_header", {}),
])
def test_one_fault_of_the_cdn_is_survived(fast, hub, fault, options):
    used = hub.fault(fault, f"*{Q4}", origin="cdn", times=1, **options)
    assert_lands(fast, hub)
    assert used.hits == 1
    is_usable = fault in ("chunked", "status200_to_range")  # from the first byte on
    assert (len(hub.requests(path=f"*{Q4}", origin="cdn")) == 1) is is_usable


@pytest.mark.parametrize("fault, options", [("stall", {"after": 1_000_000}), ("stall", {"after": 0}), ("silent", {})])
def test_a_connection_that_stands_still_is_given_up_for_another(fast, hub, fault, options):
    used = hub.fault(fault, f"*{Q4}", origin="cdn", times=1, **options)
    assert_lands(fast, hub)
    assert used.hits == 1 and len(hub.requests(path=f"*{Q4}", origin="cdn")) == 2


LISTING, RESOLVE = "/api/models/*/tree/*", f"*/resolve/*/{Q4}"
PASSING = [("status", {"status": status}) for status in (500, 502, 503, 504)] + [
    ("disconnect", {}),
    ("silent", {}),
    ("huge_header", {}),
    ("rate_limited", {"t": 1}),
    ("rate_limited", {"retry_after": 1}),
]


@pytest.mark.parametrize("path, fault, options", [
    *((path, fault, options) for path in (LISTING, RESOLVE) for fault, options in PASSING),
    (LISTING, "cut", {}),
])
def test_one_fault_of_the_hub_is_survived(fast, hub, path, fault, options):
    used = hub.fault(fault, path, origin="hub", times=1, **options)
    assert_lands(fast, hub)
    assert used.hits == 1


def test_a_server_that_ignores_ranges_is_begun_again_and_says_so(larder, hub):
    hub.fault("cut", f"*{Q4}", origin="cdn", times=1, after=3_000_000)
    hub.fault("status200_to_range", f"*{Q4}", origin="cdn")
    with larder.stream(web=False) as stream:
        assert_lands(larder, hub)
        events = iter(stream)
        for event in events:
            if event.name == "download" and event.data["state"] in FINAL:
                break
    starts = [r["range"] for r in hub.requests(path=f"*{Q4}", origin="cdn")]
    assert starts[-1].startswith("bytes=0-")


def test_one_flipped_byte_is_fetched_again_and_told(larder, hub):
    hub.fault("flipped_byte", f"*{Q4}", origin="cdn", times=1, at=100)
    hub.fault("slow", f"*{Q4}", origin="cdn", rate=6_000_000)
    with larder.stream(web=False) as stream:
        identity = larder.download(TERM)
        notices = []
        for event in stream:
            if event.name == "notice":
                notices.append(event.data)
            if event.name == "download" and event.data["id"] == identity and event.data["state"] in FINAL:
                assert event.data["state"] == "completed"
                break
    assert any(n["code"] == "thrown_away" and n["download"] == identity for n in notices)
    assert any("the Hub promised" in line for line in larder.daemon.lines)


def test_a_byte_that_is_always_wrong_fails_as_hash_mismatch(larder, hub):
    hub.fault("flipped_byte", f"*{Q4}", origin="cdn", at=100)
    assert_fails(larder, TERM, "hash_mismatch")
    assert not list(larder.models.rglob("*.incomplete")), "what is thrown away is gone"
    assert len(hub.requests(path=f"*{Q4}", origin="cdn")) == 2


def test_a_gated_repo_without_a_token_names_the_page(make_larder, hub):
    larder = make_larder(token="")
    reason = assert_fails(larder, "acme/gated-7b", "gated")
    assert reason["url"] == f"{hub.endpoint}/acme/gated-7b"
    assert "licence" in reason["hint"]


def test_a_gated_repo_with_a_token_that_was_not_granted(make_larder, hub):
    larder = make_larder(token="hf_otherAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert_fails(larder, "acme/gated-7b", "gated")


def test_a_gated_repo_with_a_granted_token_lands_and_the_token_stays_home(make_larder, hub):
    larder = make_larder(token="hf_grantedAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert larder.fetch("acme/gated-7b")["state"] == "completed"
    assert any(r["had_authorization"] for r in hub.requests(origin="hub"))


def test_the_token_does_not_follow_a_redirect_to_another_host(fast, hub):
    """Nor are the bytes believed that are there."""
    hub.fault("redirect_host", "*config.json", origin="hub")
    done = fast.wait(fast.download(TINY, select=["config.json"]))
    assert done["state"] == "failed" and done["reason"]["code"] == "hub_protocol"
    assert hub.requests(path="/foreign/*", origin="cdn") and not hub.leaks()


def test_a_foreign_page_of_the_listing_is_refused(larder, hub):
    hub.fault("foreign_link", "*/tree/*")
    assert_fails(larder, "acme/many", "hub_protocol")
    assert not hub.requests(origin="cdn")


def test_a_refused_token_is_unauthorized(make_larder, hub):
    larder = make_larder(token="hf_unknownAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert_fails(larder, TERM, "unauthorized")


@pytest.mark.parametrize("options", [{}, {"token": ""}], ids=["404 RepoNotFound", "401 without a code"])
def test_a_missing_repo_is_not_found(make_larder, options):
    assert_fails(make_larder(**options), "acme/nothing-here", "not_found")


def test_a_file_that_is_gone_from_the_hub_is_not_found(larder, hub):
    hub.fault("entry_missing", RESOLVE)
    assert Q4 in assert_fails(larder, TERM, "not_found")["message"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_repo_that_becomes_gated_while_its_files_come_is_gated(larder, hub, status):
    hub.fault("gated", RESOLVE, status=status)
    assert assert_fails(larder, TERM, "gated")["url"] == f"{hub.endpoint}/{TINY}"


def test_a_missing_revision_is_not_found(larder):
    done = larder.wait(larder.download(TINY, revision="no-such-branch"))
    assert done["state"] == "failed" and done["reason"]["code"] == "not_found"
    assert "no-such-branch" in done["reason"]["message"]


@pytest.mark.parametrize("fault, options", [("bad_json", {}), ("truncated_json", {}), ("html", {"status": 200}),
                                            ("gzip", {}), ("link_loop", {})])
def test_a_listing_that_makes_no_sense_fails(larder, hub, fault, options):
    hub.fault(fault, "*/tree/*", **options)
    assert_fails(larder, "acme/many", "too_many_files" if fault == "link_loop" else "hub_protocol")


@pytest.mark.parametrize("fault, options", [("bad_json", {}), ("truncated_json", {}), ("html", {"status": 200}),
                                            ("gzip", {})])
def test_facts_about_a_repo_that_make_no_sense_fail(larder, hub, fault, options):
    hub.fault(fault, "*/revision/*", **options)
    assert_fails(larder, TERM, "hub_protocol")


def test_a_redirect_loop_ends(fast, hub):
    hub.fault("redirect_loop", f"*{Q4}", origin="hub")
    assert_fails(fast, TERM, "hub_protocol")


def test_a_redirect_from_https_to_http_is_not_followed(make_larder, may_mount, tmp_path):
    tls = certificate(tmp_path)
    trust = ["mount -t tmpfs none /etc/ssl", "mkdir /etc/ssl/certs", f"cp '{tls[0]}' /etc/ssl/certs/ca-certificates.crt"]
    with StandInHub("demo", cache=tmp_path, tls=tls) as hub:
        larder = make_larder(endpoint=hub.endpoint, mounts=trust, haste=10)
        small = larder.wait(larder.download(TINY, select=["config.json"]))  # the Hub has it itself
        assert small["state"] == "completed", small["reason"]
        large = larder.fetch(TERM)  # the CDN, at an http address
        assert large["state"] == "failed" and large["reason"]["code"] == "hub_protocol"
        assert not hub.requests(origin="cdn")


@pytest.mark.parametrize("name", ["dotdot", "inner-dotdot", "absolute", "drive", "drive-root", "backslash", "unc", "nul",
                                  "own-metadata", "all"])
def test_an_unsafe_name_is_refused_whole(larder, hub, name):
    assert_fails(larder, f"acme/unsafe-{name}", "unsafe_path" if name != "nul" else "hub_protocol")


def test_names_that_differ_only_in_case_are_two_files(larder, hub):
    for path in ("Model.gguf", "model.gguf", "Dir/notes.txt", "dir/notes.txt"):
        assert_lands(larder, hub, "acme/case-pair", path)


def test_a_branch_that_moves_after_it_was_resolved_is_not_followed(larder, hub):
    first = hub.commit(TINY, "v1")
    moved = hub.fault("moved_branch", TINY)
    done = larder.fetch(f"{TINY}:Q2_K")
    assert done["state"] == "completed" and done["commit"] == first != hub.commit(TINY) and moved.hits == 1
    content = (larder.models / TINY / "tiny-7b-Q2_K.gguf").read_bytes()
    old, new = (hub.files(TINY, revision)["tiny-7b-Q2_K.gguf"]["sha256"] for revision in ("v1", "main"))
    assert hashlib.sha256(content).hexdigest() == old != new


def test_a_branch_that_moves_while_a_file_comes_is_not_followed(larder, hub):
    old, new = b"the first words " * 200_000, b"other words here" * 200_000
    first = hub.push("acme/moving", {"model.gguf": old, "notes.txt": b"first"})
    slow = hub.fault("slow", "acme/moving/model.gguf", origin="cdn", rate=2_000_000)
    identity = larder.download("acme/moving")
    larder.wait(identity, lambda d: 0 < d["bytes_done"] < len(old))
    hub.push("acme/moving", {"model.gguf": new, "notes.txt": b"second", "more.gguf": b"more"})
    larder.kill_daemon()
    hub.faults.remove(slow.id)
    larder.start_daemon()
    done = larder.wait(identity)
    assert done["state"] == "completed" and done["commit"] == first
    folder = larder.models / "acme/moving"
    assert (folder / "model.gguf").read_bytes() == old and (folder / "notes.txt").read_bytes() == b"first"
    assert not (folder / "more.gguf").exists()
    assert larder.fetch("acme/moving")["commit"] == hub.commit("acme/moving") != first
    assert (folder / "model.gguf").read_bytes() == new and (folder / "more.gguf").read_bytes() == b"more"


@pytest.mark.parametrize("fault, options", [("wrong_linked_size", {}), ("wrong_linked_etag", {"etag": "0" * 64})])
def test_a_hub_that_contradicts_its_listing_fails(fast, hub, fault, options):
    hub.fault(fault, f"*{Q4}", **options)
    assert_fails(fast, TERM, "hub_protocol")


@pytest.mark.parametrize("options", [{"t": 30}, {"retry_after": 30}])
def test_429_makes_the_job_wait_until_the_named_time(fast, hub, options):
    """Then it goes on by itself, and is not refused again."""
    hub.fault("rate_limited", f"*/resolve/*{Q4}", times=1, **options)
    identity = fast.download(TERM)
    waiting = fast.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "rate_limited" and waiting["reason"]["retry_at"]
    assert fast.wait(identity)["state"] == "completed"
    assert len(hub.requests(path=RESOLVE, origin="hub")) == 2


def test_a_hub_in_trouble_makes_the_job_wait(larder, hub):
    hub.fault("status", "*", origin="hub", status=503)
    identity = larder.download(TERM)
    waiting = larder.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "hub_unavailable" and waiting["reason"]["retry_at"]
    hub.faults.clear()
    larder.api("POST", f"downloads/{identity}/resume", {}, 200)
    assert larder.wait(identity)["state"] == "completed"


def when(text):
    """A time of the API, in seconds."""
    return datetime.datetime.fromisoformat(text).timestamp()


def test_a_hub_that_is_down_for_a_minute(make_larder, tmp_path):
    """The job waits with a reason and a time, again and again, and goes on by itself when the Hub is back."""
    hub = StandInHub("demo", cache=tmp_path)
    with hub:
        larder = make_larder(endpoint=hub.endpoint, haste=20)
        hub.fault("ration", f"*{Q4}", origin="cdn", amount=2_000_000)
        identity = larder.download(TERM)
        larder.wait(identity, lambda d: d["bytes_done"] == 2_000_000)
    first = larder.wait_state(identity, "waiting")["reason"]
    assert first["code"] == "network" and first["retry_at"]
    long_after = larder.wait(identity, lambda d: d["reason"] and when(d["reason"]["retry_at"]) > when(first["retry_at"]) + 60)
    assert long_after["reason"]["code"] == "network" and long_after["bytes_done"] == 2_000_000
    hub.clear_requests()
    with hub:
        assert larder.wait(identity)["state"] == "completed"
        assert [r["range"] for r in hub.requests(path=f"*{Q4}", origin="cdn")][0].startswith("bytes=2000000-")
        content = (larder.models / TINY / Q4).read_bytes()
        assert hashlib.sha256(content).hexdigest() == hub.files(TINY)[Q4]["sha256"]


def test_no_network_makes_the_job_wait(make_larder, hub):
    larder = make_larder(endpoint="http://127.0.0.1:9")
    waiting = larder.wait_state(larder.download(TERM), "waiting")
    assert waiting["reason"]["code"] == "network" and waiting["reason"]["retry_at"]


def test_offline_asks_nobody(make_larder, hub):
    larder = make_larder(LARDER_OFFLINE="1")
    assert_fails(larder, TERM, "offline")
    assert not hub.requests()


def test_a_disk_too_small_makes_the_job_wait_before_the_first_byte(make_larder, hub):
    larder = make_larder(LARDER_MIN_FREE="900T")
    waiting = larder.wait_state(larder.download(TERM), "waiting")
    assert waiting["reason"]["code"] == "disk_full"
    assert not hub.requests(path=f"*{Q4}")


def test_a_symlink_in_the_way_is_not_followed(larder, hub, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (larder.models / "acme").symlink_to(outside)
    assert_fails(larder, TERM, "unsafe_path")
    assert not list(outside.iterdir())

def test_the_list_of_faults_names_tests_that_there_are():
    """tests/FAULTS.md cannot fall behind unnoticed."""
    named = re.findall(r"`((?:unit|e2e)/test_\w+)::(\w+)`", (ROOT / "tests/FAULTS.md").read_text())
    assert len(named) > 60
    for file, name in named:
        path = ROOT / "tests" / (file + (".c" if file.startswith("unit/") else ".py"))
        assert re.search(rf"^(?:def|static void) {name}\(", path.read_text(), re.M), f"{file}::{name}"
