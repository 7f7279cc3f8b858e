"""The preview is the contract: a download that names it is of exactly those files at that commit, or says what changed."""

import pytest

TINY = "acme/tiny-7b-GGUF"


def preview(larder, repo, **choice):
    return larder.api("POST", "preview", {"repo": repo, **choice}, 200).json


def order(larder, shown, status=202, **more):
    return larder.api("POST", "downloads", {"preview": shown["id"], **more}, status).json


def files_of(larder, identity):
    return {file["path"] for file in larder.api("GET", f"downloads/{identity}", status=200).json["files"]}


def selected(shown):
    return {file["path"] for file in shown["files"] if file["selected"]}


def test_what_was_shown_is_what_comes(larder):
    shown = preview(larder, f"{TINY}:Q4_K_M", select=["config.json"])
    made = order(larder, shown, priority=5)
    assert (made["repo"], made["commit"], made["priority"]) == (TINY, shown["commit"], 5)
    done = larder.wait(made["id"])
    assert done["state"] == "completed"
    assert files_of(larder, made["id"]) == selected(shown)
    assert done["bytes_total"] == shown["bytes_selected"]
    audit = larder.api("GET", "audit?limit=1", status=200).json["audit"][0]
    assert audit["action"] == "download.create" and f'"repo":"{TINY}"' in audit["what"] and shown["commit"] in audit["what"]


def test_a_push_in_between_changes_nothing(larder, hub):
    hub.push("acme/shown", {"a.bin": b"1" * 3000, "b.txt": b"one\n"})
    shown = preview(larder, "acme/shown")
    hub.push("acme/shown", {"a.bin": b"2" * 4000, "c.txt": b"new\n"})
    made = order(larder, shown)
    assert larder.wait(made["id"])["state"] == "completed"
    assert files_of(larder, made["id"]) == selected(shown)
    assert (larder.models / "acme/shown/a.bin").read_bytes() == b"1" * 3000
    assert not (larder.models / "acme/shown/c.txt").exists()


def test_a_hub_that_has_others_by_then_is_not_believed(larder, hub):
    """The same commit with other files: a commit never changes, but whoever keeps a mirror may be wrong."""
    larder.api("PATCH", "settings", {"paused": True}, 200)
    shown = preview(larder, TINY)
    made = order(larder, shown)
    larder.stop_daemon()  # which remembers what a commit holds
    hub.fault("tree_entries", f"*{TINY}*", drop=["tiny-7b-Q4_K_M.gguf"])
    larder.start_daemon()
    larder.api("PATCH", "settings", {"paused": False}, 200)
    failed = larder.wait(made["id"])
    assert failed["state"] == "failed" and failed["reason"]["code"] == "changed"
    assert f"{shown['files_selected']} files" in failed["reason"]["message"]
    assert f"{shown['files_selected'] - 1} of" in failed["reason"]["message"] and failed["reason"]["hint"]
    assert not list(larder.models.rglob("*.gguf"))


def test_it_is_known_after_a_restart_of_the_job_not_of_the_preview(larder):
    """The job keeps what it was promised in the database; the preview itself is for the present."""
    larder.api("PATCH", "settings", {"paused": True}, 200)
    shown = preview(larder, f"{TINY}:Q4_K_M")
    made = order(larder, shown)
    larder.stop_daemon()
    larder.start_daemon()
    assert order(larder, shown, 404)["code"] == "unknown_preview"
    larder.api("PATCH", "settings", {"paused": False}, 200)
    assert larder.wait(made["id"])["state"] == "completed"
    assert files_of(larder, made["id"]) == selected(shown)


@pytest.mark.parametrize("extra", [
    {"repo": TINY}, {"type": "model"}, {"revision": "main"}, {"commit": "0" * 40}, {"select": ["a"]}, {"exclude": ["a"]}])
def test_nothing_is_said_beside_it(larder, extra):
    shown = preview(larder, TINY)
    refused = order(larder, shown, 422, **extra)
    assert refused["field"] == next(iter(extra))


@pytest.mark.parametrize("identity", ["", "x", "a" * 19, "A" * 20, "a" * 21, 7, ["a"]])
def test_what_is_no_id_is_refused(larder, identity):
    assert larder.api("POST", "downloads", {"preview": identity}).status in (404, 422)


def test_the_newest_are_kept(make_larder):
    larder = make_larder(LARDER_RATE_LIMIT=0)
    first = preview(larder, f"{TINY}:Q4_K_M")
    for _ in range(255):
        preview(larder, f"{TINY}:Q8_0")
    order(larder, first)
    preview(larder, f"{TINY}:Q8_0")
    assert order(larder, first, 404)["code"] == "unknown_preview"


def test_what_is_tagged_for_mlx_is_said_to_be(larder, hub):
    hub.push("acme/for-mlx", {"model.safetensors": b"x" * 2000, "config.json": b"{}"})
    assert [group["kind"] for group in preview(larder, "acme/for-mlx")["groups"]] == ["safetensors"]
    hub.push("acme/for-mlx-2", {"model.safetensors": b"x" * 2000, "config.json": b"{}"})
    hub.store.get("acme/for-mlx-2").labels = ["mlx", "safetensors"]
    assert [group["kind"] for group in preview(larder, "acme/for-mlx-2")["groups"]] == ["mlx"]
