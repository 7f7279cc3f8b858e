"""Copies of the database: made while it is in use, put back, refused when they are no good."""

import json
import os
import sqlite3
import subprocess

import pytest

from harness import programs

TERM = "acme/tiny-7b-GGUF:Q4_K_M"


def cli(larder, *words):
    done = subprocess.run([programs() / "larder", *words, "--json"], env=larder.env, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout)


def restore(larder, path):
    return subprocess.run([programs() / "larderd", "--restore", str(path)], env=larder.env, capture_output=True, text=True,
                          timeout=60)


def test_a_backup_brings_back_what_there_was(larder, hub, tmp_path):
    done = larder.fetch(TERM)
    larder.api("PATCH", "settings", {"bandwidth_limit": 123456}, status=200)
    status, made = cli(larder, "backup")
    assert status == 0 and made["bytes"] > 0 and made["path"].startswith(str(larder.folder / "state/backups/larder-"))
    assert os.stat(made["path"]).st_mode & 0o777 == 0o600
    assert larder.token not in (larder.folder / "state/backups" / made["path"]).read_bytes().decode("latin-1")
    larder.api("PATCH", "settings", {"bandwidth_limit": 654321}, status=200)
    larder.api("DELETE", f"downloads/{done['id']}", status=204)
    # Not while it is in use.
    refused = restore(larder, made["path"])
    assert refused.returncode == 1 and "another larderd" in refused.stderr
    larder.stop_daemon()
    put = restore(larder, made["path"])
    assert put.returncode == 0, put.stderr
    larder.start_daemon()
    assert larder.api("GET", "settings", status=200).json["bandwidth_limit"] == 123456
    assert larder.api("GET", f"downloads/{done['id']}", status=200).json["state"] == "completed"
    assert [model["repo"] for model in larder.api("GET", "models", status=200).json["models"]] == ["acme/tiny-7b-GGUF"]
    # And back again: nothing of it is lost.
    larder.stop_daemon()
    kept = larder.folder / "state/larder.db.before-restore"
    assert restore(larder, kept).returncode == 0
    larder.start_daemon()
    assert larder.api("GET", "settings", status=200).json["bandwidth_limit"] == 654321


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has what larderd's user may not read")
def test_root_puts_back_what_is_closed_to_larderd(larder, tmp_path):
    """`larder backup FILE` by root is root's; larderd --restore goes on as somebody else."""
    larder.api("PATCH", "settings", {"bandwidth_limit": 123456}, status=200)
    file = tmp_path / "larder.db"
    made = subprocess.run([programs() / "larder", "backup", file], env=larder.env, capture_output=True, text=True, timeout=60)
    assert made.returncode == 0 and file.stat().st_uid == 0 and file.stat().st_mode & 0o777 == 0o600
    larder.api("PATCH", "settings", {"bandwidth_limit": 654321}, status=200)
    larder.stop_daemon()
    env = tmp_path / "larder.env"
    env.write_text("".join(f"{name}={value}\n" for name, value in larder.env.items() if name.startswith("LARDER_")))
    env.chmod(0o600)
    put = subprocess.run([programs() / "larderd", "--restore", file, env], env={"PATH": os.environ["PATH"]},
                         capture_output=True, text=True, timeout=60)
    assert put.returncode == 0, put.stderr
    larder.start_daemon()
    assert larder.api("GET", "settings", status=200).json["bandwidth_limit"] == 123456
    assert not list((larder.folder / "state").glob("*.given"))


def test_a_download_goes_on_from_an_older_copy(fast, hub):
    """What the copy does not know yet is proven again, and nothing that is wrong is believed."""
    hub.fault("slow", "*", origin="cdn", rate=8_000_000)
    identity = fast.download("acme/big-1")
    fast.wait(identity, lambda d: d["bytes_done"] > 0)
    status, made = cli(fast, "backup")
    assert status == 0
    known = fast.api("GET", f"downloads/{identity}").json["bytes_done"]
    fast.wait(identity, lambda d: d["bytes_done"] > known)
    fast.kill_daemon()
    assert restore(fast, made["path"]).returncode == 0
    hub.clear()
    fast.start_daemon()
    assert fast.wait(identity)["state"] == "completed"


def test_the_newest_ten_are_kept(larder):
    paths = [larder.api("POST", "backups", {}, status=201).json["path"] for _ in range(12)]
    assert sorted(paths) == paths
    kept = sorted(str(path) for path in (larder.folder / "state/backups").iterdir())
    assert kept == paths[2:]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read what is another user's")
def test_a_copy_is_put_where_one_wants_it_and_overwrites_nothing(larder, tmp_path):
    target = tmp_path / "mine.db"
    status, made = cli(larder, "backup", target)
    assert status == 0 and made["path"] == str(target) and target.stat().st_size == made["bytes"]
    assert target.stat().st_mode & 0o777 == 0o600
    status, said = cli(larder, "backup", target)
    assert status == 1 and "exists" in said["error"]["message"]


@pytest.mark.parametrize("kind", ["text", "damaged", "future", "other", "none"])
def test_what_is_no_good_is_refused_and_nothing_is_changed(larder, tmp_path, kind):
    bad = tmp_path / "bad.db"
    good = cli(larder, "backup")[1]["path"]
    larder.stop_daemon()
    before = (larder.folder / "state/larder.db").read_bytes()
    if kind == "text":
        bad.write_text("not a database " * 1000)
    elif kind == "damaged":
        content = bytearray(open(good, "rb").read())
        content[8192:12288] = b"\xff" * 4096
        bad.write_bytes(content)
    elif kind == "future":
        bad.write_bytes(open(good, "rb").read())
        with sqlite3.connect(bad) as db:
            db.execute("PRAGMA user_version = 1000")
        db.close()
    elif kind == "other":
        with sqlite3.connect(bad) as db:
            db.execute("CREATE TABLE t (x)")
        db.close()
    if bad.exists():
        bad.chmod(0o666)
    done = restore(larder, bad)
    assert done.returncode == 1 and "bad.db" in done.stderr, done.stderr
    assert (larder.folder / "state/larder.db").read_bytes() == before
    assert not (larder.folder / "state/larder.db.before-restore").exists()
    larder.start_daemon()
