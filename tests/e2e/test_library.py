"""The library: what lies on the disk, whoever put it there, is known for what it is."""

import json
import os
import shutil
import struct
import subprocess
import sys
import time

from test_standin_hub import _hf as hf_download

REPO = "acme/tiny-7b-GGUF"
SPLIT = "acme/split-70b-GGUF"
# Swaps two names as fast as it can.
SWAP = """
import ctypes, sys
libc, one, other = ctypes.CDLL(None), *(path.encode() for path in sys.argv[1:])
while True:
    libc.renameat2(-100, one, -100, other, 2)
"""


def scan(larder):
    """Looks at the disk and waits for the end: the library's state."""
    with larder.stream() as events:
        before = next(iter(events)).data["library"]
        larder.api("POST", "scan", {}, 202)
        for event in events:
            if event.name == "library" and not event.data["scanning"] \
                    and event.data["scanned_at"] != before["scanned_at"]:
                return event.data


def models(larder, query=""):
    """The rows of the list, by folder."""
    return {row["folder"]: row for row in larder.api("GET", f"models{query}", None, 200).json["models"]}


def cli(larder, *words):
    """One run of `larder`, on pipes."""
    return subprocess.run([larder.build / "larder", *words], env=larder.env, capture_output=True, text=True, timeout=60)


def put(larder, path, content=b"x"):
    """A file that somebody made by hand."""
    path = larder.models / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_was_fetched_is_in_the_library(larder, hub):
    done = larder.fetch(REPO, select=["Q4_K_M"])
    assert done["state"] == "completed"
    with larder.stream() as events:
        seen = next(iter(events)).data["library"]["models"]
        if not seen:
            next(event for event in events if event.name == "model" and event.data["folder"] == REPO)
    row = models(larder)[REPO]
    assert row["repo"] == REPO and row["revision"] == "main" and row["type"] == "model"
    assert row["quants"] == ["Q4_K_M"] and row["formats"] == ["gguf"]
    assert row["files_total"] == row["files_proven"] == 1 and row["commit"] == done["commit"]
    assert row["parts_missing"] == row["problems"] == row["partial_bytes"] == 0
    whole = larder.api("GET", f"models/{REPO}", None, 200).json
    (file,) = whole["files"]
    assert file["state"] == "proven" and file["digest"] == hub.files(REPO)[file["path"]]["sha256"]
    assert file["header"]["architecture"] == "llama" and file["header"]["file_type"] == "Q4_K_M"
    (group,) = whole["groups"]
    assert group["name"] == "Q4_K_M" and group["memory"]["weights"] > 0 and group["memory"]["cache"]["f16"] > 0
    more = larder.api("GET", f"models/{REPO}?context=16384", None, 200).json["groups"][0]["memory"]
    assert more["cache"]["f16"] == 2 * group["memory"]["cache"]["f16"]


def test_what_others_put_there_is_adopted(larder, hub, tmp_path):
    done = hf_download(hub, tmp_path, REPO, "--local-dir", str(larder.models / REPO))
    assert done.returncode == 0, done.stderr
    put(larder, "by-hand/config.json", b"{}")
    put(larder, "by-hand/model.safetensors", struct.pack("<Q", 2) + b"{}")
    put(larder, "cloned/repo/.git/HEAD")
    put(larder, "cloned/repo/model.onnx")
    put(larder, "loose.gguf")
    state = scan(larder)
    assert state["models"] == 4 and state["problem"] is None
    rows = models(larder)
    assert rows[REPO]["files_proven"] == rows[REPO]["files_total"] == len(hub.files(REPO))
    assert rows["by-hand"]["repo"] is None and rows["by-hand"]["formats"] == ["safetensors"]
    assert rows["by-hand"]["files_unknown"] == 2
    assert rows["cloned/repo"]["git"] and rows["cloned/repo"]["formats"] == ["onnx"]
    assert rows["."]["problems"] == 1  # no header
    assert larder.api("GET", "models/by-hand", None, 200).json["folder"] == "by-hand"


