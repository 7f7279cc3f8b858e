"""The settings: read, changed, kept, told; what is wrong is refused; a pause holds the downloads and lets them go on."""

import pytest

from harness import Larder

TINY = "acme/tiny-7b-GGUF"
TERM = f"{TINY}:Q4_K_M"
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALWAYS = {"days": DAYS, "from": "00:00", "to": "24:00"}
ALWAYS_PAUSED = {**ALWAYS, "action": "pause", "bandwidth_limit": None}
DEFAULTS = {
    "paused": False, "bandwidth_limit": 0, "slow": False, "slow_limit": 1_000_000,
    "max_downloads": 3, "max_connections": 16, "schedule": [], "gpu_memory": [],
    "effect": {"paused": False, "bandwidth_limit": 0, "why": "", "until": None},
}


def settings(larder):
    return larder.api("GET", "settings", status=200).json


def patch(larder, **changes):
    return larder.api("PATCH", "settings", changes, 200).json


@pytest.fixture
def slow(hub):
    """The CDN sends slowly enough that a test can act in the middle."""
    return hub.fault("slow", "*", origin="cdn", rate=2_000_000)


def test_the_configuration_gives_the_defaults(make_larder):
    larder = make_larder()
    assert settings(larder) == DEFAULTS
    assert larder.rpc("settings.get")["result"] == DEFAULTS
    larder = make_larder(LARDER_BANDWIDTH_LIMIT="2M", LARDER_MAX_DOWNLOADS="5", LARDER_MAX_CONNECTIONS="7")
    now = settings(larder)
    assert (now["bandwidth_limit"], now["max_downloads"], now["max_connections"]) == (2 << 20, 5, 7)
    assert now["effect"] == {"paused": False, "bandwidth_limit": 2 << 20, "why": "limit", "until": None}


def test_what_was_changed_survives_kill_9_and_null_gives_the_default_back(make_larder):
    larder = make_larder(LARDER_BANDWIDTH_LIMIT="2M")
    limited = {**ALWAYS, "action": "limit", "bandwidth_limit": 400_000}
    wanted = {
        "paused": True, "bandwidth_limit": 800_000, "slow": True, "slow_limit": 500_000,
        "max_downloads": 1, "max_connections": 2, "schedule": [ALWAYS_PAUSED, limited],
        "gpu_memory": [24 << 30],
    }
    answer = patch(larder, **wanted)
    effect = {"paused": True, "bandwidth_limit": 400_000, "why": "paused", "until": None}
    assert answer == {**wanted, "effect": effect}
    larder.kill_daemon()
    larder.start_daemon()
    assert settings(larder) == answer
    patch(larder, paused=None, bandwidth_limit=None, schedule=None)
    now = patch(larder, slow=None, slow_limit=None, max_downloads=None, max_connections=None, gpu_memory=None)
    assert now["bandwidth_limit"] == 2 << 20 and now["effect"]["why"] == "limit"
    larder.kill_daemon()
    larder.start_daemon()
    assert settings(larder) == now
    assert patch(larder, bandwidth_limit=0) == DEFAULTS


def test_the_least_limit_holds_and_says_why(larder):
    def effect(**changes):
        held = patch(larder, **changes)["effect"]
        return held["bandwidth_limit"], held["why"]

    assert effect(bandwidth_limit=3_000_000) == (3_000_000, "limit")
    assert effect(slow=True) == (1_000_000, "slow")
    assert effect(schedule=[{**ALWAYS, "action": "limit", "bandwidth_limit": 600_000}]) == (600_000, "schedule")
    assert effect(slow_limit=500_000) == (500_000, "slow")
    assert effect(slow=False, schedule=[]) == (3_000_000, "limit")
    assert effect(bandwidth_limit=0) == (0, "")


@pytest.fixture(scope="module")
def patient(tmp_path_factory, session_hub):
    """One Larder for all bad input: nothing of it may change anything."""
    with Larder(tmp_path_factory.mktemp("patient"), session_hub.endpoint) as larder:
        yield larder


def entry(**changes):
    return {"schedule": [ALWAYS_PAUSED, {**ALWAYS_PAUSED, **changes}]}


