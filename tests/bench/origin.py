"""What every tool fetches from: files in memory, and one nginx that is both the Hub and its CDN.

The Hub's answers are made before, once for each set of files, and nginx gives them out: revision and tree from a file,
`resolve` as a redirect with the headers of the real one. So no Python runs while a tool is measured, unless a `Line` is
between (line.py). One set lives at a time: memory holds that and one download of it.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from harness import Program, free_port

COMMIT = "be9c" * 10
BLOCK = 16 << 20


@dataclasses.dataclass(frozen=True)
class FileSet:
    """`count` files of `size` bytes; a sparse one is a hole from end to end."""

    name: str
    count: int
    size: int
    is_sparse: bool = False

    @property
    def repo(self):
        """Its name on the Hub."""
        return f"bench/{self.name}"

    @property
    def total(self):
        """Bytes of all files."""
        return self.count * self.size


@dataclasses.dataclass(frozen=True)
class LineSpec:
    """What is between the tool and the origin (line.py's options)."""

    delay_ms: int = 0
    each: int = 0
    all: int = 0


def write_file(path, size, seed):
    """Bytes that are nowhere else in the set, and do not compress: their SHA-256."""
    digest = hashlib.sha256()
    block = bytearray(random.Random(0).randbytes(min(size, BLOCK)))
    with path.open("wb") as out:
        for at in range(0, size, BLOCK):
            block[:16] = hashlib.md5(f"{seed} {at}".encode(), usedforsecurity=False).digest()
            piece = memoryview(block)[:min(BLOCK, size - at)]
            digest.update(piece)
            out.write(piece)
    return digest.hexdigest()


def write_hole(path, size):
    """A file without a block: its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        out.truncate(size)
    zeros = bytes(BLOCK)
    for at in range(0, size, BLOCK):
        digest.update(zeros[:min(BLOCK, size - at)])
    return digest.hexdigest()


class Files:
    """A set on disk, with what the Hub says of it. Use as a context manager; it is gone afterwards."""

    def __init__(self, spec, work):
        self.spec = spec
        self.folder = Path(work) / "origin"
        self.digests = {}  # file name to SHA-256

    def __enter__(self):
        files = self.folder / "files"
        files.mkdir(parents=True)
        for number in range(self.spec.count):
            name = f"{self.spec.name}-{number:04}.dat"
            write = write_hole if self.spec.is_sparse else lambda path, size: write_file(path, size, path.name)
            self.digests[name] = write(files / name, self.spec.size)
        (self.folder / "revision.json").write_text(json.dumps({
            "_id": "0" * 24, "id": self.spec.repo, "modelId": self.spec.repo, "sha": COMMIT, "private": False,
            "gated": False, "disabled": False, "tags": [], "downloads": 0, "likes": 0,
            "siblings": [{"rfilename": name} for name in self.digests]}))
        (self.folder / "tree.json").write_text(json.dumps([{
            "type": "file", "oid": hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(),
            "size": self.spec.size, "path": name,
            "lfs": {"oid": digest, "size": self.spec.size, "pointerSize": 134}}
            for name, digest in self.digests.items()]))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)


class Authority:
    """A certificate for 127.0.0.1, and the one that vouches for it."""

    def __init__(self, work):
        folder = Path(work) / "tls"
        folder.mkdir()
        self.ca, self.certificate, self.key = folder / "ca.pem", folder / "origin.pem", folder / "origin.key"
        self.bundle = folder / "bundle.pem"  # what the machine trusts, and ours
        new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7"]
        self._openssl([*new, "-keyout", folder / "ca.key", "-out", self.ca, "-subj", "/CN=Larder bench",
                       "-addext", "keyUsage=critical,keyCertSign"])
        self._openssl([*new, "-keyout", self.key, "-out", self.certificate, "-subj", "/CN=127.0.0.1",
                       "-CA", self.ca, "-CAkey", folder / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE",
                       "-addext", "subjectAltName=IP:127.0.0.1"])
        known = Path("/etc/ssl/certs/ca-certificates.crt")
        self.bundle.write_text((known.read_text() if known.exists() else "") + self.ca.read_text())

    @staticmethod
    def _openssl(argv):
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def nginx():
    """Where it is."""
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def origin_version():
    """In a few words."""
    return subprocess.run([nginx(), "-v"], capture_output=True, text=True, check=True).stderr.split(": ")[1].strip()


CONFIG = """
daemon off; {user} worker_processes auto; pid {folder}/nginx.pid; error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile {sendfile}; tcp_nopush on; keepalive_requests 1000000; default_type application/octet-stream;
    {temp}
    map_hash_max_size 65536; map_hash_bucket_size 256;
    map $file $linked_etag {{ {etags} }}
    server {{
        listen 127.0.0.1:{hub_port} {tls};
        {certificate}
        root {folder};
        location ^~ /api/models/{repo}/revision/ {{ default_type application/json; rewrite ^ /revision.json break; }}
        location = /api/models/{repo} {{ default_type application/json; rewrite ^ /revision.json break; }}
        location ^~ /api/models/{repo}/tree/ {{ default_type application/json; rewrite ^ /tree.json break; }}
        location ~ ^/{repo}/resolve/[^/]+/(?<file>[^/]+)$ {{
            add_header X-Repo-Commit {commit};
            add_header X-Linked-Size {size};
            add_header X-Linked-ETag '"$linked_etag"';
            return 302 {files_url}/$file;
        }}
        location / {{ return 404; }}
    }}
    server {{
        listen 127.0.0.1:{files_port} {tls};
        {certificate}
        root {folder}/files;
    }}
}}
"""


class Origin:
    """nginx with a set of files, behind a line if there is one. Use as a context manager.

    `endpoint` is for those who speak to a Hub, `url(name)` the file itself; `ca` is what to trust, or None.
    """

    def __init__(self, files, work, authority=None, line=None):
        self.files = files
        self.authority = authority
        self.ca = authority.ca if authority else None
        self.work = Path(work)
        self.line = line
        scheme = "https" if authority else "http"
        self.ports = [free_port(), free_port()]
        self.public = [free_port(), free_port()] if line else self.ports
        self.endpoint, self.files_url = (f"{scheme}://127.0.0.1:{port}" for port in self.public)
        self._stack = contextlib.ExitStack()

    def url(self, name):
        """Where the file itself is."""
        return f"{self.files_url}/{name}"

    def __enter__(self):
        try:
            self._start_nginx()
            if self.line:
                self._start_line()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_):
        self._stack.close()

    def _start_nginx(self):
        folder = self.files.folder
        spec = self.files.spec
        tls, certificate = "", ""
        if self.authority:
            tls = "ssl"
            certificate = f"ssl_certificate {self.authority.certificate}; ssl_certificate_key {self.authority.key};"
        text = CONFIG.format(
            user="user root;" if os.geteuid() == 0 else "", folder=folder, repo=spec.repo, commit=COMMIT, size=spec.size,
            hub_port=self.ports[0], files_port=self.ports[1], files_url=self.files_url,
            sendfile="off" if spec.is_sparse else "on",  # older kernels would fill holes with pages for it
            tls=tls, certificate=certificate,
            temp=" ".join(f"{kind}_temp_path {folder}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")),
            etags=" ".join(f"{name} {digest};" for name, digest in self.files.digests.items()))
        path = self.work / "nginx.conf"
        path.write_text(text)
        program = Program("nginx", [nginx(), "-e", "stderr", "-p", str(folder), "-c", str(path)],
                          {"PATH": os.environ["PATH"]})
        self._stack.callback(program.end)
        program.wait_line("start worker process ")

    def _start_line(self):
        ready = self.work / "line.ready"
        ready.unlink(missing_ok=True)
        pairs = [f"{public}:{port}" for public, port in zip(self.public, self.ports)]
        program = Program("line", [sys.executable, str(Path(__file__).with_name("line.py")), "--ready", str(ready),
                                   "--delay-ms", str(self.line.delay_ms), "--each", str(self.line.each),
                                   "--all", str(self.line.all), *pairs], {"PATH": os.environ["PATH"]})
        self._stack.callback(program.end)
        while not ready.exists():
            if program.process.poll() is not None:
                raise SystemExit("the line did not start:\n" + "\n".join(program.lines))
            time.sleep(0.02)