def test_a_set_says_what_it_lacks(larder, hub):
    assert larder.fetch(SPLIT)["state"] == "completed"
    parts = sorted(path for path in hub.files(SPLIT) if "-of-" in path)
    (larder.models / SPLIT / parts[1]).unlink()
    scan(larder)
    assert models(larder)[SPLIT]["parts_missing"] == 1
    assert SPLIT in models(larder, "?state=incomplete")
    groups = larder.api("GET", f"models/{SPLIT}", None, 200).json["groups"]
    assert [path for group in groups for path in group["missing"]] == [parts[1]]
    # One request brings just these.
    created = larder.api("POST", "downloads", {"repo": SPLIT, "select": [parts[1]]}, 202).json
    assert larder.wait(created["id"])["state"] == "completed"
    scan(larder)
    assert models(larder)[SPLIT]["parts_missing"] == 0


def test_what_was_changed_or_damaged_is_said(larder):
    assert larder.fetch(REPO, select=["Q4_K_M"])["state"] == "completed"
    (file,) = (larder.models / REPO).glob("*.gguf")
    with file.open("r+b") as out:
        out.truncate(file.stat().st_size - 1000)
    os.utime(file, (2e9, 2e9))
    scan(larder)
    row = models(larder)[REPO]
    assert row["files_changed"] == 1 and row["problems"] == 1
    (told,) = larder.api("GET", f"models/{REPO}", None, 200).json["files"]
    assert told["state"] == "changed" and "1000 bytes short" in told["problem"]


def test_nothing_outside_is_followed(larder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.gguf").write_bytes(b"x")
    put(larder, "acme/m/a.txt")
    (larder.models / "acme/m/link").symlink_to(outside)
    (larder.models / "acme/m/file.gguf").symlink_to(outside / "secret.gguf")
    (larder.models / "acme/all").symlink_to(outside)
    scan(larder)
    files = {f["path"]: f for f in larder.api("GET", "models/acme/m", None, 200).json["files"]}
    assert files["link"]["kind"] == files["file.gguf"]["kind"] == "foreign"
    assert all("secret" not in json.dumps(row) for row in models(larder).values())
    assert larder.api("GET", "models/acme/all", None, 404).json["code"] == "unknown_model"


def test_a_model_that_goes_is_told(larder):
    put(larder, "acme/m/a.gguf")
    scan(larder)
    with larder.stream() as events:
        next(iter(events))
        shutil.rmtree(larder.models / "acme/m")
        larder.api("POST", "scan", {}, 202)
        assert next(e for e in events if e.name == "model-removed").data == {"folder": "acme/m"}
    assert models(larder) == {}


def test_lists_are_sorted_filtered_and_paged(larder):
    for number in range(5):
        put(larder, f"acme/m{number}/m-Q{2 + 2 * (number % 2)}_K.gguf", b"x" * (number + 1))
    put(larder, "other/n/model.safetensors", b"")
    scan(larder)
    assert list(models(larder, "?sort=size"))[:2] == ["acme/m4", "acme/m3"]
    assert list(models(larder, "?q=OTHER")) == ["other/n"]
    assert list(models(larder, "?quant=q4_k")) == ["acme/m1", "acme/m3"]
    assert list(models(larder, "?format=safetensors")) == ["other/n"]
    assert len(models(larder, "?state=unverified")) == 6
    for sort in ("name", "size", "modified"):
        folders, cursor = [], ""
        while True:
            page = larder.api("GET", f"models?sort={sort}&limit=2{cursor}", None, 200).json
            folders += [row["folder"] for row in page["models"]]
            assert page["total"] == 6
            if not page["next_cursor"]:
                break
            cursor = f"&cursor={page['next_cursor'].replace('/', '%2F').replace(':', '%3A')}"
        assert folders == list(models(larder, f"?sort={sort}")) and len(folders) == 6
    for query, field in (("sort=x", "sort"), ("state=x", "state"), ("cursor=x", "cursor"), ("limit=0", "limit"),
                         ("q=" + "x" * 201, "q")):
        assert larder.api("GET", f"models?{query}", None, 422).json["field"] == field


def test_odd_names_and_headers_hinder_nobody(larder):
    put(larder, "acme/good/a.gguf")
    put(larder, "acme/Good/a.gguf")
    put(larder, "acme/claims/huge.safetensors", struct.pack("<Q", 1 << 30) + b"{")
    put(larder, "acme/claims/keys.gguf", b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 1 << 63))
    (larder.models / "acme/odd").mkdir()
    with open(os.fsencode(larder.models / "acme/odd") + b"/caf\xe9.gguf", "wb"):
        pass
    scan(larder)
    rows = models(larder)
    assert {"acme/good", "acme/Good", "acme/claims", "acme/odd"} <= set(rows)
    assert rows["acme/claims"]["problems"] == 2 and rows["acme/odd"]["problems"] == 1


