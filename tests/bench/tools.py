"""The tools that are measured. Each fetches a whole set into an empty folder and says what it took."""

import contextlib
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import measure
from harness import FINAL, ROOT, Larder, Program, Stream, UnixConnection
from measure import ToolFailed

PARALLEL = 16  # files at once, of the tools that are told
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # Debian's libcurl reads this and heeds no variable


class Tool:
    """A tool under a name, `proves` telling whether it checks digests."""

    name = ""
    proves = False

    def __init__(self, options):
        self.options = options

    def is_there(self):
        """Can it be run on this machine?"""
        return True

    def version(self):
        """In a few words."""
        raise NotImplementedError

    def fetch(self, origin, folder):
        """Fetches all files of the origin: a Usage."""
        raise NotImplementedError

    def paths(self, origin, folder):
        """Where each file is afterwards: [(path, name)]."""
        return [(folder / name, name) for name in origin.files.digests]


def first_line(argv):
    """What a program says of its version."""
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]


class Curl(Tool):
    """One connection a file; several files as `--parallel`."""

    name = "curl"

    def is_there(self):
        return shutil.which("curl") is not None

    def version(self):
        return " ".join(first_line(["curl", "-V"]).split()[:2])

    def fetch(self, origin, folder):
        paths = self.paths(origin, folder)
        argv = ["curl", "-q", "-sSf"]
        if origin.ca:
            argv += ["--cacert", origin.ca]
        if len(paths) == 1:
            argv += ["-o", paths[0][0], origin.url(paths[0][1])]
        else:
            config = folder.parent / "curl.config"
            config.write_text("".join(f'url = "{origin.url(name)}"\noutput = "{path}"\n' for path, name in paths))
            argv += ["--parallel", "--parallel-max", PARALLEL, "-K", config]
        return measure.command(argv)[0]


class CurlOpenssl(Curl):
    """curl, and when it has ended `openssl dgst` over all files."""

    name = "curl+openssl"
    proves = True

    def is_there(self):
        return super().is_there() and shutil.which("openssl") is not None

    def version(self):
        return " ".join(first_line(["openssl", "version"]).split()[:2])

    def fetch(self, origin, folder):
        paths = self.paths(origin, folder)
        begin = time.monotonic()
        got = super().fetch(origin, folder)
        hashed, text = measure.command(["openssl", "dgst", "-sha256", "-r", *(path for path, _ in paths)])
        wall = time.monotonic() - begin
        if re.findall(r"^[0-9a-f]{64}", text, re.M) != [origin.files.digests[name] for _, name in paths]:
            raise ToolFailed(f"openssl found other bytes:\n{text[-2000:]}")
        return measure.Usage(wall, got.cpu_s + hashed.cpu_s, max(got.rss_kib, hashed.rss_kib), hashed.wall_s)


class Aria2(Tool):
    """Sixteen connections a file, sixteen files at once."""

    name = "aria2c"

    def is_there(self):
        return shutil.which("aria2c") is not None

    def version(self):
        return first_line(["aria2c", "-v"]).replace(" version", "")

    def fetch(self, origin, folder):
        listing = folder.parent / "aria2.list"
        listing.write_text("".join(
            f"{origin.url(name)}\n dir={folder}\n out={name}\n"
            + (f" checksum=sha-256={digest}\n" if self.proves else "")
            for name, digest in origin.files.digests.items()))
        argv = ["aria2c", "--no-conf", "-q", "-x16", "-s16", "-k1M", f"-j{PARALLEL}", "--file-allocation=none",
                "-i", listing]
        if origin.ca:
            argv.append(f"--ca-certificate={origin.ca}")
        usage = measure.command(argv)[0]
        if self.proves:
            usage.tail_s = measure.tail_s(path for path, _ in self.paths(origin, folder))
        return usage


class Aria2Checksum(Aria2):
    """The same, told each file's SHA-256."""

    name = "aria2c+checksum"
    proves = True


