"""Answers with a file's content: whole, a range of it, or a refusal of the range."""

import re

from .wire import Headers, Response, respond


def parse(header, size):
    """The half-open range that a `Range` header asks for; None for the whole, False when it lies beyond the end."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if not match or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
        return (start, end) if int(last) and size else False
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    return (start, end) if start < size else False


def serve(request, content, headers, etag):
    """200, 206, 304 or 416, as `Range`, `If-Range` and `If-None-Match` ask."""
    shared = Headers(*headers)
    shared.set("Accept-Ranges", "bytes")
    shared.set("ETag", f'"{etag}"')
    known = [
        value.strip().removeprefix("W/").strip('"') for value in request.headers.get("If-None-Match", "").split(",")
    ]
    if etag in known:
        return Response(304, shared, content)
    asked = parse(request.headers.get("Range"), content.size)
    condition = request.headers.get("If-Range")
    if condition is not None and condition != f'"{etag}"':
        asked = None
    if asked is False:
        refusal = respond(416, "", "text/plain; charset=utf-8", shared)
        refusal.headers.set("Content-Range", f"bytes */{content.size}")
        return refusal
    if asked is None:
        return Response(200, shared, content, 0, content.size)
    start, end = asked
    shared.set("Content-Range", f"bytes {start}-{end - 1}/{content.size}")
    return Response(206, shared, content, start, end)
