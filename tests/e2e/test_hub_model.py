"""One repository of the Hub, for somebody who chooses: facts, what the Hub's scanners say, and the card."""

import json

import pytest

TINY = "acme/tiny-7b-GGUF"


def look(larder, repo, status=200, query=""):
    return larder.api("GET", f"hub/models/{repo}{query}", status=status).json


def words(card):
    """The text of a card, without its elements."""
    return "".join(token for token in card if isinstance(token, str))


def elements(card, name):
    return [token for token in card if isinstance(token, list) and token[0] == name]


def test_facts_and_card(larder, hub):
    model = look(larder, TINY)
    assert model["repo"] == TINY and model["licence"] == "apache-2.0" and model["commit"] == hub.commit(TINY)
    assert model["page"] == f"{hub.endpoint}/{TINY}" and model["present"] is False
    assert model["scan"] == {"done": True, "issues": [], "issues_total": 0}
    card = model["card"]
    assert elements(card, "h1") and len(elements(card, "tr")) == 3 and model["card_problem"] is None
    assert elements(card, "pre") == [["pre", "sh"]] and elements(card, "li")[-2:] == [["li", True], ["li", False]]
    assert "license" not in words(card), "the heading is for the Hub"


def test_what_is_in_a_card_does_no_harm(larder, hub):
    card = look(larder, TINY)["card"]
    text = json.dumps(card)
    for bad in ("javascript", "onclick", "alert", "taken over", "<script", "<img"):
        assert bad not in text, bad
    assert "Press here" in words(card), "its words stay"
    commit = hub.commit(TINY)
    assert ["a", f"{hub.endpoint}/{TINY}/blob/{commit}/tiny-7b-Q4_K_M.gguf"] in card, "relative ones are made whole"
    assert ["img", "https://img.example/tiny.png", "A tiny llama"] in card


def test_it_is_kept_for_a_while(larder, hub):
    look(larder, TINY)
    hub.clear_requests()
    assert look(larder, TINY)["card"] and not hub.requests()


def test_a_preview_beside_it_costs_one_listing(larder, hub):
    larder.api("POST", "preview", {"repo": TINY}, 200)
    hub.clear_requests()
    look(larder, TINY)
    assert not hub.requests(path="*/tree/*")


def test_what_the_scanners_found_is_told(larder, hub):
    found = {"scansDone": True, "filesWithIssues": [
        {"path": "pytorch_model.bin", "level": "unsafe"}, {"path": "fine.bin", "level": "safe"},
        {"path": "x\x1b[31m.bin", "level": "suspicious"}, {"path": 1}, "x",
        *({"path": f"{n}.bin", "level": "caution"} for n in range(60))]}
    body = json.dumps({"id": TINY, "securityRepoStatus": found})
    hub.fault("status", f"/api/models/{TINY}", status=200, body=body)
    scan = look(larder, TINY)["scan"]
    assert scan["issues"][0] == {"path": "pytorch_model.bin", "level": "unsafe"}
    assert scan["issues_total"] == 62 and len(scan["issues"]) == 50 and "\x1b" not in json.dumps(scan, ensure_ascii=False)


def test_a_gated_one_says_where_to_ask_and_why_there_is_no_card(make_larder):
    model = look(make_larder(token=""), "acme/gated-7b")
    assert model["gated"] == "manual" and model["page"].endswith("/acme/gated-7b")
    assert model["card"] is None and "access" in model["card_problem"]


def test_without_a_card_there_is_none(larder, hub):
    hub.push("acme/no-card", {"a.gguf": b"GGUF"})
    model = look(larder, "acme/no-card")
    assert model["card"] is None and model["card_problem"] is None


def test_a_card_that_does_not_come_is_no_error_and_asked_for_again(larder, hub):
    fault = hub.fault("status", "*/README.md", status=500)
    model = look(larder, TINY)
    assert model["licence"] == "apache-2.0" and model["card"] is None and model["card_problem"]
    hub.faults.remove(fault.id)
    assert look(larder, TINY)["card"]


def test_a_long_card_is_cut(larder, hub):
    hub.push("acme/long", {"README.md": b"word " * 60_000, "a.gguf": b"GGUF"})
    model = look(larder, "acme/long")
    assert model["card_is_cut"] and 120_000 < len(words(model["card"])) <= 128 * 1024


def test_a_dataset_has_a_card_too(larder):
    assert look(larder, "acme/words", query="?type=dataset")["type"] == "dataset"


@pytest.mark.parametrize("repo, status", [
    ("acme/nowhere", 404), ("acme/na..me", 422), ("-acme/x", 422), (f"acme/{'x' * 97}", 422)])
def test_what_is_not_there_or_makes_no_sense_is_refused(larder, repo, status):
    look(larder, repo, status)


def test_offline_asks_nothing(make_larder, hub):
    hub.clear_requests()
    assert look(make_larder(LARDER_OFFLINE="1"), TINY, 503)["code"] == "offline" and not hub.requests()
