"""Each web server with its shipped site file: the page with its headers, the API, the stream, a whole download."""

import gzip
import re
import subprocess

import pytest

from harness import ROOT

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


@pytest.mark.parametrize("name", ["~", "acme/x.inc", "acme/.x", "acme/x.php", "acme/a%20b%2Bc"])
def test_a_name_is_a_name_whatever_the_server_thinks_of_files(served, name):
    assert served.api("GET", f"models/{name}", None, 404).json["code"] == "unknown_model"


def test_larderd_away_is_503(served):
    served.stop_daemon()
    answer = served.api("GET", "downloads")
    assert answer.status == 503 and answer.headers["Retry-After"]
    assert served.raw("GET", "/api/v1/events").status in (502, 503)
    served.start_daemon()
    served.api("GET", "downloads", status=200)


@pytest.fixture
def installed(served, tmp_path):
    """The pages as `make install` leaves them, and the folder that is named after what it holds."""
    pages = tmp_path / "pages"
    subprocess.run([ROOT / "etc/install-pages.sh", ROOT / "static", pages], check=True)
    served.stop_web()
    served.static = pages
    served.start_web()
    [kept] = [one.name for one in pages.iterdir() if one.is_dir()]
    return served, kept


def test_what_cannot_change_is_kept_and_all_else_is_asked_for(installed):
    served, kept = installed
    page = served.raw("GET", "/")
    assert page.status == 200 and f'"{kept}/js/main.js"' in page.body.decode()
    assert page.headers["Cache-Control"] == "no-cache"
    script = served.raw("GET", f"/{kept}/js/main.js")
    assert script.status == 200 and int(re.search(r"max-age=(\d+)", script.headers["Cache-Control"])[1]) > 30_000_000
    assert script.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in script.headers["Content-Security-Policy"]
    # What is not there today may be tomorrow.
    lost = served.raw("GET", f"/{kept}/js/none.js")
    assert lost.status == 404 and "max-age" not in (lost.headers["Cache-Control"] or "")
    assert "max-age" not in (served.raw("GET", "/0123456789ab/js/main.js").headers["Cache-Control"] or "")


def test_text_is_compressed_and_the_stream_is_not(installed):
    served, kept = installed
    packed = {"Accept-Encoding": "gzip"}
    for path in ("/", f"/{kept}/js/main.js", "/api/v1/settings"):
        plain, small = served.raw("GET", path), served.raw("GET", path, headers=packed)
        assert plain.status == small.status == 200
        assert plain.headers["Content-Encoding"] is None
        if len(plain.body) > 2000:  # each server has a least size of its own
            assert small.headers["Content-Encoding"] == "gzip", path
            assert gzip.decompress(small.body) == plain.body and len(small.body) < len(plain.body)
    served.headers = packed
    with served.stream() as stream:
        assert stream.response.headers["Content-Encoding"] is None
        assert next(iter(stream)).name == "snapshot"
