"""What the machine does wrong: a database that refuses or is locked, a models directory that goes away."""

import contextlib
import sqlite3

import pytest

TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"
TERM = f"{TINY}:Q4_K_M"


@pytest.fixture
def slow(hub):
    """The CDN sends slowly enough that a test can act in the middle."""
    return hub.fault("slow", "*", origin="cdn", rate=500_000)


@contextlib.contextmanager
def database(larder):
    """The database, opened by another process."""
    with contextlib.closing(sqlite3.connect(larder.folder / "state/larder.db", isolation_level=None)) as db:
        yield db


@contextlib.contextmanager
def locked(larder):
    """While another process writes to the database, which may take it long."""
    with database(larder) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def starts(hub):
    """Where the ranges began that were asked of the CDN."""
    return [int(r["range"].split("=")[1].split("-")[0]) for r in hub.requests(path=f"*{Q4}", origin="cdn")]


def move(larder, identity, verb, status=200):
    return larder.api("POST", f"downloads/{identity}/{verb}", {}, status).json


def pause_in_the_middle(larder):
    """A download that is paused with some of its bytes: its id."""
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    move(larder, identity, "pause")
    return identity


def assert_goes_on(larder, hub, identity):
    """Resumed, it completes, and does not begin again."""
    hub.faults.clear()
    hub.clear_requests()
    move(larder, identity, "resume")
    assert larder.wait(identity)["state"] == "completed"
    assert starts(hub) and min(starts(hub)) > 0


def test_a_pause_that_a_locked_database_refused_is_told_and_saved_later(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    with larder.stream(web=False) as stream:
        with locked(larder):
            assert move(larder, identity, "pause", 503)["code"] == "store_unavailable"
        next(e for e in stream if e.name == "download" and e.data["state"] == "paused")
    larder.kill_daemon()
    larder.start_daemon()
    assert larder.get(identity)["state"] == "paused"
    assert_goes_on(larder, hub, identity)


def test_a_download_waits_for_a_locked_database(larder, hub, slow):
    identity = pause_in_the_middle(larder)
    with locked(larder):
        assert move(larder, identity, "resume", 503)["code"] == "store_unavailable"
        larder.daemon.wait_line("-> waiting")
        (told,) = larder.api("GET", "downloads", status=200).json["downloads"]
        assert told["state"] == "paused"  # the rest is not committed
    waiting = larder.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "store_unavailable" and waiting["reason"]["retry_at"]
    assert_goes_on(larder, hub, identity)


def test_a_download_can_be_looked_at_while_the_database_is_locked(larder, hub, slow):
    identity = pause_in_the_middle(larder)
    with locked(larder):
        told = larder.get(identity)
    assert told["state"] == "paused" and [f["path"] for f in told["files"]] == [Q4]


def test_an_orderly_stop_does_not_wait_for_a_locked_database_call_by_call(larder):
    with locked(larder), larder.control([("system.health", {})] * 32):
        larder.rpc("system.status")  # answered without the database; those before it have been read
        larder.stop_daemon()
    larder.start_daemon()
    larder.api("GET", "health", status=200)


def test_a_plan_that_the_database_refuses_is_not_run(larder, hub):
    with database(larder) as db:
        db.execute("CREATE TRIGGER refuse BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'no room'); END")
        identity = larder.download(TINY)
        waiting = larder.wait_state(identity, "waiting")
        assert waiting["reason"]["code"] == "store_unavailable" and "no room" in waiting["reason"]["message"]
        assert not hub.requests(origin="cdn")
        db.execute("DROP TRIGGER refuse")
    move(larder, identity, "resume")
    done = larder.wait(identity)
    assert done["state"] == "completed" and done["files_done"] == len(hub.files(TINY, "main"))


def test_without_its_models_directory_a_download_waits_and_writes_nowhere(larder, hub, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 300_000)
    away = larder.folder / "away"
    larder.models.rename(away)
    larder.models.mkdir()  # what an unmounted disk leaves
    waiting = larder.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "disk_unavailable" and waiting["reason"]["hint"]
    assert larder.api("GET", "health").json["parts"]["models_dir"] != "ok"
    assert not list(larder.models.iterdir())
    larder.models.rmdir()
    away.rename(larder.models)
    assert_goes_on(larder, hub, identity)
