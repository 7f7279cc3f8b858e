"""A disk that fills up while a file comes, and is freed: the job waits with the reason, goes on by itself, and has lost
nothing. The disk is a small one that only larderd has."""

import hashlib
import os

import pytest

from remains import Remains, asked

BIG = "acme/big-1"
FILE = "big-1.bin"
MIB = 1 << 20
DISK = 80 * MIB  # for a file of 64
FITS = 58 * MIB  # of it, 90 %, when somebody else has taken the rest


@pytest.fixture
def cramped(make_larder, may_mount, tmp_path):
    """Makes a Larder whose models are on a small disk, and its database too if that is asked for. Time runs faster."""

    def make(has_state=False):
        disk = tmp_path / "disk"
        disk.mkdir()
        settings = {"LARDER_MODELS_DIR": disk / "models"} | ({"LARDER_STATE_DIR": disk / "state"} if has_state else {})
        larder = make_larder(mounts=[f"mount -t tmpfs -o size={DISK} none '{disk}'"], haste=10, **settings)
        larder.models = larder.inside(disk) / "models"
        return larder

    return make


def fill(larder):
    """Somebody else takes so much room that 90 % of the file fit. Returns what he has written."""
    filler = larder.models / "filler"
    space = os.statvfs(larder.models)
    here = sum(path.stat().st_blocks * 512 for path in larder.models.rglob("*.incomplete"))
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - (FITS - here))
    return filler


def fill_in_the_middle(larder, hub):
    """A download whose disk has filled up: its id, and what must be removed for it to go on."""
    hub.fault("slow", f"*{FILE}", origin="cdn", rate=16 * MIB)
    identity = larder.download(BIG)
    larder.wait(identity, lambda d: d["bytes_done"] > 8 * MIB)
    return identity, fill(larder)


def assert_proven(larder, hub, identity):
    done = larder.wait(identity)
    assert done["state"] == "completed", done["reason"]
    with open(larder.models / BIG / FILE, "rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == hub.files(BIG)[FILE]["sha256"]
    assert not list(larder.models.rglob("*.incomplete"))
    assert not any("thrown away" in line for line in larder.daemon.lines)


def test_a_disk_that_fills_at_90_percent_and_is_freed(cramped, hub):
    larder = cramped()
    identity, filler = fill_in_the_middle(larder, hub)
    waiting = larder.wait_state(identity, "waiting")
    assert waiting["reason"]["code"] == "disk_full" and waiting["reason"]["retry_at"]
    assert waiting["bytes_done"] > FITS / 2
    before = Remains(larder, BIG)
    hub.clear_requests()
    filler.unlink()
    assert_proven(larder, hub, identity)
    requests = asked(hub, BIG)
    assert requests and not any(before.holds(*request[:3]) for request in requests)


def test_a_disk_that_fills_with_the_database_on_it(cramped, hub):
    """Then even that the job waits may have to wait for room to be recorded."""
    larder = cramped(has_state=True)
    identity, filler = fill_in_the_middle(larder, hub)
    larder.daemon.wait_line("No space left on device")
    filler.unlink()
    assert_proven(larder, hub, identity)
