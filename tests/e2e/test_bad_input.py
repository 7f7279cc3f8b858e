"""Input that is wrong: the right status, a sentence that names the field, one line in the log, nothing queued."""

import json
import time

import pytest

from harness import TIMEOUT


TINY = "acme/tiny-7b-GGUF"
JSON = {"Content-Type": "application/json"}


def assert_refused(larder, answer, status, field=None, code=None):
    """A problem document of this status; one log line; an empty queue."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert problem["type"] == f"urn:larder:problem:{problem['code']}"
    if code:
        assert problem["code"] == code
    if field:
        assert problem["field"] == field
        assert field.split("[")[0] in problem["detail"], problem["detail"]
    larder.fcgi.wait_line(problem["request_id"])
    lines = [line for line in larder.fcgi.lines if problem["request_id"] in line]
    assert len(lines) == 1, lines
    assert larder.rpc("download.list")["result"]["downloads"] == []
    return problem


@pytest.fixture(scope="module")
def patient(tmp_path_factory, session_hub):
    """One Larder for all of these: nothing they do may change it."""
    from harness import Larder
    with Larder(tmp_path_factory.mktemp("patient"), session_hub.endpoint) as larder:
        yield larder


BAD_REPOS = {
    "empty": "",
    "spaces": "   ",
    "dotdot": "../../etc/passwd",
    "dotdot in a name": "acme/..",
    "three parts": "a/b/c",
    "dashes": "--",
    "double dash": "acme/ti--ny",
    "git ending": "acme/tiny.git",
    "control characters": "acme/ti\u0001ny",
    "newline": "acme/\nx",
    "escape": "acme/\u001b[31m",
    "huge name": "a" * 10_000,
    "huge with slash": "acme/" + "b" * 10_000,
    "foreign host": "https://example.org/acme/tiny",
    "file url": "file:///etc/passwd",
    "shell": "$(reboot)",
    "html": "<script>alert(1)</script>",
    "ends with dot": "acme/tiny.",
    "percent dotdot": "https://huggingface.co/acme/..%2f..%2fetc",
}


@pytest.mark.parametrize("path", ["preview", "downloads"])
@pytest.mark.parametrize("repo", BAD_REPOS.values(), ids=BAD_REPOS.keys())
def test_a_bad_repo_is_refused(patient, path, repo):
    answer = patient.api("POST", path, {"repo": repo})
    assert_refused(patient, answer, 422, "repo", "invalid")


@pytest.mark.parametrize("path", ["preview", "downloads"])
@pytest.mark.parametrize("body, field", [
    ({}, "repo"),
    ({"repo": None}, "repo"),
    ({"repo": 7}, "repo"),
    ({"repo": ["a"]}, "repo"),
    ({"repo": {"a": 1}}, "repo"),
    ({"repo": True}, "repo"),
    ({"repo": TINY, "unknown": 1}, "unknown"),
    ({"repo": TINY, "Repo": TINY}, "Repo"),
    ({"repo": TINY, "type": "space"}, "type"),
    ({"repo": TINY, "type": 1}, "type"),
    ({"repo": TINY, "revision": "a b"}, "revision"),
    ({"repo": TINY, "revision": "a..b"}, "revision"),
    ({"repo": TINY, "revision": "x" * 300}, "revision"),
    ({"repo": TINY, "revision": ""}, "revision"),
    ({"repo": TINY, "commit": "main"}, "commit"),
    ({"repo": TINY, "commit": "Z" * 40}, "commit"),
    ({"repo": TINY, "select": "Q4_K_M"}, "select"),
    ({"repo": TINY, "select": [7]}, "select[0]"),
    ({"repo": TINY, "select": ["Q4_K_M", ""]}, "select[1]"),
    ({"repo": TINY, "select": ["x" * 2000]}, "select[0]"),
    ({"repo": TINY, "select": ["a"] * 1000}, "select"),
    ({"repo": TINY, "exclude": [None]}, "exclude[0]"),
])
def test_a_bad_member_is_refused_by_name(patient, path, body, field):
    assert_refused(patient, patient.api("POST", path, body), 422, field, "invalid")


@pytest.mark.parametrize("path", ["preview", "downloads"])
@pytest.mark.parametrize("repo", [TINY, "acme/" + "b" * 96], ids=["short", "long"])
@pytest.mark.parametrize("step", ["r", "/r"])
def test_a_revision_whose_folder_no_file_system_takes_is_refused(patient, path, repo, step):
    room = 255 - len(repo.split("/")[1] + "@r")
    taken = len(step.replace("/", "--"))
    longest = "r" + step * (room // taken) + "r" * (room % taken)
    patient.api("POST", "preview", {"repo": repo, "revision": longest}, 404)  # it is only not on the Hub
    answer = patient.api("POST", path, {"repo": repo, "revision": longest + "r"})
    problem = assert_refused(patient, answer, 422, "revision", "invalid")
    assert "too long" in problem["detail"] and "255" in problem["detail"]


@pytest.mark.parametrize("select, field", [
    (["/unclosed("], "select[0]"),
    (["Q4_K_M", "/un(closed/"], "select[1]"),
    (["/[z-a]/"], "select[0]"),
    (["nothing-is-called-that"], "select[0]"),
    (["Q5_K_S"], "select[0]"),
])
def test_a_bad_term_is_refused_with_its_place(patient, select, field):
    answer = patient.api("POST", "preview", {"repo": TINY, "select": select})
    assert_refused(patient, answer, 422, field, "invalid")


@pytest.mark.parametrize("priority", ["1", 1.5, 100000, -100000, True])
def test_a_bad_priority_is_refused(patient, priority):
    answer = patient.api("POST", "downloads", {"repo": TINY, "priority": priority})
    assert_refused(patient, answer, 422, "priority", "invalid")


@pytest.mark.parametrize("body, status", [
    (b"", 422),
    (b"not json", 400),
    (b"{", 400),
    (b'{"repo":"a/b"', 400),
    (b'{"repo":"a/b"} x', 400),
    (b'{"repo":"a/b"}\0', 400),
    (b'[]', 400),
    (b'"a"', 400),
    (b'null', 400),
    (b"{'repo':'a/b'}", 400),
    (b'{"repo":"\xff\xfe"}', 400),
    (b'{"repo":"acme/\\ud800"}', 422),
    (b'{"repo":"acme/\\u0000x"}', 422),
    (b'{"a":' * 100 + b"1" + b"}" * 100, 400),
    (b'{"repo":"' + b"a" * (1 << 20) + b'"}', 413),
    (b"[" * (1 << 20), 413),
])
@pytest.mark.parametrize("path", ["preview", "downloads"])
def test_a_bad_body_is_refused(patient, path, body, status):
    assert_refused(patient, patient.raw("POST", f"/api/v1/{path}", body, JSON), status)


def test_a_body_of_another_type_is_refused(patient):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        headers = {"Content-Type": kind} if kind else {}
        answer = patient.raw("POST", "/api/v1/downloads", json.dumps({"repo": TINY}).encode(), headers)
        assert_refused(patient, answer, 415, code="unsupported_media_type")


@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", "preview", "POST"),
    ("GET", "preview", "POST"),
    ("PUT", "downloads", "GET, POST"),
    ("DELETE", "downloads", "GET, POST"),
    ("GET", "downloads/abc/pause", "POST"),
    ("POST", "health", "GET"),
    ("PATCH", "session", "GET, POST, DELETE"),
])
def test_a_wrong_method_is_told_the_right_ones(patient, method, path, allow):
    answer = patient.api(method, path, {} if method != "GET" else None)  # lighttpd refuses a GET with a body by itself
    assert_refused(patient, answer, 405, code="method_not_allowed")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["", "nothing", "downloads/", "downloads/a/b", "downloads/a/explode", "health/x",
                                  "a/b/c/d/e/f/g/h/i/j/k"])
def test_an_unknown_path_is_not_found(patient, path):
    assert_refused(patient, patient.api("GET", path), 404, code="unknown_path")


@pytest.mark.parametrize("path", ["downloads/%zz", "downloads/%", "downloads/%0a", "downloads/%ff",
                                  "downloads?state=%00", "downloads?" + "a=1&" * 40])
def test_an_address_that_is_not_well_formed_is_refused(patient, path):
    answer = patient.api("GET", path)
    assert answer.status in (400, 404), answer.status
    assert len(patient.rpc("download.list")["result"]["downloads"]) == 0


@pytest.mark.parametrize("query, field", [("state=odd", "state"), ("limit=0", "limit"), ("limit=x", "limit"),
                                          ("limit=100000", "limit"), ("cursor=x", "cursor"), ("sort=name", "sort")])
def test_a_bad_query_is_refused_by_name(patient, query, field):
    assert_refused(patient, patient.api("GET", f"downloads?{query}"), 422, field, "invalid")


@pytest.mark.parametrize("method, path", [("GET", "downloads/{}"), ("POST", "downloads/{}/pause"),
                                          ("PATCH", "downloads/{}"), ("DELETE", "downloads/{}")])
@pytest.mark.parametrize("identity", ["aaaaaaaaaaaaaaaaaaaa", "x", "%2e%2e", "a'b"])
def test_an_unknown_download_is_not_found(patient, method, path, identity):
    body = {"priority": 1} if method == "PATCH" else {} if method == "POST" else None
    answer = patient.api(method, path.format(identity), body)
    if identity == "%2e%2e" and answer.status in (400, 405, 422):
        return  # the web server has resolved it; what is left has no such method
    assert_refused(patient, answer, 404)


@pytest.mark.parametrize("line", [b"", b"x", b"{}", b"[]", b'{"jsonrpc":"1.0","id":1,"method":"download.list"}',
                                  b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","id":1,"method":"no.such"}',
                                  b'{"jsonrpc":"2.0","id":{},"method":"download.list"}',
                                  b'{"jsonrpc":"2.0","id":1,"method":"download.list","params":[]}',
                                  b'{"jsonrpc":"2.0","id":1,"method":"download.list","params":{"x":1}}',
                                  b'{"a":' * 50 + b"1" + b"}" * 50, b"\xff\xfe", b"a" * (3 << 20)],
                         ids=lambda line: f"{len(line)}-{line[:24]!r}")
def test_a_bad_line_on_the_control_socket_is_answered_and_harmless(patient, line):
    import socket
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(str(patient.run / "control.sock"))
        try:
            sock.sendall(line + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # too long: it was answered and closed before the end
        answer = json.loads(sock.makefile().readline())
    assert answer["error"]["message"] and answer["error"]["data"]["code"]
    assert patient.rpc("download.list")["result"]["downloads"] == []


def test_the_daemon_away_is_503_with_retry_after(make_larder):
    larder = make_larder()
    larder.stop_daemon()
    for method, path, body in (("GET", "downloads", None), ("POST", "preview", {"repo": TINY}),
                               ("POST", "downloads", {"repo": TINY})):
        answer = larder.api(method, path, body)
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0
        assert answer.json["code"] == "daemon_unavailable"
    health = larder.api("GET", "health")
    assert health.status == 503 and health.json["status"] == "unwell"
    assert health.json["parts"]["fcgi"] == "ok" and health.json["parts"]["daemon"] != "ok"
    assert larder.raw("GET", "/api/v1/events").status == 503
    larder.start_daemon()
    assert larder.api("GET", "health", status=200).json["status"] == "ok"


def test_larder_fcgi_away_is_503_in_json(make_larder):
    larder = make_larder()
    larder.kill_fcgi()
    answer = larder.api("GET", "downloads")
    assert answer.status == 503
    if larder.web.name != "lighttpd":  # which has words of its own for that, and no way to change them
        assert answer.headers["Retry-After"] and answer.json["code"] == "daemon_unavailable"
    larder.start_fcgi()
    deadline = time.monotonic() + TIMEOUT
    while larder.api("GET", "downloads").status != 200:  # lighttpd leaves it alone for a moment after a failure
        assert time.monotonic() < deadline
