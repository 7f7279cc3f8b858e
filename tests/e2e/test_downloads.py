"""The main job, end to end: what is asked for lands, proven, and nothing else does."""

import hashlib
import os
import signal
from pathlib import Path

import pytest

TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"


def files_in(folder):
    """Every file of a model's folder, without the cache folder's own."""
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*")
                  if path.is_file() and ".cache" not in path.parts)


def assert_proven(larder, hub, repo, paths, revision="main", folder=None):
    """The folder holds exactly these files, equal to the Hub's, with metadata that says so."""
    folder = larder.models / (folder or repo)
    expected = hub.files(repo, revision)
    assert files_in(folder) == sorted(paths)
    for path in paths:
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == expected[path]["sha256"], path
        lines = (folder / ".cache/huggingface/download" / f"{path}.metadata").read_text().splitlines()
        assert lines[0] == hub.commit(repo, revision) and lines[1] == expected[path]["etag"]
        assert os.stat(folder / path).st_mtime - 1 <= float(lines[2])
    assert not list(folder.rglob("*.incomplete"))


def test_one_quant_lands_and_nothing_else(larder, hub):
    done = larder.fetch(f"{TINY}:Q4_K_M")
    assert done["state"] == "completed" and done["reason"] is None
    assert done["bytes_done"] == done["bytes_total"] == done["bytes_verified"]
    assert done["files_done"] == done["files_total"] == 1
    assert_proven(larder, hub, TINY, [Q4])


def test_a_whole_repo_lands(larder, hub):
    assert larder.fetch(TINY)["state"] == "completed"
    assert_proven(larder, hub, TINY, list(hub.files(TINY, "main")))


def test_odd_names_an_empty_file_and_folders_land(larder, hub):
    assert larder.fetch("acme/odd-names")["state"] == "completed"
    assert_proven(larder, hub, "acme/odd-names", list(hub.files("acme/odd-names", "main")))


def test_a_split_set_lands_whole(larder, hub):
    assert larder.fetch("acme/split-70b-GGUF:Q4_K_M")["state"] == "completed"
    paths = [path for path in hub.files("acme/split-70b-GGUF", "main") if path.startswith("Q4_K_M/")]
    assert len(paths) == 3
    assert_proven(larder, hub, "acme/split-70b-GGUF", paths)


def test_another_revision_has_its_own_folder(larder, hub):
    assert larder.fetch(f"{TINY}:Q4_K_M", revision="v1")["state"] == "completed"
    assert_proven(larder, hub, TINY, [Q4], revision="v1", folder=f"{TINY}@v1")


def test_a_dataset_has_its_own_place(larder, hub):
    done = larder.fetch(f"{hub.endpoint}/datasets/acme/words")
    assert done["state"] == "completed" and done["type"] == "dataset"
    assert files_in(larder.models / "datasets/acme/words")


def test_2500_files_land(larder, hub):
    done = larder.fetch("acme/many")
    assert done["state"] == "completed" and done["files_done"] == 2500
    assert_proven(larder, hub, "acme/many", list(hub.files("acme/many", "main")))


def test_what_is_there_already_is_not_fetched_again(larder, hub):
    larder.fetch(f"{TINY}:Q4_K_M")
    hub.clear_requests()
    done = larder.fetch(f"{TINY}:Q4_K_M")
    assert done["state"] == "completed"
    assert not hub.requests(path=f"*{Q4}")


def test_a_file_somebody_else_put_there_is_proven_by_its_hash(larder, hub):
    folder = larder.models / TINY
    folder.mkdir(parents=True)
    (folder / Q4).write_bytes(hub.content(TINY, Q4).read(0, 1 << 30))
    assert larder.fetch(f"{TINY}:Q4_K_M")["state"] == "completed"
    assert not hub.requests(path=f"*{Q4}")
    assert_proven(larder, hub, TINY, [Q4])


