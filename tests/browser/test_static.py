"""What the page's sources must keep, without a browser."""

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
STATIC = HERE.parents[1] / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))


def test_the_types_are_right():
    done = subprocess.run([str(HERE / "node_modules/.bin/tsc"), "-p", str(HERE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_script_asks_for_the_type_checker():
    for path in SCRIPTS:
        assert path.read_text().startswith("// @ts-check"), path


def test_nothing_makes_markup_of_text():
    words = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\b|new Function"
    for path in SCRIPTS:
        assert not re.search(words, path.read_text()), path


def test_nothing_comes_from_another_origin():
    for path in STATIC.rglob("*"):
        if path.suffix in (".html", ".js", ".css", ".svg"):
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"(src|href|url|import|fetch)\W{1,4}(https?:)?//", text), path


def test_the_document_holds_no_inline_code():
    html = (STATIC / "index.html").read_text()
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)", html)


def test_every_module_is_preloaded():
    html = (STATIC / "index.html").read_text()
    preloaded = set(re.findall(r'modulepreload" href="([^"]+)"', html))
    imported, waiting = set(), ["js/main.js"]
    while waiting:
        name = waiting.pop()
        for target in re.findall(r'^import [^;]*?"([^"]+)"|^export [^;]*? from "([^"]+)"', (STATIC / name).read_text(), re.M):
            found = str(((STATIC / name).parent / (target[0] or target[1])).resolve().relative_to(STATIC))
            if found not in imported:
                imported.add(found)
                waiting.append(found)
    assert imported == preloaded