class HfDownload(Tool):
    """`hf download` without Xet; it looks at sizes only."""

    name = "hf"

    def _program(self):
        ours = ROOT / "build/venv/bin/hf"
        return str(ours) if ours.exists() else shutil.which("hf")

    def is_there(self):
        return self._program() is not None

    def version(self):
        text = subprocess.run([self._program(), "version"], capture_output=True, text=True, check=True,
                              env={"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1"}).stdout
        found = re.search(r"\d+(\.\d+)+\S*", text)
        return f"hf {found.group(0) if found else text.strip()}"

    def fetch(self, origin, folder):
        env = {"PATH": os.environ["PATH"], "HF_ENDPOINT": origin.endpoint, "HF_HOME": str(folder.parent / "hf-home"),
               "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1",
               "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        if origin.ca:
            env["SSL_CERT_FILE"] = str(origin.authority.bundle)
        return measure.command([self._program(), "download", origin.files.spec.repo, "--local-dir", folder], env)[0]


class BenchLarder(Larder):
    """A larderd that trusts the bench's certificate, or has its models on a mount of its own.

    Both are mounts that only larderd sees: unshare(1) makes it a mount namespace, and each program on the way replaces
    the one before, so that the process id stays.
    """

    def __init__(self, *args, bundle=None, on_mount=None, **settings):
        super().__init__(*args, **settings)
        self.bundle, self.on_mount = bundle, on_mount

    def start_daemon(self):
        steps = ["set -e"]
        if self.bundle:
            steps.append(f"mount --bind '{self.bundle}' {BUNDLE}")
        if self.on_mount:
            self.models.mkdir(parents=True)
            steps.append(f"mount {self.on_mount} '{self.models}'")
        argv = [str(self.build / "larderd")]
        if len(steps) > 1:
            unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
            argv = [*unshare, "sh", "-c", "\n".join([*steps, 'exec "$0"']), *argv]
        self.daemon = Program("larderd", argv, {**self.env, "PATH": self.env["PATH"] + ":/usr/sbin:/sbin"})
        self.daemon.wait_line("ready:")


def settled(samples):
    """The connections that were open during the second half of the time, most of it: the median, or None."""
    if not samples:
        return None
    half = (samples[0][0] + samples[-1][0]) / 2
    return statistics.median(count for at, count in samples if at >= half)


class LarderTool(Tool):
    """larderd with its default settings, started for this run alone and asked over its control socket."""

    name = "larder"
    proves = True

    def version(self):
        return first_line([self.options.build / "larderd", "--version"])

    def paths(self, origin, folder):
        return [(folder / "models" / origin.files.spec.repo / name, name) for name in origin.files.digests]

    def fetch(self, origin, folder, on_mount=None):
        larder = BenchLarder(folder, origin.endpoint, flavour=self.options.build.name.split("-")[0], on_mount=on_mount,
                             bundle=origin.authority.bundle if origin.authority else None)
        try:
            larder.start_daemon()
            return self._download(larder, origin, folder)
        finally:
            if larder.daemon:
                larder.stop_daemon()

    def _download(self, larder, origin, folder):
        pid = larder.daemon.process.pid
        paths = [f"/proc/{pid}/root{path}" for path, _ in self.paths(origin, folder)]  # as larderd's mounts have them
        connection = UnixConnection(larder.run / "events.sock")
        with contextlib.closing(Stream(connection, "/api/v1/events")) as stream:
            events = iter(stream)
            next(events)  # the snapshot: from here on nothing is missed
            begin, cpu = time.monotonic(), measure.cpu_s(pid)
            identity = larder.rpc("download.create", {"repo": origin.files.spec.repo})["result"]["id"]
            samples = self._follow(events, identity, larder)
            wall = time.monotonic() - begin
            used, tail = measure.cpu_s(pid) - cpu, measure.tail_s(paths)
            if any(os.path.getsize(path) != origin.files.spec.size for path in paths):
                raise ToolFailed("larderd: a file has another size")
            return measure.Usage(wall, used, measure.peak_kib(pid), tail, settled(samples))

    @staticmethod
    def _follow(events, identity, larder):
        """Reads the stream until the download is complete: [(time, connections)] of its progress."""
        samples = []
        for event in events:
            rows = event.data.get("downloads", []) if event.name in ("snapshot", "progress") else [event.data]
            for row in rows:
                if row.get("id") != identity or event.name not in ("snapshot", "progress", "download"):
                    continue
                if row.get("state") == "completed":
                    return samples
                if row.get("state") in FINAL or row.get("state") == "waiting":
                    raise ToolFailed(f"larderd: {row}\n" + "\n".join(larder.daemon.lines[-20:]))
                if row.get("connections"):
                    samples.append((time.monotonic(), row["connections"]))
        raise ToolFailed("larderd ended its event stream\n" + "\n".join(larder.daemon.lines[-20:]))


TOOLS = {tool.name: tool for tool in (LarderTool, Curl, CurlOpenssl, Aria2, Aria2Checksum, HfDownload)}


def check(tool, origin, folder, is_thorough):
    """The files are there and have their sizes; if thorough, their digests."""
    for path, name in tool.paths(origin, Path(folder)):
        if os.path.getsize(path) != origin.files.spec.size:
            raise ToolFailed(f"{tool.name}: {name} has {os.path.getsize(path)} bytes")
        if is_thorough:
            with open(path, "rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != origin.files.digests[name]:
                    raise ToolFailed(f"{tool.name}: {name} has other bytes")