BAD = [
    ({"paused": 1}, "paused"),
    ({"paused": "on"}, "paused"),
    ({"bandwidth_limit": "2M"}, "bandwidth_limit"),
    ({"bandwidth_limit": -1}, "bandwidth_limit"),
    ({"bandwidth_limit": 1.5}, "bandwidth_limit"),
    ({"bandwidth_limit": 10**12 + 1}, "bandwidth_limit"),
    ({"bandwidth_limit": True}, "bandwidth_limit"),
    ({"slow": 0}, "slow"),
    ({"slow_limit": 0}, "slow_limit"),
    ({"slow_limit": []}, "slow_limit"),
    ({"max_downloads": 0}, "max_downloads"),
    ({"max_downloads": 33}, "max_downloads"),
    ({"max_downloads": "3"}, "max_downloads"),
    ({"max_connections": 0}, "max_connections"),
    ({"max_connections": 129}, "max_connections"),
    ({"max_connections": {}}, "max_connections"),
    ({"paused": True, "colour": "blue"}, "colour"),
    ({"effect": {"paused": False}}, "effect"),
    ({"schedule": {}}, "schedule"),
    ({"schedule": "never"}, "schedule"),
    ({"schedule": [ALWAYS_PAUSED] * 33}, "schedule"),
    ({"schedule": [7]}, "schedule[0]"),
    ({"schedule": [None]}, "schedule[0]"),
    ({"schedule": [{}]}, "schedule[0].days"),
    (entry(days=[]), "schedule[1].days"),
    (entry(days="mon"), "schedule[1].days"),
    (entry(days=["mon", "moonday"]), "schedule[1].days[1]"),
    (entry(days=[1]), "schedule[1].days[0]"),
    (entry(days=DAYS + ["mon"]), "schedule[1].days"),
    (entry(**{"from": "25:00"}), "schedule[1].from"),
    (entry(**{"from": "24:00"}), "schedule[1].from"),
    (entry(**{"from": 8}), "schedule[1].from"),
    (entry(**{"from": None}), "schedule[1].from"),
    (entry(to="25:00"), "schedule[1].to"),
    (entry(to="9:00"), "schedule[1].to"),
    (entry(to="09:00:00"), "schedule[1].to"),
    (entry(action="stop"), "schedule[1].action"),
    (entry(action=1), "schedule[1].action"),
    (entry(action="limit"), "schedule[1].bandwidth_limit"),
    (entry(action="limit", bandwidth_limit=0), "schedule[1].bandwidth_limit"),
    (entry(action="limit", bandwidth_limit="1M"), "schedule[1].bandwidth_limit"),
    (entry(bandwidth_limit=5), "schedule[1].bandwidth_limit"),
    (entry(colour="blue"), "schedule[1].colour"),
]


@pytest.mark.parametrize("body, field", BAD)
def test_what_is_wrong_is_refused_by_name_and_changes_nothing(patient, body, field):
    # Something right beside it must not get through either.
    answer = patient.api("PATCH", "settings", {"slow_limit": 7, **body} if "slow_limit" not in body else body, 422)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json
    assert problem["code"] == "invalid" and problem["field"] == field and field in problem["detail"], problem
    assert settings(patient) == DEFAULTS
    # larderd by itself is no more lenient.
    assert patient.rpc("settings.patch", body)["error"]["data"]["field"] == field


def test_other_ways_to_get_it_wrong(patient):
    assert patient.api("PATCH", "settings", [], 400).json["code"] == "bad_request"
    assert patient.api("GET", "settings?x=1", status=422).json["field"] == "x"
    assert patient.api("PUT", "settings", {}, 405).headers["Allow"] == "GET, PATCH"
    assert patient.api("DELETE", "settings", status=405)
    assert patient.api("PATCH", "settings", {}, 200).json == DEFAULTS
    assert settings(patient) == DEFAULTS


def test_watchers_begin_with_the_settings_and_are_told_of_every_change(larder):
    with larder.stream() as stream:
        events = iter(stream)
        assert next(events).data["settings"] == DEFAULTS
        answer = patch(larder, slow=True, slow_limit=900_000)
        told = next(e for e in events if e.name == "settings")
        assert told.data == answer and answer["effect"]["why"] == "slow"
        # Refused, or empty: no news. The next event is that of the next change.
        larder.api("PATCH", "settings", {"slow": 1}, 422)
        patch(larder)
        answer = patch(larder, slow=False)
        following = next(e for e in events if e.name == "settings")
        assert following.data == answer
        assert int(following.id.rsplit("-", 1)[1]) == int(told.id.rsplit("-", 1)[1]) + 1
    changes = larder.api("GET", f"changes?since={told.id}", status=200).json
    assert [e["data"] for e in changes["events"] if e["event"] == "settings"] == [answer]
    with larder.stream() as stream:
        assert next(iter(stream)).data["settings"] == answer


