"""The Hub's errors, as HUB-API.md section 6.2 has them."""

import json

from .wire import respond

DISABLED = "Access to this resource is disabled."


def error(status, message, code=None, headers=(), text=False):
    """An error with the message in header and body: JSON, or plain text as on resolve URLs."""
    named = [("X-Error-Code", code)] if code else []
    shown = [*named, ("X-Error-Message", message), *headers]
    if text:
        return respond(status, message, "text/plain; charset=utf-8", shown)
    return respond(status, json.dumps({"error": message}), "application/json; charset=utf-8", shown)


def anonymous_missing(code=None):
    """What the anonymous get for a repo that is missing or private; the real Hub sends no code."""
    challenge = ("WWW-Authenticate", 'Bearer realm="Authentication required", charset="UTF-8"')
    return error(401, "Invalid username or password.", code, [challenge])


def wrong_token():
    """What a token that the Hub does not know gets, on public repos too."""
    return error(401, "Invalid credentials in Authorization header")


def revision_missing(revision):
    """A revision that does not exist."""
    return error(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_missing(commit):
    """A file or directory that the commit does not have."""
    return error(404, "Entry not found", "EntryNotFound", [("X-Repo-Commit", commit)], text=True)


def gated(repo_id, status, endpoint, kind="model"):
    """Content of a gated repo, refused."""
    if status == 401:
        reason = "You must have access to it and be authenticated to access it. Please log in."
        message = f"Access to {kind} {repo_id} is restricted. {reason}"
    else:
        page = f"{endpoint}/{repo_id}"
        reason = f"and you are not in the authorized list. Visit {page} to ask for access."
        message = f"Access to {kind} {repo_id} is restricted {reason}"
    return error(status, message, "GatedRepo", text=True)


def html_page(status):
    """An error page for people, of the kind that load balancers send."""
    page = f"<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    return respond(status, page, "text/html; charset=utf-8")


def xml(status, code, message):
    """The CDN's errors are XML."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>\n'
    return respond(status, text, "application/xml")
