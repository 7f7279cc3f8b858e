"""larderd killed at random, again and again, in the middle of a job: at every look what is on the disk and what is
recorded are true, and the job ends as if nothing had been.

The seed is printed; LARDER_TEST_SEED repeats it.
"""

import hashlib
import os
import random
import shutil
import sqlite3

from harness import FINAL

REPO = "acme/tortured"
KILLS = 12
RATE = 1_000_000  # bytes a second and connection, until the last kill
MINE = {"notes.txt": b"my own notes", "model-2.gguf": b"my own model"}


def make_repo(hub, rng):
    """Four large files, many small ones, an empty one and folders: path to content."""
    files = {f"model-{n}.gguf": rng.randbytes(6_000_000 + n) for n in range(4)}
    files |= {f"part/{n % 3}/{n:02}.txt": rng.randbytes(rng.randint(1, 60_000)) for n in range(20)}
    files |= {"notes.txt": b"the Hub's notes", "empty": b""}
    hub.push(REPO, files)
    return files


def rows(larder, folder):
    """What the database says of every file: path, digest, state, bytes_done. Of a copy, so that looking changes
    nothing."""
    folder.mkdir()
    for path in (larder.folder / "state").glob("larder.db*"):
        shutil.copy(path, folder)
    connection = sqlite3.connect(folder / "larder.db")
    try:
        return connection.execute("SELECT path, digest, state, bytes_done FROM files").fetchall()
    finally:
        connection.close()
        shutil.rmtree(folder)


def look(larder, files, told):
    """Looks at what a dead larderd has left."""
    folder = larder.models / REPO
    kept = {path: [p.read_bytes() for p in (larder.models / ".larder/trash").glob(f"*/{REPO}/{path}")] for path in MINE}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.startswith(".cache/"):
            assert path.read_bytes() in (files[name], MINE.get(name)), f"{name} has its name and wrong bytes"
    for name, mine in MINE.items():
        here = (folder / name).exists() and (folder / name).read_bytes() == mine
        assert here or mine in kept[name], f"the user's {name} is lost"
    recorded = 0
    for name, digest, state, bytes_done in rows(larder, larder.folder / "copy"):
        recorded += bytes_done
        if (folder / name).exists() and (folder / name).read_bytes() == files[name]:
            continue
        assert state != "done", f"{name} is recorded as done, and is not there"
        partials = [p.read_bytes() for p in folder.rglob(f"*.{digest}.*.incomplete")]
        assert bytes_done == 0 or [p[:bytes_done] for p in partials] == [files[name][:bytes_done]], \
            f"{name}: {bytes_done} bytes are recorded, the partial does not hold them"
    assert recorded >= told, f"{told} bytes were told, {recorded} are recorded"


def run_until(larder, hub, identity, rng, kills_left):
    """Waits for a random moment of the job: the most durable bytes that were told, and whether the job is over."""
    told = 0
    if rng.random() < 0.25:  # right after a request, whichever it is
        hub.wait(count=rng.randint(1, 4))
        return told, False
    events = rng.randint(1, 8) if rng.random() < 0.4 else None
    share = rng.random() / (kills_left + 1)
    with larder.stream(web=False) as stream:
        target = None
        for event in stream:
            news = event.data.get("downloads", []) if event.name in ("snapshot", "progress") else [event.data]
            for row in news:
                if row.get("id") != identity:
                    continue
                told = row.get("bytes_done", told)
                if row.get("state") in FINAL:
                    return told, True
                if target is None and row.get("bytes_total"):
                    target = told + share * (row["bytes_total"] - told)
            if events is not None:
                events -= 1
            if events == 0 or (events is None and target is not None and told > target):
                return told, False
    raise AssertionError("the stream ended by itself")


def test_a_larderd_killed_at_random_comes_back_true(make_larder, hub):
    seed = int(os.environ.get("LARDER_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"LARDER_TEST_SEED={seed}")
    rng = random.Random(seed)
    files = make_repo(hub, rng)
    hub.fault("slow", "*", origin="cdn", rate=RATE)
    larder = make_larder()
    folder = larder.models / REPO
    folder.mkdir(parents=True)
    for name, mine in MINE.items():
        (folder / name).write_bytes(mine)
    identity = larder.rpc("download.create", {"repo": REPO})["result"]["id"]
    for left in reversed(range(KILLS)):
        told, is_over = run_until(larder, hub, identity, rng, left)
        if is_over:
            break
        larder.kill_daemon()
        look(larder, files, told)
        hub.clear_requests()
        larder.start_daemon()
    hub.faults.clear()
    print(f"{KILLS - left} kills")
    done = larder.wait(identity)
    assert done["state"] == "completed" and done["bytes_done"] == sum(map(len, files.values()))
    larder.stop_daemon()
    look(larder, files, done["bytes_done"])
    expected = hub.files(REPO)
    for name in files:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected[name]["sha256"], name
    assert not list(folder.rglob("*.incomplete"))
    assert not any("are thrown away" in line for line in larder.logs())
    larder.start_daemon()
