"""What an operator does with the package on a Debian with systemd; runs in the machine that check.sh boots, as root.

Every check is a function; they run in the order in which they stand, since each goes on where the one before has left the
machine. Waiting is for a condition, with a deadline.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

SOURCE = Path(os.environ["LARDER_SOURCE"])
OUT = Path(sys.argv[1])
ENV = Path("/etc/larder/larder.env")
TOKEN = "hf_grantedAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SMALL = "acme/tiny-7b-GGUF:Q4_K_M"
PRIVATE = "acme/private-7b:Q4_K_M"
BIG = 24 << 20  # bytes that take some seconds at LIMIT
LIMIT = "4M"
PATIENCE = 60  # seconds; never waited for when things go well
REPAIRED = 5  # seconds in which the service manager has a killed program back (the bar)
UNITS = ("larderd.service", "larder-fcgi.service", "larderd-control.socket", "larderd-events.socket", "larder-fcgi.socket")
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def run(*words, ok=True, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, **options)
    assert not ok or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def wait(condition, what, patience=PATIENCE):
    """Until it holds; how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience, f"{what}: not within {patience} s"
        time.sleep(0.02)
    return time.monotonic() - began


def show(unit, name):
    return run("systemctl", "show", "-P", name, unit).stdout.strip()


def main_pid(unit):
    return int(show(unit, "MainPID"))


def is_active(unit):
    return show(unit, "ActiveState") == "active"


def configure(**settings):
    """Changes lines of larder.env, or takes them away (None)."""
    lines = [line for line in ENV.read_text().splitlines() if line.split("=")[0] not in settings]
    lines += [f"{name}={value}" for name, value in settings.items() if value is not None]
    ENV.write_text("\n".join(lines) + "\n")


def larder(*words, ok=True):
    return json.loads(run("larder", *words, "--json", ok=ok).stdout)


def api(method, path, body=None, status=None):
    """The API through nginx, as a browser has it."""
    connection = http.client.HTTPConnection("localhost", 8080, timeout=PATIENCE)
    connection.request(method, f"/api/v1/{path}", json.dumps(body) if body is not None else None,
                       {"Content-Type": "application/json"} if body is not None else {})
    response = connection.getresponse()
    text = response.read()
    assert status in (None, response.status), (response.status, text)
    return json.loads(text) if text else None


