"""A whole Larder in a folder of its own: larderd, larder-fcgi and a web server, and the ways to talk to it.

Nothing here sleeps: starting waits for the program's own "ready" line, everything else waits on the event
stream.
"""

import collections
import gzip
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 90  # seconds; never reached when things go well, also under a sanitizer
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")
FINAL = {"completed", "failed", "cancelled"}
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
KEPT_MAX = 16 << 20  # larger files are models
TOKEN = "hf_grantedAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # may see everything; nearly every test has one that could leak


def as_root():
    """Whether these tests are root's. Larder then works as nobody, and what is made here must be anybody's."""
    if os.geteuid() != 0:
        return False
    os.umask(0)
    return True


def may_pass(folder):
    """Anybody may go through a folder of pytest's, which makes its own for its user only."""
    for one in (folder, *folder.parents):
        if one.stat().st_uid == os.geteuid() and not one.stat().st_mode & 0o005:
            one.chmod(one.stat().st_mode & 0o777 | 0o055)


def flavour_of(wanted=None):
    """The flavour that is tried: what is installed (LARDER_TEST_PROGRAMS) is a release, whatever a test would like."""
    if "LARDER_TEST_PROGRAMS" in os.environ:
        return "release"
    return wanted or os.environ.get("LARDER_TEST_FLAVOUR", "asan")


def powers(flavour=None):
    """What a Larder of this flavour is told of users and sandboxes: a sanitizer looks into its process."""
    return {"LARDER_USER": "nobody", "LARDER_SANDBOX": "on" if flavour_of(flavour) == "release" else "off"}


def programs(flavour=None):
    """The folder of the three programs. LARDER_TEST_PROGRAMS names one with those of a package or an image."""
    return Path(os.environ.get("LARDER_TEST_PROGRAMS", ROOT / "build" / f"{flavour_of(flavour)}-gcc"))