def test_a_different_file_of_that_name_goes_to_the_trash(larder, hub):
    folder = larder.models / TINY
    folder.mkdir(parents=True)
    (folder / Q4).write_bytes(b"mine")
    with larder.stream(web=False) as stream:
        identity = larder.download(f"{TINY}:Q4_K_M")
        notice = next(e.data for e in stream if e.name == "notice")
    assert notice["code"] == "replaced" and notice["download"] == identity and notice["level"] == "info"
    assert larder.wait(identity)["state"] == "completed"
    assert_proven(larder, hub, TINY, [Q4])
    kept = list((larder.models / ".larder/trash").rglob(Q4))
    assert len(kept) == 1 and kept[0].read_bytes() == b"mine"
    assert notice["message"].endswith(str(kept[0].relative_to(larder.models)))


def test_the_preview_is_the_contract(larder, hub):
    hub.push("acme/contract", {"model-Q4_K_M.gguf": b"what was shown"})
    preview = larder.api("POST", "preview", {"repo": "acme/contract:Q4_K_M"}, 200).json
    hub.push("acme/contract", {"model-Q4_K_M.gguf": b"newer content", "more-Q4_K_M.gguf": b"more"})
    done = larder.fetch("acme/contract", select=["Q4_K_M"], commit=preview["commit"])
    assert done["state"] == "completed" and done["commit"] == preview["commit"]
    assert files_in(larder.models / "acme/contract") == ["model-Q4_K_M.gguf"]
    assert (larder.models / "acme/contract/model-Q4_K_M.gguf").read_bytes() == b"what was shown"


@pytest.mark.parametrize("flavour", ["asan", "tsan"])
def test_a_download_goes_on_after_kill_9(make_larder, hub, flavour):
    larder = make_larder(flavour=flavour)
    hub.fault("slow", "*big-1*", origin="cdn", rate=16_000_000)
    identity = larder.download("acme/big-1")
    larder.wait(identity, lambda d: d["bytes_done"] > 8_000_000)
    before = max(f["bytes_done"] for f in larder.get(identity)["files"])
    larder.kill_daemon()
    folder = larder.models / "acme/big-1"
    assert not [name for name in files_in(folder) if name.endswith((".gguf", ".safetensors", ".bin"))]
    hub.faults.clear()
    hub.clear_requests()
    larder.start_daemon()
    done = larder.wait(identity)
    assert done["state"] == "completed"
    assert_proven(larder, hub, "acme/big-1", list(hub.files("acme/big-1", "main")))
    starts = [int(r["range"].split("=")[1].split("-")[0]) for r in hub.requests(origin="cdn") if r["range"]]
    assert before > 0 and max(starts) >= before, "it began again"


def test_killing_larder_fcgi_loses_no_job(larder, hub):
    hub.fault("slow", f"*{Q4}", origin="cdn", rate=4_000_000)
    identity = larder.download(f"{TINY}:Q4_K_M")
    larder.kill_fcgi()
    assert larder.raw("GET", "/api/v1/downloads").status == 503
    larder.start_fcgi()
    assert larder.wait(identity)["state"] == "completed"


def test_several_at_once_under_the_thread_sanitizer(make_larder, hub):
    larder = make_larder(flavour="tsan")
    ids = [larder.download(repo) for repo in (TINY, "acme/tiny-st", "acme/split-70b-GGUF", "acme/odd-names")]
    assert [larder.wait(identity)["state"] for identity in ids] == ["completed"] * 4


def test_an_orderly_stop_in_the_middle_keeps_what_is_there(larder, hub):
    hub.fault("slow", "*big-1*", origin="cdn", rate=16_000_000)
    identity = larder.download("acme/big-1")
    before = larder.wait(identity, lambda d: d["bytes_done"] > 4_000_000)
    larder.stop_daemon()
    hub.faults.clear()
    larder.start_daemon()
    assert larder.get(identity)["bytes_done"] >= before["bytes_done"]
    assert larder.wait(identity)["state"] == "completed"
