"""The queue: pause, resume, cancel, retry, order, duplicates, lists; and that a change answered is a change kept."""

import hashlib

import pytest

TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"
TERM = f"{TINY}:Q4_K_M"


@pytest.fixture
def slow(hub):
    """The CDN sends slowly enough that a test can act in the middle."""
    return hub.fault("slow", "*", origin="cdn", rate=2_000_000)


def move(larder, identity, verb, status=200):
    return larder.api("POST", f"downloads/{identity}/{verb}", {}, status).json


def test_pause_keeps_the_bytes_and_resume_goes_on(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 500_000)
    assert move(larder, identity, "pause")["state"] == "paused"
    assert move(larder, identity, "pause", 409)["state"] == "paused"
    larder.stop_daemon()
    larder.start_daemon()
    paused = larder.get(identity)
    assert paused["state"] == "paused" and paused["bytes_done"] > 500_000
    hub.faults.clear()
    hub.clear_requests()
    assert move(larder, identity, "resume")["state"] in ("queued", "downloading")
    assert larder.wait(identity)["state"] == "completed"
    starts = [int(r["range"].split("=")[1].split("-")[0]) for r in hub.requests(origin="cdn")]
    assert starts == [paused["bytes_done"]]


def test_pause_and_resume_at_once_does_not_run_it_twice(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    for _ in range(5):
        move(larder, identity, "pause")
        move(larder, identity, "resume")
    hub.faults.clear()
    assert larder.wait(identity)["state"] == "completed"
    assert larder.get(identity)["bytes_done"] == larder.get(identity)["bytes_total"]


def test_cancel_removes_the_partial_and_retry_begins_again(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    assert move(larder, identity, "cancel")["state"] == "cancelled"
    move(larder, identity, "resume", 409)
    hub.faults.clear()
    # A retry waits for the clean-up, so its plan is made when the partial is gone.
    move(larder, identity, "retry")
    done = larder.wait(identity)
    assert done["state"] == "completed"
    assert not list(larder.models.rglob("*.incomplete"))


def test_cancel_leaves_no_partial(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    move(larder, identity, "cancel")
    larder.stop_daemon()  # an orderly stop ends what is under way, the clean-up too
    assert not list(larder.models.rglob("*.incomplete"))
    larder.start_daemon()
    assert larder.get(identity)["state"] == "cancelled"


def test_cancelling_one_leaves_the_partials_of_another(larder, hub, slow):
    first = larder.download(TERM)
    larder.wait(first, lambda d: d["bytes_done"] > 300_000)
    second = larder.download(TINY)  # the whole repo: the same file is in its plan
    larder.wait(second, lambda d: d["commit"])
    move(larder, second, "cancel")
    assert list(larder.models.rglob("*.incomplete"))
    hub.faults.clear()
    hub.clear_requests()
    move(larder, first, "pause")
    move(larder, first, "resume")
    assert larder.wait(first)["state"] == "completed"
    starts = [int(r["range"].split("=")[1].split("-")[0]) for r in hub.requests(path=f"*{Q4}", origin="cdn")]
    assert starts and min(starts) > 0


def test_a_proven_file_that_was_removed_meanwhile_is_fetched_again(larder, hub):
    hub.fault("slow", f"*{Q4}", origin="cdn", rate=2_000_000)
    identity = larder.download(TINY, select=["README.md", "Q4_K_M"])
    larder.wait(identity, lambda d: d["files_done"] == 1 and d["bytes_done"] > 300_000)
    move(larder, identity, "pause")
    (larder.models / TINY / "README.md").unlink()
    hub.faults.clear()
    move(larder, identity, "resume")
    assert larder.wait(identity)["state"] == "completed"
    assert (larder.models / TINY / "README.md").read_bytes() == hub.content(TINY, "README.md").read(0, 1 << 20)


def test_a_clean_up_that_kill_9_cut_short_is_finished(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    move(larder, identity, "cancel")
    larder.kill_daemon()
    larder.start_daemon()
    larder.stop_daemon()  # an orderly stop finishes what was begun at the start
    assert not list(larder.models.rglob("*.incomplete"))
    larder.start_daemon()


def test_a_cancelled_one_can_be_forgotten_and_an_active_one_cannot(larder, slow):
    identity = larder.download(TERM)
    assert larder.api("DELETE", f"downloads/{identity}").status == 409
    larder.wait(identity, lambda d: d["bytes_done"] > 0)
    move(larder, identity, "cancel")
    larder.stop_daemon()
    larder.start_daemon()
    with larder.stream(web=False) as stream:
        assert larder.api("DELETE", f"downloads/{identity}").status == 204
        assert next(e for e in stream if e.name == "download-removed").data == {"id": identity}
    assert larder.api("GET", f"downloads/{identity}").status == 404


def test_the_same_again_is_a_duplicate_that_names_the_first(larder, slow):
    identity = larder.download(TERM)
    answer = larder.api("POST", "downloads", {"repo": TINY, "select": ["Q4_K_M"]}, 409).json
    assert answer["code"] == "duplicate" and answer["download"] == identity
    other = larder.download(f"{TINY}:Q2_K")
    assert other != identity


def test_two_jobs_of_one_folder_run_one_after_the_other(larder, slow):
    first = larder.download(f"{TINY}:Q2_K")
    larder.wait_state(first, "downloading")
    second = larder.download(f"{TINY}:Q3_K_M")
    assert larder.wait(second, lambda d: d["commit"])["state"] == "queued"
    assert larder.wait(first)["state"] == "completed"
    assert larder.wait(second)["state"] == "completed"


def test_two_jobs_of_one_repo_that_want_the_same_file(larder, hub):
    """The second finds it proven, also when both are under way over a kill -9; and two revisions have two folders."""
    slow = hub.fault("slow", f"*{Q4}", origin="cdn", rate=2_000_000)
    first = larder.download(TINY, select=["Q4_K_M", "config.json"])
    second = larder.download(TINY, select=["Q4_K_M", "README.md"])
    other = larder.download(TINY, select=["Q2_K"], revision="v1")
    larder.wait(first, lambda d: d["bytes_done"] > 300_000)
    larder.kill_daemon()
    hub.faults.remove(slow.id)
    larder.start_daemon()
    for identity, count in ((first, 2), (second, 2), (other, 1)):
        done = larder.wait(identity)
        assert done["state"] == "completed" and done["files_done"] == count
    for path, revision in ((f"{TINY}/{Q4}", "main"), (f"{TINY}/README.md", "main"), (f"{TINY}@v1/tiny-7b-Q2_K.gguf", "v1")):
        content = (larder.models / path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == hub.files(TINY, revision)[path.rsplit("/", 1)[1]]["sha256"]
    starts = [int(r["range"].split("=")[1].split("-")[0]) for r in hub.requests(path=f"*{Q4}", origin="cdn")]
    assert starts.count(0) == 1, "it was begun twice"


def test_a_higher_priority_is_served_first(make_larder, hub, slow):
    larder = make_larder(LARDER_MAX_DOWNLOADS="1")
    running = larder.download(TERM)
    larder.wait(running, lambda d: d["state"] == "downloading")
    low = larder.download("acme/tiny-st")
    high = larder.download("acme/split-70b-GGUF:Q4_K_M")
    assert larder.api("PATCH", f"downloads/{high}", {"priority": 5}, 200).json["priority"] == 5
    hub.faults.clear()
    for identity in (running, low, high):
        assert larder.wait(identity)["state"] == "completed"
    assert larder.get(high)["started_at"] < larder.get(low)["started_at"]


def test_lists_are_paged_and_filtered(larder, slow):
    ids = [larder.download(f"{TINY}:{quant}") for quant in ("Q2_K", "Q3_K_M", "Q4_K_S", "Q6_K")]
    move(larder, ids[3], "cancel")
    page = larder.api("GET", "downloads?state=active&limit=2", status=200).json
    rest = larder.api("GET", f"downloads?state=active&limit=2&cursor={page['next_cursor']}", status=200).json
    assert [d["id"] for d in page["downloads"] + rest["downloads"]] == [ids[2], ids[1], ids[0]]
    assert rest["next_cursor"] is None
    finished = larder.api("GET", "downloads?state=finished", status=200).json["downloads"]
    assert [d["id"] for d in finished] == [ids[3]]


def test_what_was_accepted_is_there_after_kill_9(larder, slow):
    ids = [larder.download(f"{TINY}:{quant}") for quant in ("Q2_K", "Q3_K_M", "Q4_K_S", "Q6_K")]
    move(larder, ids[3], "pause")
    larder.kill_daemon()
    larder.start_daemon()
    states = {d["id"]: d["state"] for d in larder.api("GET", "downloads", status=200).json["downloads"]}
    assert set(states) == set(ids) and states[ids[3]] == "paused"


def test_the_same_through_tsan(make_larder, hub):
    larder = make_larder(flavour="tsan")
    hub.fault("slow", "*", origin="cdn", rate=300_000)
    ids = [larder.download(f"acme/{name}") for name in ("tiny-st", "split-70b-GGUF", "tiny-7b-GGUF")]
    larder.wait(ids[2], lambda d: d["bytes_done"] > 0)
    for identity in ids:
        move(larder, identity, "pause")
    for identity in ids:
        move(larder, identity, "resume")
    move(larder, ids[0], "cancel")
    hub.faults.clear()
    assert larder.wait(ids[1])["state"] == larder.wait(ids[2])["state"] == "completed"
    assert larder.get(ids[0])["state"] == "cancelled"
