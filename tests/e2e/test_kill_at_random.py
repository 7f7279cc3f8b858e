"""larderd killed at random, again and again, in the middle of one download of many files; and the machine's power cut at
random in the same way. At every look what is on the disk and what is recorded are true; each life goes on where the one
before has ended; and the download ends as if nothing had been.

Time runs faster for larderd, so that the sync which falls due every half second is part of many lives. The CDN gives each
life a ration of bytes, so that the download does not end before the last kill.

The seed is printed; LARDER_TEST_SEED repeats it.
"""

import hashlib
import os
import random

import pytest

from harness import FINAL, Program
from powercut import PowerCut
from remains import Remains, asked

REPO = "acme/tortured"
LIVES = 200
CONNECTIONS = 4
SEGMENT = 16 << 20  # SEGMENT_USUAL of downloader/segments.h: a slow connection has no longer one
HASTE = 10
MINE = {"notes.txt": b"my own notes", "model-3.gguf": b"my own model"}


def make_repo(hub, rng):
    """Large files, of which one comes in several pieces and two are the same, many small ones, an empty one and folders:
    path to content."""
    files = {f"model-{n}.gguf": rng.randbytes(size) for n, size in enumerate((24_000_001, 9_500_000, 3_000_003, 2_000_000))}
    files |= {f"part/{n % 3}/{n:02}.txt": rng.randbytes(rng.randint(1, 60_000)) for n in range(20)}
    files |= {"notes.txt": b"the Hub's notes", "empty": b"", "twin.gguf": files["model-2.gguf"]}
    hub.push(REPO, files, lfs={path: path.startswith("part/") or path.endswith(".gguf") for path in files})
    return files


def durable_bytes(larder, identity):
    """The download's durable bytes each time that larderd tells them, and whether it is over."""
    with larder.stream(web=False) as stream:
        for event in stream:
            rows = event.data.get("downloads", []) if event.name in ("snapshot", "progress") else [event.data]
            for row in rows:
                if row.get("id") == identity and "bytes_done" in row:
                    yield row["bytes_done"], row["state"] in FINAL


def live(larder, hub, identity, rng, before):
    """One life of larderd up to a moment when it may be killed: the most durable bytes that it told."""
    end = rng.choices(("born", "asked", "fed", "told"), (5, 25, 30, 40))[0]
    if end == "born":  # perhaps before its first line
        larder.daemon = Program("larderd", larder.daemon_argv, larder.env | larder.preloaded)
        return 0
    larder.start_daemon()
    if end == "asked":
        hub.wait(count=rng.randint(1, 2))
    elif end == "fed":
        hub.wait(stalled=True)
    else:
        for told, is_over in durable_bytes(larder, identity):
            assert not is_over
            if told > before.recorded:
                return told
    return 0


def check_thrift(hub, before, after):
    """A life has asked for nothing that was recorded, and lost no more than what was under way: the bytes it was sent."""
    requests = asked(hub, REPO)
    for request in requests:
        assert not before.holds(request.path, request.first, request.end), f"{request} was recorded"
    sent = sum(request.sent for request in requests)
    lost = sent - (after.recorded - before.recorded)
    assert lost <= CONNECTIONS * SEGMENT
    return sent


def kill_again_and_again(larder, hub, rng, lives, die):
    """`lives` times larderd lives and dies by `die(larder)`; then the download goes on to its end."""
    files = make_repo(hub, rng)
    total, served = sum(map(len, files.values())), 0
    for name, mine in MINE.items():
        (larder.models / REPO).mkdir(parents=True, exist_ok=True)
        (larder.models / REPO / name).write_bytes(mine)
    # The plan is made, and no byte has come: from here on all that is asked are files.
    silence = hub.fault("silent", f"{REPO}/*")
    larder.start()
    identity = larder.rpc("download.create", {"repo": REPO})["result"]["id"]
    hub.wait(stalled=True)
    larder.kill_daemon()
    hub.wait_idle()
    hub.faults.remove(silence.id)
    before = Remains(larder, REPO)
    assert before.rows.keys() == files.keys()
    for left in reversed(range(lives)):
        hub.clear_requests()
        most = max(1, 2 * (total - before.recorded) // (left + 3))
        ration = hub.fault("ration", f"{REPO}/*", amount=rng.randint(1, most))
        told = live(larder, hub, identity, rng, before)
        die(larder)
        hub.wait_idle()  # nothing that the dead one has asked for takes from the next one's ration
        after = Remains(larder, REPO)
        after.check(files, MINE)
        assert after.recorded >= max(told, before.recorded), "what was told is not recorded"
        served += check_thrift(hub, before, after)
        hub.faults.remove(ration.id)
        before = after
    hub.clear_requests()
    larder.start_daemon()
    done = larder.wait(identity)
    assert done["state"] == "completed" and done["bytes_done"] == total
    larder.stop_daemon()
    end = Remains(larder, REPO)
    end.check(files, MINE)
    served += check_thrift(hub, before, end)
    print(f"{lives} lives, {total} bytes in all, {before.recorded} before the last life, {served - total} fetched again")
    expected = hub.files(REPO)
    for name in files:
        assert hashlib.sha256((larder.models / REPO / name).read_bytes()).hexdigest() == expected[name]["sha256"], name
    assert not list((larder.models / REPO).rglob("*.incomplete"))
    assert not any("thrown away" in line for line in larder.logs())
    larder.start_daemon()


@pytest.fixture
def rng():
    """What decides all that is random."""
    seed = int(os.environ.get("LARDER_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"LARDER_TEST_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def mortal(make_larder):
    """A Larder that is not started yet. Its last words are for whoever must find out why a test has failed."""
    larder = make_larder(is_started=False, haste=HASTE, LARDER_MAX_CONNECTIONS=CONNECTIONS)
    yield larder
    print("\n".join(larder.logs()[-30:]))


def test_a_larderd_killed_200_times_comes_back_true(mortal, hub, rng):
    kill_again_and_again(mortal, hub, rng, LIVES, lambda larder: larder.kill_daemon())


def test_a_machine_that_loses_its_power_200_times_comes_back_true(mortal, hub, rng):
    disk = PowerCut(mortal)
    undone = 0

    def die(larder):
        nonlocal undone
        larder.kill_daemon()
        undone += disk.pull(rng if rng.random() < 0.5 else None)[1]

    kill_again_and_again(mortal, hub, rng, LIVES, die)
    print(f"{undone} changes undone")
    assert undone > 0
