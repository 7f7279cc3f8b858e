"""The page in a real browser, by clicking (driver.mjs), against the whole of Larder behind nginx."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SHOTS = HERE.parents[1] / "build" / "screenshots"


class Driver:
    """One scenario under way."""

    def __init__(self, scenario, larder):
        SHOTS.mkdir(parents=True, exist_ok=True)
        node = shutil.which("node") or shutil.which("nodejs")
        self.process = subprocess.Popen([node, str(HERE / "driver.mjs"), scenario,
                                         f"http://127.0.0.1:{larder.port}{larder.base}/", str(SHOTS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def expect(self, line):
        """The next thing it says."""
        said = self.process.stdout.readline().rstrip("\n")
        assert said == line, said + self.process.stdout.read()

    def go(self):
        """Lets it go on after a step."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def finish(self):
        """It must end well."""
        self.expect("ok")
        assert self.process.wait(60) == 0


@pytest.fixture
def drive(larder):
    made = []

    def start(scenario, with_larder=None):
        made.append(Driver(scenario, with_larder or larder))
        return made[-1]

    yield start
    for driver in made:
        if driver.process.poll() is None:
            driver.process.kill()
            driver.process.wait()


def test_the_whole_job_by_clicking(drive, larder, hub):
    drive("job").finish()
    folder = larder.models / "acme/tiny-7b-GGUF"
    assert [p.name for p in folder.iterdir() if p.is_file()] == ["tiny-7b-Q4_K_M.gguf"]


def test_a_refresh_loses_nothing_and_the_buttons_do_what_they_say(drive, larder, hub):
    hub.fault("slow", "*", origin="cdn", rate=400_000)
    driver = drive("refresh")
    driver.expect("step retried")
    hub.release()
    hub.faults.clear()
    for download in larder.rpc("download.list")["result"]["downloads"]:
        # What runs at the slow rate goes on at full speed with a new connection.
        larder.api("POST", f"downloads/{download['id']}/pause", {})
        larder.api("POST", f"downloads/{download['id']}/resume", {})
    driver.go()
    driver.finish()


def test_larderd_away_is_said_and_mended(drive, larder, hub):
    hub.fault("slow", "*", origin="cdn", rate=400_000)
    driver = drive("away")
    driver.expect("step stop")
    larder.stop_daemon()
    driver.go()
    driver.expect("step start")
    hub.faults.clear()
    larder.start_daemon()
    driver.go()
    driver.finish()


@pytest.fixture
def slow_job(larder, hub):
    """A download that does not end by itself."""
    hub.fault("slow", "*", origin="cdn", rate=100_000)
    identity = larder.download("acme/tiny-7b-GGUF:Q4_K_M")
    larder.wait_state(identity, "downloading")
    return identity


@pytest.mark.parametrize("holder, most", [("worker", 1), ("lock", 1), ("own", 64)])
def test_seven_tabs_share_one_stream(drive, make_larder, hub, holder, most):
    larder = make_larder(LARDER_EVENT_CLIENTS_EACH=most)
    hub.fault("slow", "*", origin="cdn", rate=100_000)
    driver = drive(f"tabs-{holder}", larder)
    for verb in ("pause", "resume"):
        driver.expect(f"step {verb}")
        for download in larder.rpc("download.list")["result"]["downloads"]:
            larder.api("POST", f"downloads/{download['id']}/{verb}", {}, 200)
        driver.go()
    driver.finish()


@pytest.mark.parametrize("gone", ["the web server", "larderd", "both"])
def test_an_outage_is_mended_by_itself(drive, larder, hub, gone):
    hub.fault("slow", "*", origin="cdn", rate=100_000)
    driver = drive("outage")
    driver.expect("step stop")
    if gone != "larderd":
        # At once: streams do not end by themselves, and Caddy would wait for them.
        larder.web.end(signal.SIGQUIT if larder.web.name == "caddy" else signal.SIGTERM)
    if gone != "the web server":
        larder.stop_daemon()
        larder.start_daemon()
    for download in larder.rpc("download.list")["result"]["downloads"]:
        assert "result" in larder.rpc("download.pause", {"id": download["id"]})
    if gone == "larderd":
        larder.stop_daemon()
    driver.go()
    driver.expect("step start")
    if gone == "larderd":
        larder.start_daemon()
    else:
        larder.start_web()
    driver.go()
    driver.finish()


def test_where_no_stream_passes_the_page_polls(drive, make_larder):
    larder = make_larder(LARDER_EVENT_CLIENTS=1)
    with larder.stream(web=False) as stream:
        next(iter(stream))
        drive("polling", larder).finish()


@pytest.mark.parametrize("scenario", ["sleep", "hidden"])
def test_a_page_that_was_away_is_right_at_once(drive, larder, slow_job, scenario):
    driver = drive(scenario)
    driver.expect("step pause")
    larder.api("POST", f"downloads/{slow_job}/pause", {}, 200)
    driver.go()
    driver.finish()


def test_errors_are_said_in_words(drive, hub):
    hub.fault("gated", "/acme/gated-7b/resolve/*", status=403)  # although the token was granted access
    drive("errors").finish()


def test_it_looks_right_at_every_size_in_both_themes(drive, larder, hub):
    hub.fault("slow", "*", origin="cdn", rate=100_000)
    driver = drive("looks")
    driver.expect("step done")
    hub.faults.clear()
    for download in larder.rpc("download.list")["result"]["downloads"]:
        larder.api("POST", f"downloads/{download['id']}/pause", {})
        larder.api("POST", f"downloads/{download['id']}/resume", {})
    driver.go()
    driver.finish()
