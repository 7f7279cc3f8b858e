"""Others are told that something has arrived: by a webhook, in each one's words, and by a command without powers."""

import http.server
import json
import os
import queue
import tempfile
import threading
import time
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from harness import TIMEOUT

TERM = "acme/tiny-7b-GGUF:Q4_K_M"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATH = "/services/T0P-S3CRET/hook?token=s3cr3t-t0ken"


class Receiver:
    """Whom Larder tells: keeps what is posted, and answers as it is told to."""

    def __init__(self):
        self.posts = queue.Queue()
        self.answers = []  # statuses of the next ones; then 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                receiver.posts.put((self.path, self.headers, body, status))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}{PATH}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.posts.get(timeout=TIMEOUT)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    it = Receiver()
    yield it
    it.stop()


def lives(pid):
    """Whether there is such a process, and it has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def script(tmp_path, text):
    """A command that anybody may run, in a folder of its own."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    path = folder / "hook"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_an_arrival_is_told_signed_and_once(make_larder, receiver):
    larder = make_larder(LARDER_WEBHOOK_URL=receiver.url, LARDER_WEBHOOK_SECRET=SECRET)
    done = larder.fetch(TERM)
    path, headers, body, _ = receiver.next()
    assert path == PATH and headers["Content-Type"] == "application/json" and headers["User-Agent"].startswith("larder/")
    told = Webhook(SECRET).verify(body.decode(), dict(headers.items()))
    assert told["type"] == "download.completed" and told["data"]["download"]["id"] == done["id"]
    assert told["data"]["folder"] == str(larder.models / "acme/tiny-7b-GGUF") and os.path.isdir(told["data"]["folder"])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.decode().replace("completed", "failed"), dict(headers.items()))
    # Another end is another message, and the first is not told again. (An answer that larderd has not read
    # before it stops is none: that one would be told again, under the same id.)
    failed = larder.wait(larder.download("acme/gated-none"), lambda d: d["state"] == "failed")
    assert json.loads(receiver.next()[2])["type"] == "download.failed"
    larder.daemon.wait_line(f"told of {done['id']}")
    larder.daemon.wait_line(f"told of {failed['id']}")
    larder.stop_daemon()
    larder.start_daemon()
    larder.fetch("acme/words", type="dataset")
    assert json.loads(receiver.next()[2])["data"]["download"]["repo"] == "acme/words"
    assert receiver.posts.empty()
    # Where to is a secret.
    assert not any("S3CRET" in line or "s3cr3t" in line or "whsec" in line for line in larder.logs())


def test_who_is_away_is_told_later_also_after_a_restart(make_larder, receiver):
    receiver.answers = [503, 500, 429]
    larder = make_larder(haste=10, LARDER_WEBHOOK_URL=receiver.url)
    identity = larder.fetch(TERM)["id"]
    statuses = [receiver.next()[3], receiver.next()[3]]
    assert statuses == [503, 500]
    larder.kill_daemon()
    larder.start_daemon()
    assert [receiver.next()[3], receiver.next()[3]] == [429, 200]
    assert any("webhook http://127.0.0.1" in line and "try 2" in line for line in larder.logs())
    larder.daemon.wait_line(f"told of {identity}")


def test_an_end_just_before_a_crash_is_told_after_it(make_larder, receiver):
    """It is in the database with the end itself: nobody listens here, so what was not told is told at the next start."""
    url = receiver.url
    receiver.stop()
    larder = make_larder(LARDER_WEBHOOK_URL=url)
    larder.fetch(TERM)
    larder.kill_daemon()
    receiver.server = http.server.ThreadingHTTPServer(receiver.server.server_address, receiver.server.RequestHandlerClass)
    threading.Thread(target=receiver.server.serve_forever, daemon=True).start()
    larder.start_daemon()
    assert json.loads(receiver.next()[2])["type"] == "download.completed"


def test_who_says_no_is_not_asked_again(make_larder, receiver):
    receiver.answers = [404]
    larder = make_larder(haste=10, LARDER_WEBHOOK_URL=receiver.url)
    larder.fetch(TERM)
    assert receiver.next()[3] == 404
    larder.daemon.wait_line("not tried again")
    larder.fetch("acme/words", type="dataset")
    assert json.loads(receiver.next()[2])["data"]["download"]["repo"] == "acme/words"


@pytest.mark.parametrize("words", ["ntfy", "gotify", "discord"])
def test_each_is_told_in_its_words(make_larder, receiver, words):
    larder = make_larder(LARDER_WEBHOOK_URL=receiver.url, LARDER_WEBHOOK_FORMAT=words)
    larder.fetch(TERM)
    _, headers, body, _ = receiver.next()
    text = body.decode()
    if words == "ntfy":
        assert headers["Title"] == "acme/tiny-7b-GGUF is here" and "every byte proven" in text
    elif words == "gotify":
        assert set(json.loads(text)) == {"title", "message", "priority"}
    else:
        assert json.loads(text)["content"].startswith("**acme/tiny-7b-GGUF is here**")


