"""The programs themselves: help, versions, configuration, and what they refuse to start with."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from harness import ROOT, Larder, powers, programs


def run(program, *arguments, **env):
    """One run to its end, with nothing else in the environment but whom root becomes."""
    return subprocess.run([str(programs() / program), *arguments], env=powers() | env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("program", ["larderd", "larder-fcgi", "larder"])
def test_help_and_version(program):
    assert run(program, "--version").stdout.startswith(f"{program} ")
    shown = run(program, "--help")
    assert shown.returncode == 0 and program in shown.stdout and not shown.stderr
    unknown = run(program, "--no-such-option")
    assert unknown.returncode != 0 and unknown.stderr and not unknown.stdout


def test_the_shipped_environment_file_is_the_table():
    assert run("larderd", "--print-env").stdout == (ROOT / "etc/larder.env").read_text()


def test_the_shipped_manual_is_what_the_programs_say(tmp_path):
    subprocess.run([sys.executable, ROOT / "etc/make-man.py", programs(), tmp_path], check=True, timeout=60)
    for page in ("larder.1", "larderd.8", "larder-fcgi.8"):
        assert (tmp_path / page).read_text() == (ROOT / "docs/man" / page).read_text(), "make man"


def test_the_shipped_document_is_the_table():
    assert run("larderd", "--print-docs").stdout == (ROOT / "docs/CONFIGURATION.md").read_text()


def test_a_check_says_all_that_is_wrong_and_what_may_have_been_meant():
    good = run("larderd", "--check")
    assert good.returncode == 0 and good.stdout == "what this environment says makes sense\n" and good.stderr == ""
    wrong = run("larderd", "--check", LARDER_MAX_DOWNLOADS="many", LARDER_TRASH_DAYS="-1", LARDER_MAX_DOWNLAODS="3",
                HF_TOKEN="a b")
    lines = wrong.stderr.splitlines()
    assert wrong.returncode == os.EX_CONFIG and wrong.stdout == ""
    assert [line.split(":")[0] for line in lines] == [
        "HF_TOKEN", "LARDER_MAX_DOWNLOADS", "LARDER_TRASH_DAYS", "LARDER_MAX_DOWNLAODS"]
    assert lines[-1].endswith("the nearest is LARDER_MAX_DOWNLOADS") and "a b" not in wrong.stderr
    for name, meant in (("larder_port", "docs/CONFIGURATION.md has all"), ("LARDER_TOKEN", "the nearest is HF_TOKEN")):
        far = run("larderd", "--check", **{name: "1"})
        assert far.returncode == 0 and far.stderr == f"{name}: there is no such variable; {meant}\n"
    for name, value in (("HF_ENDPOINT", "https://"), ("LARDER_API_KEYS", "sesame"), ("LARDER_PASSWORD_HASH", "sesame")):
        one = run("larderd", "--check", **{name: value})
        assert one.returncode == os.EX_CONFIG and one.stderr.startswith(f"{name}: ")


def test_a_check_reads_the_file_that_the_service_reads(tmp_path):
    file = tmp_path / "larder.env"
    file.write_text("# of the service\nLARDER_MAX_DOWNLOADS = '2'\nLARDER_MODELS_DIR=/srv/my models\n")
    good = run("larderd", "--check", file, LARDER_MAX_DOWNLOADS="many")
    assert (good.returncode, good.stdout, good.stderr) == (0, f"{file} makes sense\n", "")
    file.write_text("LARDER_MAX_DOWNLOADS=many\n")
    wrong = run("larderd", "--check", file)
    assert wrong.returncode == os.EX_CONFIG and wrong.stderr.startswith("LARDER_MAX_DOWNLOADS: ")
    file.write_text("LARDER_MAX_DOWNLOADS\n")
    assert "line 1 is not" in run("larderd", "--check", file).stderr
    assert run("larderd", "--check", tmp_path / "nothing").returncode == os.EX_CONFIG


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root")
def test_a_check_by_root_sees_what_the_services_user_sees(larder):
    secret = larder.folder / "token"  # where that user may go
    secret.write_text("hf_token\n")
    secret.chmod(0o600)
    file = larder.folder / "check.env"
    file.write_text(f"HF_TOKEN_FILE={secret}\nLARDER_USER=nobody\n")
    wrong = run("larderd", "--check", file)
    assert wrong.returncode == os.EX_CONFIG and wrong.stderr == f"HF_TOKEN_FILE: {secret}: Permission denied\n"
    shutil.chown(secret, "nobody")
    assert run("larderd", "--check", file).returncode == 0
    file.write_text("LARDER_USER=larder-nobody-has\n")
    assert run("larderd", "--check", file).stderr.startswith("LARDER_USER: there is no user larder-nobody-has")


def test_an_unknown_variable_is_warned_of_at_start(make_larder):
    larder = make_larder(LARDER_TRASH_DAY="3", LARDER_LISTEN="127.0.0.1:1", LARDER_UMASK="022", LARDER_GATE="10.0.0.1")
    warned = [line for line in larder.daemon.lines if "there is no such variable" in line]
    assert len(warned) == 1 and "LARDER_TRASH_DAY: " in warned[0] and warned[0].endswith("LARDER_TRASH_DAYS")


def test_every_variable_is_explained():
    shown = run("larderd", "--help").stdout
    for line in (ROOT / "etc/larder.env").read_text().splitlines():
        if line.startswith("#") and "=" in line and line[1].isupper() and not line.split("=")[0].endswith("_FILE"):
            assert line[1:].split("=")[0] in shown


@pytest.mark.parametrize("name, value", [
    ("LARDER_MAX_DOWNLOADS", "0"), ("LARDER_MAX_DOWNLOADS", "many"), ("LARDER_MAX_DOWNLOADS", "-1"),
    ("LARDER_MAX_CONNECTIONS", "99999999999999999999"), ("LARDER_MIN_FREE", "1X"), ("LARDER_MIN_FREE", "G"),
    ("LARDER_OFFLINE", "perhaps"), ("LARDER_LOG_LEVEL", "loud"), ("LARDER_BASE_PATH", "hf"), ("LARDER_BASE_PATH", "/a b"),
    ("HF_ENDPOINT", "ftp://example.org"), ("HF_ENDPOINT", "https://user:pass@example.org"), ("HF_ENDPOINT", "https://"),
    ("HF_TOKEN", "hf_two words"), ("HF_TOKEN_FILE", "/no/such/file"),
])
def test_a_bad_value_is_refused_by_name(tmp_path, name, value):
    env = {"LARDER_MODELS_DIR": str(tmp_path / "m"), "LARDER_STATE_DIR": str(tmp_path / "s"),
           "LARDER_RUNTIME_DIR": str(tmp_path / "r"), name: value}
    done = run("larderd", **env)
    assert done.returncode == os.EX_CONFIG and name in done.stderr
    assert "two words" not in done.stderr and "pass@" not in done.stderr


def test_missing_directories_are_made(tmp_path, hub):
    deep = {f"LARDER_{kind}_DIR": tmp_path / "not/yet/there" / kind.lower() for kind in ("MODELS", "STATE")}
    with Larder(tmp_path / "l", hub.endpoint, **deep) as larder:
        larder.models = deep["LARDER_MODELS_DIR"]
        assert larder.fetch("acme/tiny-7b-GGUF:Q4_K_M")["state"] == "completed"
    assert (deep["LARDER_STATE_DIR"].stat().st_mode & 0o777) == 0o700


def test_a_second_larderd_on_the_same_state_is_refused(larder):
    env = {**larder.env, "LARDER_RUNTIME_DIR": str(larder.folder / "other"),
           "LARDER_MODELS_DIR": str(larder.folder / "other-models")}
    done = run("larderd", **env)
    assert done.returncode == 1 and "LARDER_STATE_DIR" in done.stderr and "another larderd" in done.stderr
    larder.api("GET", "health", status=200)


def test_a_second_larderd_on_the_same_models_is_refused(larder):
    env = {**larder.env, "LARDER_RUNTIME_DIR": str(larder.folder / "other"),
           "LARDER_STATE_DIR": str(larder.folder / "other-state")}
    done = run("larderd", **env)
    assert done.returncode == 1 and "LARDER_MODELS_DIR" in done.stderr and "another larderd" in done.stderr
    larder.api("GET", "health", status=200)


def test_a_second_larderd_on_the_same_socket_is_refused(larder):
    env = {**larder.env, "LARDER_STATE_DIR": str(larder.folder / "other"),
           "LARDER_MODELS_DIR": str(larder.folder / "other-models")}
    done = run("larderd", **env)
    assert done.returncode == 1 and "already listens" in done.stderr
    larder.api("GET", "health", status=200)


def test_a_socket_left_by_a_dead_one_is_no_obstacle(larder):
    larder.kill_daemon()
    larder.kill_fcgi()
    assert (larder.run / "control.sock").exists() and (larder.run / "fcgi.sock").exists()
    larder.start_daemon()
    larder.start_fcgi()
    larder.api("GET", "health", status=200)


def test_sockets_are_for_owner_and_group_only(larder):
    for name in ("control.sock", "events.sock", "fcgi.sock"):
        assert ((larder.run / name).stat().st_mode & 0o777) == 0o660


def test_the_token_may_come_from_a_file(make_larder, hub, tmp_path):
    (tmp_path / "token").write_text("hf_grantedFROMAFILEAAAAAAAAAAAAAAAAAAA\n")
    larder = make_larder(HF_TOKEN_FILE=str(tmp_path / "token"))
    assert larder.fetch("acme/gated-7b")["state"] == "completed"
    assert not any("hf_grantedFROMAFILE" in line for line in larder.logs())


def test_a_database_of_the_future_is_refused(larder):
    import sqlite3
    larder.stop_daemon()
    with sqlite3.connect(larder.folder / "state/larder.db") as db:
        (present,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("PRAGMA user_version = 1000")
    done = run("larderd", **larder.env)
    assert done.returncode == 1 and "newer Larder" in done.stderr
    with sqlite3.connect(larder.folder / "state/larder.db") as db:
        db.execute(f"PRAGMA user_version = {present}")
    larder.start_daemon()


def test_json_logs_are_json(make_larder):
    import json
    larder = make_larder(LARDER_LOG_FORMAT="json")
    larder.api("POST", "preview", {"repo": "\u001b[31m"}, 422)
    for program in (larder.daemon, larder.fcgi):
        for line in program.lines:
            assert {"time", "level", "program", "message"} <= set(json.loads(line))


def test_a_second_signal_ends_larderd_at_once(larder, hub):
    hub.fault("silent", "*", origin="cdn", seconds=60)
    larder.download("acme/tiny-7b-GGUF:Q4_K_M")
    first, larder.daemon = larder.daemon, None
    first.process.send_signal(signal.SIGTERM)
    first.process.send_signal(signal.SIGINT)
    assert first.end() in (0, 1)
    larder.ended.append(first)
