"""No byte twice: what the library has is taken from there, and what two downloads want at the same time comes once."""

import hashlib
import os
import random

import pytest

TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"
TERM = f"{TINY}:Q4_K_M"
MIB = 1 << 20


def served(hub):
    """Bytes of content that left the stand-in."""
    return sum(request["sent"] for request in hub.requests(origin="cdn"))


def move(larder, identity, verb, status=200):
    return larder.api("POST", f"downloads/{identity}/{verb}", {}, status).json


def forget(larder, identity):
    assert larder.api("DELETE", f"downloads/{identity}").status == 204


def assert_lies(larder, hub, folder, path, repo=TINY, revision="main"):
    """The file is there, whole, and vouched for; nothing half done is left."""
    facts = hub.files(repo, revision)[path]
    assert hashlib.sha256((larder.models / folder / path).read_bytes()).hexdigest() == facts["sha256"]
    metadata = larder.models / folder / ".cache/huggingface/download" / f"{path}.metadata"
    assert metadata.read_text().splitlines()[:2] == [hub.commit(repo, revision), facts["etag"]]
    assert not list(larder.models.rglob("*.incomplete"))


def fetch_with_notices(larder, repo, **body):
    """Downloads: the final state, and the notices that were told."""
    with larder.stream(web=False) as stream:
        identity = larder.download(repo, **body)
        notices = []
        for event in stream:
            if event.name == "notice" and event.data["download"] == identity:
                notices.append(event.data)
            if event.name == "download" and event.data["id"] == identity and event.data["finished_at"]:
                return larder.get(identity), notices
    raise AssertionError("the stream ended")


def noise(seed, size):
    return random.Random(seed).randbytes(size)


# --- what the library has ------------------------------------------------------------------------


def test_another_revision_is_taken_from_the_library(larder, hub):
    assert larder.fetch(TERM)["state"] == "completed"
    hub.clear_requests()
    done, notices = fetch_with_notices(larder, TERM, revision="v1")
    assert done["state"] == "completed" and not served(hub)
    assert not hub.requests(path=f"*{Q4}")
    assert done["bytes_done"] == done["bytes_verified"] == done["bytes_total"] == 4714464
    assert done["speed_bps"] == 0 and done["files_done"] == 1
    assert_lies(larder, hub, TINY, Q4)
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")
    assert [(n["code"], n["level"]) for n in notices] == [("copied", "info")]
    assert notices[0]["message"] == f"{Q4}: taken from {TINY}/{Q4}, not fetched"


def test_a_renamed_repo_is_taken_from_the_library(larder, hub):
    hub.push("acme/before-7b", {"m-Q4_K_M.gguf": noise(1, 2 * MIB)})
    assert larder.fetch("acme/before-7b")["state"] == "completed"
    repo = hub.store.get("acme/before-7b")
    repo.id = "acme/after-7b"
    hub.store.add(repo)
    hub.store.alias("acme/before-7b", "acme/after-7b")
    larder.stop_daemon()  # it remembers listings for a while
    larder.start_daemon()
    hub.clear_requests()
    done = larder.fetch("acme/before-7b")
    assert done["state"] == "completed" and done["repo"] == "acme/after-7b" and not served(hub)
    for name in ("acme/before-7b", "acme/after-7b"):
        assert_lies(larder, hub, name, "m-Q4_K_M.gguf", "acme/after-7b")


def test_only_what_the_library_lacks_is_fetched(larder, hub):
    assert larder.fetch(TINY)["state"] == "completed"
    hub.clear_requests()
    assert larder.fetch(TINY, revision="v1")["state"] == "completed"
    now, before = hub.files(TINY, "main"), hub.files(TINY, "v1")
    known = {f["sha256"] for f in now.values() if f["size"] >= MIB}
    lacking = {path for path, f in before.items() if f["sha256"] not in known}
    assert "tiny-7b-Q2_K.gguf" in lacking and Q4 not in lacking
    assert {path for path in before if hub.requests(path=f"*/{path}", origin="hub")} == lacking
    assert sorted(p.name for p in (larder.models / f"{TINY}@v1").iterdir() if p.is_file()) == sorted(before)


def test_twins_in_one_repo_come_once(larder, hub):
    twin = noise(2, 3 * MIB)
    hub.push("acme/twins", {f"{where}/m.gguf": twin for where in ("Q4_K_M", "Q5_K_M", "Q8_0")})
    hub.fault("slow", "*m.gguf", origin="cdn", rate=2_000_000)
    assert larder.fetch("acme/twins")["state"] == "completed"
    assert served(hub) == len(twin)
    for where in ("Q4_K_M", "Q5_K_M", "Q8_0"):
        assert_lies(larder, hub, "acme/twins", f"{where}/m.gguf", "acme/twins")


