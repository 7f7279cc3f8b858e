"""Each web server with its shipped site file: the page with its headers, the API, the stream, a whole download."""

import pytest

TERM = "acme/tiny-7b-GGUF:Q4_K_M"


@pytest.fixture(params=[(web, base) for web in ("nginx", "caddy", "lighttpd") for base in ("", "/hf")],
                ids=lambda param: f"{param[0]} {param[1] or '/'}")
def served(request, make_larder):
    web, base = request.param
    return make_larder(web=web, base=base)


def test_the_page_comes_with_its_policy(served):
    page = served.raw("GET", "/")
    assert page.status == 200 and b"<title>" in page.body
    assert page.headers["Content-Type"].lower().replace(" ", "") == "text/html;charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    script = served.raw("GET", "/js/main.js")
    assert script.status == 200 and "javascript" in script.headers["Content-Type"]
    assert served.raw("GET", "/js/").status in (403, 404)


def test_a_download_is_made_and_watched(served, hub):
    hub.fault("slow", "*", origin="cdn", rate=4_000_000)
    with served.stream() as stream:
        events = iter(stream)
        assert next(events).name == "snapshot"
        identity = served.download(TERM)
        seen = set()
        for event in events:
            seen.add(event.name)
            if event.name == "download" and event.data["id"] == identity and event.data["state"] == "completed":
                break
    assert {"download", "progress"} <= seen


def test_errors_reach_the_caller_as_they_are(served):
    answer = served.api("POST", "preview", {"repo": "a/b/c"})
    assert answer.status == 422 and answer.json["field"] == "repo"
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert served.api("DELETE", "preview").headers["Allow"] == "POST"
    assert served.raw("POST", "/api/v1/preview", b"x" * (1 << 20), {"Content-Type": "application/json"}).status == 413
    assert served.api("GET", "downloads/a%20b").status == 404


def test_larderd_away_is_503(served):
    served.stop_daemon()
    answer = served.api("GET", "downloads")
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert served.raw("GET", "/api/v1/events").status in (502, 503)
    served.start_daemon()
    served.api("GET", "downloads", status=200)
