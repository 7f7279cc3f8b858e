"""docs/openapi.json is valid, has every route and nothing else, and is what the servers really do.

Each operation has an exercise here: a new one without fails. What other tests receive is held against the document as
well (conftest.py), so a change of the API that the document does not know is found wherever it shows.
"""

import copy
import email.message
import json
import os
import re
import time
import types
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import PointerToNowhere

from contract import Contract, document, routes
from harness import ROOT, TIMEOUT, Larder
from test_auth import CONFIGURED, PASSWORD, key, password_hash, sign_in  # noqa: F401  (a fixture, and a door)

OPERATIONS = sorted(Contract().operations)
ROLES = ("nobody", "viewer", "operator", "admin")
META = Draft202012Validator(Draft202012Validator.META_SCHEMA)
GIVEN = "hf_grantedGIVENGIVENGIVENGIVEN"
JSON = {"Content-Type": "application/json"}
UNKNOWN = "aaaaaaaaaaaaaaaaaaaa"
OUTSIDE = re.compile(r"\d are allowed|must not be empty|must be between|whole number")

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: " ".join(operation))


class World:
    """An open Larder, a locked one, and a Hub on which to put what an exercise needs."""

    def __init__(self, larder, locked, hub):
        self.larder, self.locked, self.hub = larder, locked, hub
        self.contract = larder.contract = locked.contract = Contract()
        self.made = 0

    def repo(self, parts=2):
        """A new repository: the folder that its files will have, and what to ask for it with."""
        self.made += 1
        name = f"contract-{self.made}-{os.getpid()}"
        folder = "/".join([*("datasets", "acme")[3 - parts:], name])
        self.hub.push(folder, {"model-Q4_K_M.gguf": os.urandom(200_000), "README.md": b"one\n"})
        return folder, {"repo": folder.removeprefix("datasets/"), "type": "dataset" if parts == 3 else "model"}

    def model(self, parts=2):
        """A new repository that was fetched: its folder."""
        folder, wish = self.repo(parts)
        assert self.larder.fetch(**wish)["state"] == "completed"
        self.larder.api("GET", f"models/{folder}", status=200)
        return folder

    def call(self, method, path, body=None, status=200):
        """A call that must have this status: what it says."""
        answer = self.larder.api(method, path, body, status)
        return answer.json if answer.body else None

    def refuses_name(self, method, path, body=None):
        """Whether a call is refused under a name that anybody may have handed out."""
        if self.larder.web.name == "caddy":
            return True  # its site is for one name only, and it answers others by itself
        answer = self.larder.raw(method, f"/api/v1{filled(path)}", body, JSON | {"Host": "rebound.evil.example"})
        return (answer.status, answer.json["code"]) == (403, "wrong_host")

    def trash(self):
        """A model that was deleted: the entry of the trash, and the folder that it had."""
        folder = self.model()
        return self.call("DELETE", f"models/{folder}")["trash"], folder

    def resting(self):
        """A download that does not begin: while all are paused."""
        self.call("PATCH", "settings", {"paused": True})
        return self.larder.download(**self.repo()[1])


@pytest.fixture(scope="module")
def shared(tmp_path_factory, session_hub, password_hash):  # noqa: F811
    """The world, made once for each worker."""
    folder = tmp_path_factory.mktemp("contract")
    with Larder(folder / "open", session_hub.endpoint, LARDER_RATE_LIMIT=0) as larder, \
            Larder(folder / "locked", session_hub.endpoint, LARDER_RATE_LIMIT=0, LARDER_AUTH="password",
                   LARDER_API_KEYS=CONFIGURED, LARDER_PASSWORD_HASH=password_hash) as locked:
        yield World(larder, locked, session_hub)


@pytest.fixture
def world(shared, hub):  # pylint: disable=unused-argument
    """The world with the settings that it began with, and without faults."""
    yield shared
    shared.call("PATCH", "settings", dict.fromkeys(
        ("paused", "bandwidth_limit", "slow", "slow_limit", "max_downloads", "max_connections", "schedule")))


# --- the document by itself ---

def compare_routes(doc):
    """Fails unless the operations are the routes, and the event stream."""
    told = {(method, re.sub(r"\{\w+\}", "{}", path)): (operation["x-larder-role"], operation.get("x-larder-cost"))
            for (method, path), operation in Contract(doc).operations.items()}
    made = {(method, f"/{path}"): ("nobody" if need == "NOTHING" else need.lower(), cost.lower())
            for method, path, need, cost in routes()}
    assert told == made | {("GET", "/events"): ("viewer", None)}


# Every word of JSON Schema that the document uses: one that is misspelt would be ignored.
SCHEMA_WORDS = set("""$ref additionalProperties allOf anyOf const default description else enum examples
    exclusiveMinimum format if items maxItems maxLength maximum minItems minLength minimum oneOf pattern properties required then type
    unevaluatedProperties writeOnly""".split())


def schemas_in(thing, depth=0):
    """Every schema of a part of the document, and how deep it is in others: 1 for one that is in none."""
    if isinstance(thing, list):
        for one in thing:
            yield from schemas_in(one, depth)
    elif isinstance(thing, dict):
        if depth:
            yield thing, depth
        for name, one in thing.items():
            if name in ("properties", "schemas"):
                yield from schemas_in(list(one.values()), depth + 1)
            elif name in ("schema", "items", "additionalProperties", "allOf", "oneOf", "anyOf", "if", "then", "else"):
                yield from schemas_in(one, depth + 1)
            elif not depth:
                yield from schemas_in(one)


