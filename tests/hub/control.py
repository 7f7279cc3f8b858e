"""The control interface: what a test in another process switches and reads, as JSON under `/_control`."""

import json

from . import faults
from .wire import respond

_FILTERS = ("path", "origin", "method")
_WAIT_LIMIT = 300.0


class Wrong(Exception):
    """The caller asked for something that there is not."""


def answer(hub, request):
    """The answer to a request below `/_control`."""
    what = request.path.removeprefix("/_control").strip("/")
    try:
        route = _ROUTES.get((request.method, what))
        if not route:
            known = sorted({f"{method} /_control/{name}" for method, name in _ROUTES})
            return _reply(404, {"error": f"no such control; there are: {', '.join(known)}"})
        return _reply(200, route(hub, request))
    except (Wrong, ValueError, TypeError) as error:
        return _reply(400, {"error": str(error)})
    except KeyError as error:
        return _reply(404, {"error": f"not found: {error}"})
    except TimeoutError as error:
        return _reply(408, {"error": str(error)})


def _reply(status, value):
    return respond(status, json.dumps(value), "application/json; charset=utf-8")


def _body(request):
    value = json.loads(request.body or b"{}")
    if not isinstance(value, dict):
        raise Wrong("the body is not a JSON object")
    return value


def _filter(request):
    wanted = {name: request.param(name) for name in _FILTERS if request.param(name) is not None}
    if request.param("status") is not None:
        wanted["status"] = int(request.param("status"))
    for name in ("stalled", "done", "had_authorization"):
        if request.param(name) is not None:
            wanted[name] = request.flag(name)
    return wanted


def _add_fault(hub, request):
    asked = _body(request)
    name = asked.pop("fault", None)
    if not isinstance(name, str):
        raise Wrong("`fault` names the fault")
    return hub.fault(name, **asked).public()


def _list_faults(hub, request):
    return [fault.public() for fault in hub.faults.all()]


def _drop_faults(hub, request):
    fault_id = request.param("id")
    if fault_id is None:
        hub.faults.clear()
    elif not hub.faults.remove(int(fault_id)):
        raise KeyError(fault_id)
    return {}


def _kinds(hub, request):
    return {
        name: {"parameters": {key: _plain(value) for key, value in kind.defaults.items()}, "help": kind.help}
        for name, kind in sorted(faults.KINDS.items())
    }


def _plain(value):
    return list(value) if isinstance(value, tuple) else value


def _release(hub, request):
    hub.release()
    return {}


def _requests(hub, request):
    return hub.requests(**_filter(request))


def _clear_requests(hub, request):
    hub.clear_requests()
    return {}


def _wait(hub, request):
    timeout = min(float(request.param("timeout", "30")), _WAIT_LIMIT)
    return hub.wait(int(request.param("count", "1")), timeout, **_filter(request))


def _leaks(hub, request):
    return hub.leaks()


def _clear(hub, request):
    hub.clear()
    return {}


def _options(hub, request):
    return hub.options


def _set_options(hub, request):
    hub.set(**_body(request))
    return hub.options


def _files(hub, request):
    repo = request.param("repo")
    if not repo:
        raise Wrong("`repo` names the repo")
    revision = request.param("revision", "main")
    return {"commit": hub.commit(repo, revision), "files": hub.files(repo, revision)}


def _repos(hub, request):
    return [repo.key for kind in ("model", "dataset", "space") for repo in hub.store.all(kind)]


def _push(hub, request):
    return {"commit": hub.push(**_body(request))}


def _errors(hub, request):
    return hub.errors


def _where(hub, request):
    return hub.urls()


_ROUTES = {
    ("GET", ""): _where,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _drop_faults,
    ("GET", "kinds"): _kinds,
    ("POST", "release"): _release,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _clear_requests,
    ("GET", "wait"): _wait,
    ("GET", "leaks"): _leaks,
    ("POST", "clear"): _clear,
    ("GET", "options"): _options,
    ("POST", "options"): _set_options,
    ("GET", "files"): _files,
    ("GET", "repos"): _repos,
    ("POST", "push"): _push,
    ("GET", "errors"): _errors,
}
