"""Each call by which SQLite changes its files fails in turn, by itself or with many that follow: larderd does not start and
says why, or what it was asked for is done in the end, and nothing was told that is not so."""

import contextlib
import ctypes
import errno
import mmap

import pytest

from harness import Larder, Program
from remains import Remains

REPO = "acme/tiny-7b-GGUF"
SELECT = ["Q4_K_M", "Q2_K", "config.json"]
CALLS = ["pwrite", "ftruncate", "fdatasync", "open", "unlink"]  # enum call of tests/preload/faulty.c
HASTE = 50
CALLS_MAX = 300  # a sweep that does not end


class Plan(ctypes.Structure):
    """struct plan of tests/preload/faulty.c."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("call", "nth", "times", "error", "n_failed")] \
        + [("counts", ctypes.c_uint32 * len(CALLS))]

    @classmethod
    def share(cls, path):
        """One in a file, for larderd and us."""
        path.write_bytes(bytes(ctypes.sizeof(cls)))
        with path.open("r+b") as file:
            return cls.from_buffer(mmap.mmap(file.fileno(), 0))


def start(larder, plan):
    """Starts larderd. When its database fails it ends, and says why; then the disk is well again and it starts."""
    larder.daemon = Program("larderd", larder.daemon_argv, larder.env | larder.preloaded)
    if larder.daemon.wait_line_or_end("ready:"):
        return
    assert larder.daemon.end() == 1 and any("LARDER_STATE_DIR" in line for line in larder.daemon.lines), larder.daemon.lines
    assert plan.n_failed > 0
    larder.ended.append(larder.daemon)
    plan.nth = 0
    larder.start_daemon()


def create(larder, plan):
    """Asks for the download. When that cannot be recorded it is refused; then the disk is well again."""
    wanted = ("download.create", {"repo": REPO, "select": SELECT})
    answer = larder.rpc(*wanted)
    if "error" in answer:
        assert answer["error"]["data"]["code"] in ("store_unavailable", "disk_full"), answer
        assert plan.n_failed > 0 and larder.rpc("download.list")["result"]["downloads"] == []
        plan.nth = 0
        answer = larder.rpc(*wanted)
    return answer["result"]["id"]


def live_with(larder, hub, plan):
    """A download over a disk that fails: whether any call did. What was answered and what was told survives a kill -9."""
    start(larder, plan)
    identity = create(larder, plan)
    larder.kill_daemon()
    start(larder, plan)
    done = larder.wait(identity)
    assert done["state"] == "completed" and done["files_done"] == len(SELECT), done
    larder.kill_daemon()
    remains = Remains(larder, REPO)
    assert remains.states == {identity: "completed"}
    files = {path: hub.content(REPO, path).read() for path in remains.rows}
    remains.check(files, {})
    assert len(files) == len(SELECT) and all((remains.folder / path).read_bytes() == files[path] for path in files)
    return plan.n_failed > 0


@pytest.mark.parametrize("error, times", [(errno.EIO, 1), (errno.EIO, 20), (errno.ENOSPC, 20)],
                         ids=["EIO once", "EIO 20 times", "ENOSPC 20 times"])
@pytest.mark.parametrize("call", CALLS)
def test_a_database_whose_nth_call_fails(hub, tmp_path, call, error, times):
    nth, failed = 1, True
    while failed:
        with contextlib.ExitStack() as stack:
            larder = Larder(tmp_path / str(nth), hub.endpoint, haste=HASTE)
            stack.push(larder)  # to be left, not to be entered: larderd alone will do
            plan = Plan.share(larder.folder / "plan")
            plan.call, plan.nth, plan.times, plan.error = CALLS.index(call), nth, times, error
            larder.preload("faulty", LARDER_FAULTY_PLAN=larder.folder / "plan",
                           LARDER_FAULTY_BENEATH=larder.env["LARDER_STATE_DIR"])
            failed = live_with(larder, hub, plan)
            assert (failed or nth > 1) and nth < CALLS_MAX
        nth += max(1, times // 4)  # those that follow fail too
