"""The library is kept whole and current: verified, repaired, checked, updated, and shown to other programs."""

import json
import os
import subprocess
import sys

import pytest

from test_library import cli, models, put, scan
from test_standin_hub import _bin, _environment
from test_standin_hub import _hf as hf_download

REPO = "acme/tiny-7b-GGUF"
SPLIT = "acme/split-70b-GGUF"
CARED = "acme/cared-for"


def act(larder, folder, verb, **body):
    """Begins a job for a model and waits for its end."""
    return larder.wait(larder.api("POST", f"models/{folder}/{verb}", body, 202).json["id"])


def files(larder, folder):
    """The files of a model, by path."""
    return {file["path"]: file for file in larder.api("GET", f"models/{folder}", None, 200).json["files"]}


def damage(path, offset=None):
    """Turns a bit as a disk would: the file's time stays."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(times.st_size // 2 if offset is None else offset)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def looked(larder, folder, until):
    """Waits until the library knows the model so."""
    with larder.stream() as events:
        next(iter(events))
        row = models(larder).get(folder)
        if row and until(row):
            return row
        for event in events:
            if event.name == "model" and event.data["folder"] == folder and until(event.data):
                return event.data
    raise AssertionError("the stream ended")


@pytest.fixture(name="cared")
def _cared(hub):
    """A repository of a few files: its contents."""
    content = {"model.bin": os.urandom(3_000_000), "README.md": b"one\n", "config.json": b"{}\n"}
    hub.push(CARED, content)
    return content


# --- verify and repair ---

def test_a_turned_bit_is_found_and_repaired(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    broken = larder.models / CARED / "model.bin"
    damage(broken)
    scan(larder)
    assert files(larder, CARED)["model.bin"]["state"] == "proven"  # nothing tells yet
    done = act(larder, CARED, "verify")
    assert done["kind"] == "verify" and done["state"] == "completed" and done["folder"] == CARED
    assert done["findings"] == {"proven": 2, "changed": 1, "missing": 0, "unknown": 0}
    told = {file["path"]: file["state"] for file in larder.get(done["id"])["files"]}
    assert told == {"model.bin": "changed", "README.md": "done", "config.json": "done"}
    row = looked(larder, CARED, lambda row: row["files_changed"] == 1)
    assert row["files_proven"] == 2 and CARED in models(larder, "?state=changed")
    assert "not what the Hub has" in files(larder, CARED)["model.bin"]["problem"]

    asked = len(hub.requests(origin="cdn"))
    done = act(larder, CARED, "repair")
    assert done["kind"] == "repair" and done["state"] == "completed"
    assert [file["path"] for file in larder.get(done["id"])["files"]] == ["model.bin"]
    assert broken.read_bytes() == cared["model.bin"]
    assert len(hub.requests(origin="cdn")) > asked
    looked(larder, CARED, lambda row: row["files_proven"] == 3 and row["problems"] == 0)
    # The broken one is kept for a while.
    (entry,) = larder.api("GET", "trash", None, 200).json["trash"]
    assert f"{CARED}/model.bin" in entry["paths"]
    assert act(larder, CARED, "verify")["findings"]["proven"] == 3


def test_what_is_found_outlives_the_daemon_and_other_clients_see_it(larder, hub, cared, tmp_path):
    assert larder.fetch(CARED)["state"] == "completed"
    damage(larder.models / CARED / "model.bin")
    assert act(larder, CARED, "verify")["findings"]["changed"] == 1
    larder.stop_daemon()
    larder.start_daemon()
    looked(larder, CARED, lambda row: row["files_changed"] == 1)
    # The official client does not take it for whole either.
    done = hf_download(hub, tmp_path, CARED, "--local-dir", str(larder.models / CARED))
    assert done.returncode == 0, done.stderr
    assert (larder.models / CARED / "model.bin").read_bytes() == cared["model.bin"]


def test_missing_files_are_found_and_brought(larder, hub):
    assert larder.fetch(SPLIT)["state"] == "completed"
    parts = sorted(path for path in hub.files(SPLIT) if "-of-" in path)
    (larder.models / SPLIT / parts[0]).unlink()
    (larder.models / SPLIT / "README.md").unlink()
    scan(larder)
    done = act(larder, SPLIT, "verify")
    assert done["findings"]["missing"] == 2 and done["findings"]["changed"] == 0
    done = act(larder, SPLIT, "repair")
    assert sorted(file["path"] for file in larder.get(done["id"])["files"]) == sorted([parts[0], "README.md"])
    looked(larder, SPLIT, lambda row: row["parts_missing"] == 0)
    assert act(larder, SPLIT, "verify")["findings"] == {
        "proven": len(hub.files(SPLIT)), "changed": 0, "missing": 0, "unknown": 0}


def test_what_others_put_there_is_proven_by_the_hubs_digests(larder, hub, cared):
    for path, data in cared.items():
        put(larder, f"{CARED}/{path}", data)
    put(larder, f"{CARED}/notes.txt", b"mine")
    put(larder, f"{CARED}/config.json", b"{ }")
    scan(larder)
    assert models(larder)[CARED]["files_unknown"] == 4
    done = act(larder, CARED, "verify")
    assert done["findings"] == {"proven": 2, "changed": 1, "missing": 0, "unknown": 1}
    states = {path: file["state"] for path, file in files(larder, CARED).items()}
    looked(larder, CARED, lambda row: row["files_proven"] == 2)
    states = {path: file["state"] for path, file in files(larder, CARED).items()}
    assert states == {"model.bin": "proven", "README.md": "proven", "config.json": "changed", "notes.txt": "unknown"}
    asked = len(hub.requests(origin="cdn"))
    assert larder.fetch(CARED, select=["model.bin"])["state"] == "completed"
    assert len(hub.requests(origin="cdn")) == asked  # nothing is fetched that is proven


def test_without_a_hub_the_rest_is_still_verified(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    put(larder, f"{CARED}/more.txt")
    scan(larder)
    hub.fault("status", "/api/*", origin="hub", status=500)
    done = act(larder, CARED, "verify")
    assert done["state"] == "completed" and done["findings"] == {"proven": 3, "changed": 0, "missing": 0, "unknown": 1}


def test_what_has_just_come_is_known_at_once(larder, hub):
    for number in range(20):
        hub.push(f"acme/just-{number}", {"model.bin": b"here"})
        assert larder.fetch(f"acme/just-{number}")["state"] == "completed"
        larder.api("GET", f"models/acme/just-{number}", None, 200)
    # What asks while nothing is known of it yet waits for the look, also in vain.
    assert larder.api("GET", "models/acme/just-20", None, 404).json["code"] == "unknown_model"


def test_a_verification_is_slow_on_purpose_paused_and_goes_on_after_a_kill(make_larder, hub):
    content = {f"part-{number}.bin": os.urandom(2_000_000) for number in range(6)}
    hub.push("acme/slow-proof", content)
    larder = make_larder(LARDER_VERIFY_LIMIT="4M")
    assert larder.fetch("acme/slow-proof")["state"] == "completed"
    identity = larder.api("POST", "models/acme/slow-proof/verify", {}, 202).json["id"]
    larder.wait(identity, lambda d: d.get("findings") and d["findings"]["proven"] >= 2)
    larder.api("POST", f"downloads/{identity}/pause", {}, 200)
    larder.wait_state(identity, "paused")
    proven = larder.get(identity)["findings"]["proven"]
    assert 2 <= proven < 6
    larder.api("POST", f"downloads/{identity}/resume", {}, 200)
    larder.wait_state(identity, "verifying")
    larder.kill_daemon()
    larder.start_daemon()
    larder.wait(identity)
    assert larder.get(identity)["findings"] == {"proven": 6, "changed": 0, "missing": 0, "unknown": 0}
    # Neither a pause of all downloads nor their number concerns it.
    larder.api("PATCH", "settings", {"paused": True}, 200)
    identity = larder.api("POST", "models/acme/slow-proof/verify", {}, 202).json["id"]
    larder.wait_state(identity, "verifying")
    refused = larder.api("POST", "models/acme/slow-proof/verify", {}, 409).json
    assert refused["code"] == "duplicate" and refused["download"] == identity
    larder.api("POST", f"downloads/{identity}/cancel", {}, 200)
    assert larder.wait(identity)["state"] == "cancelled"


# --- check and update ---

def test_what_was_put_in_place_by_hand_with_its_own_time_is_not_fetched_again(larder, hub, cared):
    """As `rsync -a` leaves it: the new content, an older time, and the old note beside it."""
    assert larder.fetch(CARED)["state"] == "completed"
    fresh = os.urandom(len(cared["model.bin"]))
    hub.push(CARED, {"model.bin": fresh})
    path = larder.models / CARED / "model.bin"
    path.write_bytes(fresh)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    hub.clear_requests()
    assert act(larder, CARED, "update")["state"] == "completed"
    assert not hub.requests(path="*model.bin*", origin="cdn") and path.read_bytes() == fresh
    assert larder.api("GET", "trash", None, 200).json["trash"] == []


def test_an_update_fetches_what_changed_and_switches_at_once(larder, hub, cared):
    first = larder.fetch(CARED)
    assert larder.api("POST", f"models/{CARED}/check", {}, 200).json["summary"] == "up to date"
    fresh = os.urandom(2_500_000)
    commit = hub.push(CARED, {"model.bin": fresh}, delete=["config.json"])
    found = larder.api("POST", f"models/{CARED}/check", {}, 200).json
    assert found["available"] and found["commit"] == commit and found["bytes"] == len(fresh)
    assert found["summary"] == "model.bin only, 2 MB; 1 is no longer there"
    assert models(larder, "?state=outdated")[CARED]["update"]["summary"] == found["summary"]

    release = hub.fault("slow", "*/model.bin*", origin="cdn", rate=400_000)
    identity = larder.api("POST", f"models/{CARED}/update", {}, 202).json["id"]
    larder.wait(identity, lambda d: d["state"] == "downloading" and d["bytes_done"] > 0)
    folder = larder.models / CARED
    assert (folder / "model.bin").read_bytes() == cared["model.bin"]  # wholly the old one
    assert (folder / "config.json").exists()
    refused = larder.api("DELETE", f"models/{CARED}", None, 409).json
    assert refused["code"] == "in_use"
    hub.faults.clear()
    done = larder.wait(identity)
    assert done["state"] == "completed" and done["kind"] == "update" and done["commit"] == commit
    assert (folder / "model.bin").read_bytes() == fresh and not (folder / "config.json").exists()
    row = looked(larder, CARED, lambda row: row["commit"] == commit)
    assert row["update"] is None and row["files_proven"] == row["files_total"] == 2
    assert release is not None and first["commit"] != commit

    # One step back.
    (entry,) = larder.api("GET", "trash", None, 200).json["trash"]
    assert f"{CARED}/model.bin" in entry["paths"] and f"{CARED}/config.json" in entry["paths"]
    assert larder.api("POST", f"trash/{entry['id']}/restore", {}, 409).json["code"] == "exists"
    larder.api("POST", f"trash/{entry['id']}/restore", {"replace": True}, 200)
    assert (folder / "model.bin").read_bytes() == cared["model.bin"] and (folder / "config.json").exists()
    state = files(larder, CARED)["model.bin"] if scan(larder) else None
    assert state["state"] == "proven" and state["commit"] == first["commit"]
    assert act(larder, CARED, "verify")["findings"] == {"proven": 3, "changed": 0, "missing": 0, "unknown": 0}
    # And that, too, can be taken back.
    (entry,) = larder.api("GET", "trash", None, 200).json["trash"]
    larder.api("POST", f"trash/{entry['id']}/restore", {"replace": True}, 200)
    assert (folder / "model.bin").read_bytes() == fresh


def test_what_was_here_before_is_told_apart_from_what_was_fetched(make_larder, hub, cared):
    larder = make_larder()
    first = larder.fetch(CARED, select=["config.json"])
    assert first["bytes_present"] == 0 and first["bytes_total"] == len(cared["config.json"])
    rest = larder.fetch(CARED)
    assert rest["bytes_present"] == first["bytes_total"] < rest["bytes_total"]
    again = act(larder, CARED, "update")
    assert again["bytes_present"] == again["bytes_total"] == rest["bytes_total"]
    hub.push(CARED, {"README.md": b"two\n"})
    # It is known after a kill, too.
    identity = act(larder, CARED, "update")["id"]
    larder.kill_daemon()
    larder.start_daemon()
    assert larder.get(identity)["bytes_present"] == larder.get(identity)["bytes_total"] - 4


def test_an_update_that_is_killed_leaves_the_old_or_the_new(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    fresh = {"model.bin": os.urandom(3_000_000), "README.md": b"two\n"}
    commit = hub.push(CARED, fresh)
    hub.fault("slow", "*/model.bin*", origin="cdn", rate=1_000_000)
    identity = larder.api("POST", f"models/{CARED}/update", {}, 202).json["id"]
    larder.wait(identity, lambda d: d["state"] == "downloading" and d["bytes_done"] > 0)
    larder.kill_daemon()
    folder = larder.models / CARED
    assert (folder / "model.bin").read_bytes() == cared["model.bin"]
    assert (folder / "README.md").read_bytes() == cared["README.md"]  # though it had come
    hub.faults.clear()
    larder.start_daemon()
    assert larder.wait(identity)["state"] == "completed"
    assert all((folder / path).read_bytes() == data for path, data in fresh.items())
    assert looked(larder, CARED, lambda row: row["commit"] == commit)["files_proven"] == 3


def test_an_update_that_is_killed_again_and_again_ends_with_all_of_the_new(make_larder, hub):
    old = {f"part-{number}.bin": os.urandom(200_000) for number in range(20)}
    new = {path: os.urandom(200_000) for path in old}
    # One set is cut anew: the new one has other names.
    old |= {f"set-0000{number}-of-00002.bin": b"old" for number in (1, 2)}
    new |= {f"set-0000{number}-of-00003.bin": b"new" for number in (1, 2, 3)}
    hub.push("acme/killed", old)
    larder = make_larder()
    assert larder.fetch("acme/killed")["state"] == "completed"
    commit = hub.push("acme/killed", new, delete=sorted(set(old) - set(new)))
    folder = larder.models / "acme/killed"
    identity = larder.api("POST", "models/acme/killed/update", {}, 202).json["id"]
    kills = 0
    while larder.get(identity)["state"] != "completed":
        # In the middle of the changeover: some files are new, the rest are not.
        larder.daemon.wait_line(("another file had this name", "-> completed"))
        larder.kill_daemon()
        kills += 1
        for path in old:
            at = folder / path
            assert not at.exists() or at.read_bytes() in (old[path], new.get(path))
        larder.start_daemon()
    assert kills > 1

    def content():
        return {path.name: path.read_bytes() for path in folder.glob("*.bin")}

    assert content() == new
    assert looked(larder, "acme/killed", lambda row: row["commit"] == commit)["files_proven"] == len(new)
    # Nothing of the old is lost, and one step takes all of it back; one more, forth again.
    for wanted in (old, new):
        (entry,) = larder.api("GET", "trash", None, 200).json["trash"]
        larder.api("POST", f"trash/{entry['id']}/restore", {"replace": True}, 200)
        assert content() == wanted


def test_an_update_that_could_not_end_does_not_begin(larder, hub):
    repo = "acme/in-the-way"
    hub.push(repo, {f"set-0000{number}-of-00002.bin": b"old" for number in (1, 2)})
    assert larder.fetch(repo)["state"] == "completed"
    hub.push(repo, {f"set-0000{number}-of-00003.bin": b"new" for number in (1, 2, 3)},
             delete=[f"set-0000{number}-of-00002.bin" for number in (1, 2)])
    put(larder, f"{repo}/set-00003-of-00003.bin/mine.txt")
    scan(larder)
    failed = act(larder, repo, "update")
    assert failed["state"] == "failed" and failed["reason"]["code"] == "exists"
    assert "set-00003-of-00003.bin" in failed["reason"]["message"]
    assert (larder.models / repo / "set-00001-of-00002.bin").read_bytes() == b"old"
    assert not (larder.models / repo / "set-00001-of-00003.bin").exists()
    (larder.models / repo / "set-00003-of-00003.bin").rename(larder.models / repo / "mine")
    assert act(larder, repo, "update")["state"] == "completed"
    assert (larder.models / repo / "set-00003-of-00003.bin").read_bytes() == b"new"


def test_what_is_about_the_same_model_waits_and_finds_what_is_there_then(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    damage(larder.models / CARED / "model.bin")
    assert act(larder, CARED, "verify")["findings"]["changed"] == 1
    fresh = os.urandom(1_500_000)
    commit = hub.push(CARED, {"model.bin": fresh})
    hub.fault("slow", "*/model.bin*", origin="cdn", rate=400_000)
    update = larder.api("POST", f"models/{CARED}/update", {}, 202).json["id"]
    larder.wait(update, lambda d: d["state"] == "downloading" and d["bytes_done"] > 0)
    repair = larder.api("POST", f"models/{CARED}/repair", {}, 202).json["id"]
    verify = larder.api("POST", f"models/{CARED}/verify", {}, 202).json["id"]
    assert larder.get(repair)["state"] == larder.get(verify)["state"] == "queued"
    hub.faults.clear()
    for identity in (update, repair, verify):
        if larder.get(identity)["state"] != "completed":
            assert larder.wait(identity)["state"] == "completed"
    assert larder.get(verify)["findings"] == {"proven": 3, "changed": 0, "missing": 0, "unknown": 0}
    assert (larder.models / CARED / "model.bin").read_bytes() == fresh
    assert looked(larder, CARED, lambda row: row["commit"] == commit)["files_proven"] == 3


def test_an_update_that_is_paused_in_its_changeover_ends_well_all_the_same(larder, hub):
    old = {f"part-{number}.bin": os.urandom(100_000) for number in range(40)}
    hub.push("acme/paused", {**old, "gone.txt": b"x"})
    assert larder.fetch("acme/paused")["state"] == "completed"
    new = {path: os.urandom(100_000) for path in old}
    hub.push("acme/paused", new, delete=["gone.txt"])
    identity = larder.api("POST", "models/acme/paused/update", {}, 202).json["id"]
    larder.daemon.wait_line("another file had this name")
    if larder.api("POST", f"downloads/{identity}/pause", {}).status == 200:
        larder.api("POST", f"downloads/{identity}/resume", {}, 200)
    if larder.get(identity)["state"] != "completed":
        assert larder.wait(identity)["state"] == "completed"
    folder = larder.models / "acme/paused"
    assert {path: (folder / path).read_bytes() for path in old} == new and not (folder / "gone.txt").exists()


def test_what_was_edited_here_is_left_alone_by_an_update(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    mine = larder.models / CARED / "config.json"
    mine.write_bytes(b'{"mine": true}\n')
    os.utime(mine, (2e9, 2e9))
    scan(larder)
    hub.push(CARED, {"README.md": b"two\n"})
    assert larder.api("POST", f"models/{CARED}/check", {}, 200).json["summary"] == "README.md only, 4 bytes"
    done = act(larder, CARED, "update")
    assert done["state"] == "completed" and (larder.models / CARED / "README.md").read_bytes() == b"two\n"
    assert mine.read_bytes() == b'{"mine": true}\n'
    assert act(larder, CARED, "repair")["state"] == "completed"
    assert mine.read_bytes() == cared["config.json"]


def test_a_content_that_moves_within_the_repository_is_not_fetched_again(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    hub.push(CARED, {"README.md": b"x" * 100}, delete=["config.json"])
    hub.push(CARED, {"model.bin": os.urandom(1_500_000), "config.json": cared["config.json"]})
    found = larder.api("POST", f"models/{CARED}/check", {}, 200).json
    assert found["summary"] == "2 files, 2 MB"
    assert act(larder, CARED, "update")["state"] == "completed"
    assert act(larder, CARED, "update")["state"] == "completed"  # with nothing to do
    assert larder.api("POST", f"models/{CARED}/check", {}, 200).json["summary"] == "up to date"


@pytest.mark.parametrize("verb", ["check", "update", "repair"])
def test_bad_input(larder, verb):
    assert larder.api("POST", f"models/acme/absent/{verb}", {}, 404).json["code"] == "unknown_model"
    put(larder, "by-hand/model.bin")
    put(larder, "by-hand/config.json", b"{}")
    scan(larder)
    refused = larder.api("POST", f"models/by-hand/{verb}", {}, 422).json
    assert refused["code"] == "invalid" and refused["field"] == "folder" and "no" in refused["detail"]
    assert larder.api("POST", f"models/by-hand/{verb}", {"never": 1}, 422).json["field"] == "never"


def test_the_daily_check_finds_it_by_itself(make_larder, hub, cared):
    larder = make_larder(is_started=False, LARDER_CHECK_INTERVAL="1d")
    larder.start()
    assert larder.fetch(CARED)["state"] == "completed"
    hub.push(CARED, {"README.md": b"three\n"})
    assert larder.api("POST", f"models/{CARED}/check", {}, 200).json["available"]
    larder.stop_daemon()
    larder.start_daemon()
    assert looked(larder, CARED, lambda row: True)["update"]["summary"] == "README.md only, 6 bytes"


# --- the scrub ---

def test_a_scrub_proves_the_whole_library_and_goes_on_after_a_kill(make_larder, hub):
    for number in range(4):
        hub.push(f"acme/scrubbed-{number}", {"model.bin": os.urandom(2_000_000), "README.md": b"x"})
    larder = make_larder(LARDER_VERIFY_LIMIT="4M")
    for number in range(4):
        assert larder.fetch(f"acme/scrubbed-{number}")["state"] == "completed"
    damage(larder.models / "acme/scrubbed-3/model.bin")
    assert larder.api("GET", "scrub", None, 200).json["started_at"] is None
    with larder.stream(web=False) as events:
        next(iter(events))
        assert larder.api("POST", "scrub", {}, 202).json["running"]
        next(event for event in events if event.name == "scrub" and event.data["models"] >= 1)
    larder.kill_daemon()
    larder.start_daemon()
    with larder.stream(web=False) as events:
        next(iter(events))
        state = larder.api("GET", "scrub", None, 200).json
        while state["running"]:
            state = next(event.data for event in events if event.name == "scrub")
    assert state["is_whole"] and state["models"] == 4
    assert (state["proven"], state["changed"], state["missing"], state["unknown"]) == (7, 1, 0, 0)
    assert state["findings"] == [{"folder": "acme/scrubbed-3", "path": "model.bin", "state": "changed"}]
    looked(larder, "acme/scrubbed-3", lambda row: row["files_changed"] == 1)
    done = cli(larder, "scrub")
    assert done.returncode == 1 and "acme/scrubbed-3/model.bin: changed" in done.stdout
    larder.api("POST", "scrub", {}, 202)
    assert not larder.api("DELETE", "scrub", None, 200).json["is_whole"]


# --- other programs ---

CHECK_CACHE = """
import sys
from huggingface_hub import snapshot_download, hf_hub_download, try_to_load_from_cache
cache, repo, offline = sys.argv[1], sys.argv[2], sys.argv[3] == "offline"
print(snapshot_download(repo, cache_dir=cache, local_files_only=offline))
print(hf_hub_download(repo, "model.bin", cache_dir=cache, local_files_only=offline))
"""


def python(hub, tmp_path, *arguments, **env):
    """A program of the official client's users."""
    done = subprocess.run([sys.executable, "-c", *arguments], env=_environment(hub, tmp_path / "home", **env),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_official_client_finds_the_library_in_its_cache(larder, hub, cared, tmp_path):
    assert larder.fetch(CARED)["state"] == "completed"
    cache = tmp_path / "cache"
    done = cli(larder, "link", "--hf-cache", str(cache))
    assert done.returncode == 0 and f"{CARED}: 3 files" in done.stdout, done.stderr
    folder, file = python(hub, tmp_path, CHECK_CACHE, str(cache), CARED, "offline", HF_HUB_OFFLINE="1")
    for path, data in cared.items():
        with open(f"{folder}/{path}", "rb") as linked:
            assert linked.read() == data
    assert os.path.samefile(file, larder.models / CARED / "model.bin")  # not a byte twice
    # With a Hub it finds nothing left to download.
    hub.clear_requests()
    python(hub, tmp_path, CHECK_CACHE, str(cache), CARED, "online")
    assert hub.requests(origin="cdn") == []

    # After an update the old version is not kept alive.
    fresh = os.urandom(1_000_000)
    hub.push(CARED, {"model.bin": fresh})
    assert act(larder, CARED, "update")["state"] == "completed"
    looked(larder, CARED, lambda row: row["files_proven"] == 3)
    theirs = cache / f"models--{CARED.replace('/', '--')}"
    (theirs / "blobs/their-own").write_bytes(b"kept")
    assert cli(larder, "link", "--hf-cache", str(cache)).returncode == 0
    folder, file = python(hub, tmp_path, CHECK_CACHE, str(cache), CARED, "offline", HF_HUB_OFFLINE="1")
    with open(file, "rb") as linked:
        assert linked.read() == fresh
    assert len(list((theirs / "snapshots").iterdir())) == 1 and len(list((theirs / "blobs").iterdir())) == 4
    assert (theirs / "blobs/their-own").read_bytes() == b"kept"


def test_what_the_client_has_in_its_cache_is_its_own(larder, hub, cared, tmp_path):
    cache = tmp_path / "cache"
    theirs = cache / f"models--{CARED.replace('/', '--')}"
    python(hub, tmp_path, CHECK_CACHE, str(cache), CARED, "online")
    before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
    assert larder.fetch(CARED)["state"] == "completed"
    assert cli(larder, "link", "--hf-cache", str(cache)).returncode == 0
    larder.api("DELETE", f"models/{CARED}", {}, 200)
    with larder.stream(web=False) as events:
        next(iter(events))
        if CARED in models(larder):
            next(event for event in events if event.name == "model-removed")
    assert cli(larder, "link", "--hf-cache", str(cache)).returncode == 0
    assert {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()} == before
    # The client goes on from what we linked: what it shows stays, though the model has gone.
    other = tmp_path / "other"
    assert larder.fetch(CARED)["state"] == "completed"
    looked(larder, CARED, lambda row: row["files_proven"] == 3)
    assert cli(larder, "link", "--hf-cache", str(other)).returncode == 0
    hub.push(CARED, {"README.md": b"newer\n"})
    folder, _ = python(hub, tmp_path, CHECK_CACHE, str(other), CARED, "online")
    larder.api("DELETE", f"models/{CARED}", {}, 200)
    with larder.stream(web=False) as events:
        next(iter(events))
        if CARED in models(larder):
            next(event for event in events if event.name == "model-removed")
    assert cli(larder, "link", "--hf-cache", str(other)).returncode == 0
    again, file = python(hub, tmp_path, CHECK_CACHE, str(other), CARED, "offline", HF_HUB_OFFLINE="1")
    with open(file, "rb") as linked:
        assert again == folder and linked.read() == cared["model.bin"]


def test_the_official_client_finds_nothing_left_to_download_in_the_library(larder, hub, cared, tmp_path):
    assert larder.fetch(CARED)["state"] == "completed"
    assert act(larder, CARED, "verify")["findings"]["proven"] == 3
    hub.clear_requests()
    done = hf_download(hub, tmp_path, CARED, "--local-dir", str(larder.models / CARED))
    assert done.returncode == 0, done.stderr
    assert hub.requests(origin="cdn") == []
    assert cared and _bin("hf")


# --- the command line ---

def test_the_command_line(larder, hub, cared):
    assert larder.fetch(CARED)["state"] == "completed"
    done = cli(larder, "verify", CARED)
    assert done.returncode == 0 and "3 files proven" in done.stdout
    damage(larder.models / CARED / "model.bin")
    done = cli(larder, "verify", CARED)
    assert done.returncode == 1 and f"larder repair {CARED}" in done.stdout
    done = cli(larder, "repair", CARED)
    assert done.returncode == 0 and "proven" in done.stdout
    done = cli(larder, "repair", CARED)
    assert done.returncode == 0 and done.stdout.endswith(": nothing was broken\n")
    done = cli(larder, "check")
    assert done.returncode == 0 and done.stdout == f"{CARED}: up to date\n"
    hub.push(CARED, {"README.md": b"four\n"})
    assert cli(larder, "check", CARED).stdout == f"{CARED}: README.md only, 5 bytes\n"
    assert json.loads(cli(larder, "check", CARED, "--json").stdout)["models"][0]["available"]
    assert cli(larder, "update", CARED).returncode == 0
    assert (larder.models / CARED / "README.md").read_bytes() == b"four\n"
    entry = next(entry for entry in larder.api("GET", "trash", None, 200).json["trash"]
                 if f"{CARED}/README.md" in entry["paths"])
    assert cli(larder, "restore", entry["id"]).returncode == 1
    assert cli(larder, "restore", "--replace", entry["id"]).returncode == 0
    assert (larder.models / CARED / "README.md").read_bytes() == b"one\n"
    assert cli(larder, "link", CARED).returncode == 2  # where?
    assert cli(larder, "scrub", "sometimes").returncode == 2