def test_after_a_start_all_is_there_at_once(larder):
    put(larder, "acme/m/m-Q4_K.gguf")
    scan(larder)
    larder.api("PATCH", "settings", {"slow": False}, 200)  # committed after what the look has found
    larder.kill_daemon()
    put(larder, "acme/m/config.json", b"{}")
    larder.start_daemon()
    assert models(larder)["acme/m"]["quants"] == ["Q4_K"]
    scan(larder)
    assert models(larder)["acme/m"]["files_total"] == 2


def test_the_command_line_shows_it(larder):
    assert larder.fetch(REPO, select=["Q4_K_M"])["state"] == "completed"
    scan(larder)
    listed = cli(larder, "ls")
    assert listed.returncode == 0 and REPO in listed.stdout and "Q4_K_M" in listed.stdout and "proven" in listed.stdout
    shown = cli(larder, "show", REPO)
    assert shown.returncode == 0 and "llama" in shown.stdout and "Q4_K_M" in shown.stdout
    assert json.loads(cli(larder, "ls", "--json").stdout)["models"][0]["folder"] == REPO
    assert json.loads(cli(larder, "show", REPO, "--json").stdout)["folder"] == REPO
    assert cli(larder, "ls", "nothing-like-this").stdout == "no models\n"
    gone = cli(larder, "show", "acme/none")
    assert gone.returncode == 1 and "not in the library" in gone.stderr
    assert cli(larder, "scan").returncode == 0


def trash(larder):
    """What is in the trash."""
    return larder.api("GET", "trash", None, 200).json["trash"]


def test_a_model_goes_to_the_trash_and_comes_back(larder, hub):
    assert larder.fetch(REPO)["state"] == "completed"
    before = {path.relative_to(larder.models): path.read_bytes()
              for path in (larder.models / REPO).rglob("*") if path.is_file()}
    scan(larder)
    identity = larder.api("DELETE", f"models/{REPO}", None, 200).json["trash"]
    assert not (larder.models / REPO).exists()
    (entry,) = trash(larder)
    own = {str(path) for path in before if ".cache" not in path.parts}
    assert entry["id"] == identity and entry["files"] == len(own) and set(entry["paths"]) <= own
    assert len(entry["paths"]) == min(10, len(own))
    assert entry["bytes"] == sum(map(len, before.values()))
    scan(larder)
    assert REPO not in models(larder)
    assert larder.api("POST", f"trash/{identity}/restore", {}, 200).json["trash"] == identity
    assert {path: (larder.models / path).read_bytes() for path in before} == before
    assert trash(larder) == []
    scan(larder)
    assert models(larder)[REPO]["files_proven"] == len(hub.files(REPO))
    hub.clear_requests()
    assert larder.fetch(REPO)["state"] == "completed"
    assert not [r for r in hub.requests(path="*/resolve/*", method="GET")], "it was fetched again"


def test_one_quant_goes_and_the_rest_stays(larder):
    assert larder.fetch(REPO, select=["Q4_K_M", "Q8_0"])["state"] == "completed"
    scan(larder)
    identity = larder.api("DELETE", f"models/{REPO}?group=Q8_0", None, 200).json["trash"]
    scan(larder)
    assert models(larder)[REPO]["quants"] == ["Q4_K_M"]
    larder.api("POST", f"trash/{identity}/restore", {}, 200)
    scan(larder)
    row = models(larder)[REPO]
    assert sorted(row["quants"]) == ["Q4_K_M", "Q8_0"] and row["files_proven"] == 2
    assert larder.api("DELETE", f"models/{REPO}?group=Q2_K_XL", None, 422).json["field"] == "group"


def test_what_is_emptied_is_gone(larder):
    put(larder, "acme/m/a.gguf")
    scan(larder)
    identity = larder.api("DELETE", "models/acme/m", None, 200).json["trash"]
    larder.api("DELETE", f"trash/{identity}", None, 204)
    assert trash(larder) == [] and not list((larder.models / ".larder/trash").iterdir())
    assert larder.api("DELETE", f"trash/{identity}", None, 404).json["code"] == "unknown_trash"
    assert larder.api("POST", f"trash/{identity}/restore", {}, 404).json["code"] == "unknown_trash"


