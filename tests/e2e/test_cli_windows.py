"""Each verb that prints something, in windows of all widths and in a pipe: what is read there fits, and has no colour."""

import re

import pytest
from test_cli import TINY, hub, home, larderd, open_terminal, width  # noqa: F401  (fixtures, and a ruler)

VERBS = [["preview", TINY], ["preview", TINY, "--files"], ["preview", "acme/tiny-st"], ["ps"], ["ps", "--all"], ["ls"],
         ["show", TINY], ["info", TINY], ["info", "acme/gated-7b"], ["trash"], ["audit"], ["search", "tiny"], ["status"], ["settings"], ["scrub"], ["token"],
         ["check"], ["doctor", TINY], ["verify", TINY], ["update", TINY], ["get", f"{TINY}:Q4_K_M"], ["scan"], ["backup"],
         ["pause", "abcdef"], ["show", "acme/nowhere"]]


@pytest.fixture
def lived_in(larderd):  # noqa: F811
    """With something to tell of everything: a model, a download that failed, a thing in the trash."""
    larderd.run("get", f"{TINY}:Q4_K_M", f"{TINY}:Q2_K", check=0)
    larderd.run("get", "acme/nope", check=1)
    larderd.run("rm", TINY, "--group", "Q2_K", check=0)
    return larderd


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 200])
def test_what_is_printed_fits_the_window(lived_in, open_terminal, columns):  # noqa: F811
    wide = []
    for words in VERBS:
        terminal = open_terminal(lived_in, *words, columns=columns)
        terminal.end()
        for line in terminal.lines():
            is_code = words[0] == "info" and line.startswith("    ")  # of a card: it is not broken
            if width(line) > columns and " " in line.strip() and not is_code:
                wide.append((words[0], line))
    assert not wide, "\n".join(f"{verb}: {line}" for verb, line in wide)


def test_in_a_pipe_nothing_is_coloured_or_redrawn(lived_in):
    for words in VERBS:
        done = lived_in.run(*words)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", done.stdout + done.stderr), words
