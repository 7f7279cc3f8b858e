"""The command line program `larder`, against a real larderd and the stand-in Hub; on pipes and on pseudo-terminals."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socketserver
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unicodedata
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from harness import TOKEN, as_root, may_pass, powers, programs  # noqa: E402
from hub import StandInHub  # noqa: E402

BUILD = programs()
TINY = "acme/tiny-7b-GGUF"
Q4 = "tiny-7b-Q4_K_M.gguf"
PATIENCE = 60  # seconds until something that must come counts as missing; never waited for when it comes
SHORT_ID = 6
ESCAPE = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


class Larderd:
    """One larderd with folders of its own; it can be stopped and started again."""

    def __init__(self, hub, home, **settings):
        self.models = home / "models"
        self.env = {
            "PATH": os.environ["PATH"],
            "LARDER_MODELS_DIR": str(self.models),
            "LARDER_STATE_DIR": str(home / "state"),
            "LARDER_RUNTIME_DIR": str(home / "run"),
            "HF_ENDPOINT": hub.endpoint,
            "HF_TOKEN": TOKEN,
            "LARDER_MIN_FREE": "1M",
            **powers(),
            **settings,
        }
        if as_root():
            may_pass(home)
        for name in ("models", "state", "run"):
            (home / name).mkdir(exist_ok=True)
        self.process = None

    def start(self):
        """Run it, and wait for the line that says it is ready."""
        self.process = subprocess.Popen([BUILD / "larderd"], env=self.env, stderr=subprocess.PIPE, text=True, umask=0o022)
        self.lines = []
        ready = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(self.process.stderr, ready))
        self.reader.start()
        assert ready.wait(PATIENCE), "".join(self.lines)

    def _read(self, stream, ready):
        for line in stream:
            self.lines.append(line)
            if "ready:" in line:
                ready.set()

    def stop(self):
        """End it in order, and wait for its end."""
        if self.process is None:
            return
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.reader.join()
        self.process.stderr.close()
        self.process = None
        assert not any(TOKEN in line for line in self.lines), "the token is in a log"

    def run(self, *words, check=None, **options):
        """larder with these words, to its end; `check` is the exit status it must have."""
        done = subprocess.run(
            [BUILD / "larder", *words], env=self.env, capture_output=True, text=True, timeout=PATIENCE, **options
        )
        assert TOKEN not in done.stdout + done.stderr
        if check is not None:
            assert done.returncode == check, (words, done.stdout, done.stderr)
        return done

    def json(self, *words, check=0):
        """What larder prints with --json: one document, one line."""
        done = self.run(*words, "--json", check=check)
        assert done.stdout.count("\n") == 1 and done.stderr == ""
        return json.loads(done.stdout)

    def begin(self, *words):
        """larder with these words, on pipes, still running."""
        return subprocess.Popen(
            [BUILD / "larder", *words], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def path(self, repo, name):
        """Where a file of the default revision of a model ends up."""
        return self.models / repo / name


class Terminal:
    """A program in a pseudo-terminal, and a screen just good enough to read what a person would see."""

    def __init__(self, words, env, columns=80, rows=24):
        self.columns, self.rows = columns, rows
        self.raw = ""
        self.status = None
        pid, self.fd = pty.fork()
        if pid == 0:  # pragma: no cover: the child
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(words[0], [str(word) for word in words], env)
        self.pid = pid

    def resize(self, columns):
        """Another width; the program gets SIGWINCH. What was written before is left out of account."""
        self.columns, self.raw = columns, ""
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, columns, 0, 0))

    def type(self, keys):
        """Press keys."""
        os.write(self.fd, keys.encode())

    def _read(self):
        """One more piece of output; False at its end."""
        assert select.select([self.fd], [], [], PATIENCE)[0], f"nothing more came after {self.raw!r}"
        try:
            piece = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            piece = b""
        self.raw += piece.decode("utf-8", "replace")
        return piece != b""

    def until(self, pattern):
        """Read until the text without escape sequences matches."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text()):
            assert self._read() and time.monotonic() < deadline, f"{pattern!r} never came: {self.raw[-4000:]!r}"

    def end(self):
        """Read to the end; the exit status as a shell tells it."""
        deadline = time.monotonic() + PATIENCE
        while self._read():
            assert time.monotonic() < deadline, f"it does not end: {self.raw[-4000:]!r}"
        if self.status is None:
            _, status = os.waitpid(self.pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self.status = code if code >= 0 else 128 - code
        return self.status

    def close(self):
        """End it however it stands."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def text(self):
        """What was written, without escape sequences."""
        return ESCAPE.sub("", self.raw)

    def lines(self):
        """The lines that were written, each as wide as it was drawn."""
        return [line for line in re.split(r"[\r\n]+", self.text()) if line]

    def screen(self):
        """What is to be seen at the end: rows of text."""
        rows, row, column = [""], 0, 0
        for token in re.findall(r"\x1b\[[?0-9;]*[A-Za-z]|.", self.raw, re.S):
            if token == "\r":
                column = 0
            elif token == "\n":
                row += 1
                rows += [""] * (row + 1 - len(rows))
            elif token[0] != "\x1b":
                rows[row] = rows[row][:column].ljust(column) + token + rows[row][column + 1 :]
                column += 1
            elif token.endswith("A"):
                row = max(0, row - int(token[2:-1]))
            elif token.endswith("K"):
                rows[row] = rows[row][:column]
            elif token.endswith("J"):
                rows[row:] = [rows[row][:column]]
        return [text.rstrip() for text in rows]


def width(line):
    """Columns of a line."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line if not unicodedata.combining(c))


@pytest.fixture(scope="module")
def hub():
    """The stand-in Hub of this file."""
    with StandInHub("all") as server:
        yield server


@pytest.fixture
def home():
    """A folder with a short path: a socket's path has 107 bytes at most."""
    path = Path(tempfile.mkdtemp(prefix="larder-cli-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def larderd(hub, home):
    """A running larderd."""
    hub.clear()
    daemon = Larderd(hub, home)
    daemon.start()
    yield daemon
    hub.release()
    daemon.stop()
    hub.clear()


@pytest.fixture
def open_terminal():
    """Makes terminals that are closed in the end."""
    with contextlib.ExitStack() as stack:

        def make(larderd, *words, columns=80, rows=24, **env):
            env = {"TERM": "xterm", "LC_ALL": "C.UTF-8", **env}
            terminal = Terminal([BUILD / "larder", *words], {**larderd.env, **env}, columns, rows)
            stack.callback(terminal.close)
            return terminal

        yield make


def read_until(stream, pattern):
    """Lines of a pipe up to the first that matches; all of them."""
    lines = []
    for line in stream:
        lines.append(line)
        if re.search(pattern, line):
            return lines
    raise AssertionError(f"{pattern!r} never came: {lines!r}")


def sha256(path):
    """The digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def held(hub, **params):
    """A fault that keeps the Q4_K_M file from ending until `hub.release()`."""
    return hub.fault("stall", f"*{Q4}", origin="cdn", **params)


# --- get -----------------------------------------------------------------------------------------------------------


def test_get_ends_well_only_when_the_bytes_are_the_hubs(hub, larderd):
    done = larderd.run("get", f"{TINY}:Q4_K_M", "acme/tiny-st", check=0)
    assert sha256(larderd.path(TINY, Q4)) == hub.files(TINY)[Q4]["sha256"]
    for name, facts in hub.files("acme/tiny-st").items():
        assert sha256(larderd.path("acme/tiny-st", name)) == facts["sha256"], name
    assert not larderd.path(TINY, "tiny-7b-Q8_0.gguf").exists()
    assert done.stdout.count("completed") == 2 and "proven" in done.stdout
    assert "\x1b" not in done.stdout and done.stderr == ""


def test_get_takes_select_exclude_revision_and_type(hub, larderd):
    larderd.run("get", "--select", "*.json", TINY, "--exclude=tok", "--revision", "v1", check=0)
    wanted = {n for n in hub.files(TINY, "v1") if n.endswith(".json") and "tok" not in n}
    folder = larderd.models / f"{TINY}@v1"
    assert wanted and {p.name for p in folder.iterdir() if p.is_file()} == wanted
    larderd.run("get", "--type=dataset", "acme/words", check=0)
    for name, facts in hub.files("datasets/acme/words").items():
        assert sha256(larderd.models / "datasets/acme/words" / name) == facts["sha256"]


def test_get_json_prints_the_final_downloads(larderd):
    answer = larderd.json("get", f"{TINY}:Q4_K_M", "acme/tiny-st")
    assert [d["state"] for d in answer["downloads"]] == ["completed"] * 2
    assert [d["repo"] for d in answer["downloads"]] == [TINY, "acme/tiny-st"]
    assert all(d["bytes_done"] == d["bytes_total"] for d in answer["downloads"])


def test_get_of_what_the_hub_does_not_have_fails_with_reason_and_hint(larderd):
    done = larderd.run("get", "acme/nope", check=1)
    assert re.search(r"^larder: acme/nope \(\w{6}\): failed: .*not on the Hub", done.stderr, re.M)
    assert "\n  hint: " in done.stderr
    answer = larderd.json("get", "acme/nope", check=1)
    assert answer["downloads"][0]["reason"]["code"] == "not_found"


def test_one_refused_repository_does_not_keep_the_others(hub, larderd):
    done = larderd.run("get", "no such thing", f"{TINY}:Q4_K_M", check=2)
    assert done.stderr.startswith("larder: no such thing: ")
    assert sha256(larderd.path(TINY, Q4)) == hub.files(TINY)[Q4]["sha256"]
    answer = larderd.json("get", "no such thing", f"{TINY}:Q4_K_M", check=2)
    assert answer["downloads"][0]["state"] == "completed"
    assert answer["errors"][0]["repo"] == "no such thing"
    assert answer["errors"][0]["error"]["code"] == "invalid"


def test_a_repository_that_cannot_be_understood_is_bad_usage(larderd):
    assert larderd.run("get", "no such thing").returncode == 2
    assert larderd.json("get", "no such thing", check=2)["error"]["field"] == "repo"
    assert larderd.json("get", TINY, "--type=space", check=2)["error"]["field"] == "type"


def test_a_term_that_is_none_is_named(larderd):
    assert "/(/" in larderd.run("get", TINY, "--select=/(/", check=2).stderr
    assert "/(/" in larderd.json("preview", TINY, "--select=/(/", check=2)["error"]["message"]


def test_no_wait_leaves_the_download_to_larderd(hub, larderd):
    held(hub)
    answer = larderd.json("get", f"{TINY}:Q4_K_M", "--no-wait", "--priority=7")
    assert answer["downloads"][0]["priority"] == 7
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    again = larderd.json("get", f"{TINY}:Q4_K_M", "--no-wait")
    assert again["downloads"][0]["id"] == answer["downloads"][0]["id"]


def test_what_is_in_the_queue_already_is_waited_for(hub, larderd):
    held(hub)
    larderd.run("get", f"{TINY}:Q4_K_M", "--no-wait", check=0)
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    get = larderd.begin("get", f"{TINY}:Q4_K_M")
    assert "in the queue already" in read_until(get.stdout, "downloading")[0]
    hub.release()
    output, errors = get.communicate(timeout=PATIENCE)
    assert get.returncode == 0 and "completed" in output and errors == ""
    assert len(larderd.json("ps", "--all")["downloads"]) == 1


def test_a_cancelled_download_is_a_failed_get(hub, larderd):
    held(hub)
    get = larderd.begin("get", f"{TINY}:Q4_K_M")
    read_until(get.stdout, "downloading")
    ident = larderd.json("ps")["downloads"][0]["id"]
    larderd.run("cancel", ident, check=0)
    _, errors = get.communicate(timeout=PATIENCE)
    assert get.returncode == 1 and re.search(r"larder: .*: cancelled", errors)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_waiting_not_the_download(hub, larderd, number, status):
    held(hub)
    get = larderd.begin("get", f"{TINY}:Q4_K_M")
    read_until(get.stdout, "downloading")
    get.send_signal(number)
    _, errors = get.communicate(timeout=PATIENCE)
    (download,) = larderd.json("ps")["downloads"]
    assert get.returncode == status
    assert f"larder cancel {download['id'][:SHORT_ID]}" in errors
    assert download["state"] == "downloading"


def test_a_larderd_that_comes_back_is_waited_for(hub, larderd):
    held(hub)
    get = larderd.begin("get", f"{TINY}:Q4_K_M")
    read_until(get.stdout, "downloading")
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    larderd.stop()
    read_until(get.stdout, "^larderd is away, waiting$")
    hub.faults.clear()
    larderd.start()
    output, errors = get.communicate(timeout=PATIENCE)
    assert get.returncode == 0 and errors == ""
    assert "larderd is back" in output and "completed" in output
    assert sha256(larderd.path(TINY, Q4)) == hub.files(TINY)[Q4]["sha256"]


def test_ctrl_c_works_while_larderd_is_away(hub, larderd):
    held(hub)
    get = larderd.begin("get", f"{TINY}:Q4_K_M")
    read_until(get.stdout, "downloading")
    larderd.stop()
    read_until(get.stdout, "larderd is away")
    get.send_signal(signal.SIGINT)
    get.communicate(timeout=PATIENCE)
    assert get.returncode == 130


def test_two_thousand_files_are_no_burden(hub, larderd):
    answer = larderd.json("get", "acme/many", "--select=/0[0-2][0-9]\\./")
    assert answer["downloads"][0]["state"] == "completed"


def test_a_pause_of_all_is_said(hub, larderd):
    """Whoever waits for what is not begun is told why."""
    larderd.run("settings", "set", "paused=on", check=0)
    larderd.run("get", "--no-wait", f"{TINY}:Q4_K_M", check=0)
    assert "nothing is begun now: paused\n" in larderd.run("ps", check=0).stdout
    get = larderd.begin("get", f"{TINY}:Q8_0")
    read_until(get.stdout, "nothing is begun now: paused")
    larderd.run("settings", "set", "paused=off", check=0)
    out, _ = get.communicate(timeout=PATIENCE)
    assert get.returncode == 0 and "completed" in out
    assert "nothing is begun" not in larderd.run("ps", "--all", check=0).stdout


# --- completion ----------------------------------------------------------------------------------------------------

COMPLETE = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_larder
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("line, offered", [
    ("larder ver", ["verify"]), ("larder get --type=d", ["dataset"]), ("larder get --no", ["--no-wait"]),
    ("larder verify acme/t", [TINY]), ("larder --json verify --no-wait ", [TINY]), ("larder settings set paused=", ["on", "off"]),
    ("larder nonsense ", [""])])
def test_bash_completes(larderd, line, offered):
    larderd.run("get", f"{TINY}:Q4_K_M", check=0)
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", TESTS.parent / "etc/completion/larder.bash", line], env={**larderd.env, "PATH": f"{BUILD}:{os.environ['PATH']}"},
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0 and done.stdout.splitlines() == offered, done.stderr


def of_shell(shell):
    """Where the shell is, or no test."""
    return shutil.which(shell) or pytest.skip(f"there is no {shell} here")


@pytest.mark.parametrize("line, offered", [
    ("larder ver", ["verify\thash a model's files again"]), ("larder get --type=d", ["--type=dataset"]),
    ("larder verify acme/t", [TINY]), ("larder settings set gp", ["gpu-memory="]), ("larder get --from completion/larder.f", ["completion/larder.fish"])])
def test_fish_completes(larderd, line, offered):
    larderd.run("get", f"{TINY}:Q4_K_M", check=0)
    script = TESTS.parent / "etc/completion/larder.fish"
    done = subprocess.run([of_shell("fish"), "--no-config", "-c", f"source '{script}'; complete -C '{line}'"], cwd=TESTS.parent / "etc",
                          env={**larderd.env, "PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": str(larderd.env["LARDER_RUNTIME_DIR"])},
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0 and done.stdout.splitlines() == offered, done.stderr


def test_zsh_completes(larderd):
    larderd.run("get", f"{TINY}:Q4_K_M", check=0)
    terminal = Terminal([of_shell("zsh"), "-f", "-i"], {**larderd.env, "TERM": "xterm", "PATH": f"{BUILD}:{os.environ['PATH']}"})
    terminal.type(f"PS1='> '; fpath=({TESTS.parent / 'etc/completion'} $fpath); autoload -Uz compinit; compinit -u -D; echo rea''dy\n")
    terminal.until("ready")
    terminal.type("larder se\t\t")
    terminal.until("search +-- look for models at the Hub(.|\n)*settings +-- limits")
    terminal.type("\x15larder sett\tset gp\t24G\n")
    terminal.until("gpu-memory: +24 GiB")
    terminal.type(f"larder show {TINY[:8]}\t\n")
    terminal.until("architecture: +llama")
    terminal.type(f"larder get --from={TESTS.parent}/etc/completion/larder.f\t --help\n")
    terminal.until("larder.fish(.|\n)*usage: larder get")
    terminal.type("exit\n")
    assert terminal.end() == 0


def test_completion_is_silent_without_larderd(larderd):
    larderd.stop()
    done = larderd.run("complete", "--", "verify", "")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell, name", [("bash", "larder.bash"), ("zsh", "_larder"), ("fish", "larder.fish")])
def test_each_script_can_be_read_by_its_shell(shell, name):
    subprocess.run([of_shell(shell), "-n", TESTS.parent / "etc/completion" / name], check=True, timeout=PATIENCE)


# --- the other commands --------------------------------------------------------------------------------------------


def test_preview_shows_groups_files_and_what_it_does_to_the_disk(hub, larderd):
    answer = larderd.json("preview", f"{TINY}:Q4_K_M")
    size = hub.files(TINY)[Q4]["size"]
    assert answer["bytes_selected"] == answer["bytes_to_fetch"] == size
    text = larderd.run("preview", f"{TINY}:Q4_K_M", check=0).stdout
    assert re.search(r"^Q4_K_M +1 +4\.7 MB +4\.\d\d +(graphics memory|divided|memory) +no +yes$", text, re.M)
    assert re.search(rf"^{re.escape(Q4)} +4\.7 MB +no$", text, re.M)
    assert re.search(r"^selected: +1 file of 13, 4\.7 MB of ", text, re.M)
    assert re.search(r"^free after: ", text, re.M)
    assert "README.md" not in text
    everything = larderd.run("preview", f"{TINY}:Q4_K_M", "--files", check=0).stdout
    assert all(name in everything for name in hub.files(TINY))
    other = larderd.models / TINY / Q4
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of somebody else")
    replaced = "replaces:   1 file there, which goes to the trash\n"
    assert replaced not in text and replaced in larderd.run("preview", f"{TINY}:Q4_K_M", check=0).stdout
    larderd.run("get", f"{TINY}:Q4_K_M", check=0)
    after = larderd.run("preview", f"{TINY}:Q4_K_M").stdout
    assert re.search(r"^to fetch: +nothing", after, re.M) and replaced not in after
    again = larderd.run("get", f"{TINY}:Q4_K_M", check=0).stdout
    assert re.search(r"completed, 4\.7 MB in 1 file, all of it here before,.* proven$", again, re.M)
    assert ": up to date, 4.7 MB in 1 file" in larderd.run("update", TINY, check=0).stdout


def test_preview_of_several_is_one_document(larderd):
    answer = larderd.json("preview", TINY, "acme/nope", "acme/tiny-st", check=1)
    assert [p["repo"] for p in answer["previews"]] == [TINY, "acme/tiny-st"]
    assert answer["errors"][0]["error"]["code"] == "not_found"


def test_preview_lists_few_of_many_files(larderd):
    text = larderd.run("preview", "acme/many", check=0).stdout
    assert text.count("\n") < 50 and "--files lists all" in text
    assert larderd.run("preview", "acme/many", "--files", check=0).stdout.count("\n") > 2500


def test_info_tells_facts_and_the_card(larderd):
    text = larderd.run("info", f"hf download {TINY}", check=0).stdout
    assert "licence:      apache-2.0" in text and "Hub's scan:   nothing found" in text
    assert "# How to run it" in text and "    llama-server -hf acme/tiny-7b-GGUF:Q4_K_M" in text
    assert "tiny-7b-Q8_0.gguf | Q8_0 | nobody who has room" in text and "javascript" not in text
    assert larderd.json("info", TINY)["card"]
    gated = larderd.run("info", "acme/gated-7b", check=0).stdout
    assert "its owner decides" in gated
    assert larderd.run("info", "acme/nowhere").returncode == 1 and larderd.run("info", "no model").returncode == 2


def test_search_shows_what_there_is_at_the_hub(larderd):
    done = larderd.run("search", "tiny", "--format=gguf", check=0)
    assert done.stdout.startswith("MODEL") and TINY in done.stdout and "apache-2.0" in done.stdout
    rows = larderd.json("search", "--author=shelf", "--limit=35", "--sort=likes")["results"]
    assert [row["repo"] for row in rows] == [f"shelf/jar-{n:02d}" for n in range(39, 4, -1)]
    assert larderd.run("search", "no-such-model", check=0).stdout == "nothing at the Hub is like that\n"


def test_search_marks_what_is_here_and_takes_a_range(larderd):
    larderd.run("get", f"{TINY}:Q4_K_M", check=0)
    [row] = larderd.json("search", "tiny-7b-GGUF", "--tag=license:apache-2.0", "--parameters=..900B")["results"]
    assert row["present"] is True
    assert larderd.json("search", "tiny-7b-GGUF", "--parameters=900B..")["results"] == []
    assert "--parameters takes a size or a range" in larderd.run("search", "--parameters=big", check=2).stderr
    assert larderd.json("search", "--sort=magic", check=2)["error"]["field"] == "sort"


def test_a_search_that_cannot_be_made_fails(hub, home):
    larderd = Larderd(hub, home, LARDER_OFFLINE="1")
    larderd.start()
    try:
        assert "LARDER_OFFLINE" in larderd.run("search", "tiny", check=1).stderr
    finally:
        larderd.stop()


def test_ps_lists_what_is_under_way_and_all_on_request(hub, larderd):
    assert larderd.run("ps", check=0).stdout == "no downloads under way; --all shows the others\n"
    held(hub)
    larderd.run("get", "acme/tiny-st", check=0)
    larderd.run("get", f"{TINY}:Q4_K_M", "--no-wait", check=0)
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    text = larderd.run("ps", check=0).stdout
    assert re.search(rf"^\w{{6}}  downloading  {TINY} +Q4_K_M ", text, re.M) and "tiny-st" not in text
    assert "acme/tiny-st" in larderd.run("ps", "--all").stdout
    assert len(larderd.json("ps")["downloads"]) == 1
    assert len(larderd.json("ps", "--all")["downloads"]) == 2


def test_an_id_may_be_abbreviated_to_four_characters(hub, larderd):
    held(hub)
    ident = larderd.json("get", f"{TINY}:Q4_K_M", "--no-wait")["downloads"][0]["id"]
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    assert larderd.json("pause", ident[:4])["downloads"][0]["state"] == "paused"
    assert "paused" in larderd.run("ps").stdout
    assert re.search(rf"\({ident[:SHORT_ID]}\): ", larderd.run("resume", ident[:7], check=0).stdout)
    assert larderd.json("pause", ident[:3], check=2)["error"]["code"] == "invalid"
    assert larderd.json("pause", "zzzz" + ident, check=1)["error"]["code"] == "unknown_download"
    larderd.run("pause", ident[:4], "zzzzz", check=1)
    assert larderd.json("ps")["downloads"][0]["state"] != "paused"


def test_moves_that_are_not_legal_fail_with_the_reason(larderd):
    ident = larderd.json("get", f"{TINY}:Q4_K_M")["downloads"][0]["id"]
    done = larderd.run("resume", ident, check=1)
    assert done.stderr.startswith(f"larder: {ident}: ")
    assert larderd.json("pause", ident, check=1)["errors"][0]["error"]["code"] == "illegal_state"
    assert larderd.json("forget", ident)["forgotten"][0]["id"] == ident
    assert larderd.json("ps", "--all")["downloads"] == []


def test_a_failed_download_can_be_tried_again(hub, larderd):
    ident = larderd.json("get", "acme/new", check=1)["downloads"][0]["id"]
    hub.push("acme/new", {"a.txt": "now it is there\n"})
    larderd.run("retry", ident, check=0)
    larderd.run("get", "acme/new", check=0)
    assert larderd.path("acme/new", "a.txt").read_text() == "now it is there\n"


def test_status_tells_what_larderd_does_and_how_it_is(hub, larderd):
    text = larderd.run("status", check=0).stdout
    assert hub.endpoint in text and re.search(r"^health: +well$", text, re.M)
    answer = larderd.json("status")
    assert answer["status"]["endpoint"] == hub.endpoint
    assert set(answer["health"].values()) == {"ok"}


def test_status_of_a_larderd_that_is_not_well_ends_with_1(home):
    """A larderd whose database is broken cannot be had on demand: here something else answers in its place."""
    path = home / "sick.sock"
    results = {
        "system.status": {"version": "9.9.9", "endpoint": "http://hub", "speed_bps": 0, "downloads": {}, "disk": {}},
        "system.health": {"daemon": "ok", "models_dir": "ok", "database": "disk I/O error\x1b[2J"},
    }

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            request = json.loads(self.rfile.readline())
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": results[request["method"]]}
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            words = [BUILD / "larder", "status", f"--socket={path}"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
            asked = subprocess.run([*words, "--json"], capture_output=True, text=True, timeout=PATIENCE)
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == asked.returncode == 1
    assert re.search(r"^health: +not well$", done.stdout, re.M)
    assert re.search(r"^ +database: disk I/O error\\x1b\[2J$", done.stdout, re.M)
    assert json.loads(asked.stdout) == {"status": results["system.status"], "health": results["system.health"]}


def test_settings_are_shown_and_changed(larderd):
    text = larderd.run("settings", check=0).stdout
    assert text.startswith("now:          as fast as it goes\n") and re.search(r"^limit: +none$", text, re.M)
    text = larderd.run("settings", "set", "limit=2MB", "slow=on", "slow-limit=500kB", "downloads=1", check=0).stdout
    assert text.startswith("now:          at most 500 kB/s, while slow is on\n")
    answer = larderd.json("settings")
    assert (answer["bandwidth_limit"], answer["slow"], answer["max_downloads"]) == (2_000_000, True, 1)
    entry = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "24:00", "action": "pause"}
    answer = larderd.json("settings", "set", f"schedule={json.dumps([entry])}", "limit=default")
    assert answer["effect"]["paused"] and answer["effect"]["why"] == "schedule" and answer["bandwidth_limit"] == 0
    assert "paused, by the schedule" in larderd.run("settings", check=0).stdout
    answer = larderd.json("settings", "set", "schedule=none", "slow=off")
    assert answer["effect"] == {"paused": False, "bandwidth_limit": 0, "why": "", "until": None}


def test_a_setting_out_of_range_is_bad_usage_and_changes_nothing(larderd):
    before = larderd.json("settings")
    answer = larderd.json("settings", "set", "paused=on", "downloads=99", check=2)
    assert answer["error"]["field"] == "max_downloads"
    answer = larderd.json("settings", "set", 'schedule=[{"days":["mon"],"from":"25:00","to":"1:00","action":"pause"}]',
                          check=2)
    assert answer["error"]["field"] == "schedule[0].from"
    assert larderd.json("settings") == before


def test_a_get_is_told_of_a_pause_of_all_and_outlasts_it(hub, larderd):
    held(hub)
    get = larderd.begin("get", f"{TINY}:Q4_K_M")
    read_until(get.stdout, "downloading")
    larderd.run("settings", "set", "paused=on", check=0)
    read_until(get.stdout, "waiting: all downloads are paused")
    assert "all downloads are paused" in larderd.run("ps", check=0).stdout
    hub.faults.clear()
    larderd.run("settings", "set", "paused=off", check=0)
    output, errors = get.communicate(timeout=PATIENCE)
    assert get.returncode == 0 and "completed" in output and errors == ""


# --- usage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["get", TINY], ["preview", TINY], ["ps"], ["pause", "abcdef"], ["status"],
                                   ["settings"], ["settings", "set", "slow=on"]])
def test_without_larderd_every_command_ends_with_3(hub, home, words):
    away = Larderd(hub, home)
    done = away.run(*words, check=3)
    assert "not running" in done.stderr and "hint: " in done.stderr and done.stdout == ""
    assert away.json(*words, check=3)["error"]["code"] == "daemon_unavailable"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["gte", TINY], "larder: unknown command gte; the nearest is get\n"),
        (["get", TINY, "--selct=x"], "larder: unknown option --selct; the nearest is --select\n"),
        (["--jsn", "ps"], "larder: unknown option --jsn; the nearest is --json\n"),
        (["get", TINY, "--select"], "larder: --select needs a value: --select=TERM\n"),
        (["get"], "larder: name a REPO, or a file with --from\n"),
        (["ps", "extra"], 'larder: ps takes no "extra"; see larder ps --help\n'),
        (["get", TINY, "--priority=1001"], "larder: --priority must be between -1000 and 1000\n"),
        (["settings", "slow=on"], 'larder: settings takes no "slow=on"; see larder settings --help\n'),
        (["settings", "set"], "larder: settings set needs KEY=VALUE...; see larder settings --help\n"),
        (["get", "hf", "download", TINY], 'larder: a command goes between quotes: larder get "hf ..."\n'),
        (["settings", "set", "limt=2MB"], "larder: unknown setting limt; the nearest is limit\n"),
        (["settings", "set", "limit"], "larder: limit needs a value: limit=VALUE\n"),
        (["\x1b[2Jx"], "larder: unknown command \\x1b[2Jx; larder --help lists all\n"),
    ],
)
def test_bad_usage_is_one_line_and_2(hub, home, words, text):
    done = Larderd(hub, home).run(*words, check=2)
    assert (done.stdout, done.stderr) == ("", text)


def test_bad_usage_is_json_where_json_is_asked_for(hub, home):
    answer = Larderd(hub, home).json("get", TINY, "--selct=x", check=2)
    assert answer["error"]["field"] == "--selct"
    assert set(answer["error"]) == {"code", "message", "field", "hint"}


def test_help_and_version_need_no_larderd(hub, home):
    away = Larderd(hub, home)
    commands = re.findall(r"^  ([\w-]+) +", away.run("--help", check=0).stdout, re.M)
    assert {"get", "preview", "ps", "pause", "resume", "cancel", "retry", "forget", "search", "audit", "token", "ls", "show", "rm", "trash", "restore", "scan",
            "status", "settings", "verify", "repair", "check", "update", "scrub", "link", "hash-password", "backup", "sign-out", "doctor", "info"} == set(commands)
    for command in commands:
        assert away.run(command, "--help", check=0).stdout.startswith(f"usage: larder {command}")
        assert away.run("--help", command, check=0).stdout.startswith(f"usage: larder {command}")
    assert re.fullmatch(r"larder \d+\.\d+\.\d+\n", away.run("--version", check=0).stdout)
    assert away.run(check=2).stderr.startswith("usage: larder")


def test_the_socket_can_be_named_and_options_may_stand_anywhere(larderd, home):
    socket = home / "run" / "control.sock"
    env = {**larderd.env, "LARDER_RUNTIME_DIR": str(home / "elsewhere")}
    for words in (["--socket", socket, "status"], ["status", f"--socket={socket}"], ["status", "--socket", socket]):
        subprocess.run([BUILD / "larder", *words], env=env, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)


def test_a_setting_of_larderd_that_is_no_business_of_ours_does_not_hinder(larderd):
    larderd.env["HF_TOKEN_FILE"] = "/nonexistent/token"
    larderd.run("status", check=0)


def test_output_that_cannot_be_written_is_a_failure(larderd):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BUILD / "larder", "status"], env=larderd.env, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE
        )
    assert done.returncode == 1 and b"standard output" in done.stderr


# --- on a terminal -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_the_display_fits_the_terminal_and_leaves_it_as_it_was(hub, larderd, open_terminal, columns):
    held(hub, after=2_000_000)
    terminal = open_terminal(larderd, "get", f"{TINY}:Q4_K_M", "acme/tiny-st", columns=columns)
    terminal.until(r"\d+ %")
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    hub.release()
    assert terminal.end() == 0
    frames = [line for line in terminal.lines() if "%" in line]
    assert frames and all(width(line) < columns for line in frames)
    assert terminal.raw.count("\x1b[?25l") == terminal.raw.count("\x1b[?25h") == 1
    assert terminal.raw.index("\x1b[?25l") < terminal.raw.index("\x1b[?25h")
    left = " ".join(line.strip() for line in terminal.screen() if line)
    assert left.count("completed, ") == left.count("proven") == 2 and "%" not in left
    assert all(width(line) <= columns for line in terminal.screen())


def test_the_display_follows_the_width(hub, larderd, open_terminal):
    held(hub, after=2_000_000)
    terminal = open_terminal(larderd, "get", f"{TINY}:Q4_K_M", columns=200)
    terminal.until(r"42 % .*of 4\.7 MB")
    terminal.resize(40)
    # What was on its way when the width changed is as wide as before: the second frame counts.
    terminal.until(r"\d+ %.*\r")
    terminal.raw = ""
    terminal.until(r"\d+ %.*\r")
    assert all(width(line) < 40 for line in terminal.lines())
    hub.release()
    assert terminal.end() == 0


def test_ctrl_c_restores_the_cursor(hub, larderd, open_terminal):
    held(hub)
    terminal = open_terminal(larderd, "get", f"{TINY}:Q4_K_M")
    terminal.until(r"\d+ %")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")
    assert "larder cancel " in terminal.text()


def test_away_is_said_below_the_bars(hub, larderd, open_terminal):
    held(hub)
    terminal = open_terminal(larderd, "get", f"{TINY}:Q4_K_M")
    terminal.until(r"\d+ %")
    larderd.stop()
    terminal.until("larderd is away, waiting")
    hub.faults.clear()
    larderd.start()
    assert terminal.end() == 0
    assert "completed" in terminal.screen()[0]


@pytest.mark.parametrize(
    ("env", "has", "has_not"),
    [
        ({}, ["\x1b[36m", "\u2501"], []),
        ({"NO_COLOR": "1"}, ["\x1b[K", "\u2501"], [r"\x1b\[[0-9;]*m"]),
        ({"LC_ALL": "C"}, ["\x1b[36m", "#"], ["[^\x00-\x7f]"]),
        ({"TERM": "dumb"}, ["completed"], ["\x1b", "[^\x00-\x7f]"]),
        ({"TERM": ""}, ["completed"], ["\x1b"]),
    ],
)
def test_the_terminal_is_taken_for_what_it_is(hub, larderd, open_terminal, env, has, has_not):
    held(hub, after=2_000_000)
    terminal = open_terminal(larderd, "get", f"{TINY}:Q4_K_M", **env)
    terminal.until("4[0-9] %" if "TERM" not in env else "downloading")
    hub.wait(path=f"*{Q4}", origin="cdn", stalled=True)
    hub.release()
    assert terminal.end() == 0
    assert all(text in terminal.raw for text in has)
    assert not any(re.search(pattern, terminal.raw) for pattern in has_not)


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("words", [["preview", TINY, "--files"], ["ps", "--all"]])
def test_tables_fit_the_terminal(hub, larderd, open_terminal, columns, words):
    larderd.run("get", f"{TINY}:Q4_K_M", check=0)
    larderd.run("get", "acme/nope", check=1)
    terminal = open_terminal(larderd, *words, columns=columns)
    assert terminal.end() == 0
    table = [line for line in terminal.lines() if not re.match("Model |revision |selected:|to fetch:|free |recommended: |  larder get ", line)]
    assert len(table) > 2 and all(width(line) <= columns for line in table)


def test_foreign_text_cannot_reach_the_terminal_raw(hub, larderd, open_terminal):
    hub.push("acme/hostile", {"a\x1b]0;owned\x07b.txt": "x\n", "b\u202ecod.txt": "y\n"})
    terminal = open_terminal(larderd, "preview", "acme/hostile", "--files", columns=200)
    terminal.end()
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", terminal.raw)
