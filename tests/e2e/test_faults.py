"""What the network and the Hub do wrong, one fault a test: the file is right in the end, or the reason is."""

import hashlib

import pytest

from harness import FINAL

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
    ("cut", {"after": 0}),
    ("disconnect", {}),
    ("status", {"status": 500}),
    ("status", {"status": 503, "html": True}),
    ("wrong_content_range", {"mode": "start"}),
    ("wrong_content_range", {"mode": "end"}),
    ("wrong_content_range", {"mode": "total"}),
    ("wrong_content_range", {"mode": "missing"}),
    ("status200_to_range", {}),
    ("expired_url", {"after": 1_000_000}),
    ("flipped_byte", {"at": 2_000_000}),
    ("gzip", {}),
    ("chunked", {}),
    ("short_body", {"missing": 1000}),
])
def test_one_fault_of_the_cdn_is_survived(larder, hub, fault, options):
    used = hub.fault(fault, f"*{Q4}", origin="cdn", times=1, **options)
    assert_lands(larder, hub)
    assert used.hits >= 1


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


def test_the_token_does_not_follow_a_redirect_to_another_host(make_larder, hub):
    larder = make_larder(token="hf_grantedAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    hub.fault("redirect_host", "*config.json", origin="hub")
    larder.fetch(TINY, select=["config.json"])
    assert not hub.leaks()


def test_a_foreign_page_of_the_listing_is_refused(make_larder, hub):
    larder = make_larder(token="hf_grantedAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    hub.fault("foreign_link", "*/tree/*")
    assert_fails(larder, "acme/many", "hub_protocol")
    assert not hub.leaks()


def test_a_refused_token_is_unauthorized(make_larder, hub):
    larder = make_larder(token="hf_unknownAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert_fails(larder, TERM, "unauthorized")


def test_a_missing_repo_is_not_found(larder):
    assert_fails(larder, "acme/nothing-here", "not_found")


def test_a_missing_revision_is_not_found(larder):
    done = larder.wait(larder.download(TINY, revision="no-such-branch"))
    assert done["state"] == "failed" and done["reason"]["code"] == "not_found"
    assert "no-such-branch" in done["reason"]["message"]


@pytest.mark.parametrize("fault, options", [("bad_json", {}), ("truncated_json", {}), ("html", {"status": 200}),
                                            ("link_loop", {})])
def test_a_listing_that_makes_no_sense_fails(larder, hub, fault, options):
    hub.fault(fault, "*/tree/*", **options)
    assert_fails(larder, "acme/many", "too_many_files" if fault == "link_loop" else "hub_protocol")


def test_a_redirect_loop_ends(larder, hub):
    hub.fault("redirect_loop", f"*{Q4}", origin="hub")
    assert_fails(larder, TERM, "hub_protocol")


@pytest.mark.parametrize("name", ["dotdot", "inner-dotdot", "absolute", "drive", "drive-root", "backslash", "unc", "nul",
                                  "own-metadata", "all"])
def test_an_unsafe_name_is_refused_whole(larder, hub, name):
    assert_fails(larder, f"acme/unsafe-{name}", "unsafe_path" if name != "nul" else "hub_protocol")


def test_names_that_differ_only_in_case_are_two_files(larder, hub):
    assert larder.fetch("acme/case-pair")["state"] == "completed"


@pytest.mark.parametrize("fault, options", [("wrong_linked_size", {}), ("wrong_linked_etag", {"etag": "0" * 64})])
def test_a_hub_that_contradicts_its_listing_fails(larder, hub, fault, options):
    hub.fault(fault, f"*{Q4}", **options)
    assert_fails(larder, TERM, "hub_protocol")


@pytest.mark.parametrize("options", [{"t": 7}, {"retry_after": 7}])
def test_429_makes_the_job_wait_until_the_named_time(larder, hub, options):
    hub.fault("rate_limited", f"*/resolve/*{Q4}", times=1, **options)
    identity = larder.download(TERM)
    waiting = larder.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "rate_limited" and waiting["reason"]["retry_at"]
    resumed = larder.api("POST", f"downloads/{identity}/resume", {}, 200).json
    assert resumed["state"] in ("queued", "downloading")
    assert larder.wait(identity)["state"] == "completed"


def test_a_hub_that_is_away_makes_the_job_wait(larder, hub):
    hub.fault("status", "*", origin="hub", status=503)
    identity = larder.download(TERM)
    waiting = larder.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "hub_unavailable" and waiting["reason"]["retry_at"]
    hub.faults.clear()
    larder.api("POST", f"downloads/{identity}/resume", {}, 200)
    assert larder.wait(identity)["state"] == "completed"


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
