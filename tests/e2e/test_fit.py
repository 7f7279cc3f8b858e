"""Does it fit: the head of a file at the Hub is read before anything is fetched, and held against this machine."""

import os
import subprocess

import pytest

TINY = "acme/tiny-7b-GGUF"
GIB = 1 << 30


def preview(larder, repo, **choice):
    return larder.api("POST", "preview", {"repo": repo, **choice}, 200).json


def fit(larder, shown, query="", status=200):
    return larder.api("GET", f"previews/{shown['id']}/fit{query}", status=status).json


def test_the_cache_is_what_the_header_says(larder, hub):
    shown = preview(larder, TINY)
    hub.clear_requests()
    told = fit(larder, shown)
    assert (told["context"], told["architecture"]) == (8192, "llama")
    larder.fetch(f"{TINY}:Q4_K_M")
    here = larder.api("GET", f"models/{TINY}", status=200).json["groups"][0]["memory"]
    assert told["cache"] == here["cache"], "the same as of the file on the disk"
    assert fit(larder, shown, "?context=16384")["cache"]["f16"] == 2 * told["cache"]["f16"]
    asked = [request for request in hub.requests(path="*.gguf", origin="cdn") if request["range"] == "bytes=0-262143"]
    assert len(asked) == 1, "it is remembered"


