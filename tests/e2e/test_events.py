"""The event stream and /changes: snapshot first, ids, replay, fresh snapshot when there is no way back."""

import socket
from pathlib import Path

import pytest

from harness import FINAL, TIMEOUT, UnixConnection

TINY = "acme/tiny-7b-GGUF"
TERM = f"{TINY}:Q4_K_M"


def first(stream, name):
    """The next event of that name."""
    return next(event for event in stream if event.name == name)


def sequence(event):
    return int(event.id.rsplit("-", 1)[1])


@pytest.fixture(params=[(web, base) for web in ("nginx", "caddy", "lighttpd") for base in ("", "/hf")],
                ids=lambda param: f"{param[0]} {param[1] or '/'}")
def larder(request, make_larder):  # pylint: disable=function-redefined
    """A Larder behind each web server, at the root and under a path."""
    web, base = request.param
    return make_larder(web=web, base=base)


@pytest.mark.parametrize("web", [True, False], ids=["through the web server", "straight"])
def test_a_snapshot_comes_first_then_every_change(larder, hub, web):
    hub.fault("slow", "*", origin="cdn", rate=3_000_000)
    with larder.stream(web=web) as stream:
        events = iter(stream)
        snapshot = next(events)
        assert snapshot.name == "snapshot" and snapshot.data["downloads"] == []
        assert snapshot.data["disk"]["free"] > 0 and stream.retry == "2000"
        identity = larder.download(TERM)
        states, numbers, progress = [], [], 0
        for event in events:
            numbers.append(sequence(event))
            if event.name == "download":
                assert event.data["id"] == identity and "files" not in event.data
                states.append(event.data["state"])
            progress += event.name == "progress"
            if states and states[-1] == "completed":
                break
    assert states[0] == "queued" and "resolving" in states and "downloading" in states
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert progress >= 2


def test_last_event_id_replays_exactly_what_was_missed(larder):
    with larder.stream() as stream:
        start = next(iter(stream))
    larder.fetch(TERM)
    with larder.stream(last_id=start.id) as stream:
        replayed = iter(stream)
        event = next(replayed)
        assert event.name == "download" and sequence(event) == sequence(start) + 1
        while event.name != "download" or event.data["state"] != "completed":
            following = next(replayed)
            assert sequence(following) == sequence(event) + 1
            event = following


@pytest.mark.parametrize("last_id", ["nonsense", "0123456789abcdef-1", "-", "x-999999999999999999999"])
def test_an_id_of_another_life_gets_a_snapshot(larder, last_id):
    with larder.stream(last_id=last_id) as stream:
        assert next(iter(stream)).name == "snapshot"


def test_a_restart_is_another_epoch(larder):
    with larder.stream() as stream:
        before = next(iter(stream))
    larder.stop_daemon()
    larder.start_daemon()
    with larder.stream(last_id=before.id) as stream:
        after = next(iter(stream))
    assert after.name == "snapshot" and after.id.rsplit("-", 1)[0] != before.id.rsplit("-", 1)[0]


def test_an_orderly_stop_ends_the_stream(larder):
    with larder.stream(web=False) as stream:
        events = iter(stream)
        next(events)
        larder.stop_daemon()
        assert list(events) == []
    larder.start_daemon()


def test_a_watcher_that_leaves_is_forgotten(larder, hub):
    hub.fault("slow", "*", origin="cdn", rate=3_000_000)
    identity = larder.download(TERM)
    for _ in range(50):
        with larder.stream(web=False) as stream:
            next(iter(stream))
    assert larder.wait(identity)["state"] == "completed"


def test_a_watcher_that_never_reads_hurts_nobody(larder, hub):
    with larder.stream(web=False) as stream:
        next(iter(stream))
        for _ in range(40):  # some hundreds of events
            larder.fetch(TERM)
        assert larder.api("GET", "health", status=200)


def test_watchers_leave_descriptors_for_downloads(make_larder):
    larder = make_larder(descriptors=256, LARDER_EVENT_CLIENTS_EACH=1000)
    with larder.stream(web=False) as stream:
        watchers = [socket.socket(socket.AF_UNIX) for _ in range(400)]
        for watcher in watchers:
            watcher.connect(str(larder.run / "events.sock"))
            watcher.sendall(f"GET {larder.base}/api/v1/events HTTP/1.1\r\nHost: larder\r\n\r\n".encode())
        identity = larder.download(TINY)
        changes = (e.data for e in stream if e.name == "download" and e.data["id"] == identity)
        last = next(d for d in changes if d["state"] in FINAL | {"waiting"})
        assert last["state"] == "completed", last["reason"]
        heads = []
        for watcher in watchers:
            watcher.settimeout(TIMEOUT)
            heads.append(watcher.recv(12))
            watcher.close()
        assert heads.count(b"HTTP/1.1 200") == 256 // 2 - 1  # one was there before
        assert heads.count(b"HTTP/1.1 503") == len(watchers) - heads.count(b"HTTP/1.1 200")


def test_ten_thousand_who_come_and_go_leave_nothing_behind(make_larder):
    larder = make_larder()  # whose sanitizer looks for lost bytes at the end
    folder = Path(f"/proc/{larder.daemon.process.pid}/fd")
    before = len(list(folder.iterdir()))
    request = f"GET {larder.base}/api/v1/events HTTP/1.1\r\nHost: larder\r\n\r\n".encode()
    for number in range(10_000):
        with socket.socket(socket.AF_UNIX) as visitor:
            visitor.settimeout(TIMEOUT)
            visitor.connect(str(larder.run / "events.sock"))
            # Some say nothing, some not all, some leave before the answer, some read it.
            visitor.sendall(request[:(0, 20, None, None)[number % 4]])
            if number % 4 == 3:
                assert visitor.recv(64).startswith(b"HTTP/1.1 200")
    with larder.stream(web=False) as stream:
        events = iter(stream)
        next(events)
        larder.rpc("settings.patch", {"slow": True})
        for event in events:  # those who have left are noticed by then, or with one of the next
            if len(list(folder.iterdir())) <= before + 1:
                break
            if event.name == "settings":
                larder.rpc("settings.patch", {"slow": not event.data["slow"]})
    assert larder.stream(web=False).response.status == 200


def test_changes_tell_the_same_as_the_stream(larder):
    begin = larder.api("GET", "changes", status=200).json
    assert begin["reset"] and begin["events"][0]["event"] == "snapshot"
    nothing = larder.api("GET", f"changes?since={begin['last_id']}", status=200).json
    assert nothing == {"events": [], "last_id": begin["last_id"], "reset": False}
    larder.fetch(TERM)
    news = larder.api("GET", f"changes?since={begin['last_id']}", status=200).json
    assert not news["reset"]
    assert [e["data"]["state"] for e in news["events"] if e["event"] == "download"][-1] == "completed"
    assert news["events"][-1]["id"] == news["last_id"]
    assert larder.api("GET", "changes?since=nonsense", status=200).json["reset"]


@pytest.mark.parametrize("method, path, status", [("POST", "/api/v1/events", 405), ("GET", "/api/v1/events/x", 404)])
def test_other_requests_on_the_events_socket_are_refused(larder, method, path, status):
    connection = UnixConnection(larder.run / "events.sock")
    connection.request(method, larder.base + path)
    assert connection.getresponse().status == status
    connection.close()
