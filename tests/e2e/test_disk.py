"""Disks of their own for some folders: what is said of their room before, and what a job does that cannot write there."""

import contextlib
import os
import subprocess

import pytest

from test_library import scan

TINY = "acme/tiny-7b-GGUF"
WORDS = "acme/words"
MIB = 1 << 20


@contextlib.contextmanager
def mounted(path, options):
    """A file system in memory at `path`; options as for mount(8)."""
    path.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", path], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def remount(path, options):
    """Other options for it."""
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


@pytest.fixture
def disk(larder):
    """The folder of all of acme's models, to mount something at."""
    if os.geteuid() != 0:
        pytest.skip("mounting is for root")
    return larder.models / "acme"


def preview(larder, repo, **body):
    return larder.api("POST", "preview", {"repo": repo, **body}, 200).json


def test_a_preview_tells_the_room_where_the_folder_is(larder, disk, hub):
    with mounted(disk, "size=8m"):
        told = preview(larder, f"{TINY}:Q4_K_M")
        assert told["disk"]["free"] <= 8 * MIB
        assert told["disk"]["after"] == told["disk"]["free"] - told["bytes_to_fetch"] >= 0
        assert preview(larder, TINY)["disk"]["after"] < 0
        elsewhere = preview(larder, WORDS, type="dataset")
        assert elsewhere["disk"]["free"] > 8 * MIB


def test_what_does_not_fit_its_own_disk_waits_for_it_and_nobody_else_does(larder, disk, hub):
    with mounted(disk, "size=8m"):
        identity = larder.download(TINY, select=["Q4_K_M", "Q5_K_M"])
        waiting = larder.wait_state(identity, "waiting")
        assert waiting["reason"]["code"] == "disk_full" and waiting["reason"]["hint"]
        assert waiting["reason"]["retry_at"] is None, "it waits for room, not for a time"
        assert not hub.requests(origin="cdn")
        reserved = preview(larder, f"{TINY}:Q2_K")["disk"]["reserved"]
        assert reserved == waiting["bytes_total"]
        assert preview(larder, WORDS, type="dataset")["disk"]["reserved"] == 0
        assert larder.fetch(WORDS, type="dataset")["state"] == "completed"
        assert larder.fetch(f"{TINY}:Q2_K", revision="v1")["state"] == "completed"
        remount(disk, "size=64m")
        assert larder.wait(identity)["state"] == "completed"


def test_a_model_on_a_disk_without_the_trash_is_not_updated_half_way(larder, disk, hub):
    hub.push("acme/apart", {"model.bin": b"old"})
    with mounted(disk, "size=8m"):
        assert larder.fetch("acme/apart")["state"] == "completed"
        hub.push("acme/apart", {"model.bin": b"new"})
        scan(larder)
        fetched = len(hub.requests(origin="cdn"))
        identity = larder.api("POST", "models/acme/apart/update", {}, 202).json["id"]
        failed = larder.wait(identity)
        assert failed["state"] == "failed" and "trash" in failed["reason"]["message"]
        assert (disk / "apart/model.bin").read_bytes() == b"old"
        assert len(hub.requests(origin="cdn")) == fetched, "nothing was fetched for it"


def test_a_disk_that_is_read_only_is_waited_for(larder, disk, hub):
    with mounted(disk, "size=64m,ro"):
        identity = larder.download(f"{TINY}:Q4_K_M")
        waiting = larder.wait_state(identity, "waiting")
        assert waiting["reason"]["code"] == "disk_unavailable" and "read-only" in waiting["reason"]["message"]
        assert waiting["reason"]["retry_at"] is None
        assert not hub.requests(origin="cdn")
        remount(disk, "rw")
        assert larder.wait(identity)["state"] == "completed"