class Hub:
    """The stand-in Hub, in a process of its own."""

    def __init__(self):
        words = [sys.executable, "-m", "tests.hub", "--set", "all", "--big-size", str(BIG)]
        self.process = subprocess.Popen(words, cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.endpoint = re.search(r'"endpoint": *"([^"]+)"', self.process.stdout.readline())[1]

    def end(self):
        self.process.kill()
        self.process.wait()


hub = None


def begin_slow_download():
    """A download that is on its way, and will be for some seconds: its id."""
    identity = api("POST", "downloads", {"repo": "acme/big-1"}, status=202)["id"]
    wait(lambda: api("GET", f"downloads/{identity}")["bytes_done"] > 0, "the first bytes are durable")
    return identity


def finish(identity, at_least):
    """The download goes on from where it was, and ends well."""
    assert api("GET", f"downloads/{identity}", status=200)["bytes_done"] >= at_least
    wait(lambda: api("GET", f"downloads/{identity}")["state"] == "completed", "the download ends well")
    api("DELETE", f"downloads/{identity}", status=204)
    run("larder", "rm", "acme/big-1")


# --- in this order ---

@check
def the_package_is_installed_and_serves():
    run("dpkg", "-i", "/debs/old.deb")
    for unit in UNITS:
        assert is_active(unit), run("systemctl", "status", unit, ok=False).stdout
        assert show(unit, "UnitFileState") == "enabled"
    assert "ready" in run("journalctl", "-u", "larderd", "-o", "cat").stdout
    assert re.search(r"\d+ running at", show("larderd", "StatusText"))
    for unit in ("larderd", "larder-fcgi"):
        assert Path(f"/proc/{main_pid(unit)}").owner() == "larder"


@check
def the_sockets_are_for_those_who_are_meant():
    found = {one.name: (one.owner(), one.group(), oct(one.stat().st_mode & 0o777)) for one in Path("/run/larder").iterdir()}
    assert found == {"control.sock": ("larder", "larder", "0o660"), "events.sock": ("larder", "www-data", "0o660"),
                     "fcgi.sock": ("larder", "www-data", "0o660")}, found
    assert Path("/var/lib/larder/state").stat().st_mode & 0o777 == 0o700
    # A user in the group may, another may not.
    run("useradd", "ada")
    assert run("setpriv", "--reuid=ada", "--regid=ada", "--clear-groups", "larder", "status", ok=False).returncode != 0
    run("usermod", "-aG", "larder", "ada")
    run("setpriv", "--reuid=ada", "--regid=ada", "--init-groups", "larder", "status")


@check
def a_first_download_takes_one_command():
    global hub
    hub = Hub()
    configure(HF_ENDPOINT=hub.endpoint, LARDER_MIN_FREE=0)
    run("systemctl", "restart", "larderd")
    run("larder", "get", SMALL)
    [model] = larder("ls")["models"]
    assert model["repo"] == SMALL.split(":")[0]
    for file in Path("/var/lib/larder/models/acme").rglob("*.gguf"):
        assert file.owner() == "larder" and file.stat().st_mode & 0o777 == 0o644


@check
def behind_nginx_it_is_a_page():
    os.symlink("/usr/share/larder/nginx/site.conf", "/etc/nginx/sites-enabled/larder")
    Path("/etc/nginx/sites-enabled/default").unlink(missing_ok=True)
    run("systemctl", "restart", "nginx")
    assert api("GET", "health", status=200)["status"] == "ok"
    page = run("curl", "-sS", "http://localhost:8080/").stdout
    assert "<title>" in page
    script = re.search(r'"([0-9a-f]{12}/js/main\.js)"', page)[1]
    assert "immutable" in run("curl", "-sSI", f"http://localhost:8080/{script}").stdout


def journal(*words):
    return [json.loads(line) for line in run("journalctl", "-o", "json", *words).stdout.splitlines()]


@check
def the_journal_knows_whose_request_a_line_was():
    done = api("POST", "downloads", {"repo": SMALL}, status=202)
    wait(lambda: api("GET", f"downloads/{done['id']}")["state"] == "completed", "the download ends well")
    refused = api("DELETE", "downloads/none", status=404)
    [line] = journal(f"LARDER_REQUEST_ID={refused['request_id']}", "-t", "larder-fcgi")
    assert line["PRIORITY"] == "6" and "unknown_download" in line["MESSAGE"] and line["_SYSTEMD_UNIT"] == "larder-fcgi.service"
    deeds = [line for line in journal("-t", "larderd") if "download.create" in line["MESSAGE"]]
    request = deeds[-1]["LARDER_REQUEST_ID"]
    assert any("queued" in line["MESSAGE"] or "audit" in line["MESSAGE"] for line in journal(f"LARDER_REQUEST_ID={request}"))
    api("DELETE", f"downloads/{done['id']}", status=204)


@check
def a_secret_may_be_a_credential():
    store = Path("/etc/credstore")
    store.mkdir(mode=0o700, exist_ok=True)
    (store / "larder.hf_token").write_text(TOKEN)
    (store / "larder.hf_token").chmod(0o600)
    assert larder("token")["set"] is False
    run("systemctl", "restart", "larderd")
    assert larder("token")["set"] is True and larder("token")["source"] == "environment"
    run("larder", "get", PRIVATE)
    assert TOKEN not in run("journalctl", "-u", "larderd", "-u", "larder-fcgi", "--no-pager").stdout


@check
def a_reload_reads_secrets_again_and_drops_nothing():
    file = Path("/etc/larder/token")
    file.write_text(TOKEN)
    file.chmod(0o640)
    run("chgrp", "larder", file)
    configure(HF_TOKEN_FILE=file)
    run("systemctl", "restart", "larderd")
    before = main_pid("larderd")
    file.write_text("")
    web = main_pid("larder-fcgi")
    run("systemctl", "reload", "larderd")
    wait(lambda: larder("token")["set"] is False, "the token is read again")
    assert main_pid("larderd") == before, "a reload is no restart"
    wait(lambda: main_pid("larder-fcgi") not in (0, web), "larder-fcgi is begun anew")
    api("GET", "health", status=200)
    configure(HF_TOKEN_FILE=None)
    file.unlink()
    run("systemctl", "restart", "larderd")


@check
def what_it_may_do_is_little():
    for unit in ("larderd", "larder-fcgi"):
        text = run("systemd-analyze", "security", "--no-pager", f"{unit}.service").stdout
        exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", text)[1])
        print(f"  {unit}: exposure {exposure}")
        assert exposure <= 1.5
    assert not Path("/proc", str(main_pid("larderd")), "root/home/x").exists()


@check
def a_stop_in_good_order_loses_nothing():
    configure(LARDER_BANDWIDTH_LIMIT=LIMIT)
    run("systemctl", "restart", "larderd")
    identity = begin_slow_download()
    done = api("GET", f"downloads/{identity}")["bytes_done"]
    run("systemctl", "stop", "larderd")
    assert "stopped" in run("journalctl", "-u", "larderd", "-o", "cat", "-n", "5").stdout
    # The socket stays: who asks meanwhile wakes it.
    assert api("GET", f"downloads/{identity}", status=200)["bytes_done"] >= done
    assert is_active("larderd")
    finish(identity, done)


@check
def requests_wait_while_it_is_restarted():
    identity = begin_slow_download()
    done = api("GET", f"downloads/{identity}")["bytes_done"]
    restart = subprocess.Popen(["systemctl", "restart", "larderd"])
    asked = 0
    while restart.poll() is None:
        api("GET", f"downloads/{identity}", status=200)
        asked += 1
    assert restart.returncode == 0 and asked > 0
    finish(identity, done)


@check
def whatever_is_killed_comes_back_and_the_download_goes_on():
    for unit in ("larderd", "larder-fcgi"):
        identity = begin_slow_download()
        done = api("GET", f"downloads/{identity}")["bytes_done"]
        pid = main_pid(unit)
        os.kill(pid, signal.SIGKILL)
        took = wait(lambda: main_pid(unit) not in (0, pid) and api("GET", "health")["status"] == "ok",
                    f"{unit} serves again", REPAIRED)
        print(f"  {unit}: well again {took:.2f} s after it was killed")
        finish(identity, done)


@check
def it_comes_back_however_often_it_is_killed():
    for _ in range(12):  # more often than systemd's own limit of 5 in 10 s
        pid = main_pid("larder-fcgi")
        os.kill(pid, signal.SIGKILL)
        wait(lambda: main_pid("larder-fcgi") not in (0, pid), "larder-fcgi is there again", REPAIRED)
    wait(lambda: api("GET", "health")["status"] == "ok", "it serves")


@check
def a_loop_that_hangs_is_begun_anew():
    folder = Path("/etc/systemd/system/larderd.service.d")
    folder.mkdir()
    (folder / "watchdog.conf").write_text("[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "larderd")
    identity = begin_slow_download()
    done = api("GET", f"downloads/{identity}")["bytes_done"]
    pid = main_pid("larderd")
    os.kill(pid, signal.SIGSTOP)
    wait(lambda: main_pid("larderd") not in (0, pid) and is_active("larderd"), "the watchdog has it begun anew")
    assert "watchdog" in run("journalctl", "-u", "larderd", "--no-pager").stdout.lower()
    finish(identity, done)
    (folder / "watchdog.conf").unlink()
    folder.rmdir()
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "larderd")


@check
def what_makes_no_sense_is_not_tried_again():
    configure(LARDER_MAX_DOWNLOADS="0")
    run("systemctl", "restart", "larderd", ok=False)
    wait(lambda: show("larderd", "ActiveState") == "failed", "it has failed")
    assert show("larderd", "ExecMainStatus") == "78" and show("larderd", "NRestarts") == "0"
    assert "LARDER_MAX_DOWNLOADS: " in run("journalctl", "-u", "larderd", "-o", "cat", "-n", "20").stdout
    wrong = run("larderd", "--check", str(ENV), ok=False)
    assert wrong.returncode == 78 and "LARDER_MAX_DOWNLOADS: " in wrong.stderr
    # Who asks nevertheless is not kept waiting, and does not make it try without end.
    for _ in range(10):
        asked = run("larder", "status", ok=False)
        assert asked.returncode == 3, asked.stdout + asked.stderr
    refused = run("journalctl", "-u", "larderd", "-o", "cat", "-b").stdout.count("LARDER_MAX_DOWNLOADS: ")
    assert refused <= 12, f"it was begun {refused} times"
    configure(LARDER_MAX_DOWNLOADS=None)
    assert run("larderd", "--check", str(ENV)).stdout == f"{ENV} makes sense\n"
    run("systemctl", "restart", "larderd", "larder-fcgi")
    wait(lambda: api("GET", "health")["status"] == "ok", "it serves")


@check
def a_copy_each_day_is_kept_and_put_back():
    assert not is_active("larder-backup.timer"), "nobody has asked for it"
    run("systemctl", "enable", "--now", "larder-backup.timer")
    run("systemctl", "start", "larder-backup.service")
    copies = list(Path("/var/lib/larder/state/backups").glob("larder-*.db"))
    assert len(copies) == 1
    run("larder", "backup", "/root/larder.db")
    before = [model["repo"] for model in larder("ls")["models"]]
    run("systemctl", "stop", "larder-fcgi", "larderd", "larderd-control.socket", "larderd-events.socket")
    run("larderd", "--restore", "/root/larder.db", str(ENV))
    run("systemctl", "start", "larderd", "larder-fcgi")
    assert before and [model["repo"] for model in larder("ls")["models"]] == before
    run("systemctl", "disable", "--now", "larder-backup.timer")


@check
def a_secret_may_be_sealed():
    sealed = Path("/etc/credstore.encrypted")
    sealed.mkdir(mode=0o700, exist_ok=True)
    (Path("/etc/credstore") / "larder.hf_token").unlink()
    run("systemd-creds", "encrypt", "--name=larder.hf_token", "-", str(sealed / "larder.hf_token"), input=TOKEN)
    drop_in = Path("/etc/systemd/system/larderd.service.d")
    drop_in.mkdir(exist_ok=True)
    (drop_in / "sealed.conf").write_text("[Service]\nLoadCredentialEncrypted=larder.hf_token\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "larderd")
    assert larder("token")["set"] is True


@check
def a_password_is_set_as_the_document_says():
    run("sh", "-c", "umask 077; larder hash-password > /etc/credstore/larder.password_hash", input="a good long password\n")
    configure(LARDER_AUTH="password")
    run("systemctl", "restart", "larderd", "larder-fcgi")
    assert api("GET", "session")["auth"] == "password"
    api("GET", "downloads", status=401)
    assert larder("status")
    Path("/etc/credstore/larder.password_hash").unlink()
    configure(LARDER_AUTH=None)
    run("systemctl", "restart", "larderd", "larder-fcgi")
    api("GET", "downloads", status=200)


@check
def models_may_be_elsewhere():
    configure(LARDER_MODELS_DIR="/srv/models")
    run("install", "-d", "-o", "larder", "-g", "larder", "/srv/models")
    run("systemctl", "restart", "larderd")
    run("larder", "get", SMALL)
    assert list(Path("/srv/models/acme").rglob("*.gguf"))
    configure(LARDER_MODELS_DIR=None)
    run("systemctl", "restart", "larderd")


@check
def an_upgrade_happens_below_a_running_download():
    identity = begin_slow_download()
    done = api("GET", f"downloads/{identity}")["bytes_done"]
    pid = main_pid("larderd")
    run("dpkg", "-i", "/debs/next.deb")
    assert main_pid("larderd") not in (0, pid), "the new one runs"
    assert ENV.read_text().count(f"LARDER_BANDWIDTH_LIMIT={LIMIT}") == 1, "what was configured stays"
    finish(identity, done)


@check
def removed_it_leaves_what_is_the_users():
    run("dpkg", "-r", "larder")
    assert not Path("/usr/sbin/larderd").exists() and not Path("/run/larder/control.sock").exists()
    assert not list(Path("/lib/systemd/system").glob("larder*")) and ENV.exists()
    assert list(Path("/var/lib/larder/models/acme").rglob("*.gguf"))
    run("dpkg", "-P", "larder")
    assert not ENV.exists() and list(Path("/var/lib/larder/models/acme").rglob("*.gguf"))
    run("dpkg", "-i", "/debs/old.deb")
    assert len(larder("ls")["models"]) >= 1, "installed again, it knows what is there"


def checks():
    """All of them; how many failed."""
    failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        began = time.monotonic()
        try:
            function()
            print(f"ok      {name} ({time.monotonic() - began:.1f} s)")
        except Exception:  # the machine's journal says more than a traceback alone
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}")
            print(run("journalctl", "-n", "60", "--no-pager", ok=False).stdout)
            break
    print(f"systemd: {len(CHECKS) - failed if not failed else CHECKS.index(function)} of {len(CHECKS)} checks passed")
    return failed


def main():
    arguments = (OUT / "arguments").read_text().splitlines()
    status = end_to_end(arguments[1:]) if arguments[:1] == ["--e2e"] else checks()
    (OUT / "status").write_text(str(status))  # without it the machine has ended before this did
    sys.exit(1 if status else 0)


def end_to_end(arguments):
    """The suite of `make e2e`, with the programs of the package."""
    run("dpkg", "-i", "/debs/old.deb")
    folder = Path("/tmp/programs")
    folder.mkdir()
    for name in ("larderd", "larder-fcgi", "larder"):
        (folder / name).symlink_to(next(one for one in (Path("/usr/sbin") / name, Path("/usr/bin") / name) if one.exists()))
    # The tests' packages, for the machine's own Python: the virtual environment's may not be here.
    [packages] = (SOURCE / "build/venv/lib").glob("python3*/site-packages")
    env = {**os.environ, "LARDER_TEST_PROGRAMS": str(folder), "PYTHONPATH": str(packages), "HOME": "/root", "LANG": "C.UTF-8"}
    words = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--basetemp=/var/tmp/e2e",
             "tests/e2e", *arguments]
    return subprocess.run(words, cwd=SOURCE, env=env).returncode


if __name__ == "__main__":
    main()
