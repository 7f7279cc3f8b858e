"""What the page says: every sentence in its sources that is to be translated, and the tables of the other languages."""

import json
import re
from pathlib import Path

STATIC = Path(__file__).resolve().parents[2] / "static"
TEXT = r'"((?:[^"\\]|\\.)*)"'


def unescape(text):
    """A string of a script, as it is when it runs."""
    return json.loads(f'"{text}"')


def sentences():
    """The keys that the tables must have: each with where it is."""
    found = {}
    for path in sorted(STATIC.rglob("*.js")):
        if path.parent.name == "words":
            continue
        text = path.read_text()
        for match in re.finditer(rf"\bt\(\s*{TEXT}", text):
            found.setdefault(unescape(match[1]), path.name)
        for match in re.finditer(rf"\b(?:tn|count)\(\s*[^\"()]*(?:\([^()]*\))?[^\"()]*{TEXT},\s*{TEXT}", text):
            found.setdefault(f"{unescape(match[1])}|{unescape(match[2])}", path.name)
    html = (STATIC / "index.html").read_text()
    for match in re.finditer(r"<\w+[^>]*\sdata-t(?:>| [^>]*>)([^<]+)<", html):
        found.setdefault(match[1], "index.html")
    for match in re.finditer(r'data-t-label="([^"]+)"', html):
        found.setdefault(match[1], "index.html")
    return found


def table(language):
    """A language's words by the English ones."""
    text = (STATIC / "js" / "words" / f"{language}.js").read_text()
    return {unescape(key): unescape(value) for key, value in re.findall(rf"^\s*(?:{TEXT}|\w+):\s*{TEXT},?$", text, re.M)}
