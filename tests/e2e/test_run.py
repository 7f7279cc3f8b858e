"""`make demo` and `make run`: etc/run.sh serves everything from the source tree, whoever calls it."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from harness import ROOT, TIMEOUT, Program, free_port, programs

NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@pytest.fixture
def anywhere():
    """An empty folder that anybody may write into, with a short path: a socket's has 107 bytes at most."""
    path = Path(tempfile.mkdtemp(prefix="larder-run-"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


def fetch(url):
    """What is at an address of nginx, which says nothing when it has begun: asked again while nobody listens."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
                return answer.read()
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                raise


def serves(folder, prefix=()):
    """Runs the demo with an empty folder: page, API and command line do their work, and Ctrl-C ends it all."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LARDER_LISTEN": f"127.0.0.1:{port}",
           "PYTHONDONTWRITEBYTECODE": "1", "LARDER_DEMO_RATE": "50000000"}
    run = Program("run.sh", [*prefix, ROOT / "etc/run.sh", programs("release"), folder / "var", "--demo"], env)
    try:
        run.wait_line("ready: models in")
        run.wait_line("threads on ")
        assert json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/health"))["status"] == "ok"
        assert b"<title>Larder" in fetch(f"http://127.0.0.1:{port}/")
        got = subprocess.run([*prefix, programs("release") / "larder", "get", "acme/tiny-7b-GGUF:Q4_K_M"], env={
            **env, "LARDER_RUNTIME_DIR": str(folder / "var/run")}, capture_output=True, text=True, timeout=60, check=False)
        assert got.returncode == 0, got.stdout + got.stderr
        assert run.end(signal.SIGINT) == 0
    finally:
        run.end(signal.SIGTERM)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be somebody else")
def test_an_ordinary_user_with_an_empty_folder(anywhere):
    if subprocess.run([*NOBODY, "test", "-x", ROOT / "etc/run.sh"], check=False).returncode != 0:
        pytest.skip("others cannot reach this source tree")
    serves(anywhere, NOBODY)


def test_whoever_runs_the_tests(anywhere):
    serves(anywhere)


def test_it_reads_its_file_as_systemd_does(anywhere):
    """Blanks and quotes, a path to serve at, the address to listen on."""
    tree, models, port = anywhere / "tree", anywhere / "my models", free_port()
    (tree / "etc").mkdir(parents=True)
    shutil.copy(ROOT / "etc/run.sh", tree / "etc")
    for path in ("static", "etc/nginx"):
        (tree / path).symlink_to(ROOT / path)
    (tree / "etc/larder.env").write_text(
        f"# a comment\n  LARDER_MAX_DOWNLOADS = 2 \nLARDER_MODELS_DIR=\"{models}\"\nLARDER_BASE_PATH='/models/hf'\n"
        f"LARDER_LISTEN=127.0.0.1:{port}\nLARDER_LOG_LEVEL=error\n;LARDER_AUTH=nonsense\nLARDER_MAX_CONNECTIONS=7")
    run = Program("run.sh", [tree / "etc/run.sh", programs("release"), anywhere / "var"],
                  {"PATH": os.environ["PATH"], "LARDER_LOG_LEVEL": "info"})
    try:
        run.wait_line(f"ready: models in {models}")
        run.wait_line("threads on ")
        base = f"http://127.0.0.1:{port}/models/hf"
        settings = json.loads(fetch(f"{base}/api/v1/settings"))
        assert (settings["max_downloads"], settings["max_connections"]) == (2, 7)
        assert b"<title>Larder" in fetch(f"{base}/")
    finally:
        assert run.end(signal.SIGTERM) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may call it from a folder that others cannot reach")
@pytest.mark.usefixtures("may_mount")
def test_root_in_a_folder_of_its_own(anywhere):
    """What the other user cannot reach is no place for what it keeps, however the folder is named."""
    (anywhere / "below").mkdir()
    anywhere.chmod(0o700)
    said = subprocess.run(["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /var/lib && cd "$1" && exec timeout 60 "$2" "$3" var',
                           "sh", anywhere / "below", ROOT / "etc/run.sh", programs("release")],
                          env={"PATH": os.environ["PATH"], "LARDER_LISTEN": "127.0.0.1:1:1"},
                          capture_output=True, text=True, timeout=120, check=False)
    assert "cannot reach var; all is kept in /var/lib/larder" in said.stderr, said.stderr
