"""The calendar jumps while larderd runs, as it does on a machine without a battery when the network comes: what was under
way goes on, what waits does not wait for another year, and nothing is believed or refused for a wrong date."""

import hashlib

import pytest

DAY = 24 * 3600
YEAR = 365 * DAY
TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"
TERM = f"{TINY}:Q4_K_M"
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
JUMPS = [YEAR, DAY, -3600, -DAY, -20 * YEAR]


def assert_proven(larder, hub):
    content = (larder.models / TINY / Q4).read_bytes()
    assert hashlib.sha256(content).hexdigest() == hub.files(TINY)[Q4]["sha256"]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_download_goes_on_over_a_jump(make_larder, hub, jump):
    """Also with an address that is refused, of whose date larderd has its own opinion now."""
    larder = make_larder(has_calendar=True)
    slow = hub.fault("slow", f"*{Q4}", origin="cdn", rate=2_000_000)
    identity = larder.download(TERM)
    before = larder.wait(identity, lambda d: d["bytes_done"] > 0)
    larder.set_calendar(jump)
    larder.wait(identity, lambda d: d["bytes_done"] > before["bytes_done"])
    hub.faults.remove(slow.id)
    dead = hub.fault("expired_url", f"*{Q4}", origin="cdn", times=1)
    larder.rpc("download.pause", {"id": identity})
    larder.rpc("download.resume", {"id": identity})
    assert larder.wait(identity)["state"] == "completed" and dead.hits == 1
    assert_proven(larder, hub)
    hub.clear_requests()
    assert larder.fetch(TERM)["state"] == "completed"  # it knows the file again, or proves it again
    assert not hub.requests(path=f"*{Q4}")


@pytest.mark.parametrize("jump", [YEAR, DAY, -20 * YEAR])
def test_a_job_that_waits_does_not_wait_longer_over_a_jump(make_larder, hub, jump):
    larder = make_larder(has_calendar=True, haste=10)
    trouble = hub.fault("status", "*", origin="hub", status=503)
    identity = larder.download(TERM)
    assert larder.wait_state(identity, "waiting")["reason"]["retry_at"]
    larder.set_calendar(jump)
    hub.faults.remove(trouble.id)
    assert larder.wait(identity)["state"] == "completed"
    assert_proven(larder, hub)


def test_a_schedule_goes_by_the_new_time(make_larder):
    """At the next full minute, when it looks again."""
    larder = make_larder(has_calendar=True, haste=10)
    always = {"days": DAYS, "action": "pause", "bandwidth_limit": None}
    larder.api("PATCH", "settings", {"schedule": [{**always, "from": "00:00", "to": "12:00"}]}, 200)
    with larder.stream(web=False) as stream:
        events = iter(stream)
        is_paused = next(events).data["settings"]["effect"]["paused"]
        larder.set_calendar(DAY // 2)
        next(event for event in events if event.name == "settings" and event.data["effect"]["paused"] is not is_paused)


def test_a_larderd_that_was_started_in_the_past_lives_on(make_larder, hub):
    larder = make_larder(is_started=False, has_calendar=True, haste=10)
    larder.set_calendar(-40 * YEAR)
    larder.start()
    trouble = hub.fault("status", "*", origin="hub", status=503)
    identity = larder.download(TERM)
    assert larder.wait_state(identity, "waiting")["reason"]["retry_at"] < "2000"
    larder.kill_daemon()
    larder.set_calendar(0)
    hub.faults.remove(trouble.id)
    larder.start_daemon()
    assert larder.wait(identity)["state"] == "completed"
    assert_proven(larder, hub)


def test_a_wait_that_was_begun_in_the_future_ends(make_larder, hub):
    larder = make_larder(is_started=False, has_calendar=True, haste=10)
    larder.set_calendar(YEAR)
    larder.start()
    trouble = hub.fault("status", "*", origin="hub", status=503)
    identity = larder.download(TERM)
    larder.wait_state(identity, "waiting")
    larder.kill_daemon()
    larder.set_calendar(0)
    hub.faults.remove(trouble.id)
    larder.start_daemon()
    assert larder.wait(identity)["state"] == "completed"