def test_what_is_known_outlives_the_download_and_the_daemon(larder, hub):
    identity = larder.download(TERM)
    assert larder.wait(identity)["state"] == "completed"
    forget(larder, identity)
    larder.stop_daemon()
    larder.start_daemon()
    hub.clear_requests()
    assert larder.fetch(TERM, revision="v1")["state"] == "completed"
    assert not served(hub)


def corrupt(path):
    """One bit, and the file's time stays: what a disk does."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(2 * MIB)
        byte = file.read(1)[0]
        file.seek(2 * MIB)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def overwrite(path):
    path.write_bytes(b"something else of mine")


def remove(path):
    path.unlink()


def to_symlink(path):
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real").name)


def to_foreign_symlink(path):
    """It leads out of the models directory, to the right bytes even."""
    outside = path.parents[3] / "outside.gguf"
    path.rename(outside)
    path.symlink_to(outside)


def to_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [corrupt, overwrite, remove, to_symlink, to_foreign_symlink, to_folder])
def test_a_source_that_is_not_what_it_was_is_fetched_instead(larder, hub, spoil):
    assert larder.fetch(TERM)["state"] == "completed"
    source = larder.models / TINY / Q4
    spoil(source)
    kept = source.read_bytes() if source.is_file() else None
    hub.clear_requests()
    done, notices = fetch_with_notices(larder, TERM, revision="v1")
    assert done["state"] == "completed" and served(hub) == 4714464
    assert not notices
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")
    assert (source.read_bytes() if source.is_file() else None) == kept
    assert any("is not taken from" in line for line in larder.daemon.lines)
    # It is forgotten: the next one has the good file to take.
    hub.clear_requests()
    assert larder.fetch(TERM, revision="dev")["state"] == "completed"
    assert not served(hub)


def test_a_change_of_one_does_not_reach_the_other_by_way_of_larder(larder, hub):
    """Where it is a hard link: neither an update nor a new download may write into the shared file."""
    name = "m-Q4_K_M.gguf"
    old, new = noise(3, 2 * MIB), noise(4, 2 * MIB)
    hub.push("acme/shared", {name: old})
    hub.push("acme/shared-too", {name: old})
    assert larder.fetch("acme/shared")["state"] == "completed"
    assert larder.fetch("acme/shared-too")["state"] == "completed"
    commit = hub.push("acme/shared", {name: new})
    assert larder.fetch("acme/shared", commit=commit)["state"] == "completed"
    assert (larder.models / "acme/shared" / name).read_bytes() == new
    assert (larder.models / "acme/shared-too" / name).read_bytes() == old
    trashed, = (larder.models / ".larder/trash").rglob(name)
    assert trashed.read_bytes() == old
    # A different file of the user's where a copy shall go: to the trash as always.
    (larder.models / "acme/shared-too" / name).unlink()
    (larder.models / "acme/shared-too" / name).write_bytes(b"mine")
    commit = hub.push("acme/shared-too", {name: new})
    hub.clear_requests()
    assert larder.fetch("acme/shared-too", commit=commit)["state"] == "completed"
    assert not served(hub)
    assert sorted(p.read_bytes() for p in (larder.models / ".larder/trash").rglob(name)) == sorted([old, b"mine"])


def test_a_half_fetched_file_is_taken_when_the_library_has_it(larder, hub):
    hub.fault("slow", f"*{Q4}", origin="cdn", rate=2_000_000)
    first = larder.download(TERM)
    larder.wait(first, lambda d: d["bytes_done"] > 500_000)
    move(larder, first, "pause")
    hub.faults.clear()
    assert larder.fetch(TERM, revision="v1")["state"] == "completed"
    hub.clear_requests()
    move(larder, first, "resume")
    assert larder.wait(first)["state"] == "completed"
    assert not served(hub)
    assert_lies(larder, hub, TINY, Q4)


# --- what is on its way --------------------------------------------------------------------------


@pytest.fixture
def two(larder, hub):
    """A download under way, slowly, and another that waits for the same file."""
    hub.fault("slow", f"*{Q4}", origin="cdn", rate=2_000_000)
    with larder.stream(web=False) as stream:
        first = larder.download(TERM)
        larder.wait(first, lambda d: d["bytes_done"] > 300_000)
        second = larder.download(TERM, revision="v1")
        notice = next(e.data for e in stream if e.name == "notice")
    assert notice["code"] == "shared" and notice["download"] == second
    return first, second


def test_two_downloads_of_one_file_share_its_transfer(larder, hub, two):
    first, second = two
    waiting = larder.get(second)
    assert waiting["state"] == "downloading" and [f["state"] for f in waiting["files"]] == ["waiting"]
    assert waiting["bytes_done"] == waiting["connections"] == waiting["speed_bps"] == 0
    assert larder.wait(first)["state"] == "completed"
    assert larder.wait(second)["state"] == "completed"
    assert served(hub) == 4714464
    assert_lies(larder, hub, TINY, Q4)
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_when_the_first_is_stopped_the_second_goes_on(larder, hub, two, verb):
    first, second = two
    move(larder, first, verb)
    hub.faults.clear()
    done = larder.wait(second)
    assert done["state"] == "completed" and done["bytes_done"] == done["bytes_total"]
    move(larder, first, "resume" if verb == "pause" else "retry")
    assert larder.wait(first)["state"] == "completed"
    assert_lies(larder, hub, TINY, Q4)
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")
    # The first one's bytes at most, and the second's.
    assert served(hub) < 2 * 4714464


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_the_one_that_waits_can_be_stopped(larder, hub, two, verb):
    first, second = two
    assert move(larder, second, verb)["state"] == {"pause": "paused", "cancel": "cancelled"}[verb]
    hub.faults.clear()
    assert larder.wait(first)["state"] == "completed"
    assert not (larder.models / f"{TINY}@v1" / Q4).exists()
    move(larder, second, "resume" if verb == "pause" else "retry")
    assert larder.wait(second)["state"] == "completed"
    assert served(hub) == 4714464
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")


def test_when_the_first_fails_the_second_goes_on(larder, hub):
    """The bytes that the first one gets are wrong, twice: it fails, and the second fetches for itself."""
    fault = hub.fault("flipped_byte", f"*{Q4}", origin="cdn", at=100, times=2)
    hub.fault("slow", f"*{Q4}", origin="cdn", rate=3_000_000)
    first = larder.download(TERM)
    larder.wait(first, lambda d: d["state"] == "downloading")
    second = larder.download(TERM, revision="v1")
    failed = larder.wait(first)
    assert failed["state"] == "failed" and failed["reason"]["code"] == "hash_mismatch"
    assert larder.wait(second)["state"] == "completed"
    assert fault.hits == 2
    hub.clear_requests()
    move(larder, first, "retry")  # it has another's bytes to take now
    assert larder.wait(first)["state"] == "completed" and not served(hub)
    assert_lies(larder, hub, TINY, Q4)
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")


def test_after_kill_9_both_go_on(larder, hub, two):
    first, second = two
    larder.kill_daemon()
    hub.faults.clear()
    hub.clear_requests()
    larder.start_daemon()
    assert larder.wait(first)["state"] == "completed"
    assert larder.wait(second)["state"] == "completed"
    assert served(hub) <= 4714464
    assert_lies(larder, hub, TINY, Q4)
    assert_lies(larder, hub, f"{TINY}@v1", Q4, revision="v1")


def test_many_downloads_of_the_same_under_the_thread_sanitizer(make_larder, hub):
    larder = make_larder(flavour="tsan", LARDER_MAX_DOWNLOADS="4")
    content = {f"m-{quant}.gguf": noise(quant, 2 * MIB) for quant in ("Q2_K", "Q4_K_M", "Q8_0")}
    for number in range(4):
        names = list(content.items())
        random.Random(number).shuffle(names)
        hub.push(f"acme/same-{number}", {f"{at}-{name}": data for at, (name, data) in enumerate(names)})
    hub.fault("slow", "*/same-*", origin="cdn", rate=300_000)
    ids = [larder.download(f"acme/same-{number}") for number in range(4)]
    larder.wait(ids[0], lambda d: d["bytes_done"] > 0)
    # On a busy machine they may have come to their end before.
    is_paused = larder.api("POST", f"downloads/{ids[1]}/pause", {}).status == 200
    is_cancelled = larder.api("POST", f"downloads/{ids[2]}/cancel", {}).status == 200
    if is_paused:
        move(larder, ids[1], "resume")
    hub.faults.clear()
    states = [larder.wait(identity)["state"] for identity in ids]
    assert states == ["completed", "completed", "cancelled" if is_cancelled else "completed", "completed"]
    for number in (0, 1, 3):
        for path in hub.files(f"acme/same-{number}"):
            if path.endswith(".gguf"):
                assert_lies(larder, hub, f"acme/same-{number}", path, f"acme/same-{number}")
