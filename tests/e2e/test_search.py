"""Looking for models at the Hub by the REST API: what is found, how it goes on, what the Hub is asked."""

from urllib.parse import quote, urlencode

import pytest

TINY = "acme/tiny-7b-GGUF"


def search(larder, status=200, **query):
    """The answer of one search."""
    return larder.api("GET", "hub/search?" + urlencode(query), status=status).json


def names(answer):
    return [row["repo"] for row in answer["results"]]


def asked(hub):
    """The searches that the Hub was asked for."""
    return hub.requests(path="/api/models") + hub.requests(path="/api/datasets")


def test_a_row_tells_what_one_chooses_by(larder):
    [row] = search(larder, q="tiny-7b-gguf")["results"]
    assert row["repo"] == TINY and row["type"] == "model" and row["formats"] == ["gguf"]
    assert row["licence"] == "apache-2.0" and row["base_model"] == "acme/tiny-7b" and row["gated"] is None
    assert row["downloads"] == 1234 and row["likes"] == 56 and row["task"] == "text-generation"
    assert row["parameters"] > 0 and row["architecture"] == "llama" and row["context_length"] > 0
    assert row["modified_at"].endswith("Z") and row["present"] is False and row["private"] is False


def test_what_is_in_the_library_is_marked(larder):
    larder.fetch(f"{TINY}:Q4_K_M")
    assert [row["present"] for row in search(larder, q="tiny-7b-gguf")["results"]] == [True]


def test_filters_narrow_and_orders_order(larder):
    assert names(search(larder, author="shelf", limit=3, sort="likes")) == [f"shelf/jar-{n}" for n in (39, 38, 37)]
    assert names(search(larder, author="shelf", limit=2, sort="downloads", format="gguf")) == [
        "shelf/jar-39", "shelf/jar-37"]
    assert names(search(larder, author="shelf", limit=1, sort="downloads", format="safetensors")) == ["shelf/jar-38"]
    assert TINY in names(search(larder, task="text-generation", tags="license:apache-2.0,region:us"))
    assert names(search(larder, tags="no-such-tag")) == []
    assert names(search(larder, type="dataset", q="words")) == ["acme/words"]
    [row] = search(larder, q="gated-7b")["results"]
    assert row["gated"] == "manual"


def test_sizes_are_parameters(larder):
    [row] = search(larder, q="tiny-7b-gguf")["results"]
    millions = row["parameters"] // 1_000_000
    least, most = millions * 1_000_000, (millions + 1) * 1_000_000
    assert TINY in names(search(larder, min_parameters=least, max_parameters=most, author="acme"))
    assert TINY not in names(search(larder, min_parameters=most + 1_000_000, author="acme"))


def test_pages_lead_through_all_of_them_once(larder):
    found, query = [], {"author": "shelf", "limit": 15, "sort": "likes"}
    while True:
        answer = search(larder, **query)
        found += names(answer)
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert sorted(found) == [f"shelf/jar-{n:02d}" for n in range(40)]


def test_the_same_question_is_asked_once(larder, hub):
    for _ in range(3):
        search(larder, q="tiny", sort="likes")
    assert len(asked(hub)) == 1


def test_what_the_quota_leaves_is_told(larder, hub):
    hub.set(quotas={"api": 40})
    answer = search(larder, q="tiny", sort="likes", limit=7)
    assert 0 <= answer["quota"]["remaining"] < 40 and 0 < answer["quota"]["reset_s"] <= 301


def test_a_used_up_quota_is_said_and_heeded(larder, hub):
    hub.fault("rate_limited", path="/api/models", times=1, t=2000)
    refused = search(larder, status=429, q="one")
    assert refused["code"] == "rate_limited"
    assert search(larder, status=429, q="two")["code"] == "rate_limited"
    assert len(asked(hub)) == 1


def test_offline_asks_nobody_and_says_so(make_larder, hub):
    larder = make_larder(LARDER_OFFLINE="1")
    assert search(larder, status=503, q="tiny")["code"] == "offline"
    assert not hub.requests()


def test_a_hub_that_is_away_is_said(make_larder):
    larder = make_larder(endpoint="http://127.0.0.1:9")
    assert search(larder, status=502, q="tiny")["code"] == "network"


def test_hidden_repositories_are_marked(larder):
    [row] = search(larder, q="private-7b")["results"]
    assert row["private"] is True


@pytest.mark.parametrize(("query", "field"), [
    ("q=" + "x" * 201, "q"),
    ("type=space", "type"),
    ("format=exe", "format"),
    ("sort=magic", "sort"),
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=many", "limit"),
    ("min_parameters=-1", "min_parameters"),
    ("min_parameters=9&max_parameters=3", "min_parameters"),
    ("min_parameters=99999999999999999999", "min_parameters"),
    ("author=" + "x" * 97, "author"),
    ("task=" + "x" * 65, "task"),
    ("cursor=" + quote("a&sort=id"), "cursor"),
    ("cursor=" + quote("a#b"), "cursor"),
    ("cursor=" + "x" * 1025, "cursor"),
    ("colour=red", "colour"),
])
def test_bad_input_is_refused_by_name(larder, hub, query, field):
    refused = larder.api("GET", f"hub/search?{query}", status=422).json
    assert refused["code"] == "invalid" and refused["field"] == field
    assert not hub.requests()


def test_words_cannot_leave_their_parameter(larder, hub):
    search(larder, q="a&sort=id#x", author="a=b?c", tags="x&y,,z")
    [request] = asked(hub)
    assert "search=a%26sort%3Did%23x&author=a%3Db%3Fc&filter=x%26y&filter=z&sort=trendingScore" in request["query"]
