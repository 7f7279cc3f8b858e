"""What the end-to-end tests share: one stand-in Hub for the session, one Larder for each test that asks.

Each Larder has a token, and after each test it is in no log and no file, and no origin but the Hub's own has seen it. Each
answer that a test receives is as docs/openapi.json says.
"""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from contract import Contract  # noqa: E402
from harness import UNSHARE, Larder  # noqa: E402
from hub import StandInHub  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def programs_begin_with_signals_that_end_them():
    """A shell ignores these two in its background jobs, and what is started there would do so too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def session_hub(tmp_path_factory):
    """The stand-in Hub, started once: its content never changes but by push()."""
    with StandInHub("all", cache=tmp_path_factory.mktemp("hub-cache"), big_size=64 << 20) as hub:
        yield hub


@pytest.fixture(scope="session", autouse=True)
def no_origin_but_the_hub_sees_a_token():
    """Whichever stand-in Hub a test uses: before it forgets what it saw, and when it ends, no token had leaked to it."""

    def first_look(method):
        def look_then_act(hub):
            leaks = hub.leaks()
            method(hub)
            assert not leaks, f"the token went where it does not belong: {leaks}"

        return look_then_act

    with pytest.MonkeyPatch.context() as patch:
        for name in ("clear", "stop"):
            patch.setattr(StandInHub, name, first_look(getattr(StandInHub, name)))
        yield


@pytest.fixture(scope="session", autouse=True)
def every_answer_keeps_the_contract():
    """Whatever a test asks for: each answer and each event is as docs/openapi.json says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Larder, "contract", Contract())
        yield


@pytest.fixture
def hub(session_hub):
    """The stand-in Hub, without faults and with an empty record."""
    session_hub.clear()
    yield session_hub
    session_hub.set(quotas={})
    session_hub.clear()


@pytest.fixture
def make_larder(hub, tmp_path):
    """Makes Larders that ask the stand-in Hub, and starts them; each is stopped and its logs are looked at."""
    made = []

    def make(is_started=True, **options):
        larder = Larder(tmp_path / f"larder-{len(made)}", options.pop("endpoint", hub.endpoint), **options)
        made.append(larder)
        return larder.start() if is_started else larder

    yield make
    for larder in made:
        larder.__exit__(None)


@pytest.fixture
def larder(make_larder):
    """A Larder under AddressSanitizer, with nothing special about it."""
    return make_larder()


@pytest.fixture
def fast(make_larder):
    """A Larder for which time runs ten times as fast: what it waits for comes soon."""
    return make_larder(haste=10)


@pytest.fixture
def may_mount():
    """For tests that give larderd a mount of its own."""
    if subprocess.run([*UNSHARE, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("this user may not mount anything, not even in a namespace of its own")