def test_deleting_what_is_not_there_or_not_ours_is_a_clear_error(larder, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_text("x")
    put(larder, "acme/m/a.gguf")
    scan(larder)
    for path in ("acme/none", "..%2Foutside", "acme/..", "acme%2Fm%2F..%2F..", ".larder", "%2Fetc"):
        answer = larder.api("DELETE", f"models/{path}")
        assert answer.status in (400, 404, 422), (path, answer.status)
    larder.api("DELETE", "models/acme/m", None, 200)
    # Twice: the library may know of it for a moment longer, the disk does not.
    assert larder.api("DELETE", "models/acme/m", None, 404).json["code"] == "unknown_model"
    for identity in ("..", "x", "..%2F..%2Foutside", "a-1"):
        assert larder.api("DELETE", f"trash/{identity}").status in (400, 404, 405, 422), identity
    assert (tmp_path / "outside/precious").exists()


def test_where_a_download_writes_nothing_is_deleted(larder, hub):
    put(larder, f"{REPO}/README.md")
    scan(larder)
    hub.fault("stall", "*Q4_K_M*", origin="cdn", after=1000)
    identity = larder.download(REPO, select=["Q4_K_M"])
    larder.wait_state(identity, "downloading")
    assert larder.api("DELETE", f"models/{REPO}", None, 409).json["code"] == "in_use"
    larder.api("POST", f"downloads/{identity}/cancel", {}, 200)
    larder.api("DELETE", f"models/{REPO}", None, 200)


def test_above_and_below_a_download_nothing_is_deleted_either(larder, hub):
    put(larder, "acme/config.json", b"{}")  # the folder of all of acme's models is a model by itself, it says
    scan(larder)
    hub.fault("stall", "*Q4_K_M*", origin="cdn", after=1000)
    identity = larder.download(REPO, select=["Q4_K_M"])
    larder.wait_state(identity, "downloading")
    assert larder.api("DELETE", "models/acme", None, 409).json["code"] == "in_use"
    larder.api("POST", f"downloads/{identity}/cancel", {}, 200)


def test_a_body_says_which_group_as_well_as_the_query(larder):
    put(larder, "acme/m/m-Q4_0.gguf")
    put(larder, "acme/m/m-Q8_0.gguf")
    scan(larder)
    larder.api("DELETE", "models/acme/m", {"group": "Q8_0"}, 200)
    assert [path.name for path in (larder.models / "acme/m").iterdir()] == ["m-Q4_0.gguf"]


def test_loose_files_go_and_the_models_beside_them_stay(larder):
    put(larder, "top.gguf")
    put(larder, "owner/loose.gguf")
    put(larder, "owner/one/a.gguf")
    scan(larder)
    larder.api("DELETE", "models/~", None, 200)
    assert not (larder.models / "top.gguf").exists()
    for _ in range(2):
        larder.api("DELETE", "models/owner")
    with larder.stream() as events:
        next(iter(events))
        larder.api("POST", "scan", {}, 202)
        next(e for e in events if e.name == "library" and not e.data["scanning"])
    assert not (larder.models / "owner/loose.gguf").exists() and (larder.models / "owner/one/a.gguf").exists()
    assert list(models(larder)) == ["owner/one"]


def test_nothing_is_overwritten_by_what_comes_back(larder):
    put(larder, "acme/m/a.gguf", b"old")
    scan(larder)
    identity = larder.api("DELETE", "models/acme/m", None, 200).json["trash"]
    put(larder, "acme/m/a.gguf", b"new")
    problem = larder.api("POST", f"trash/{identity}/restore", {}, 409).json
    assert problem["code"] == "exists" and "acme/m/a.gguf" in problem["detail"]
    assert (larder.models / "acme/m/a.gguf").read_bytes() == b"new"
    assert [entry["id"] for entry in trash(larder)] == [identity]


def test_what_was_refused_before_its_first_byte_is_no_model(make_larder, hub):
    larder = make_larder(token="")
    assert larder.fetch("acme/gated-7b")["reason"]["code"] == "gated"
    scan(larder)
    assert models(larder) == {}
    found = larder.api("GET", "hub/search?q=gated-7b", None, 200).json["results"]
    assert {row["repo"]: row["present"] for row in found}["acme/gated-7b"] is False


def test_a_replaced_file_is_in_the_trash_too(larder, hub):
    (name,) = [path for path in hub.files(REPO) if "Q4_K_M" in path]
    put(larder, f"{REPO}/{name}", b"another file")
    # Which is said before.
    preview = larder.api("POST", "preview", {"repo": REPO, "select": ["Q4_K_M"]}, 200).json
    assert preview["files_replaced"] == 1
    assert [file["path"] for file in preview["files"] if file["replaces"]] == [name]
    assert larder.api("POST", "preview", {"repo": REPO, "select": ["Q8_0"]}, 200).json["files_replaced"] == 0
    assert larder.fetch(REPO, select=["Q4_K_M"])["state"] == "completed"
    (entry,) = trash(larder)
    assert entry["paths"] == [f"{REPO}/{name}"] and entry["bytes"] == len(b"another file")


def test_days_end(make_larder):
    larder = make_larder(is_started=False, LARDER_TRASH_DAYS=30)
    old = f"abc-{int(time.time() - 31 * 86400) * 1000}"
    young = f"abc-{int(time.time() - 29 * 86400) * 1000}"
    for identity in (old, young):
        put(larder, f".larder/trash/{identity}/acme/m/a.gguf")
    larder.start()
    assert [entry["id"] for entry in trash(larder)] == [young]
    assert not (larder.models / ".larder/trash" / old).exists()


def test_a_folder_swapped_for_a_link_while_it_is_deleted_leads_nowhere(larder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.gguf").write_text("precious")
    put(larder, "acme/m/a.gguf")
    put(larder, "acme/m/sub/a.gguf")
    (larder.models / "acme/link").symlink_to(outside)
    scan(larder)
    swapper = subprocess.Popen([sys.executable, "-c", SWAP, larder.models / "acme/m", larder.models / "acme/link"])
    try:
        for _ in range(50):
            answer = larder.api("DELETE", "models/acme/m?group=a.gguf")
            assert answer.status in (200, 404, 409, 422, 500, 503), answer.json
            if answer.status == 200:
                larder.api("POST", f"trash/{answer.json['trash']}/restore", {})
            assert (outside / "a.gguf").read_text() == "precious"
    finally:
        swapper.kill()
        swapper.wait()
    for entry in trash(larder):
        larder.api("DELETE", f"trash/{entry['id']}", None, 204)
    assert (outside / "a.gguf").read_text() == "precious"


def test_the_command_line_deletes_and_brings_back(larder):
    put(larder, "acme/m/a.gguf")
    scan(larder)
    assert cli(larder, "trash").stdout == "the trash is empty\n"
    removed = cli(larder, "rm", "acme/m")
    assert removed.returncode == 0 and "in the trash" in removed.stdout
    identity = removed.stdout.split()[-1]
    assert identity in cli(larder, "trash").stdout
    assert cli(larder, "restore", identity).returncode == 0
    assert (larder.models / "acme/m/a.gguf").exists()
    assert cli(larder, "restore", identity).returncode == 1
    scan(larder)
    identity = json.loads(cli(larder, "rm", "acme/m", "--json").stdout)["trash"]
    assert cli(larder, "trash", "empty", identity).stdout == f"{identity}: gone for good\n"
    assert cli(larder, "trash", "empty").returncode == 2


def test_what_others_do_is_seen_at_once(make_larder):
    larder = make_larder(LARDER_SCAN_INTERVAL="0")
    put(larder, "acme/first/model.onnx")
    scan(larder)
    with larder.stream() as events:
        next(iter(events))
        put(larder, "acme/first/config.json", b"{}")
        assert next(event.data for event in events if event.name == "model")["files_total"] == 2
        put(larder, "new/second/model.onnx")
        assert next(event.data for event in events if event.name == "model")["folder"] == "new/second"
        put(larder, "new/second/more.onnx")
        assert next(event.data for event in events if event.name == "model")["files_total"] == 2
        shutil.rmtree(larder.models / "acme/first")
        assert next(event.data for event in events if event.name == "model-removed")["folder"] == "acme/first"


def test_the_cache_of_safetensors_is_told_by_config_json(larder):
    put(larder, "acme/st/model.safetensors", struct.pack("<Q", 2) + b"{}")
    put(larder, "acme/st/config.json", json.dumps({
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "max_position_embeddings": 131072}).encode())
    scan(larder)
    row = models(larder)["acme/st"]
    assert row["architecture"] == "llama" and row["context_length"] == 131072 and row["problems"] == 0
    (group,) = larder.api("GET", "models/acme/st?context=8192", None, 200).json["groups"]
    assert group["memory"]["cache"]["f16"] == 8192 * 32 * 8 * (128 + 128) * 2
    larder.stop_daemon()
    larder.start_daemon()
    assert models(larder)["acme/st"]["context_length"] == 131072