def test_a_command_hears_what_has_arrived(make_larder, tmp_path):
    out = "/tmp/larder-hook-" + str(os.getpid())
    command = script(tmp_path, f'env > {out}.env; cat > {out}.json; ls "$LARDER_FOLDER" > {out}.ls; mv {out}.json {out}.done\n')
    larder = make_larder(LARDER_HOOK_COMMAND=command)
    try:
        done = larder.fetch(TERM)
        larder.daemon.wait_line(f"LARDER_HOOK_COMMAND: told of {done['id']}")
        told = json.load(open(f"{out}.done"))
        assert told["type"] == "download.completed" and told["data"]["download"]["id"] == done["id"]
        env = dict(line.split("=", 1) for line in open(f"{out}.env").read().splitlines())
        assert env["LARDER_REPO"] == "acme/tiny-7b-GGUF" and env["LARDER_EVENT"] == "download.completed"
        assert env["LARDER_FOLDER"] == str(larder.models / "acme/tiny-7b-GGUF")
        assert not {"HF_TOKEN", "LARDER_STATE_DIR", "HF_ENDPOINT"} & set(env)
        assert "tiny-7b-Q4_K_M.gguf" in open(f"{out}.ls").read()
    finally:
        for end in ("env", "json", "done", "ls"):
            if os.path.exists(f"{out}.{end}"):
                os.unlink(f"{out}.{end}")


@pytest.fixture
def elsewhere():
    """A folder that is not beneath /tmp, where a command may write."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="larder-hook-") as folder:
        os.chmod(folder, 0o777)
        yield Path(folder)


def test_a_command_has_no_powers(make_larder, tmp_path, elsewhere):
    """It runs as larderd's user with no way to its state, its models, its environment or new powers."""
    state, models = elsewhere / "state", elsewhere / "models"
    tries = {
        "state": f"cat {state}/larder.db",
        "secret": f"cat {state}/secret.key",
        "models": 'touch "$LARDER_FOLDER/evil"',
        "delete": 'rm "$LARDER_FOLDER"/*.gguf',
        "environment": "cat /proc/$PPID/environ",
        "larderd": "for p in /proc/[0-9]*; do grep -aq HF_TOKEN= $p/environ && exit 0; done; exit 1",
        "elsewhere": f"touch {elsewhere}/evil",
        "new powers": 'grep -q "NoNewPrivs:.*0" /proc/self/status',
        "root": 'test "$(id -u)" = 0',
    }
    lines = "".join(f"if ({text}) >/dev/null 2>&1; then echo COULD {name}; fi\n" for name, text in tries.items())
    lines += 'test -r "$LARDER_FOLDER"/tiny-7b-Q4_K_M.gguf && echo READS\n'
    larder = make_larder(flavour="release", LARDER_STATE_DIR=state, LARDER_MODELS_DIR=models,
                         LARDER_HOOK_COMMAND=script(tmp_path, lines))
    if any("no Landlock" in line for line in larder.daemon.lines):
        pytest.skip("this kernel has no Landlock: files are guarded by owners and modes only")
    done = larder.fetch(TERM)
    larder.daemon.wait_line(f"told of {done['id']}")
    assert not [line for line in larder.daemon.lines if "COULD" in line]
    assert any("READS" in line for line in larder.daemon.lines)
    assert (models / "acme/tiny-7b-GGUF/tiny-7b-Q4_K_M.gguf").exists()


def test_a_command_that_takes_too_long_is_killed_with_all_it_began(make_larder, tmp_path):
    pids = tmp_path / "pids"
    command = script(tmp_path, "sleep 1000 & echo PIDS $$ $!; wait\n")
    larder = make_larder(LARDER_HOOK_COMMAND=command, LARDER_HOOK_TIME="1s")
    larder.fetch(TERM)
    larder.daemon.wait_line("took too long")
    [line] = [line for line in larder.daemon.lines if "PIDS" in line]
    for pid in map(int, line.split("PIDS ")[1].split()):
        deadline = time.monotonic() + TIMEOUT
        while lives(pid):
            assert time.monotonic() < deadline, f"{pid} lives"
    # The next one has its turn.
    larder.fetch("acme/words", type="dataset")
    larder.daemon.wait_line("PIDS")
    assert not pids.exists()


@pytest.mark.parametrize("text, said", [("exit 7", "ended with 7"), ("kill -9 $$", "ended with 137")])
def test_a_command_that_fails_is_told_and_hinders_nothing(make_larder, tmp_path, text, said):
    larder = make_larder(LARDER_HOOK_COMMAND=script(tmp_path, text + "\n"))
    assert larder.fetch(TERM)["state"] == "completed"
    larder.daemon.wait_line(said)
    larder.api("GET", "health", status=200)


def test_the_helper_goes_with_larderd(make_larder, tmp_path):
    larder = make_larder(LARDER_HOOK_COMMAND=script(tmp_path, "echo MINE $PPID; exec sleep 1000\n"))
    larder.fetch(TERM)
    larder.daemon.wait_line("MINE")
    helper = int(next(line for line in larder.daemon.lines if "MINE" in line).split("MINE ")[1])
    larder.kill_daemon()
    deadline = time.monotonic() + TIMEOUT
    while lives(helper):
        assert time.monotonic() < deadline, "the helper lives on"


@pytest.mark.parametrize("name, value", [
    ("LARDER_WEBHOOK_URL", "ftp://example.org"), ("LARDER_WEBHOOK_SECRET", "short"), ("LARDER_WEBHOOK_FORMAT", "smoke"),
    ("LARDER_HOOK_COMMAND", "relative"), ("LARDER_HOOK_COMMAND", "/no/such/program"), ("LARDER_HOOK_COMMAND", "/etc/passwd"),
    ("LARDER_HOOK_TIME", "0"),
])
def test_what_makes_no_sense_is_refused_by_name(make_larder, name, value):
    larder = make_larder(is_started=False, **{name: value})
    with pytest.raises(AssertionError, match=f"{name}: "):
        larder.start_daemon()
    larder.daemon = None
