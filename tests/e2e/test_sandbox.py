"""Small powers: whom the programs work as, what they have given up, and that all they are for still works so."""

import os
import pwd
import subprocess

import pytest

from harness import Program, may_pass

TINY = "acme/tiny-7b-GGUF"
BOXED = "acme/boxed"

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can begin as root")


@pytest.fixture
def shut(make_larder):
    """A Larder as it is installed: in its sandbox."""
    return make_larder(flavour="release")


def status(pid):
    """What the kernel says of a process, by the first word of each line."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {line.split(":")[0]: line.split(":")[1].split() for line in file}


def test_both_programs_are_shut_in(shut):
    for program, filters in ((shut.daemon, 2), (shut.fcgi, 1)):
        facts = status(program.process.pid)
        assert facts["NoNewPrivs"] == ["1"] and facts["Seccomp"] == ["2"]
        assert int(facts["Seccomp_filters"][0]) == filters + int(status("self")["Seccomp_filters"][0])  # a container has its own
        assert set(facts["CapEff"] + facts["CapPrm"]) == {"0" * 16}
    assert not any("sandbox" in line for line in shut.logs())


@is_root
def test_neither_program_works_as_root(shut):
    nobody = pwd.getpwnam("nobody")
    for program in (shut.daemon, shut.fcgi):
        facts = status(program.process.pid)
        assert set(facts["Uid"]) == {str(nobody.pw_uid)} and set(facts["Gid"]) == {str(nobody.pw_gid)}
        assert "0" not in facts["Groups"]
        assert program.lines[0].endswith("was started by root: goes on as nobody")
    shut.fetch(f"{TINY}:Q4_K_M")
    [file] = (shut.models / TINY).glob("*.gguf")
    assert file.stat().st_uid == nobody.pw_uid
    assert (shut.folder / "state").stat().st_mode & 0o777 == 0o700


@is_root
@pytest.mark.parametrize(("user", "why"), [
    ("no-such-user", "there is no user no-such-user"), ("root", "as root Larder does not work"), ("a/b", "LARDER_USER"),
])
def test_a_root_that_cannot_become_another_does_not_begin(shut, user, why):
    shut.stop_daemon()
    for name in ("larderd", "larder-fcgi"):
        done = subprocess.run([shut.build / name], env=shut.env | {"LARDER_USER": user}, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode in (1, os.EX_CONFIG) and why in done.stderr
    shut.start_daemon()


@is_root
def test_nobody_else_looks_into_it_also_not_its_own_user(shut):
    for program in (shut.daemon, shut.fcgi):
        for what in ("environ", "mem", "maps", "fd/0"):
            done = subprocess.run(["/bin/cat", f"/proc/{program.process.pid}/{what}"], user="nobody", group="nogroup",
                                  extra_groups=[], capture_output=True, text=True, timeout=60)
            assert done.returncode == 1 and "Permission denied" in done.stderr, (what, done)
        with open(f"/proc/{program.process.pid}/limits", encoding="utf-8") as limits:
            [core] = [line.split() for line in limits if line.startswith("Max core file size")]
        assert core[4:6] == ["0", "0"]


def test_off_is_said_and_is_off(make_larder):
    larder = make_larder(flavour="release", LARDER_SANDBOX="off")
    for program in (larder.daemon, larder.fcgi):
        assert any(" warning " in line and "LARDER_SANDBOX is off" in line for line in program.lines)
        assert status(program.process.pid)["Seccomp"] == status("self")["Seccomp"]


def test_the_hub_is_found_by_its_name_in_there(make_larder, hub):
    larder = make_larder(flavour="release", endpoint=hub.endpoint.replace("127.0.0.1", "localhost"))
    assert larder.fetch(f"{TINY}:Q4_K_M")["state"] == "completed"


def test_what_it_is_for_works_in_there(shut, hub):
    """Fetching, killing, going on, verifying, repairing, updating, deleting, taking back: all that touches files."""
    shut.fetch(f"{TINY}:Q4_K_M")
    hub.fault("slow", "*Q8_0*", origin="cdn", rate=400_000)
    going = shut.download(f"{TINY}:Q8_0")
    shut.wait_state(going, "downloading")
    shut.kill_daemon()
    hub.faults.clear()
    shut.start_daemon()
    assert shut.wait(going)["state"] == "completed"
    path = shut.models / TINY / "tiny-7b-Q4_K_M.gguf"
    with open(path, "r+b") as file:
        file.write(b"broken")
    job = shut.api("POST", f"models/{TINY}/verify", {}, status=202).json
    assert shut.wait(job["id"])["findings"]["changed"] == 1
    job = shut.api("POST", f"models/{TINY}/repair", {}, status=202).json
    assert shut.wait(job["id"])["state"] == "completed"
    hub.push(BOXED, {"model.bin": b"old" * 999})
    shut.fetch(BOXED)
    hub.push(BOXED, {"model.bin": b"new" * 999})
    assert shut.api("POST", f"models/{BOXED}/check", {}).json["available"] is True
    job = shut.api("POST", f"models/{BOXED}/update", {}, status=202).json
    assert shut.wait(job["id"])["state"] == "completed"
    assert (shut.models / BOXED / "model.bin").read_bytes() == b"new" * 999
    shut.api("DELETE", f"models/{TINY}", status=200)
    assert not path.exists()
    entry = max(shut.api("GET", "trash").json["trash"], key=lambda one: one["deleted_at"])
    shut.api("POST", f"trash/{entry['id']}/restore", {}, status=200)
    assert path.exists()
    with shut.stream() as events:
        assert next(iter(events))[1] == "snapshot"


def test_folders_that_root_has_made_are_said(shut, tmp_path):
    """A models directory that the user may not write to is an error with its name, not a silence."""
    if os.geteuid() != 0:
        pytest.skip("only root can give something to root")
    shut.stop_daemon()
    own = tmp_path / "roots"
    own.mkdir()
    own.chmod(0o755)
    may_pass(own)
    program = Program("larderd", shut.daemon_argv, shut.env | {"LARDER_MODELS_DIR": str(own)})
    program.wait_line_or_end("ready:")
    program.end()
    assert any(" warning " in line and f"{own}: user 65534 may not write here" in line for line in program.lines)
    shut.start_daemon()