def test_where_it_fits_depends_on_the_cards(make_larder):
    """Four machines look at the same model, whose sizes are made up by what is declared."""
    for cards, fits in (("24G", {"gpu"}), ("0", {"memory"}), ("1G", {"memory"})):
        larder = make_larder(LARDER_GPU_MEMORY=cards)
        told = fit(larder, preview(larder, TINY))
        assert told["host"]["gpus"] == [int(card[:-1]) * GIB for card in cards.split(",") if card != "0"]
        assert told["host"]["memory"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        assert {group["fit"] for group in told["groups"]} == fits, cards
        assert all(group["needed"] == group["weights"] + told["cache"]["f16"] for group in told["groups"])


def test_a_context_that_is_too_long_fits_nowhere(larder):
    told = fit(larder, preview(larder, TINY), "?context=100000000")
    assert {group["fit"] for group in told["groups"]} == {"none"}
    smallest = min(told["groups"], key=lambda group: group["weights"])
    assert told["recommended"]["group"] == smallest["name"] and "none fits" in told["recommended"]["reason"]


def test_one_is_recommended_and_can_be_fetched_as_it_is_named(make_larder):
    larder = make_larder(LARDER_GPU_MEMORY="24G")
    told = fit(larder, preview(larder, TINY))
    group = told["recommended"]["group"]
    assert "with a context of 8192" in told["recommended"]["reason"]
    shown = preview(larder, TINY, select=[group])
    made = larder.api("POST", "downloads", {"preview": shown["id"]}, 202).json
    assert larder.wait(made["id"])["state"] == "completed"


def test_what_cannot_be_read_is_said_and_judged_without(larder, hub):
    shown = preview(larder, TINY)
    hub.fault("status", "*.gguf", origin="cdn", status=500)
    told = fit(larder, shown)
    assert told["cache"] is None and told["problem"]
    assert all(group["needed"] == group["weights"] for group in told["groups"])
    hub.faults.clear()
    assert fit(larder, shown)["problem"] is None


def test_safetensors_have_their_shape_in_config_json(larder, hub):
    shown = preview(larder, "acme/tiny-st")
    hub.clear_requests()
    told = fit(larder, shown)
    assert told["architecture"] == "llama" and told["problem"] is None and told["recommended"] is None
    assert [request["range"] for request in hub.requests(path="*/config.json")], "a ranged request"
    assert all(group["needed"] == group["weights"] + told["cache"]["f16"] for group in told["groups"])
    larder.fetch("acme/tiny-st")
    here = larder.api("GET", "models/acme/tiny-st", status=200).json["groups"][0]["memory"]
    assert told["cache"] == here["cache"], "the same as of the files on the disk"


def test_a_config_that_makes_no_sense_is_said_and_judged_without(larder, hub):
    hub.push("acme/odd-st", {"model.safetensors": b"\x02\0\0\0\0\0\0\0{}", "config.json": b"[1"})
    told = fit(larder, preview(larder, "acme/odd-st"))
    assert told["cache"] is None and told["problem"]
    hub.push("acme/bare-st", {"model.safetensors": b"\x02\0\0\0\0\0\0\0{}"})
    told = fit(larder, preview(larder, "acme/bare-st"))
    assert told["cache"] is None and told["problem"] is None and told["groups"]


def test_cards_are_declared_in_the_settings(make_larder):
    larder = make_larder(LARDER_GPU_MEMORY="24G")
    shown = preview(larder, TINY)
    assert larder.api("GET", "settings", status=200).json["gpu_memory"] == [24 * GIB]
    for cards, fits in (([2 * GIB, 2 * GIB], "gpu"), ([], "memory")):
        assert larder.api("PATCH", "settings", {"gpu_memory": cards}, 200).json["gpu_memory"] == cards
        told = fit(larder, shown)
        assert told["host"]["gpus"] == cards and {group["fit"] for group in told["groups"]} == {fits}
    larder.stop_daemon()
    larder.start_daemon()
    assert larder.api("GET", "settings", status=200).json["gpu_memory"] == [], "it is kept"
    assert larder.api("PATCH", "settings", {"gpu_memory": None}, 200).json["gpu_memory"] == [24 * GIB]
    for bad in ([0], [-1], [24], ["24G"], 24, [8192 << 30], [GIB] * 17):
        assert larder.api("PATCH", "settings", {"gpu_memory": bad}).status == 422, bad


def run(larder, *words):
    return subprocess.run([larder.build / "larder", *words], env=larder.env, text=True, capture_output=True, timeout=60,
                          check=False, stdin=subprocess.DEVNULL)


def test_two_commands_from_nothing_to_a_variant_that_fits(make_larder):
    larder = make_larder(LARDER_GPU_MEMORY="8G")
    found = run(larder, "search", "tiny-7b", "--format", "gguf").stdout
    assert TINY in found
    done = run(larder, "get", TINY, "--fit")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{TINY}:Q6_K_L: ") and "fit the graphics memory" in done.stdout
    assert [path.name for path in (larder.models / TINY).glob("*.gguf")] == ["tiny-7b-Q6_K_L.gguf"]


def test_what_is_named_is_taken_as_it_is(larder):
    done = run(larder, "get", f"{TINY}:Q2_K", "--fit")
    assert done.returncode == 0 and "taken as it is named" in done.stdout, done.stderr
    assert [path.name for path in (larder.models / TINY).glob("*.gguf")] == ["tiny-7b-Q2_K.gguf"]


def test_where_no_card_is_known_that_is_said(larder):
    words = "no graphics card is known here; to name one of 8 GiB: larder settings set gpu-memory=8"
    assert words in run(larder, "preview", TINY).stdout
    assert words in run(larder, "get", TINY, "--fit").stdout
    larder.api("PATCH", "settings", {"gpu_memory": [8 << 30]}, 200)
    assert words not in run(larder, "preview", TINY).stdout


def test_what_does_not_fit_is_not_fetched(larder):
    for words in ((TINY, "--context", "100000000"), ("acme/tiny-st",), ("acme/nowhere",)):
        done = run(larder, "get", *words, "--fit")
        assert done.returncode in (1, 2) and done.stderr and not list(larder.models.rglob("*.gguf")), words
    assert run(larder, "get", TINY, "--fit", "--context", "0").returncode == 2


@pytest.mark.parametrize("query, status", [
    ("?context=0", 422), ("?context=-1", 422), ("?context=x", 422), ("?context=100000001", 422), ("?other=1", 422)])
def test_what_makes_no_sense_is_refused(larder, query, status):
    assert larder.api("GET", f"previews/{preview(larder, TINY)['id']}/fit{query}").status == status


def test_a_dataset_is_nothing_to_run(larder):
    shown = preview(larder, "acme/words", type="dataset")
    assert fit(larder, shown, status=422)["code"] == "invalid"


def test_the_token_does_not_leave_with_it(larder, hub):
    """A gated model's head is asked for with the token, which stays at the Hub."""
    told = fit(larder, preview(larder, "acme/gated-auto-7b"))
    assert told["cache"] and not hub.leaks()
