"""What the API promises in docs/openapi.json, and whether an answer keeps it."""

import functools
import json
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema

from harness import ROOT

METHODS = ("get", "put", "post", "patch", "delete")
PROBLEM = "application/problem+json"


def document():
    """The contract as it stands in the tree."""
    return json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8"))


def fail(errors, what):
    """Fails with the error that says most, if there is one."""
    if worst := jsonschema.exceptions.best_match(errors):
        where = "/".join(map(str, worst.absolute_path)) or "the whole"
        raise AssertionError(f"{what}: docs/openapi.json does not allow {where}: {worst.message[:600]}")


class Contract:
    """The document, ready to be held against answers. `seen` has the statuses that each operation has answered."""

    def __init__(self, text=None):
        self.document = text or document()
        self.operations = {(method.upper(), path): item[method]
                           for path, item in self.document["paths"].items() for method in METHODS if method in item}
        self.seen = {}
        self._validators = {}
        self._whole = {}

    def resolve(self, thing):
        """What a `$ref` leads to, or the thing itself."""
        while "$ref" in thing:
            at = self.document
            for step in thing["$ref"].removeprefix("#/").split("/"):
                at = at[step]
            thing = at
        return thing

    def parameters(self, method, path):
        """All parameters of an operation, those of its address among them."""
        item = self.document["paths"][path]
        return [self.resolve(one) for one in item.get("parameters", []) + item[method.lower()].get("parameters", [])]

    def body_schema(self, method, path):
        """What the body of a request must be, or None where none is looked at."""
        body = self.operations[method, path].get("requestBody")
        return body and body["content"]["application/json"]["schema"]

    def find(self, method, path):
        """The address that is meant, as in larder-fcgi's router: what stands there literally wins."""
        parts = path.split("/")
        found = []
        for known, template in self.operations:
            steps = template.split("/")
            if known == method and len(steps) == len(parts) and all(
                    step == part or (step.startswith("{") and part) for step, part in zip(steps, parts)):
                found.append((sum(step.startswith("{") for step in steps), template))
        return min(found)[1] if found else None

    def whole(self, schema):
        """A schema with what it refers to in it: looking that up takes most of a validator's time."""
        if isinstance(schema, list):
            return [self.whole(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        beside = {name: self.whole(one) for name, one in schema.items() if name not in ("$ref", "description")}
        if "$ref" not in schema:
            return beside
        if schema["$ref"] not in self._whole:
            self._whole[schema["$ref"]] = self.whole(self.resolve({"$ref": schema["$ref"]}))
        there = self._whole[schema["$ref"]]
        return {"allOf": [there], **beside} if beside else there

    def errors(self, schema, value):
        """What is wrong with a value, by a schema of the document."""
        key = json.dumps(schema)
        if key not in self._validators:
            kind = jsonschema.Draft202012Validator
            self._validators[key] = kind(self.whole(schema), format_checker=kind.FORMAT_CHECKER)
        return self._validators[key].iter_errors(value)

    # --- answers ---

    def check(self, method, target, body, answer):
        """An answer to a request for `target` (below the base path) keeps the contract, or this fails."""
        split = urlsplit(target)
        if not split.path.startswith("/api/v1/") or ".." in unquote(split.path).split("/"):
            return  # of the pages, or of what the web server makes of it
        is_stream = split.path == "/api/v1/events" and answer.headers.get_content_type() == PROBLEM
        if answer.status >= 300 and "X-Content-Type-Options" not in answer.headers and not is_stream:
            if answer.headers.get_content_type() == PROBLEM:  # the web server's, in Larder's place
                fail(self.errors({"$ref": "#/components/schemas/Problem"}, answer.json), f"{method} {target}")
            return
        kind = "GET" if method == "HEAD" else method
        path = self.find(kind, split.path.removeprefix("/api/v1"))
        what = f"{method} {target}: {answer.status}"
        if path is None:
            self._check_stranger(answer, what)
            return
        self.seen.setdefault((kind, path), set()).add(answer.status)
        response = self.operations[kind, path]["responses"].get(str(answer.status))
        assert response, f"{what}: docs/openapi.json does not know this status of {kind} {path}: {answer.body[:300]}"
        self._check_response(path, self.resolve(response), answer, what, has_body=method != "HEAD")
        if answer.status < 300:
            self._check_request(kind, path, split.query, body, what)

    def _check_stranger(self, answer, what):
        assert answer.status in (400, 403, 404, 405, 413, 415), f"{what}: no operation of docs/openapi.json"
        assert answer.headers.get_content_type() == PROBLEM, f"{what}: {answer.headers['Content-Type']}"
        assert answer.status != 405 or answer.headers["Allow"], f"{what}: what may one do?"
        if answer.body:
            fail(self.errors({"$ref": "#/components/schemas/Problem"}, answer.json), what)

    def _check_response(self, path, response, answer, what, has_body):
        for name, header in response.get("headers", {}).items():
            if name in answer.headers:
                schema = self.resolve(header)["schema"]
                text = answer.headers[name]
                fail(self.errors(schema, int(text) if schema.get("type") == "integer" else text), f"{what}: {name}")
        if "content" not in response:
            assert not answer.body, f"{what}: {answer.body[:300]}"
            return
        kind = answer.headers.get_content_type()
        assert kind in response["content"], f"{what}: docs/openapi.json does not know {answer.headers['Content-Type']}"
        if has_body and kind != "text/event-stream":  # whose events come later
            value = answer.json if kind.endswith("json") else answer.plain.decode()
            fail(self.errors(response["content"][kind]["schema"], value), what)
            assert kind != PROBLEM or "request_id" in value or value["code"] == "daemon_unavailable", f"{what}: which request?"

    def _check_request(self, method, path, query, body, what):
        """What was taken is what the contract says is taken."""
        schema = self.body_schema(method, path)
        if schema and body:
            fail(self.errors(schema, json.loads(body)), f"{what}: it took the body {body[:300]}")
        known = {one["name"] for one in self.parameters(method, path) if one["in"] == "query"}
        are_ignored = not known and (method != "GET" or path in UNQUERIED)
        for name, _ in parse_qsl(query, keep_blank_values=True):
            assert name in known or are_ignored, f"{what}: docs/openapi.json does not know ?{name}="

    def check_event(self, event):
        """An event of the stream keeps the contract, or this fails."""
        value = {"id": event.id, "event": event.name, "data": event.data}
        schema = self.event_schemas.get(event.name)
        assert schema, f"docs/openapi.json does not know the event {event.name}"
        fail(self.errors(schema, value), f"the event {event.name}")

    @functools.cached_property
    def event_schemas(self):
        """The schema of each kind of event."""
        kinds = self.document["components"]["schemas"]["Event"]["oneOf"]
        return {kind["properties"]["event"]["const"]: kind for kind in kinds}


# What is read here without looking at parameters.
UNQUERIED = ("/health", "/health/live", "/openapi.json", "/session", "/token")


def routes():
    """Every route as it stands in larder-fcgi: method, address with {} for its parts, role, cost."""
    text = (ROOT / "fcgi/routes.c").read_text(encoding="utf-8")
    table = text[text.index("routes[] = {"):text.index("};")]
    found = re.findall(r"\{ METHOD_(\w+), \"([^\"]+)\", \w+, NEED_(\w+), COST_(\w+) \}", " ".join(table.split()))
    assert len(found) == table.count("METHOD_") > 40
    return found