def hold_and_let_go(larder, hub, hold, end, code):
    """A running download and a new one, while `hold` is in effect, and after `end`."""
    running = larder.download(TERM)
    larder.wait(running, lambda d: d["bytes_done"] > 500_000)
    held = patch(larder, **hold)["effect"]
    assert held["paused"]
    waiting = larder.wait_state(running, "waiting")
    assert waiting["reason"]["code"] == code and waiting["reason"]["message"] and waiting["reason"]["hint"]
    assert waiting["reason"]["retry_at"] == held["until"]
    hub.clear_requests()
    queued = larder.download("acme/tiny-st")
    # The stop of what ran and the new one's place in the queue are settled after an orderly end.
    larder.stop_daemon()
    larder.start_daemon()
    assert larder.get(queued)["state"] == "queued"
    still = larder.get(running)
    assert still["state"] == "waiting" and still["reason"]["code"] == code and still["bytes_done"] > 500_000
    assert hub.requests() == []
    hub.faults.clear()
    assert not patch(larder, **end)["effect"]["paused"]
    assert larder.wait(running)["state"] == larder.wait(queued)["state"] == "completed"
    starts = [int(r["range"].split("=")[1].split("-")[0]) for r in hub.requests(path="*Q4_K_M.gguf", origin="cdn")]
    assert starts == [still["bytes_done"]]


def test_a_pause_of_all_holds_the_downloads_and_its_end_lets_them_go_on(larder, hub, slow):
    hold_and_let_go(larder, hub, {"paused": True}, {"paused": False}, "paused_all")


def test_a_pause_of_the_schedule_holds_the_downloads_and_its_end_lets_them_go_on(larder, hub, slow):
    hold_and_let_go(larder, hub, {"schedule": [ALWAYS_PAUSED]}, {"schedule": []}, "schedule")


def test_the_schedule_says_when_it_ends(make_larder):
    # Four days around now, in Larder's own time zone: now is at least a day away from both edges.
    from datetime import datetime, timedelta, timezone
    larder = make_larder(TZ="UTC")
    now = datetime.now(timezone.utc)
    days = [DAYS[(now + timedelta(days=n)).weekday()] for n in (-1, 0, 1, 2)]
    effect = patch(larder, schedule=[{**ALWAYS_PAUSED, "days": days}])["effect"]
    assert effect["paused"] and effect["why"] == "schedule"
    until = datetime.fromisoformat(effect["until"].replace("Z", "+00:00"))
    assert until.hour == until.minute == 0 and until.weekday() == (now + timedelta(days=3)).weekday()


def test_one_pause_takes_over_from_the_other(larder, slow):
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 0)
    patch(larder, schedule=[ALWAYS_PAUSED])
    larder.wait(identity, lambda d: d["reason"] and d["reason"]["code"] == "schedule")
    patch(larder, paused=True)
    larder.wait(identity, lambda d: d["reason"] and d["reason"]["code"] == "paused_all")
    patch(larder, paused=False)
    larder.wait(identity, lambda d: d["reason"] and d["reason"]["code"] == "schedule")
    # A person's pause of one download outlasts them both.
    assert larder.api("POST", f"downloads/{identity}/pause", {}, 200).json["state"] == "paused"
    patch(larder, schedule=None)
    assert larder.get(identity)["state"] == "paused"


def test_more_downloads_at_once_take_effect_at_once(make_larder, hub, slow):
    larder = make_larder(LARDER_MAX_DOWNLOADS="1")
    first = larder.download(TERM)
    larder.wait_state(first, "downloading")
    second = larder.download("acme/split-70b-GGUF:Q4_K_M")
    assert larder.wait(second, lambda d: d["commit"] and d["state"] == "queued")
    patch(larder, max_downloads=2)
    larder.wait_state(second, "downloading")
    assert larder.get(first)["state"] == "downloading"


def test_the_same_through_tsan(make_larder, hub, slow):
    larder = make_larder(flavour="tsan")
    identity = larder.download(TERM)
    larder.wait(identity, lambda d: d["bytes_done"] > 0)
    for _ in range(3):
        patch(larder, paused=True, schedule=[ALWAYS_PAUSED], max_downloads=2)
        patch(larder, paused=False, schedule=[], max_downloads=None)
    hub.faults.clear()
    assert larder.wait(identity)["state"] == "completed"
