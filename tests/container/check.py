"""Runs the image of the Dockerfile as an engine would, and looks whether it keeps what docs/CONTAINER.md promises.

    check.py FOLDER     as build.sh has filled it: FOLDER/root, FOLDER/config.json, FOLDER/base-size

Root's. It has a network of its own, in which there is nothing but itself. Nothing here sleeps to wait: every wait is for a
condition, with a deadline.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from hub import StandInHub  # noqa: E402

MEGABYTE = 1000 * 1000
IMAGE_MAX = 120 * MEGABYTE
WAIT_S = 60  # never reached when things go well
REPAIR_S = 5  # the promise
STOP_S = 8  # an engine kills after ten
TINY = "acme/tiny-7b-GGUF"
BIG = "acme/big-1"
BIG_SIZE = 48 << 20
SLOW = 4 << 20  # bytes a second and connection
ME = "1000:1000"


def until(look, what, timeout=WAIT_S):
    """Asks again and again, and returns the first answer that is not false."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        select.select([], [], [], 0.02)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Container:
    """A running image. `volumes` are folders of the host by what they are inside (":ro" behind it makes them read-only)."""

    image = None  # the root file system

    def __init__(self, *command, user=ME, volumes=None, port=8080, base="", has_tmpfs=True, layer=None, **env):
        self.user = user
        self.port = port
        self.base = base
        self.headers = {}
        self.lines = []
        config = json.loads((self.image.parent / "config.json").read_text())["Docker"]["config"]
        self.env = dict(pair.split("=", 1) for pair in config["Env"]) | env
        argv = [*config["Entrypoint"], *(command or config["Cmd"])]
        mounts = [f"{host}:{inside}" for inside, host in (volumes or {}).items()]
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", str(ROOT / "tests/container/run.sh"), str(self.image),
             user, *mounts, "--", *argv],
            env=self.env | ({} if has_tmpfs else {"NO_TMPFS": "1"}) | ({"LAYER": str(layer)} if layer else {}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def log(self):
        return "\n".join(self.lines)

    def wait_log(self, pattern):
        """Waits until the log has it: the match."""
        return until(lambda: re.search(pattern, self.log), f"the log has {pattern!r}")

    # --- its processes ---

    @property
    def first(self):
        """Process 1, as the host counts."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(until(lambda: path.read_text().split(), "process 1")[0])

    def processes(self):
        """All of it: {pid of the host: (name, state)}."""
        space = os.readlink(f"/proc/{self.first}/ns/pid")
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(folder / "ns/pid") == space:
                    name, state = re.match(r"\d+ \((.*)\) (.)", (folder / "stat").read_text()).groups()
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                    found[int(folder.name)] = (words or name, state)
        return found

    def pids(self, start):
        """The processes whose command line begins so."""
        return {pid for pid, (words, _) in self.processes().items() if words.startswith(start)}

    def run(self, *argv, user=None, stdin=""):
        """A command in it, as `docker exec` has it."""
        user = user or self.user
        return subprocess.run(
            ["nsenter", "--target", str(self.first), "--mount", "--pid", "--root", "setpriv", "--reuid", user.split(":")[0],
             "--regid", user.split(":")[1], "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
             *argv],
            env=self.env, input=stdin, capture_output=True, text=True, timeout=WAIT_S)

    def is_healthy(self):
        return self.process.poll() is None and self.run("larder-container", "health").returncode == 0

    def wait_healthy(self, timeout=WAIT_S):
        def look():
            assert self.process.poll() is None, f"it ended:\n{self.log}"
            return self.is_healthy()

        until(look, "it is healthy", timeout)
        return self

    def end(self, number=signal.SIGTERM):
        """Its exit status, and how long it took."""
        begun = time.monotonic()
        if self.process.poll() is None:
            os.kill(self.first, number)
        status = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return status, time.monotonic() - begun

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            os.kill(self.first, signal.SIGKILL)
            self.process.wait()
        if kind is not None:
            print("\n".join(f"    | {line}" for line in self.lines[-60:]), file=sys.stderr)

    # --- talking to it ---

    def ask(self, method, path, body=None, address="127.0.0.1", source=None, **headers):
        connection = http.client.HTTPConnection(address, self.port, timeout=WAIT_S,
                                                source_address=(source, 0) if source else None)
        try:
            data = None if body is None else json.dumps(body).encode()
            kind = {"Content-Type": "application/json"} if data is not None else {}
            connection.request(method, self.base + path, data, {**self.headers, **kind, **headers})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def health(self):
        """The status of /api/v1/health, or None where nobody answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/api/v1/health").status
        return None

    def sign_in(self, password):
        answer = self.ask("POST", "/api/v1/session", {"password": password})
        if answer.status == 200:
            self.headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "X-CSRF-Token": answer.json["csrf_token"]}
        return answer.status

    def download(self, repo):
        answer = self.ask("POST", "/api/v1/downloads", {"repo": repo})
        assert answer.status == 202, (answer.status, answer.body)
        return answer.json["id"]

    def state(self, identity):
        """What the API says of a download; nothing while nobody answers."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = self.ask("GET", f"/api/v1/downloads/{identity}")
            return answer.json if answer.status == 200 else {}
        return {}

    def wait_state(self, identity, *states):
        def look():
            present = self.state(identity)
            assert present.get("state") not in {"failed", "cancelled"}, present
            return present.get("state") in states and present

        return until(look, f"the download is {states}")

    def fetch(self, repo):
        return self.wait_state(self.download(repo), "completed")


class Place:
    """Folders for the volumes, of one user."""

    def __init__(self, folder, user=ME):
        uid, gid = map(int, user.split(":"))
        self.volumes = {}
        for name in ("models", "state"):
            path = Path(folder) / name
            path.mkdir()
            os.chown(path, uid, gid)
            self.volumes[f"/{name}"] = path
        self.models, self.state = self.volumes.values()


def open_door(hub, **env):
    """What a container has in its environment here: the stand-in Hub, and anybody may come in."""
    return {"HF_ENDPOINT": hub.endpoint, "LARDER_MIN_FREE": "0", "LARDER_ALLOW_ANYONE": "1", **env}


def assert_fetched(hub, models, repo, path):
    digest = hashlib.sha256((models / repo / path).read_bytes()).hexdigest()
    assert digest == hub.files(repo)[path]["sha256"], f"{path} is not the Hub's"


# --- the checks ------------------------------------------------------------------------------------


def the_image_is_small_and_says_what_it_is(folder, hub, place):
    config = json.loads((folder / "config.json").read_text())["Docker"]["config"]
    size = int(subprocess.run(["du", "-s", "--apparent-size", "-B1", folder / "root"], capture_output=True, text=True,
                              check=True).stdout.split()[0])
    base = int((folder / "base-size").read_text())
    print(f"        {size / MEGABYTE:.1f} MB, of which the base is {base / MEGABYTE:.1f} MB")
    assert size < IMAGE_MAX
    assert config["User"] == ME and config["StopSignal"] == "SIGTERM" and list(config["ExposedPorts"]) == ["8080/tcp"]
    assert config["Healthcheck"]["Test"] == ["CMD", "larder-container", "health"]
    assert not config.get("Volumes"), "a volume that nobody has asked for hides that nothing is kept"
    assert not any(re.search(r"TOKEN|PASSWORD|SECRET", pair) for pair in config["Env"])
    root = folder / "root"
    assert not subprocess.run(["find", root, "-xdev", "-type", "f", "-perm", "/6000"], capture_output=True, text=True,
                              check=True).stdout
    assert not list((root / "var/lib/apt/lists").iterdir()) and not list((root / "usr/share/man").iterdir())
    for program in ("bin/larder", "sbin/larderd", "sbin/larder-fcgi", "sbin/nginx", "bin/s6-svscan"):
        libraries = subprocess.run(["chroot", root, "ldd", f"/usr/{program}"], capture_output=True, text=True).stdout
        assert libraries and "not found" not in libraries, libraries


def a_first_start_ends_with_a_download(folder, hub, place):
    with Container(volumes=place.volumes, HF_ENDPOINT=hub.endpoint, LARDER_MIN_FREE="0") as one:
        one.wait_healthy()
        password = one.wait_log(r"this password was made: (\S+)")[1]
        assert one.ask("GET", "/api/v1/downloads").status == 401 and one.sign_in("a wrong one") == 403
        assert one.sign_in(password) == 200
        done = one.fetch(f"{TINY}:Q4_K_M")
        [path] = [file["path"] for file in done["files"] if file["path"].endswith("Q4_K_M.gguf")]
        assert_fetched(hub, place.models, TINY, path)
        assert b"<!doctype html>" in one.ask("GET", "/").body[:20]
        assert one.ask("GET", "/", address="::1").status == 200
        assert "is mounted" not in one.log and "sandbox" not in one.log, one.log
        assert (place.state / "password-hash").stat().st_mode & 0o777 == 0o600
        for kept in place.state.iterdir():
            assert password.encode() not in kept.read_bytes()
        assert one.end()[0] == 0
    with Container(volumes=place.volumes, HF_ENDPOINT=hub.endpoint) as again:
        again.wait_healthy()
        assert "password" not in again.log and again.sign_in(password) == 200
        done = again.run("larder-container", "set-password", stdin="another one\n")
        assert done.returncode == 0, done.stderr
        assert again.end()[0] == 0
    with Container(volumes=place.volumes, HF_ENDPOINT=hub.endpoint) as again:
        again.wait_healthy()
        assert again.sign_in(password) == 403 and again.sign_in("another one") == 200
        assert again.end()[0] == 0


def it_needs_no_options_and_starts_again(folder, hub, place):
    """As `docker run`, `docker kill`, `docker start`, `docker restart` without more: what was written into it is still there."""
    layer = place.models.parent / "layer"
    env = open_door(hub)
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGTERM):
        with Container(layer=layer, **env) as one:
            one.wait_healthy()
            one.wait_log("nothing is mounted at /state(.|\n)*nothing is mounted at /models")
            assert one.health() == 200
            one.fetch(f"{TINY}:Q4_K_M")
            assert one.end(number)[0] == 0 or number == signal.SIGKILL


def it_has_no_powers(folder, hub, place):
    with Container(volumes=place.volumes, **open_door(hub)) as one:
        one.wait_healthy()
        assert Path(f"/proc/{one.first}/comm").read_text() == "s6-svscan\n"
        for pid, (words, _) in one.processes().items():
            facts = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            assert set(facts["Uid"].split()) == {"1000"} and set(facts["Gid"].split()) == {"1000"}, words
            assert facts["Groups"].strip() == "" and facts["NoNewPrivs"] == "1", words
            for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                assert int(facts[kind], 16) == 0, (words, kind)
            # The engine's filter, and what Larder puts on itself.
            assert facts["Seccomp"] == "2"
            assert int(facts["Seccomp_filters"]) == {"larderd": 3, "larder-fcgi": 2}.get(words, 1), words
        # Nothing but the volumes and the two tmpfs can be written, and nothing executed from those.
        made = one.run("sh", "-c", "for d in / /etc /usr /var/tmp /home /dev; do touch $d/x 2>/dev/null && echo $d; done")
        assert made.stdout == "", made.stdout
        assert one.run("sh", "-c", "cp /bin/true /run/true; /run/true").returncode == 126
        assert one.end()[0] == 0


def each_process_that_is_killed_is_repaired(folder, hub, place):
    hub.set(rate=SLOW)
    with Container(volumes=place.volumes, **open_door(hub, LARDER_BANDWIDTH_LIMIT="1M")) as one:
        one.wait_healthy()
        identity = one.download(BIG)
        one.wait_state(identity, "downloading")
        worst = 0
        received = 0
        kinds = ("larderd", "larder-fcgi", "nginx: master", "nginx: worker", "s6-supervise larderd",
                 "s6-supervise larder-fcgi", "s6-supervise nginx")
        for kind in kinds:
            [before] = until(lambda: one.pids(kind), kind)
            begun = time.monotonic()
            os.kill(before, signal.SIGKILL)
            # Repaired: another is in its place, alone, the whole is well, and the download is under way.
            until(lambda: (len(one.pids(kind)) == 1 and before not in one.pids(kind) and one.health() == 200
                           and one.state(identity).get("state") == "downloading"), f"{kind} is there again")
            took = time.monotonic() - begun
            worst = max(worst, took)
            print(f"        {kind}: {took:.1f} s")
            assert took < REPAIR_S, f"{kind}: {took:.1f} s"
            # What was received counts, and more comes.
            present = until(lambda: one.state(identity).get("bytes_done", 0) > received and one.state(identity),
                            "more has come")
            received = present["bytes_done"]
        programs = {words: len(one.pids(words)) for words in ("larderd", "larder-fcgi", "nginx: master", "nginx: worker")}
        assert set(programs.values()) == {1}, programs
        assert one.ask("PATCH", "/api/v1/settings", {"bandwidth_limit": 0}).status == 200
        hub.set(rate=0)
        done = one.wait_state(identity, "completed")
        for file in done["files"]:
            path = place.models / BIG / file["path"]
            assert path.stat().st_size == file["size"], file
        assert one.end()[0] == 0
    hub.set(rate=0)


def process_1_reaps_what_others_leave(folder, hub, place):
    with Container(volumes=place.volumes, **open_door(hub)) as one:
        one.wait_healthy()
        # A grandchild whose parent has gone, and which ends when it is told to.
        left = one.run("sh", "-c", "(setsid sh -c 'echo $$ >/tmp/orphan; exec sleep 1000' >/dev/null 2>&1 &)")
        assert left.returncode == 0
        [orphan] = until(lambda: one.pids("sleep 1000"), "the orphan")
        until(lambda: f"PPid:\t{one.first}" in Path(f"/proc/{orphan}/status").read_text(), "it is process 1's")
        os.kill(orphan, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{orphan}").exists(), "it is reaped")
        assert not [words for words, state in one.processes().values() if state == "Z"]
        assert one.end()[0] == 0


def signals_stop_it_and_what_runs_goes_on_later(folder, hub, place):
    hub.set(rate=SLOW)
    identity = None
    for number in (signal.SIGTERM, signal.SIGINT):
        with Container(volumes=place.volumes, **open_door(hub, LARDER_BANDWIDTH_LIMIT="1M")) as one:
            one.wait_healthy()
            identity = identity or one.download(BIG)
            one.wait_state(identity, "downloading")
            until(lambda: one.state(identity).get("bytes_done", 0) > 0, "bytes have come")
            status, took = one.end(number)
            print(f"        {number.name}: {took:.1f} s")
            assert status == 0 and took < STOP_S and "larderd: stopped" in one.log, (status, took)
    hub.set(rate=0)
    with Container(volumes=place.volumes, **open_door(hub)) as one:
        one.wait_healthy()
        one.wait_state(identity, "completed")
        assert one.end()[0] == 0


def what_is_not_in_place_is_said_in_a_sentence(folder, hub, place):
    def refusal(*command, **options):
        with Container(*command, **options) as one:
            assert one.process.wait(WAIT_S) == 1
            one._reader.join(WAIT_S)
            assert not any(place.models.iterdir()) and not any(place.state.iterdir())
            return one.log

    env = open_door(hub)
    other = "4321:8765"
    said = refusal(user=other, volumes=place.volumes, **env)
    assert said.count("\n") == 0 and "LARDER_STATE_DIR: /state cannot be written by UID 4321, GID 8765" in said, said
    assert "belongs to 1000:1000" in said and "4321:8765 (chown" in said and "--user UID:GID" in said, said
    os.chown(place.state, 4321, 8765)
    said = refusal(user=other, volumes=place.volumes, **env)
    assert said.count("\n") == 0 and "LARDER_MODELS_DIR: /models cannot be written by UID 4321" in said, said
    os.chown(place.state, 1000, 1000)
    said = refusal(volumes={"/state": place.state, "/models:ro": place.models}, **env)
    assert said.count("\n") == 0 and "/models cannot be written, since it is read-only" in said, said
    said = refusal(**env)
    assert "/state cannot be written, since it is read-only" in said, said
    said = refusal(volumes=place.volumes, has_tmpfs=False, **env)
    assert said.count("\n") == 0 and "/run cannot be written" in said and "--tmpfs /run" in said, said
    assert "this is root" in refusal(user="0:0", volumes=place.volumes, **env)
    said = refusal(volumes=place.volumes, **env, LARDER_TRASH_DAYS="-1")
    assert "LARDER_TRASH_DAYS" in said, said
    for name, value in (("LARDER_UMASK", "9"), ("LARDER_LISTEN", "here; }"), ("LARDER_GATE", "everybody"),
                        ("LARDER_BASE_PATH", "/a b|c")):
        assert f"{name}: " in refusal(volumes=place.volumes, **env, **{name: value}), name
    assert "nothing comes after all" in refusal("all", "too much", volumes=place.volumes, **env)


def any_other_command_is_run_as_it_is(folder, hub, place):
    for argv, status, says in ((("larder", "--version"), 0, "larder "), (("sh", "-c", "id -u; exit 7"), 7, "1000"),
                               (("larderd", "--check"), 0, "makes sense")):
        with Container(*argv) as one:
            assert one.process.wait(WAIT_S) == status, one.log
            one._reader.join(WAIT_S)
            assert says in one.log


def any_user_and_umask_will_do(folder, hub, place):
    for number, (umask, file_mode, folder_mode) in enumerate((("002", 0o664, 0o775), ("0077", 0o600, 0o700))):
        user = f"{60000 + number}:{50000 + number}"
        inner = Path(tempfile.mkdtemp(dir=place.models.parent))
        own = Place(inner, user)
        with Container(user=user, volumes=own.volumes, **open_door(hub, LARDER_UMASK=umask)) as one:
            one.wait_healthy()
            one.fetch(f"{TINY}:Q4_K_M")
            for path in own.models.rglob("*"):
                facts = path.stat()
                assert f"{facts.st_uid}:{facts.st_gid}" == user, path
                assert facts.st_mode & 0o777 == (folder_mode if path.is_dir() else file_mode), (path, oct(facts.st_mode))
            for path in own.state.iterdir():
                assert path.stat().st_mode & 0o077 == 0, (path, oct(path.stat().st_mode))
            assert one.end()[0] == 0


def it_is_served_under_a_path_and_elsewhere(folder, hub, place):
    with Container(volumes=place.volumes, base="/models/hf", port=8099,
                   **open_door(hub, LARDER_BASE_PATH="/models/hf/", LARDER_LISTEN="127.0.0.1:8099")) as one:
        one.wait_healthy()
        page = one.ask("GET", "/")
        assert page.status == 200 and b"<!doctype html>" in page.body[:20]
        script = re.search(rb'src="([^"]+\.js)"', page.body)[1].decode()
        assert one.ask("GET", f"/{script}").status == 200
        one.fetch(f"{TINY}:Q4_K_M")
        one.base = ""
        top = one.ask("GET", "/")
        assert top.status == 302 and top.headers["Location"] == "/models/hf/"
        assert one.ask("GET", "/models/hf").headers["Location"] == "/models/hf/"
        assert one.end()[0] == 0
    with Container(volumes=place.volumes, port=8099, **open_door(hub, LARDER_HOSTS="*.example.org, other.example",
                                                                LARDER_LISTEN="[::1]:8099")) as one:
        one.wait_healthy()
        assert one.end()[0] == 0


def who_may_come_in_is_kept(folder, hub, place):
    hashed = subprocess.run(["chroot", folder / "root", "larder", "hash-password"], input="open sesame\n", capture_output=True,
                            text=True, check=True).stdout.split("'")[1]
    with Container(volumes=place.volumes, HF_ENDPOINT=hub.endpoint, LARDER_PASSWORD_HASH=hashed, LARDER_GATE="127.0.0.9") as one:
        one.wait_healthy()
        for source, is_gate in (("127.0.0.9", True), ("127.0.0.1", False)):
            answer = one.ask("POST", "/api/v1/session", {"password": "open sesame"}, source=source,
                             **{"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"})
            assert answer.status == 200 and ("; Secure" in answer.headers["Set-Cookie"]) == is_gate
        one.wait_log(r"signed in from 192\.0\.2\.7(.|\n)*signed in from 127\.0\.0\.1")
        assert "password" not in one.log and one.ask("GET", "/api/v1/downloads").status == 401
        assert one.sign_in("open sesame") == 200 and one.ask("GET", "/api/v1/downloads").status == 200
        assert one.end()[0] == 0
    env = {"HF_ENDPOINT": hub.endpoint, "LARDER_AUTH": "none"}
    with Container(volumes=place.volumes, **env, LARDER_GATE="127.0.0.9") as one:
        one.wait_healthy()
        one.wait_log("LARDER_AUTH=none serves only who is on this machine")
        assert one.ask("GET", "/api/v1/downloads").status == 200
        # Another address, as the gate tells it; and as somebody else does, who is no gate.
        told = {"X-Forwarded-For": "192.0.2.7"}
        assert one.ask("GET", "/api/v1/downloads", source="127.0.0.9", **told).json["code"] == "not_this_machine"
        assert one.ask("GET", "/api/v1/downloads", **told).status == 200
        assert one.end()[0] == 0
    for header in ("Remote-User", "X-Auth-Request-User"):
        with Container(volumes=place.volumes, **env | {"LARDER_AUTH": "proxy", "LARDER_GATE": "127.0.0.8/31",
                                                       "LARDER_TRUSTED_USER_HEADER": header}) as one:
            one.wait_healthy()
            for path in ("/api/v1/downloads", "/api/v1/session"):
                assert one.ask("GET", path, **{header: "ada"}).json.get("user") is None
            assert one.ask("GET", "/api/v1/downloads", **{header: "ada"}).status == 401
            assert one.ask("GET", "/api/v1/session", source="127.0.0.9", **{header: "ada"}).json["user"] == "ada"
            assert one.end()[0] == 0


def two_services_do_as_one(folder, hub, place):
    run = place.models.parent / "run"
    run.mkdir()
    os.chown(run, 1000, 1000)
    env = {"HF_ENDPOINT": hub.endpoint, "LARDER_MIN_FREE": "0"}
    hub.set(rate=SLOW)
    with contextlib.ExitStack() as stack:
        # The other way round than compose starts them: after a restart of the machine nobody waits for anybody.
        web = stack.enter_context(Container("web", volumes={"/run/larder": run}, **env))
        until(lambda: web.health() in (502, 503), "the web side says that the downloader is away")
        assert not web.is_healthy()
        lower = stack.enter_context(Container("downloader", volumes={"/run/larder": run, **place.volumes},
                                              LARDER_BANDWIDTH_LIMIT="1M", **env))
        lower.wait_healthy()
        web.wait_healthy()
        assert not lower.pids("nginx") and not lower.pids("larder-fcgi") and not web.pids("larderd")
        assert web.sign_in(lower.wait_log(r"password was made: (\S+)")[1]) == 200
        identity = web.download(BIG)
        web.wait_state(identity, "downloading")
        for side, kind in ((lower, "larderd"), (web, "larder-fcgi"), (web, "nginx: master")):
            [before] = side.pids(kind)
            begun = time.monotonic()
            os.kill(before, signal.SIGKILL)
            until(lambda: (side.pids(kind) and before not in side.pids(kind) and web.health() == 200
                           and web.state(identity).get("state") == "downloading"), f"{kind} is there again")
            assert time.monotonic() - begun < REPAIR_S
        # The downloader is taken away whole, and comes back.
        assert lower.end()[0] == 0
        until(lambda: web.health() == 503, "the web side says so")
        assert lower.process.returncode == 0 and web.process.poll() is None
        hub.set(rate=0)
        lower = stack.enter_context(Container("downloader", volumes={"/run/larder": run, **place.volumes}, **env))
        lower.wait_healthy()
        web.wait_healthy()
        web.wait_state(identity, "completed")
        assert web.end()[0] == 0 and lower.end()[0] == 0
    # Who is another user may not use the sockets' folder, and is told.
    with Container("web", user="4321:8765", volumes={"/run/larder": run}, **env) as other:
        assert other.process.wait(WAIT_S) == 1
        other._reader.join(WAIT_S)
        assert "both services must run as the user" in other.log, other.log


def compose_takes_its_file(folder, hub, place):
    """Debian's docker-compose needs no engine to read a file, fill in its variables and hold it against the schema."""
    done = subprocess.run(["docker-compose", "-f", ROOT / "compose.yaml", "config"], capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LARDER_MODELS": "/srv/models", "LARDER_UID": "1234"}, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    compose = yaml.safe_load(done.stdout)
    assert set(compose["services"]) == {"downloader", "web"}
    for name, service in compose["services"].items():
        assert service["command"] == [name] and service["user"] == "1234:1000" and service["read_only"] is True
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert float(service["cpus"]) > 0 and service["mem_limit"] and service["pids_limit"] > 0
        assert "deploy" not in service, "newer composes refuse both ways of saying it"
        assert service["healthcheck"]["test"] == ["CMD", "larder-container", "health"]
        assert service["restart"] == "unless-stopped" and service["stop_grace_period"] == "30s"
        assert {one.split(":")[0] for one in service["tmpfs"]} == {"/run", "/tmp"}
        assert service["logging"]["options"]["max-size"]
        assert not service.get("privileged") and "cap_add" not in service and "network_mode" not in service
    down, web = compose["services"]["downloader"], compose["services"]["web"]
    assert web["depends_on"] == {"downloader": {"condition": "service_healthy"}}
    assert "ports" not in down and len(web["ports"]) == 1
    assert {volume.split(":")[1] for volume in down["volumes"]} == {"/models", "/state", "/run/larder"}
    assert [volume.split(":")[1] for volume in web["volumes"]] == ["/run/larder"]
    assert "/srv/models:/models:rw" in down["volumes"]
    assert "uid=1234" in compose["volumes"]["run"]["driver_opts"]["o"]


CHECKS = (
    the_image_is_small_and_says_what_it_is,
    compose_takes_its_file,
    a_first_start_ends_with_a_download,
    it_needs_no_options_and_starts_again,
    it_has_no_powers,
    each_process_that_is_killed_is_repaired,
    process_1_reaps_what_others_leave,
    signals_stop_it_and_what_runs_goes_on_later,
    what_is_not_in_place_is_said_in_a_sentence,
    any_other_command_is_run_as_it_is,
    any_user_and_umask_will_do,
    it_is_served_under_a_path_and_elsewhere,
    who_may_come_in_is_kept,
    two_services_do_as_one,
)


def main(folder, wanted):
    Container.image = folder / "root"
    checks = [check for check in CHECKS if not wanted or any(word in check.__name__ for word in wanted)]
    with StandInHub("all", big_size=BIG_SIZE) as hub:
        for check in checks:
            work = Path(tempfile.mkdtemp(prefix="larder-container-"))
            work.chmod(0o755)
            begun = time.monotonic()
            try:
                check(folder, hub, Place(work))
            finally:
                shutil.rmtree(work)
                hub.set(rate=0)
                hub.clear()
            print(f"  ok    {check.__name__.replace('_', ' ')} ({time.monotonic() - begun:.0f} s)", flush=True)
    print(f"container: {len(checks)} passed, 0 failed")


if __name__ == "__main__":
    if os.environ.get("LARDER_CONTAINER_NETWORK") != "own":
        os.execvpe("unshare", ["unshare", "--net", "sh", "-c", 'PATH=$PATH:/usr/sbin:/sbin; ip link set lo up && exec "$@"', "sh",
                               sys.executable, *sys.argv], {**os.environ, "LARDER_CONTAINER_NETWORK": "own"})
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
