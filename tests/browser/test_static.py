"""What the page's sources must keep, without a browser."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import words

HERE = Path(__file__).resolve().parent
STATIC = HERE.parents[1] / "static"
SCRIPTS = sorted(STATIC.rglob("*.js"))
FIRST_VIEW_MAX = 60_000  # bytes of script and style, before anything can be seen and typed into


def test_the_types_are_right():
    done = subprocess.run([str(HERE / "node_modules/.bin/tsc"), "-p", str(HERE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_what_knows_no_page_works_without_one(tmp_path):
    shutil.copytree(STATIC / "js", tmp_path / "js")
    (tmp_path / "js/package.json").write_text('{"type": "module"}')
    done = subprocess.run(["node", "--test", str(HERE / "pure.test.mjs")], capture_output=True, text=True,
                          env={**os.environ, "JS": str(tmp_path / "js")})
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
        if path.suffix in (".html", ".js", ".css", ".svg", ".webmanifest"):
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"(src|href|url|import|fetch)\W{1,4}(https?:)?//", text), path


def test_the_document_holds_no_inline_code():
    html = (STATIC / "index.html").read_text()
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*src=)", html)


def imports(name):
    """The modules that one cannot do without: not those that it loads when they are asked for."""
    text = (STATIC / name).read_text()
    for target in re.findall(r'^import [^;]*?"([^"]+)"|^export [^;]*? from "([^"]+)"', text, re.M):
        yield str(((STATIC / name).parent / (target[0] or target[1])).resolve().relative_to(STATIC))


def graph(name, order):
    """All that it needs, before it."""
    if name not in order:
        for found in imports(name):
            graph(found, order)
        order.append(name)
    return order


def test_the_modules_of_the_first_view_are_preloaded_in_the_order_of_the_import_graph():
    html = (STATIC / "index.html").read_text()
    preloaded = re.findall(r'modulepreload" href="([^"]+)"', html)
    assert preloaded == [name for name in graph("js/main.js", []) if name != "js/main.js"]


def test_the_first_view_is_small():
    html = (STATIC / "index.html").read_text()
    parts = graph("js/main.js", []) + re.findall(r'(?:rel="stylesheet" href|script src)="([^"]+)"', html)
    assert sum((STATIC / name).stat().st_size for name in parts) <= FIRST_VIEW_MAX


def test_every_module_and_style_sheet_is_reached():
    reached = set(graph("js/main.js", [])) | set(graph("js/stream-worker.js", []))
    waiting = list(reached)
    sheets = set(re.findall(r'href="css/(\w[\w-]*)\.css"', (STATIC / "index.html").read_text()))
    while waiting:
        name = waiting.pop()
        text = (STATIC / name).read_text()
        sheets |= set(re.findall(r'styles\("([^"]+)"\)', text))
        for target in re.findall(r'import\("(\.[^"]+)"\)', text):
            found = str(((STATIC / name).parent / target).resolve().relative_to(STATIC))
            for one in graph(found, []):
                if one not in reached:
                    reached.add(one)
                    waiting.append(one)
    there = {str(path.relative_to(STATIC)) for path in SCRIPTS if path.parent.name != "words"}
    assert there - reached == {"js/theme.js", "js/core/types.js"}
    assert {path.stem for path in (STATIC / "css").glob("*.css")} == sheets


def test_every_icon_that_is_named_is_in_the_sprite():
    there = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text()))
    named = set(re.findall(r"icons\.svg#(\w+)", (STATIC / "index.html").read_text()))
    for path in SCRIPTS:
        named |= set(re.findall(r'icon\("(\w+)"', path.read_text()))
    assert named <= there


@pytest.mark.parametrize("language", ["de"])
def test_a_language_has_words_for_every_sentence(language):
    wanted, have = words.sentences(), words.table(language)
    assert set(wanted) == set(have)
    for english, own in have.items():
        holes = sorted(set(re.findall(r"\{\w+\}", english)))
        assert sorted(set(re.findall(r"\{\w+\}", own))) == holes, english
        assert english.count("|") == own.count("|"), english


def test_no_sentence_is_left_untranslated():
    """What a node shows goes through t(): no words straight from the source."""
    for path in SCRIPTS:
        if path.parent.name in ("views", "ui"):
            for line in path.read_text().splitlines():
                found = re.search(r'(?:h\("\w+", \{[^}]*\}, |ariaLabel: |title: |placeholder: |text\(\w+, )"([A-Z][^"]+)"', line)
                assert not found, f"{path.name}: {found[1]}"