class Program:
    """A child process whose stderr is kept, line by line, and can be waited on."""

    def __init__(self, name, argv, env):
        self.name = name
        self.lines = []
        self._is_silent = False  # its stderr has ended
        self._news = threading.Condition()
        self.process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        text=True, errors="replace", umask=0o022)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._is_silent = True
            self._news.notify_all()

    def wait_line(self, part, timeout=TIMEOUT):
        """Waits until a line holds `part`, or one of several; fails when the program ends before."""
        assert self.wait_line_or_end(part, timeout), f"{self.name} ended:\n" + "\n".join(self.lines[-40:])

    def wait_line_or_end(self, part, timeout=TIMEOUT):
        """Waits until a line holds `part`, or the program has ended: whether there is such a line."""
        parts = (part,) if isinstance(part, str) else part
        deadline = time.monotonic() + timeout
        with self._news:
            while not any(one in line for line in self.lines for one in parts):
                left = deadline - time.monotonic()
                assert left > 0, f"{self.name}: no line with {part!r}:\n" + "\n".join(self.lines[-40:])
                if self._is_silent:
                    return False
                self._news.wait(left)
        return True

    def end(self, number=signal.SIGTERM):
        """Ends it and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        return status


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout=TIMEOUT):
        super().__init__("larder", timeout=timeout)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


Event = collections.namedtuple("Event", "id name data")


class Stream:
    """An open event stream; iterating gives its events."""

    def __init__(self, connection, path, last_id=None, headers=None, contract=None):
        self._connection = connection
        self._contract = contract
        connection.request("GET", path, headers={**(headers or {}), **({"Last-Event-ID": last_id} if last_id else {})})
        self.response = connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"].startswith("text/event-stream")
        if contract:
            contract.check("GET", "/api/v1/events", None, Head(self.response))
        self.comments = 0
        self.retry = None

    def __iter__(self):
        fields = {}
        deadline = time.monotonic() + TIMEOUT
        while line := self.response.readline():
            assert time.monotonic() < deadline, "the stream goes on, but what is waited for does not come"
            text = line.decode().rstrip("\n")
            if text.startswith(":"):
                self.comments += 1
            elif text:
                name, _, value = text.partition(": ")
                fields[name] = value
            elif "data" in fields:
                event = Event(fields["id"], fields["event"], json.loads(fields["data"]))
                if self._contract:
                    self._contract.check_event(event)
                yield event
                fields = {}
            else:
                self.retry = fields.get("retry", self.retry)
                fields = {}

    def close(self):
        """Hangs up."""
        self.response.close()
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Head:
    """What the REST API said, before its body."""

    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, b""


class Answer(Head):
    """What the REST API said."""

    def __init__(self, response):
        super().__init__(response)
        self.body = response.read()

    @property
    def plain(self):
        """The body as it was before it was compressed."""
        return gzip.decompress(self.body) if self.headers["Content-Encoding"] == "gzip" else self.body

    @property
    def json(self):
        return json.loads(self.plain)


def certificate(folder):
    """One for 127.0.0.1, which vouches for itself, and its key."""
    paths = str(folder / "hub.pem"), str(folder / "hub.key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "7", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out", paths[0],
                    "-keyout", paths[1]], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return paths


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Larder:
    """The whole thing, behind nginx. Use as a context manager; leaving it checks every log and exit status.

    `descriptors` is the most that larderd may have, and `mounts` are commands that give it mounts which only it sees (use
    `inside()` to look). Its clocks run `haste` times as fast as ours, and with `has_calendar` its calendar can be set wrong.
    """

    contract = None  # what each answer and each event is held against (contract.py), or None

    def __init__(self, folder, endpoint, flavour=None, token=TOKEN, base=None, web=None, descriptors=None, mounts=(),
                 haste=1, has_calendar=False, **settings):
        self.folder = Path(folder)
        # The whole suite may be run under another sanitizer (LARDER_TEST_FLAVOUR=tsan), behind another web server
        # (LARDER_TEST_WEB=caddy), under a path (LARDER_TEST_BASE=/hf), and with programs from elsewhere
        # (LARDER_TEST_PROGRAMS=folder).
        base = os.environ.get("LARDER_TEST_BASE", "") if base is None else base
        web = web or os.environ.get("LARDER_TEST_WEB", "nginx")
        flavour = flavour_of(flavour)
        self.build = programs(flavour)
        self.base = base
        self.models = self.folder / "models"
        self.run = self.folder / "run"
        self.token = token
        self.web_server = {"nginx": start_nginx, "caddy": start_caddy, "lighttpd": start_lighttpd}[web]
        self.port = free_port()
        is_root = as_root()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run.mkdir(exist_ok=True)
        if is_root:
            may_pass(self.folder)
        self.env = {
            "PATH": os.environ["PATH"],
            "LARDER_MODELS_DIR": str(self.models),
            "LARDER_STATE_DIR": str(self.folder / "state"),
            "LARDER_RUNTIME_DIR": str(self.run),
            "LARDER_BASE_PATH": base,
            "HF_ENDPOINT": endpoint,
            "HF_TOKEN": token,
            "LARDER_MIN_FREE": "0",
            "LARDER_GPU_MEMORY": "0",  # whatever this machine has
            "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            **powers(flavour),
            "TSAN_OPTIONS": f"suppressions={ROOT}/tests/e2e/tsan.supp:halt_on_error=0",
            **{name: str(value) for name, value in settings.items()},
        }
        self.web_connections = 512
        self.static = ROOT / "static"  # the pages
        self.edit_site = lambda text: text  # what an operator makes of the site file
        self.headers = {}  # of every request: who asks
        self.preloaded = {}  # what larderd alone has in its environment
        if haste != 1 or has_calendar:
            self.preload("clock", LARDER_TEST_HASTE=haste, LARDER_TEST_EPOCH=int(time.time()))
        if has_calendar:
            self.preloaded["LARDER_TEST_CALENDAR"] = str(self.folder / "calendar")
            self.set_calendar(0)
        self.daemon_argv = [str(self.build / "larderd")]
        if descriptors:
            self.daemon_argv = ["sh", "-c", 'ulimit -n "$0" && exec "$1"', str(descriptors), *self.daemon_argv]
        if mounts:
            steps = "\n".join(["set -e", "PATH=$PATH:/usr/sbin:/sbin", *mounts, 'exec "$0"'])
            self.daemon_argv = [*UNSHARE, "sh", "-c", steps, *self.daemon_argv]
        self.daemon = None
        self.fcgi = None
        self.web = None
        self.ended = []  # programs that were ended, for the final look at their logs
        self.allowed_statuses = {0}

    # --- life ------------------------------------------------------------------------------------

    def preload(self, library, **settings):
        """Puts one of tests/preload between larderd and the C library, from its next start on."""
        before = self.preloaded.get("LD_PRELOAD", "")
        self.preloaded |= {name: str(value) for name, value in settings.items()}
        self.preloaded["LD_PRELOAD"] = f"{before} {ROOT}/build/preload/{library}.so".strip()
        # A sanitizer's runtime wants to be first; here all that is before it goes on to it.
        self.preloaded["ASAN_OPTIONS"] = self.env["ASAN_OPTIONS"] + ":verify_asan_link_order=0"

    def set_calendar(self, wrong_by_s):
        """Sets the calendar by which larderd goes: so many seconds before ours, or behind it."""
        with open(self.folder / "calendar", "ab"):
            pass
        with open(self.folder / "calendar", "r+b", buffering=0) as file:  # never shorter: larderd has it in its memory
            file.write(struct.pack("=q", wrong_by_s * 1000))

    def inside(self, path):
        """The path as larderd has it, with its mounts, while it runs."""
        return Path(f"/proc/{self.daemon.process.pid}/root{path}")

    def start_daemon(self):
        """Starts larderd and waits until it serves."""
        self.daemon = Program("larderd", self.daemon_argv, self.env | self.preloaded)
        self.daemon.wait_line("ready:")

    def start_fcgi(self):
        """Starts larder-fcgi and waits until it serves."""
        self.fcgi = Program("larder-fcgi", [str(self.build / "larder-fcgi")], self.env)
        self.fcgi.wait_line("ready:")

    def start_web(self):
        """Starts the web server with the shipped site file."""
        self.web = self.web_server(self)

    def start(self):
        self.start_daemon()
        self.start_fcgi()
        self.start_web()
        return self

    def stop_web(self):
        # lighttpd does not know SIGQUIT, and where a shell has it ignored, it would stay.
        self.web.end(signal.SIGTERM if self.web.name == "lighttpd" else signal.SIGQUIT)
        self.ended.append(self.web)
        self.web = None

    def kill_daemon(self):
        """As the power cut does: no warning, no chance to tidy."""
        self.daemon.process.kill()
        self.daemon.end()
        self.ended.append(self.daemon)
        self.daemon = None

    def stop_daemon(self):
        """An orderly stop, which must succeed."""
        status = self.daemon.end()
        assert status == 0, f"larderd ended with {status}:\n" + "\n".join(self.daemon.lines[-120:])
        self.ended.append(self.daemon)
        self.daemon = None

    def kill_fcgi(self):
        self.fcgi.process.kill()
        self.fcgi.end()
        self.ended.append(self.fcgi)
        self.fcgi = None

    def stop(self):
        if self.web:
            self.stop_web()
        for program in (self.fcgi, self.daemon):
            if program:
                status = program.end()
                self.ended.append(program)
                assert status == 0, f"{program.name} ended with {status}:\n" + "\n".join(program.lines[-120:])

    def logs(self):
        """Every line of every program so far."""
        programs = self.ended + [p for p in (self.daemon, self.fcgi, self.web) if p]
        return [line for program in programs for line in program.lines]

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        try:
            self.stop()
        finally:
            for program in (self.web, self.fcgi, self.daemon):
                if program and program.process.poll() is None:
                    program.process.kill()
        if kind is None:
            for line in self.logs():
                assert not any(mark in line for mark in SANITIZER_MARKS), "\n".join(self.logs()[-200:])
                assert not self.token or self.token not in line, "the token is in a log"
            self.assert_token_is_not_kept()

    def assert_token_is_not_kept(self):
        """No file that any of the programs has written holds the token."""
        for folder in (self.env["LARDER_STATE_DIR"], self.env["LARDER_MODELS_DIR"]):
            for path in Path(folder).rglob("*"):
                if self.token and path.is_file() and not path.is_symlink() and path.stat().st_size <= KEPT_MAX:
                    assert self.token.encode() not in path.read_bytes(), f"the token is in {path}"

    # --- talking ---------------------------------------------------------------------------------

    def connect(self):
        """A connection to the web server."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)

    def raw(self, method, path, body=None, headers=None):
        """One request to any path below the base path."""
        connection = self.connect()
        try:
            connection.request(method, self.base + path, body, {**self.headers, **(headers or {})})
            answer = Answer(connection.getresponse())
        finally:
            connection.close()
        if self.contract:
            self.contract.check(method, path, body, answer)
        return answer

    def api(self, method, path, body=None, status=None):
        """One call of the REST API, JSON both ways; `status` is what it must answer."""
        headers = {"Content-Type": "application/json"} if method not in ("GET", "HEAD") else {}
        data = json.dumps(body).encode() if body is not None else None
        answer = self.raw(method, f"/api/v1/{path}", data, headers)
        if status is not None:
            assert answer.status == status, (answer.status, answer.body)
        return answer

    def control(self, calls):
        """A connection to the control socket with these calls sent, each (method, params); ids are their places."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(TIMEOUT)
        sock.connect(str(self.run / "control.sock"))
        for number, (method, params) in enumerate(calls):
            line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            sock.sendall(line.encode() + b"\n")
        return sock

    def rpc(self, method, params=None):
        """One call over the control socket: the whole answer."""
        return self.rpcs([(method, params or {})])[0]

    def rpcs(self, calls):
        """Calls over one connection, sent without waiting: their answers, in the order of the calls."""
        answers = {}
        deadline = time.monotonic() + TIMEOUT
        with self.control(calls) as sock, sock.makefile() as lines:
            while len(answers) < len(calls):
                assert time.monotonic() < deadline, f"only {len(answers)} of {len(calls)} calls were answered"
                answer = json.loads(lines.readline())
                answers[answer["id"]] = answer
        return [answers[number] for number in range(len(calls))]

    def stream(self, last_id=None, web=True):
        """The event stream, through the web server or straight from larderd."""
        connection = self.connect() if web else UnixConnection(self.run / "events.sock")
        return Stream(connection, f"{self.base}/api/v1/events", last_id, self.headers, self.contract)

    def download(self, repo, **body):
        """Starts a download: its id."""
        return self.api("POST", "downloads", {"repo": repo, **body}, 202).json["id"]

    def get(self, identity):
        """One download, with its files."""
        return self.api("GET", f"downloads/{identity}", status=200).json

    def wait(self, identity, until=None):
        """Waits on the event stream until the download satisfies `until` (default: it is final)."""
        until = until or (lambda d: d["state"] in FINAL)
        with self.stream(web=False) as stream:
            present = self.rpc("download.get", {"id": identity})["result"]
            if until(present):
                return present
            assert present["state"] not in FINAL, f"it has ended: {present}"
            known = present
            for event in stream:
                rows = event.data.get("downloads", []) if event.name in ("snapshot", "progress") else [event.data]
                for row in rows:
                    if row.get("id") != identity or event.name not in ("snapshot", "progress", "download"):
                        continue
                    known = {**known, **row}
                    if until(known):
                        return known
                    assert known["state"] not in FINAL, f"it has ended: {known}"
        raise AssertionError(f"the stream ended; last seen: {known}")

    def wait_state(self, identity, *states):
        return self.wait(identity, lambda d: d["state"] in states)

    def fetch(self, repo, **body):
        """Downloads and waits: the final state."""
        return self.wait(self.download(repo, **body))


def site_file(larder, path, subpath):
    """A shipped site file, for the root or for a path, put where this Larder is, in a folder for the web server."""
    folder = larder.folder / "web"
    folder.mkdir(exist_ok=True)
    text = (ROOT / "etc" / (subpath if larder.base else path)).read_text().replace("/hf", larder.base)
    text = text.replace("/usr/share/larder/static", str(larder.static)).replace("/run/larder/", f"{larder.run}/")
    (folder / "site").write_text(larder.edit_site(text))
    return folder


def start_nginx(larder):
    folder = site_file(larder, "nginx/larder.conf", "nginx/larder-subpath.conf")
    site = (folder / "site").read_text().replace("include fastcgi_params", "include /etc/nginx/fastcgi_params")
    (folder / "site").write_text(site)
    user = "user root;" if os.geteuid() == 0 else ""
    temp = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(f"""
        daemon off; {user} worker_processes 1; pid {folder}/pid; error_log stderr notice;
        worker_rlimit_nofile {2 * larder.web_connections}; events {{ worker_connections {larder.web_connections}; }}
        http {{
            include /etc/nginx/mime.types; access_log off; client_body_temp_path {folder}/body; {temp}
            server {{ listen 127.0.0.1:{larder.port}; include {folder}/site; }}
        }}""")
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    program = Program("nginx", [nginx, "-e", "stderr", "-p", str(folder), "-c", f"{folder}/nginx.conf"],
                      {"PATH": os.environ["PATH"]})
    program.wait_line("start worker process ")
    return program


def start_caddy(larder):
    folder = site_file(larder, "caddy/Caddyfile", "caddy/Caddyfile-subpath")
    (folder / "Caddyfile").write_text(f"""
        {{
            admin off
            auto_https off
        }}
        http://:{larder.port} {{
            bind 127.0.0.1
            import {folder}/site
        }}""")
    program = Program("caddy", [shutil.which("caddy"), "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"],
                      {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_DATA_HOME": str(folder),
                       "XDG_CONFIG_HOME": str(folder)})
    program.wait_line("serving initial configuration")
    return program


def start_lighttpd(larder):
    folder = site_file(larder, "lighttpd/larder.conf", "lighttpd/larder-subpath.conf")
    site = (folder / "site").read_text()
    (folder / "site").write_text(re.sub(r"^#(server.modules|deflate)", r"\1", site, flags=re.M))
    # At the end of Debian's own, of which all but the place is left as it is.
    own = re.sub(r"^(server\.(errorlog|pid-file|username|groupname|port|upload-dirs) |include_shell .*use-ipv6).*", "",
                 Path("/etc/lighttpd/lighttpd.conf").read_text(), flags=re.M)
    (folder / "lighttpd.conf").write_text(f"""
        server.bind = "127.0.0.1"
        server.port = {larder.port}
        server.upload-dirs = ( "{folder}" )
        {own}
        include "{folder}/site"
        """)
    lighttpd = shutil.which("lighttpd", path=os.environ["PATH"] + ":/usr/sbin")
    program = Program("lighttpd", [lighttpd, "-D", "-f", f"{folder}/lighttpd.conf"], {"PATH": os.environ["PATH"]})
    program.wait_line("server started")
    return program
