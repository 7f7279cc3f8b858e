"""Several things pasted at once: a list, or a ComfyUI workflow, over the API and from a file in the terminal."""

import json
import subprocess

import pytest

TINY = "acme/tiny-7b-GGUF"


def read(larder, text, status=200):
    return larder.api("POST", "paste", {"text": text}, status).json


def workflow(hub, **more):
    """As ComfyUI saves one: a model with its address, one that is only named."""
    url = f"{hub.endpoint}/acme/flow/resolve/main/split_files/vae/ae.safetensors"
    return json.dumps({"nodes": [
        {"id": 1, "type": "VAELoader", "widgets_values": ["ae.safetensors"],
         "properties": {"models": [{"name": "ae.safetensors", "url": url, "directory": "vae"}]}},
        {"id": 2, "type": "LoraLoader", "widgets_values": ["style.safetensors", 1, 1]},
        {"id": 3, "type": "KSampler", "widgets_values": [1, "euler"]}], "links": [], **more})


@pytest.fixture
def flow(hub):
    hub.push("acme/flow", {"split_files/vae/ae.safetensors": b"\x02\0\0\0\0\0\0\0{}", "README.md": b"# Flow\n"})


def test_a_list_becomes_entries_each_of_which_can_be_asked_for(larder):
    pasted = read(larder, f"# these\n- {TINY}:Q2_K\n- acme/tiny-st\n- what is this\n- {TINY}:Q2_K\n")
    assert pasted["kind"] == "lines"
    first, second, third = pasted["entries"]
    assert (first["repo"], first["select"], first["present"]) == (TINY, ["Q2_K"], False)
    assert second["repo"] == "acme/tiny-st" and third["repo"] is None and third["problem"]
    made = [larder.api("POST", "downloads", {"repo": entry["text"]}, 202).json["id"] for entry in (first, second)]
    assert {larder.wait(job)["state"] for job in made} == {"completed"}


def test_one_thing_is_one(larder):
    for text in (TINY, f"hf download {TINY} \\\n  --include '*Q2_K*'", f"See {TINY.replace('acme', 'https://hf.co/acme')} for\nmore."):
        pasted = read(larder, text)
        assert pasted["kind"] == "one" and [entry["repo"] for entry in pasted["entries"]] == [TINY]


def test_of_a_workflow_what_is_missing_is_told_with_its_folder(larder, hub, flow):
    pasted = read(larder, workflow(hub))
    vae, lora = pasted["entries"]
    assert pasted["kind"] == "workflow"
    assert (vae["repo"], vae["select"]) == ("acme/flow", ["split_files/vae/ae.safetensors"])
    assert (vae["name"], vae["folder"], vae["present"]) == ("ae.safetensors", "vae", False)
    assert (lora["name"], lora["folder"], lora["repo"]) == ("style.safetensors", "loras", None)
    assert "does not say where" in lora["problem"]
    done = larder.fetch(vae["text"])
    assert done["state"] == "completed"
    assert [file["path"] for file in larder.get(done["id"])["files"]] == vae["select"]
    larder.api("GET", "models/acme/flow", status=200)
    assert [entry["present"] for entry in read(larder, workflow(hub))["entries"]] == [True, False]


def test_only_what_is_named_by_its_path_is_known_to_be_here(larder, hub, flow):
    larder.fetch(f"{TINY}:Q2_K")
    larder.fetch("acme/flow")
    larder.api("GET", "models/acme/flow", status=200)
    other = f"{hub.endpoint}/acme/other/resolve/main/ae.safetensors"
    text = f"{TINY}\n{hub.endpoint}/{TINY}/resolve/main/tiny-7b-Q2_K.gguf\nacme/tiny-st"
    assert [entry["present"] for entry in read(larder, text)["entries"]] == [False, True, False]
    model = {"name": "ae.safetensors", "url": other, "directory": "vae"}
    [entry] = read(larder, json.dumps({"models": [model]}))["entries"]
    assert entry["present"] is False, "another repository's file of that name is another file"
    loader = {"class_type": "VAELoader", "inputs": {"vae_name": "ae.safetensors"}}
    assert read(larder, json.dumps({"1": loader}))["entries"][0]["present"], "where it is from is not said"


@pytest.mark.parametrize("text", ["", "no model at all", "{}", "[1]", '{"a": 1}', "{" * 100, "\u0000", "x y\n" * 300, "x y z\n" * 3000])
def test_what_makes_no_sense_is_refused(larder, text):
    answer = larder.api("POST", "paste", {"text": text})
    assert answer.status == 422 and answer.json["field"] == "text"


def test_a_text_may_be_long_but_not_endless(larder):
    assert read(larder, "#" + "x" * 190_000 + f"\n{TINY}\nacme/tiny-st")["kind"] == "lines"
    assert larder.api("POST", "paste", {"text": "x" * 196_609}).status == 422
    many = "\n".join(f"acme/m{n}" for n in range(201))
    assert "more than 200" in read(larder, many, 422)["detail"]


def run(larder, *words, stdin=""):
    return subprocess.run([larder.build / "larder", *words], env=larder.env, text=True, input=stdin,
                          capture_output=True, timeout=60, check=False)


def test_the_terminal_takes_a_file(larder, tmp_path):
    (tmp_path / "list").write_text(f"{TINY}:Q2_K\nacme/tiny-st\n")
    done = run(larder, "get", "--from", str(tmp_path / "list"))
    assert done.returncode == 0, done.stderr
    assert (larder.models / TINY / "tiny-7b-Q2_K.gguf").exists() and (larder.models / "acme/tiny-st").is_dir()


def test_the_terminal_takes_a_workflow_and_says_what_it_cannot_get(larder, hub, flow):
    done = run(larder, "get", "--from", "-", stdin=workflow(hub))
    assert done.returncode == 2 and "vae/ae.safetensors: from acme/flow\n" in done.stdout
    assert "style.safetensors" in done.stderr and "does not say where" in done.stderr
    assert (larder.models / "acme/flow/split_files/vae/ae.safetensors").exists()
    again = run(larder, "get", "--from", "-", stdin=workflow(hub))
    assert "vae/ae.safetensors: is here\n" in again.stdout
    shown = json.loads(run(larder, "get", "--json", "--from", "-", stdin=f"{TINY}:Q2_K\nacme/tiny-st").stdout)
    assert len(shown["downloads"]) == 2


def test_the_terminal_refuses_what_it_cannot_read(larder, tmp_path):
    assert run(larder, "get").returncode == 2
    assert run(larder, "get", "--from", str(tmp_path / "nowhere")).returncode == 2
    assert run(larder, "get", "--from", "-", stdin="no model at all").returncode == 2
    assert run(larder, "get", "--from", "-", stdin="x" * 200_000).returncode == 2
