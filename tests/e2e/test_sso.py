"""Single sign-on as docs/REVERSE-PROXY.md has it: its own lines, in the web server, before a gate that stands in for Authelia."""

import http.server
import re
import threading

import pytest

from harness import ROOT

USER = "jane"


def recipe(title):
    """The indented blocks beneath the paragraph that begins with this title, in order."""
    text = (ROOT / "docs/REVERSE-PROXY.md").read_text()
    text = text[text.index(f"**{title}"):]
    text = text[:text.find("\n**", 1)]
    return [re.sub(r"^    ", "", block, flags=re.M) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M)]


@pytest.fixture
def gate():
    """Lets in who has the cookie, and says who it is."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            is_in = "gate=open" in (self.headers["Cookie"] or "")
            self.send_response(200 if is_in else 401)
            if is_in:
                self.send_header("Remote-User", USER)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def behind_nginx(text, gate):
    auth, guard = recipe("Authelia, with nginx.")
    text = text.replace('proxy_set_header Remote-User "";', "proxy_set_header Remote-User $user;")
    text = text.replace('fastcgi_param HTTP_REMOTE_USER "";', "fastcgi_param HTTP_REMOTE_USER $user;")
    text = re.sub(r"^(location (?:= )?/\S* \{)$", lambda m: m[1] + "\n" + guard, text, flags=re.M)
    assert text.count("auth_request /authelia;") == 3
    return auth.replace("127.0.0.1:9091", gate) + text


def behind_caddy(text, gate):
    [auth] = recipe("Authelia or Authentik, with Caddy.")
    text = text.replace("\trequest_header -Remote-User # nobody may name himself: see LARDER_AUTH=proxy\n", "")
    text = text.replace("\trequest_header -Remote-User\n", "")
    assert "request_header -Remote-User" not in text and "request_header -Remote_User" in text
    return auth.replace("127.0.0.1:9091", gate) + text


@pytest.mark.parametrize("web, edit", [("nginx", behind_nginx), ("caddy", behind_caddy)])
def test_who_the_gate_names_is_let_in_and_nobody_else(make_larder, gate, web, edit):
    larder = make_larder(is_started=False, web=web, base="", LARDER_AUTH="proxy")
    larder.edit_site = lambda text: edit(text, gate)
    larder.start()
    inside = {"Cookie": "gate=open"}
    assert larder.raw("GET", "/api/v1/session", headers=inside).json["user"] == USER
    assert larder.raw("GET", "/", headers=inside).status == 200
    # Nobody names himself, inside or outside.
    forged = {"Remote-User": "root", "Remote_User": "root"}
    assert larder.raw("GET", "/api/v1/session", headers=inside | forged).json["user"] == USER
    for path in ("/", "/api/v1/downloads", "/api/v1/events"):
        assert larder.raw("GET", path, headers=forged).status in (302, 401), path
    larder.headers = inside
    with larder.stream() as stream:
        events = iter(stream)
        assert next(events).name == "snapshot"
        identity = larder.download("acme/tiny-7b-GGUF:Q4_K_M")
        for event in events:
            if event.name == "download" and event.data["id"] == identity and event.data["state"] == "completed":
                break
    entries = larder.api("GET", "audit", status=200).json["audit"]
    assert {entry["who"] for entry in entries} == {USER}