def mistakes(doc):
    """What is wrong with a document: as OpenAPI, and in its schemas, which OpenAPI's own schema leaves to others."""
    try:
        found = [error.message for error in OpenAPIV31SpecValidator(doc).iter_errors()]
    except PointerToNowhere as error:
        found = [str(error)]
    for schema, depth in schemas_in(doc):
        found += [error.message for error in META.iter_errors(schema)] if depth == 1 else []
        found += [f"what is {word}?" for word in set(schema) - SCHEMA_WORDS]
    return found


def test_it_is_valid():
    assert not mistakes(document())
    assert len(list(schemas_in(document()))) > 500


def test_it_has_every_route_and_nothing_else():
    compare_routes(document())


def test_its_version_is_that_of_the_makefile():
    [version] = re.findall(r"^VERSION := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert document()["info"]["version"] == version


@each_operation
def test_what_one_must_show_is_what_the_role_takes(operation):
    method, _ = operation
    told = Contract().operations[operation]
    change = {"csrf": []} if method != "GET" else {}
    if told["x-larder-role"] == "nobody":
        assert told["security"] == ([{}, {"session": [], **change}] if change else [])
    else:
        assert told["security"] == [{"session": [], **change}, {"key": []}]


def references(thing):
    """All that a part of the document refers to."""
    if isinstance(thing, list):
        return {found for one in thing for found in references(one)}
    if not isinstance(thing, dict):
        return set()
    own = {thing["$ref"]} if "$ref" in thing else set()
    return own | {found for one in thing.values() for found in references(one)}


def test_nothing_in_it_is_left_over():
    doc = document()
    used = references(doc)
    for kind in ("schemas", "parameters", "responses", "headers"):
        for name in doc["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, name
    schemes = {name for _, operation in Contract().operations.items() for way in operation["security"] for name in way}
    assert schemes == set(doc["components"]["securitySchemes"])
    tags = {tag for operation in Contract().operations.values() for tag in operation["tags"]}
    assert [tag["name"] for tag in doc["tags"]] == sorted(tags, key=[tag["name"] for tag in doc["tags"]].index)


def test_every_error_code_and_its_status_is_told():
    schemas = document()["components"]["schemas"]
    header = (ROOT / "common/error.h").read_text(encoding="utf-8")
    names = dict(re.findall(r"X\((\w+), \"(\w+)\"", header))
    assert schemas["ErrorCode"]["enum"] == [name for name in names.values() if name != "none"]
    source = (ROOT / "fcgi/response.c").read_text(encoding="utf-8")
    statuses = {names[symbol]: int(status) for symbol, status in re.findall(r"\[ERR_(\w+)\] = (\d+)", source)}
    assert len(statuses) == len(names)
    for name, response in document()["components"]["responses"].items():
        told = response["content"]["application/problem+json"]["schema"]["properties"]
        assert {statuses[code] for code in told["code"]["enum"]} == {told["status"]["const"]}, name
    contract = Contract()
    for (method, path), operation in contract.operations.items():
        for status, response in operation["responses"].items():
            told = contract.resolve(response).get("content", {}).get("application/problem+json", {}).get("schema", {})
            assert told.get("properties", {}).get("status", {}).get("const", int(status)) == int(status), (method, path)


def test_every_kind_of_event_is_told():
    published = {"snapshot"}
    for path in (ROOT / "downloader").glob("*.c"):
        published |= set(re.findall(r'events_publish\([^,]+, "([^"]+)"', path.read_text(encoding="utf-8")))
    assert set(Contract().event_schemas) == published and len(published) > 10


# --- each operation, through the servers ---

EXERCISES = {}


def exercise(method, *paths):
    """What follows exercises this method of these addresses."""
    def keep(function):
        for path in paths:
            assert (method, path) not in EXERCISES
            EXERCISES[method, path] = function
        return function
    return keep


def shapes(tail=""):
    """The addresses of a model, whose folder has one to three parts."""
    return [f"/models/{way}{{name}}{tail}" for way in ("", "{owner}/", "{area}/{owner}/")]


def parts_of(path):
    """How many parts the folder has in such an address."""
    return path.count("{")


@exercise("GET", "/health")
def _health(world, _):
    assert world.call("GET", "health")["status"] == "ok"


@exercise("GET", "/openapi.json")
def _openapi(world, _):
    answer = world.larder.api("GET", "openapi.json", status=200)
    assert answer.body == (ROOT / "docs/openapi.json").read_bytes()
    assert world.larder.api("HEAD", "openapi.json", status=200).body == b""
    assert world.locked.api("GET", "openapi.json", status=200).body == answer.body


@exercise("GET", "/health/live")
def _live(world, _):
    assert world.call("GET", "health/live") == {"status": "ok", "parts": {"fcgi": "ok", "daemon": "ok"}}


@exercise("POST", "/backups")
def _backup(world, _):
    made = world.call("POST", "backups", {}, 201)
    assert made["bytes"] == Path(made["path"]).stat().st_size


@exercise("POST", "/doctor")
def _doctor(world, _):
    report = world.call("POST", "doctor", {"repo": "acme/tiny-7b-GGUF"})
    assert report["healthy"] and report["checks"][-1]["check"] == "storage"
    world.call("POST", "doctor")
    assert not world.call("POST", "doctor", {"repo": "acme/nowhere"})["healthy"]
    world.call("POST", "doctor", {"repo": "owner/name/more"}, 422)


@exercise("GET", "/metrics")
def _metrics(world, _):
    assert "\nlarder_downloads{" in world.larder.api("GET", "metrics", status=200).body.decode()


@exercise("GET", "/session")
def _session(world, _):
    assert world.call("GET", "session")["user"] is None
    world.locked.headers = key("viewer")
    assert world.locked.api("GET", "session", status=200).json["role"] == "viewer"
    world.locked.headers = {}


@exercise("POST", "/session")
@exercise("DELETE", "/session")
def _sign_in_and_out(world, _):
    world.call("POST", "session", {"password": "x"}, 403)
    answer = sign_in(world.locked, PASSWORD)
    page = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": answer.json["csrf_token"]}
    assert world.locked.raw("DELETE", "/api/v1/session", headers={"Cookie": page["Cookie"]}).json["code"] == "csrf"
    assert world.locked.raw("DELETE", "/api/v1/session", headers=page).status == 204


@exercise("DELETE", "/sessions")
def _sessions(world, _):
    answer = sign_in(world.locked, PASSWORD)
    page = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
    world.locked.headers = key("admin")
    assert world.locked.api("DELETE", "sessions", status=204).body == b""
    world.locked.headers = {}
    assert world.call("GET", "session")["user"] is None
    deadline = time.monotonic() + TIMEOUT  # larder-fcgi hears of it within five seconds
    while world.locked.raw("GET", "/api/v1/downloads", headers=page).status == 200:
        assert time.monotonic() < deadline, "the session lives on"


@exercise("GET", "/audit")
def _audit(world, _):
    for _ in range(2):
        world.call("POST", "scan", {}, 202)
    page = world.call("GET", "audit?limit=1")
    assert world.call("GET", f"audit?limit=1&cursor={page['next_cursor']}")["audit"][0]["id"] < page["audit"][0]["id"]


@exercise("GET", "/changes")
def _changes(world, _):
    begin = world.call("GET", "changes")
    world.model()
    news = world.call("GET", f"changes?since={begin['last_id']}")
    assert {"download", "model"} <= {event["event"] for event in news["events"]}


@exercise("GET", "/events")
def _events(world, _):
    with world.larder.stream() as stream:
        assert next(iter(stream)).name == "snapshot"
    assert world.locked.raw("GET", "/api/v1/events").status == 401
    assert world.refuses_name("GET", "/events")


@exercise("GET", "/settings")
def _settings(world, _):
    world.call("GET", "settings")


@exercise("PATCH", "/settings")
def _settings_patch(world, _):
    hours = {"days": ["mon", "sun"], "from": "22:00", "to": "24:00"}
    world.call("PATCH", "settings", {
        "paused": False, "slow": True, "slow_limit": 500_000, "bandwidth_limit": 0, "max_downloads": 2,
        "max_connections": None, "schedule": [{**hours, "action": "limit", "bandwidth_limit": 1},
                                              {**hours, "action": "pause", "bandwidth_limit": None}]})
    world.call("PATCH", "settings", {"schedule": [{**hours, "action": "limit"}]}, 422)
    world.call("PATCH", "settings", {"schedule": [{**hours, "action": "pause", "bandwidth_limit": 1}]}, 422)


@exercise("POST", "/preview")
def _preview(world, _):
    _, wish = world.repo()
    shown = world.call("POST", "preview", wish)
    again = {**wish, "revision": "main", "commit": shown["commit"], "select": ["*.gguf"], "exclude": ["README.md"]}
    assert world.call("POST", "preview", again)["files_selected"] == 1
    world.call("POST", "preview", {**wish, "revision": None, "select": None})
    world.call("POST", "preview", {"repo": "acme/tiny-st"})
    world.call("POST", "preview", {"repo": "acme/gated-7b"})
    world.call("POST", "preview", {"repo": "acme/unsafe-dotdot"}, 422)
    world.call("POST", "preview", {"repo": "acme/nowhere"}, 404)


@exercise("POST", "/paste")
def _paste(world, _):
    pasted = world.call("POST", "paste", {"text": "acme/tiny-7b-GGUF:Q4_K_M\nacme/tiny-st\nno model"})
    assert pasted["kind"] == "lines" and [entry["repo"] is None for entry in pasted["entries"]] == [False, False, True]
    world.call("POST", "paste", {"text": json.dumps({"1": {"class_type": "VAELoader", "inputs": {"n": "a.safetensors"}}})})
    world.call("POST", "paste", {"text": "no model"}, 422)


@exercise("GET", "/downloads")
def _downloads(world, _):
    for _ in range(2):
        world.model()
    page = world.call("GET", "downloads?state=finished&limit=1")
    assert world.call("GET", f"downloads?state=finished&limit=1&cursor={page['next_cursor']}")["downloads"]


@exercise("GET", "/previews/{id}/fit")
def _fit(world, _):
    shown = world.call("POST", "preview", {"repo": "acme/tiny-7b-GGUF"})
    fit = world.call("GET", f"previews/{shown['id']}/fit?context=4096")
    assert fit["context"] == 4096 and fit["cache"]["f16"] > fit["cache"]["q4_0"] and fit["problem"] is None
    assert {group["name"] for group in fit["groups"]} <= {group["name"] for group in shown["groups"]}
    assert fit["recommended"]["group"] in {group["name"] for group in fit["groups"]}
    assert world.call("GET", f"previews/{'a' * 20}/fit", status=404)["code"] == "unknown_preview"


@exercise("POST", "/downloads")
def _download(world, _):
    identity = world.resting()
    repo = world.larder.get(identity)["repo"]
    refused = world.call("POST", "downloads", {"repo": repo, "type": "model", "priority": 7}, 409)
    assert refused["code"] == "duplicate" and refused["download"] == identity
    assert world.call("POST", "downloads", {"preview": "a" * 20}, 404)["code"] == "unknown_preview"
    shown = world.call("POST", "preview", {"repo": repo, "select": ["/./"]})
    made = world.call("POST", "downloads", {"preview": shown["id"], "priority": 3}, 202)
    assert (made["commit"], made["priority"]) == (shown["commit"], 3)
    world.call("POST", f"downloads/{made['id']}/cancel", {})


@exercise("GET", "/downloads/{id}")
def _one_download(world, _):
    identity = world.larder.download(**world.repo()[1])
    world.larder.wait(identity)
    assert world.call("GET", f"downloads/{identity}")["files"]
    failed = world.larder.wait(world.larder.download("acme/nowhere", commit=None))
    assert failed["reason"]["code"] == "not_found"
    assert world.call("GET", f"downloads/{failed['id']}")["reason"]["hint"]


@exercise("PATCH", "/downloads/{id}")
def _priority(world, _):
    identity = world.resting()
    assert world.call("PATCH", f"downloads/{identity}", {"priority": -1000})["priority"] == -1000
    world.call("POST", f"downloads/{identity}/cancel", {})
    assert world.call("PATCH", f"downloads/{identity}", {"priority": 1}, 409)["state"] == "cancelled"


@exercise("POST", "/downloads/{id}/pause")
@exercise("POST", "/downloads/{id}/resume")
@exercise("POST", "/downloads/{id}/cancel")
@exercise("POST", "/downloads/{id}/retry")
@exercise("DELETE", "/downloads/{id}")
def _moves(world, _):
    identity = world.resting()
    assert world.call("DELETE", f"downloads/{identity}", None, 409)["code"] == "illegal_state"
    begun = {"queued", "waiting"}
    states = {"pause": {"paused"}, "resume": begun, "cancel": {"cancelled"}, "retry": begun}
    for verb in ("pause", "resume", "cancel", "retry", "cancel"):
        assert world.call("POST", f"downloads/{identity}/{verb}", {})["state"] in states[verb]
    for verb in ("pause", "resume", "cancel"):
        assert world.call("POST", f"downloads/{identity}/{verb}", {}, 409)["state"] == "cancelled"
    world.call("DELETE", f"downloads/{identity}", None, 204)
    assert world.call("POST", f"downloads/{identity}/retry", {}, 404)["code"] == "unknown_download"


@exercise("GET", "/hub/search")
def _search(world, _):
    page = world.call("GET", "hub/search?q=tiny&type=model&author=acme&task=text-generation&tags=license:apache-2.0"
                             "&format=gguf&min_parameters=1&max_parameters=0&sort=likes&limit=5")
    assert page["results"]
    page = world.call("GET", "hub/search?author=shelf&limit=1")
    world.call("GET", f"hub/search?author=shelf&limit=1&cursor={quote(page['next_cursor'])}")
    assert world.call("GET", "hub/search?q=gated-7b")["results"]
    assert world.call("GET", "hub/search?type=dataset&q=words")["results"]


@exercise("GET", "/hub/models/{name}", "/hub/models/{owner}/{name}")
def _hub_model(world, path):
    repo = "tiny-7b" if parts_of(path) == 1 else "acme/tiny-7b-GGUF"
    model = world.call("GET", f"hub/models/{repo}")
    assert model["repo"] == "acme/tiny-7b-GGUF" and model["card"] and model["scan"]["done"]
    world.call("GET", "hub/models/acme/words?type=dataset")
    world.call("GET", "hub/models/acme/nowhere", status=404)
    world.call("GET", "hub/models/acme/na..me", status=422)


@exercise("GET", "/models")
def _models(world, _):
    for _ in range(2):
        world.model()
    query = "models?q=contract&sort=size&format=gguf&quant=Q4_K_M&limit=1"
    assert world.call("GET", f"{query}&cursor={world.call('GET', query)['next_cursor']}")["models"]
    for state in ("incomplete", "unverified", "changed", "problem", "outdated"):
        world.call("GET", f"models?state={state}&sort=modified")


@exercise("GET", *shapes())
def _model(world, path):
    folder = world.model(parts_of(path))
    assert world.call("GET", f"models/{folder}")["files"]
    if parts_of(path) == 2:  # one with headers, in parts; one of transformers; another revision
        for repo in ("acme/split-70b-GGUF", "acme/tiny-st"):
            if world.larder.api("GET", f"models/{repo}").status == 404:
                assert world.larder.fetch(repo)["state"] == "completed"
        assert world.call("GET", "models/acme/split-70b-GGUF?context=1")["groups"][0]["memory"]["cache"]["f16"]
        headers = [file["header"] for file in world.call("GET", "models/acme/tiny-st")["files"]]
        kinds = {header["format"] for header in headers if header}
        assert kinds == {"safetensors", "config"}
        world.larder.fetch("acme/tiny-7b-GGUF:Q4_K_M", revision="v1")
        assert world.call("GET", "models/acme/tiny-7b-GGUF?revision=v1")["revision"] == "v1"


@exercise("DELETE", *shapes())
def _delete(world, path):
    folder = world.model(parts_of(path))
    world.call("DELETE", f"models/{folder}?group=no-such", None, 422)
    assert world.call("DELETE", f"models/{folder}?group=Q4_K_M")["trash"]
    if parts_of(path) == 2:
        folder, wish = world.repo()
        (world.larder.models / folder).mkdir(parents=True)
        (world.larder.models / folder / "mine.gguf").write_bytes(b"GGUF")
        world.call("PATCH", "settings", {"paused": True})
        world.larder.download(**wish)
        world.call("POST", "scan", {}, 202)
        with world.larder.stream() as events:
            while not (answer := world.larder.api("DELETE", f"models/{folder}")).status == 409:
                next(iter(events))
        assert answer.json["code"] == "in_use"


@exercise("POST", *shapes("/verify"))
@exercise("POST", *shapes("/repair")[1:])
def _verify_and_repair(world, path):
    folder = world.model(parts_of(path))
    verb = path.rsplit("/", 1)[1]
    identity = world.call("POST", f"models/{folder}/{verb}", {"priority": 3}, 202)["id"]
    done = world.larder.wait(identity)
    assert done["state"] == "completed" and (done["findings"] is None) == (verb == "repair")
    assert world.larder.get(identity)["kind"] == verb


@exercise("POST", *(shapes(f"/{verb}")[0] for verb in ("repair", "check", "update")))
def _act_on_one_part(world, path):
    refused = world.call("POST", f"models/{world.model(1)}/{path.rsplit('/', 1)[1]}", {}, 422)
    assert refused["field"] == "folder"


@exercise("POST", *shapes("/check")[1:])
@exercise("POST", *shapes("/update")[1:])
def _check_and_update(world, path):
    folder = world.model(parts_of(path))
    assert not world.call("POST", f"models/{folder}/check", {"revision": None})["available"]
    world.hub.push(folder, {"model-Q4_K_M.gguf": os.urandom(100_000)}, delete=["README.md"])
    assert world.call("POST", f"models/{folder}/check", {})["files_gone"] == 1
    assert folder in [row["folder"] for row in world.call("GET", "models?state=outdated")["models"]]
    identity = world.call("POST", f"models/{folder}/update", {}, 202)["id"]
    assert world.larder.wait(identity)["state"] == "completed"
    assert {file["state"] for file in world.larder.get(identity)["files"]} == {"done"}


@exercise("POST", "/scan")
def _scan(world, _):
    world.call("POST", "scan", {}, 202)
    assert world.larder.raw("POST", "/api/v1/scan", headers=JSON).status == 202  # and without a body


@exercise("GET", "/trash")
@exercise("DELETE", "/trash/{id}")
def _trash(world, _):
    entry, folder = world.trash()
    [told] = [one for one in world.call("GET", "trash")["trash"] if one["id"] == entry]
    assert {f"{folder}/README.md", f"{folder}/model-Q4_K_M.gguf"} <= set(told["paths"])
    world.call("DELETE", f"trash/{entry}", None, 204)
    assert world.call("DELETE", f"trash/{entry}", None, 404)["code"] == "unknown_trash"


@exercise("POST", "/trash/{id}/restore")
def _restore(world, _):
    entry, folder = world.trash()
    (world.larder.models / folder).mkdir(parents=True)
    (world.larder.models / folder / "README.md").write_bytes(b"mine\n")
    assert world.call("POST", f"trash/{entry}/restore", {}, 409)["code"] == "exists"
    assert world.call("POST", f"trash/{entry}/restore", {"replace": True})["trash"] == entry
    assert (world.larder.models / folder / "README.md").read_bytes() == b"one\n"


@exercise("GET", "/scrub")
@exercise("POST", "/scrub")
@exercise("DELETE", "/scrub")
def _scrub(world, _):
    folder = world.model()
    (world.larder.models / folder / "README.md").unlink()
    with world.larder.stream() as events:
        assert world.call("POST", "scrub", {}, 202)["running"]
        over = next(event.data for event in events if event.name == "scrub" and not event.data["running"])
    assert over["is_whole"] and {"folder": folder, "path": "README.md", "state": "missing"} in over["findings"]
    with world.larder.stream() as events:
        world.call("POST", "scrub", {}, 202)
        if world.call("DELETE", "scrub")["running"]:  # it ends what it is at
            next(event for event in events if event.name == "scrub" and not event.data["running"])
    assert not world.call("GET", "scrub")["running"]


@exercise("GET", "/token")
@exercise("PUT", "/token")
@exercise("DELETE", "/token")
def _token(world, _):
    assert world.call("PUT", "token", {"token": GIVEN})["source"] == "stored"
    assert world.call("PUT", "token", {"token": "hf_nobodys"}, 422)["field"] == "token"
    assert world.call("GET", "token")["account"]
    assert world.call("DELETE", "token")["source"] == "environment"


@each_operation
def test_each_operation_does_what_it_says(world, operation):
    """Each answer on the way is held against the document."""
    assert operation in EXERCISES, "this operation has no exercise yet: write one above"
    world.contract.seen.clear()
    EXERCISES[operation](world, operation[1])
    told = {int(status) for status in world.contract.operations[operation]["responses"]}
    successes = {status for status in told if status < 300} or {422}  # three never succeed, and say so
    assert successes <= world.contract.seen[operation]


def test_no_exercise_is_of_an_operation_that_is_not_there():
    assert sorted(EXERCISES) == OPERATIONS


def test_each_kind_of_event_is_as_it_says(make_larder, hub):
    larder = make_larder()
    hub.push("acme/told", {"model-Q4_K_M.gguf": os.urandom(3_000_000)})
    hub.fault("slow", "*model-Q4_K_M*", origin="cdn", rate=4_000_000)
    (larder.models / "acme/told").mkdir(parents=True)
    (larder.models / "acme/told/model-Q4_K_M.gguf").write_bytes(b"mine")
    wanted, seen, begin = set(larder.contract.event_schemas), set(), None
    with larder.stream() as stream:
        events = iter(stream)

        def until(name, **members):
            while True:
                event = next(events)  # held against the document by the stream
                seen.add(event.name)
                if event.name == name and members.items() <= event.data.items():
                    return event

        begin = until("snapshot").id
        job = larder.download("acme/told")
        until("download", state="completed")
        larder.api("DELETE", f"downloads/{job}", status=204)
        until("download-removed", id=job)
        larder.api("PATCH", "settings", {"slow": True}, 200)
        until("settings", slow=True)
        larder.api("POST", "scrub", {}, 202)
        until("scrub", running=False)
        larder.api("DELETE", "models/acme/told", status=200)
        until("model-removed", folder="acme/told")
        larder.api("POST", "scan", {}, 202)
        while seen != wanted:
            seen.add(next(events).name)
    news = larder.api("GET", f"changes?since={begin}", status=200).json
    assert {event["event"] for event in news["events"]} | {"snapshot"} == wanted


# --- refusals ---

def least(contract, method, path):
    """The smallest body that the document allows."""
    schema = contract.resolve(contract.body_schema(method, path) or {})
    made = {"text": "acme/tiny-7b-GGUF", "repo": "acme/tiny-7b-GGUF", "priority": 1, "password": "x", "token": "x"}
    return {name: made[name] for name in schema.get("required", [])}


def filled(path):
    """An address with names that nobody has."""
    return re.sub(r"\{\w+\}", UNKNOWN, path)


@each_operation
def test_who_may_not_is_refused_as_it_says(world, operation):
    method, path = operation
    least_role = ROLES.index(world.contract.operations[operation]["x-larder-role"])
    body = None if method in ("GET", "DELETE") else json.dumps(least(world.contract, method, path)).encode()
    for at, role in enumerate(ROLES[:least_role]):
        headers = JSON | (key(role) if at else {})
        answer = world.locked.raw(method, f"/api/v1{filled(path)}", body, headers)
        assert (answer.status, answer.json["code"]) == ((403, "forbidden") if at else (401, "sign_in"))
    assert world.refuses_name(method, path, body)


@each_operation
def test_what_is_wrong_is_refused_as_it_says(world, operation):
    method, path = operation
    responses = world.contract.operations[operation]["responses"]
    body = world.contract.body_schema(method, path)
    if path == "/events":
        return

    def code(query="", content=None, kind=JSON):
        answer = world.larder.raw(method, f"/api/v1{filled(path)}{query}", content, kind)
        return answer.status, answer.json["code"]

    assert code("?a=%zz") == (400, "bad_request")
    if method != "GET":
        assert code(content=b"{}", kind={"Content-Type": "text/plain"}) == (415, "unsupported_media_type")
        assert code(content=b"{") == (400, "bad_request")
        assert code(content=b'{"x": "' + b"x" * (256 << 10) + b'"}') == (413, "too_large")
    if "422" in responses:
        wrong = {**least(world.contract, method, path), "no_such": 1}
        refused = code(content=json.dumps(wrong).encode()) if method != "GET" else code("?no_such=1")
        assert refused in ((422, "invalid"), (400, "bad_request"))  # the latter of the sign-in
    if "{" in path:
        assert code(content=json.dumps(least(world.contract, method, path)).encode() if body else None)[0] == 404


def beyond(schema):
    """Values just outside of what a schema allows."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "integer" in kinds:
        return ["x", schema["minimum"] - 1, schema["maximum"] + 1]
    if "array" in kinds:
        return [{}, ["x"] * (schema["maxItems"] + 1)]
    if "boolean" in kinds:
        return [1]
    if "enum" in schema or "pattern" in schema:
        return ["no-such", "x" * 2000]
    return ["", "x" * (schema["maxLength"] + 1)]


def within(schema):
    """Values at the limits of what a schema allows."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "integer" in kinds:
        return [schema["minimum"], schema["maximum"]]
    if "array" in kinds and "maxLength" in schema["items"]:
        return [[f"x{number}" for number in range(schema["maxItems"])], ["x" * schema["items"]["maxLength"]]]
    if "boolean" in kinds:
        return [True, False]
    if "enum" in schema:
        return [value for value in schema["enum"] if value is not None]
    return ["x" * schema["maxLength"]] if "maxLength" in schema else []


def refusal(answer, name):
    """Whether an answer says that a parameter is outside of its limits."""
    if answer.status != 422 or not answer.json.get("field", "").startswith(name):
        return False
    return bool(OUTSIDE.search(answer.json["detail"]))


@each_operation
def test_the_limits_of_parameters_are_those_of_the_program(world, operation):
    method, path = operation
    if path == "/events":
        return
    body = {} if method == "POST" else None
    for one in world.contract.parameters(method, path):
        if one["in"] != "query":
            continue
        for value in map(str, beyond(one["schema"])):
            answer = world.larder.api(method, f"{filled(path)[1:]}?{one['name']}={value}", body)
            assert answer.status == 422 and answer.json["field"] == one["name"], (one["name"], value, answer.body)
        for value in map(str, within(one["schema"])):
            answer = world.larder.api(method, f"{filled(path)[1:]}?{one['name']}={value}", body)
            assert not refusal(answer, one["name"]), (one["name"], value, answer.body)
            known = answer.status < 300 or answer.status == 404  # the address names nothing that is there
            assert "enum" not in one["schema"] or known, (one["name"], value, answer.body)


@each_operation
def test_the_limits_of_bodies_are_those_of_the_program(world, operation):
    method, path = operation
    larder = world.locked if path == "/session" else world.larder  # one may guess five times only
    body = world.contract.body_schema(method, path)
    members = world.contract.resolve(body or {}).get("properties", {})
    required = least(world.contract, method, path)
    if path == "/downloads":
        world.call("PATCH", "settings", {"paused": True})
        required["repo"] = f"acme/{UNKNOWN}"
    for name, schema in members.items():
        if name == "password":
            schema = {**schema, "minLength": 1}
        for value in beyond(schema):
            answer = larder.api(method, filled(path)[1:], {**required, name: value})
            assert answer.status == 422 and answer.json["field"].split("[")[0] == name, (name, value, answer.body)
        for value in within(schema):
            answer = larder.api(method, filled(path)[1:], {**required, name: value})
            assert not refusal(answer, name), (name, value, answer.body)


@pytest.mark.parametrize("fault, code", [
    ({"name": "rate_limited", "t": 2000}, "rate_limited"), ({"name": "status", "status": 500}, "hub_unavailable"),
    ({"name": "gated", "status": 403}, "gated"), ({"name": "status", "status": 404}, None),
    ({"name": "bad_json"}, "hub_protocol"), (None, "network"), ("offline", "offline")], ids=str)
def test_what_the_hub_refuses_is_told_as_it_says(make_larder, hub, fault, code):
    larder = make_larder(**({"LARDER_OFFLINE": "1"} if fault == "offline" else {}),
                         **({"endpoint": "http://127.0.0.1:9"} if fault is None else {}))
    (larder.models / "acme/tiny-7b-GGUF").mkdir(parents=True)
    (larder.models / "acme/tiny-7b-GGUF/tiny-7b-Q4_K_M.gguf").write_bytes(b"GGUF")
    with larder.stream() as events:
        larder.api("POST", "scan", {}, 202)
        next(event for event in events if event.name == "model")
    if isinstance(fault, dict):
        hub.fault(path="/api/*", origin="hub", **fault)
    codes = {}
    for method, path, body in (("POST", "preview", {"repo": "acme/tiny-7b-GGUF"}), ("GET", "hub/search?q=tiny", None),
                               ("POST", "models/acme/tiny-7b-GGUF/check", {}), ("PUT", "token", {"token": GIVEN})):
        answer = larder.api(method, path, body)  # held against the document
        codes[path] = answer.json.get("code")
        assert answer.status >= 400 or path == "token", (path, answer.body)
    assert code is None or codes["preview"] == codes["models/acme/tiny-7b-GGUF/check"] == code, codes


def test_all_that_larderd_answers_is_refused_as_it_says_while_it_is_away(make_larder):
    larder = make_larder(LARDER_RATE_LIMIT=0)
    larder.stop_daemon()
    for method, path in OPERATIONS:
        body = None if method in ("GET", "DELETE") else least(larder.contract, method, path)
        answer = larder.api(method, filled(path)[1:], body)  # held against the document
        needs_none = larder.contract.operations[method, path]["x-larder-role"] == "nobody"
        # That larderd is away is one of the metrics.
        assert answer.status == 503 or needs_none or path == "/metrics", (method, path, answer.body)
    larder.start_daemon()


@pytest.mark.parametrize("base", ["", "/hf"])
def test_where_it_is_served_says_where_the_api_is(make_larder, base):
    larder = make_larder(base=base)
    served = f"http://127.0.0.1:{larder.port}{base}/api/v1/openapi.json"
    [here, elsewhere] = larder.api("GET", "openapi.json", status=200).json["servers"]
    assert urljoin(served, here["url"]) == f"http://127.0.0.1:{larder.port}{base}/api/v1"
    assert elsewhere["url"].replace("{base}", base).endswith(f"{base}/api/v1")


# --- that all this can fail ---

def said(status, body, kind="application/json"):
    """An answer as larder-fcgi could give it."""
    headers = email.message.Message()
    headers["Content-Type"] = f"{kind}; charset=utf-8"
    headers["X-Content-Type-Options"] = "nosniff"
    return types.SimpleNamespace(status=status, headers=headers, body=json.dumps(body).encode(), json=body)


TOKEN_SAID = {"set": False, "source": None, "account": None, "role": None, "checked_at": None}
PROBLEM_SAID = {"type": "urn:larder:problem:unknown_model", "title": "x", "status": 404, "detail": "x",
                "code": "unknown_model", "request_id": "0123456789abcdef"}


def check(target, answer, method="GET", body=None):
    Contract().check(method, f"/api/v1/{target}", body, answer)


def test_an_answer_that_is_right_passes():
    check("token", said(200, TOKEN_SAID))
    check("models/acme/x", said(404, PROBLEM_SAID, "application/problem+json"))
    check("nothing/there", said(404, {**PROBLEM_SAID, "code": "unknown_path"}, "application/problem+json"))


@pytest.mark.parametrize("target, answer", [
    ("token", said(200, {**TOKEN_SAID, "more": 1})),
    ("token", said(200, {name: value for name, value in TOKEN_SAID.items() if name != "set"})),
    ("token", said(200, {**TOKEN_SAID, "set": 1})),
    ("token", said(200, {**TOKEN_SAID, "checked_at": "2026-02-30T00:00:00.000Z"})),
    ("token", said(200, {**TOKEN_SAID, "checked_at": "yesterday"})),
    ("token", said(200, {**TOKEN_SAID, "source": "elsewhere"})),
    ("token", said(200, TOKEN_SAID, "text/plain")),
    ("token", said(202, TOKEN_SAID)),
    ("token", said(404, PROBLEM_SAID, "application/problem+json")),
    ("nothing/there", said(200, TOKEN_SAID)),
    ("models/acme/x", said(404, {**PROBLEM_SAID, "status": 400}, "application/problem+json")),
    ("models/acme/x", said(404, {**PROBLEM_SAID, "code": "unknown_trash"}, "application/problem+json")),
    ("models/acme/x", said(404, {**PROBLEM_SAID, "more": 1}, "application/problem+json")),
    ("models/acme/x", said(404, PROBLEM_SAID)),
], ids=lambda value: value if isinstance(value, str) else f"{value.status} {value.body[:80].decode()}")
def test_an_answer_that_is_wrong_is_noticed(target, answer):
    with pytest.raises(AssertionError, match="openapi.json|no operation"):
        check(target, answer)


def test_a_request_that_should_not_have_been_taken_is_noticed():
    check("downloads?state=all", said(200, {"downloads": [], "next_cursor": None}))
    with pytest.raises(AssertionError, match="does not know"):
        check("downloads?colour=red", said(200, {"downloads": [], "next_cursor": None}))
    check("token", said(200, TOKEN_SAID), "PUT", b'{"token": "x"}')
    with pytest.raises(AssertionError, match="it took the body"):
        check("token", said(200, TOKEN_SAID), "PUT", b'{"token": "x", "more": 1}')


@pytest.mark.parametrize("name, data", [("trash", {"more": 1}), ("model-removed", {}), ("no-such", {}),
                                        ("disk", {"free": -1})])
def test_an_event_that_is_wrong_is_noticed(name, data):
    identity = "0123456789abcdef-1"
    Contract().check_event(types.SimpleNamespace(id=identity, name="trash", data={}))
    with pytest.raises(AssertionError, match="openapi.json"):
        Contract().check_event(types.SimpleNamespace(id=identity, name=name, data=data))


@pytest.mark.parametrize("change", [
    lambda doc: doc["paths"].pop("/scan"),
    lambda doc: doc["paths"].update({"/more": doc["paths"]["/scan"]}),
    lambda doc: doc["paths"]["/scan"].update(get=doc["paths"]["/scan"]["post"]),
    lambda doc: doc["paths"]["/audit"]["get"].update({"x-larder-role": "viewer"}),
    lambda doc: doc["paths"]["/preview"]["post"].update({"x-larder-cost": "little"}),
], ids=["a route less", "one more", "a method more", "another role", "another cost"])
def test_a_document_with_other_routes_is_noticed(change):
    doc = copy.deepcopy(document())
    change(doc)
    with pytest.raises(AssertionError):
        compare_routes(doc)


@pytest.mark.parametrize("change", [
    lambda doc: doc["paths"]["/scan"]["post"].update(operationId="getHealth"),
    lambda doc: doc["paths"]["/scan"]["post"]["responses"].update({"200": {"$ref": "#/components/responses/None"}}),
    lambda doc: doc["paths"]["/downloads/{id}"].pop("parameters"),
    lambda doc: doc["info"].pop("version"),
    lambda doc: doc["components"]["schemas"]["Health"].update(type="thing"),
    lambda doc: doc["components"]["schemas"]["Settings"]["properties"]["slow_limit"].update(minimun=1),
], ids=["an id twice", "a reference to nothing", "a part of an address untold", "no version", "a type that is none",
        "a word that is none"])
def test_a_document_that_is_not_valid_is_noticed(change):
    doc = copy.deepcopy(document())
    change(doc)
    assert mistakes(doc)
