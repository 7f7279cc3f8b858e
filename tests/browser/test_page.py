"""The page in a real browser, by clicking (driver.mjs), against the whole of Larder behind nginx."""

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from e2e.harness import free_port
from e2e.test_library import put, scan
from e2e.test_paste_list import workflow

HERE = Path(__file__).resolve().parent
SHOTS = HERE.parents[1] / "build" / "screenshots"


class Driver:
    """One scenario under way."""

    def __init__(self, scenario, larder, **env):
        SHOTS.mkdir(parents=True, exist_ok=True)
        node = shutil.which("node") or shutil.which("nodejs")
        self.process = subprocess.Popen([node, str(HERE / "driver.mjs"), scenario,
                                         f"http://127.0.0.1:{larder.port}{larder.base}/", str(SHOTS)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | env)

    def expect(self, line):
        """The next thing it says."""
        said = self.process.stdout.readline().rstrip("\n")
        assert said == line, said + (self.process.stdout.read() if said.startswith("failed") else "")

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

    def start(scenario, with_larder=None, **env):
        made.append(Driver(scenario, with_larder or larder, **env))
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


def test_what_suits_is_chosen_and_what_is_chosen_stays(drive):
    drive("choice").finish()


def test_what_is_replaced_and_what_was_here_is_said(drive, larder):
    put(larder, "acme/tiny-7b-GGUF/tiny-7b-Q4_K_M.gguf", b"somebody else's")
    drive("replaced").finish()


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


# --- the library ---

@pytest.fixture
def shelf(larder):
    """A library of three: two variants, a set that lacks a part, another format."""
    put(larder, "acme/one-GGUF/one-Q4_K_M.gguf", os.urandom(2000))
    put(larder, "acme/one-GGUF/one-Q8_0.gguf", os.urandom(4000))
    for number in (1, 3):
        put(larder, f"acme/split-GGUF/split-0000{number}-of-00003.gguf", os.urandom(1000))
    put(larder, "beta/two/model.safetensors", os.urandom(9000))
    scan(larder)
    return larder.models


def test_the_library_is_shown_filtered_and_followed(drive, shelf, larder):
    driver = drive("library")
    driver.expect("step put")
    put(larder, "gamma/late/late.gguf", os.urandom(500))
    driver.go()
    driver.expect("step remove")
    shutil.rmtree(shelf / "beta")
    driver.go()
    driver.finish()


def test_a_model_is_cared_for_by_clicking(drive, larder, hub):
    content = {"model.bin": os.urandom(300_000), "README.md": b"one\n"}
    hub.push("acme/cared", content)
    assert larder.fetch("acme/cared")["state"] == "completed"
    driver = drive("care")
    driver.expect("step damage")
    path = larder.models / "acme/cared/model.bin"
    times = path.stat()
    path.write_bytes(b"x" + content["model.bin"][1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    driver.go()
    driver.expect("step push")
    assert path.read_bytes() == content["model.bin"]
    hub.push("acme/cared", {"README.md": b"two\n"})
    driver.go()
    driver.finish()
    assert (larder.models / "acme/cared/README.md").read_bytes() == b"two\n"


def test_a_missing_part_is_fetched_with_one_button(drive, larder):
    assert larder.fetch("acme/split-70b-GGUF", select=["Q4_K_M"])["state"] == "completed"
    parts = sorted((larder.models / "acme/split-70b-GGUF").rglob("*-of-*.gguf"))
    content = parts[1].read_bytes()
    parts[1].unlink()
    scan(larder)
    drive("missing").finish()
    assert parts[1].read_bytes() == content


def test_a_delete_is_taken_back(drive, shelf, larder):
    driver = drive("trash")
    driver.expect("step occupy")
    path = shelf / "acme/one-GGUF/one-Q8_0.gguf"
    assert not path.exists()
    put(larder, "acme/one-GGUF/one-Q8_0.gguf", b"another")
    driver.go()
    driver.expect("step swapped")
    assert path.stat().st_size == 4000
    driver.go()
    driver.finish()
    assert path.stat().st_size == 4000


HOSTILE = ["<img src=x onerror=canary=1>", "\u202egpj.exe", "x" * 200, "\U0001F600" * 30, "a\u200b\u2066b{n}|<b>c"]


def test_hostile_names_are_words_and_nothing_else(drive, larder):
    for name in HOSTILE:
        put(larder, f"evil/{name}/<svg onload=canary=1>.bin", os.urandom(100))
    scan(larder)
    drive("hostile").finish()


def test_the_library_looks_right_at_every_size_in_both_themes(drive, shelf, larder):
    larder.api("DELETE", "models/beta/two", None, 200)
    scan(larder)
    drive("library-looks").finish()


# --- what all views share ---

def test_settings_are_saved_and_seen_everywhere(drive, shelf):
    drive("settings").finish()


def test_the_queue_is_paused_and_slowed_at_hand(drive, hub):
    hub.fault("slow", "*", origin="cdn", rate=100_000)
    drive("tools").finish()


def test_the_queue_is_reordered_by_dragging_and_by_keys(drive, make_larder, hub):
    larder = make_larder(LARDER_MAX_DOWNLOADS=1)
    hub.fault("slow", "*", origin="cdn", rate=50_000)
    for quant in ("Q2_K", "Q4_K_M", "Q8_0"):
        larder.download(f"acme/tiny-7b-GGUF:{quant}")
    drive("reorder", larder).finish()


def test_what_has_happened_is_told(drive):
    drive("activity").finish()


def test_it_speaks_german(drive):
    drive("language").finish()


def test_the_last_state_is_there_at_once(drive, larder):
    driver = drive("remembered")
    driver.expect("step stop")
    larder.stop_daemon()
    driver.go()
    driver.expect("step start")
    larder.start_daemon()
    driver.go()
    driver.finish()


def test_pages_that_were_replaced_are_told(drive):
    drive("upgraded").finish()


def test_an_outage_is_told_by_what_was_there_before(drive, larder):
    driver = drive("back")
    driver.expect("step stop")
    larder.web.end(signal.SIGQUIT if larder.web.name == "caddy" else signal.SIGTERM)
    driver.go()
    driver.expect("step start")
    larder.start_web()
    driver.go()
    driver.finish()


def test_the_keyboard_is_enough(drive):
    drive("keyboard").finish()


def test_settings_and_activity_look_right_at_every_size_in_both_themes(drive):
    drive("page-looks").finish()


def test_several_things_are_pasted_at_once(drive, larder, hub):
    hub.push("acme/flow", {"split_files/vae/ae.safetensors": b"\x02\0\0\0\0\0\0\0{}"})
    drive("paste-several", WORKFLOW=workflow(hub)).finish()
    assert (larder.models / "acme/tiny-st").is_dir() and (larder.models / "acme/tiny-7b-GGUF/tiny-7b-Q2_K.gguf").exists()


def test_why_a_download_waits_is_found_by_clicking(drive, larder, hub):
    fault = hub.fault("redirect_host", "*/resolve/*", origin="hub", to=f"http://127.0.0.1:{free_port()}")
    driver = drive("connection")
    driver.expect("step mend")
    hub.faults.remove(fault.id)
    driver.go()
    driver.finish()


def test_the_token_of_the_hub_is_set_and_forgotten(drive, make_larder):
    drive("token", make_larder(token="")).finish()


@pytest.fixture
def locked(make_larder):
    """A Larder that asks for a password."""
    done = subprocess.run([HERE.parents[1] / "build/asan-gcc/larder", "hash-password", "--json"],
                          input="correct horse battery staple\n", capture_output=True, text=True, check=True)
    return make_larder(LARDER_AUTH="password", LARDER_PASSWORD_HASH=json.loads(done.stdout)["hash"])


def test_who_is_not_signed_in_sees_the_door(drive, locked):
    drive("sign-in", locked).finish()


@pytest.fixture
def other_site():
    """An empty page of somebody else's, and the port that it is at."""
    class Page(http.server.BaseHTTPRequestHandler):
        """It."""

        def do_GET(self):
            """An empty document."""
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Elsewhere</title><body>")

        def log_message(self, *_):
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield str(server.server_address[1])
    server.shutdown()
    thread.join()
    server.server_close()


def deeds(larder):
    """What larderd was made to do."""
    actions = [entry["action"] for entry in larder.rpc("audit.list")["result"]["audit"]]
    return [action for action in actions if not action.startswith("session.")]


@pytest.mark.parametrize("door", ["open", "locked"])
def test_attack_from_a_page_of_another_site_changes_and_learns_nothing(request, drive, other_site, door):
    larder = request.getfixturevalue("larder" if door == "open" else "locked")
    drive("attack-elsewhere", larder, OTHER_PORT=other_site).finish()
    assert deeds(larder) == []


def test_attack_by_a_name_that_means_this_server(drive, larder):
    drive("attack-rebinding").finish()
    assert deeds(larder) == []


def test_the_installed_pages_work_as_well(drive, make_larder, tmp_path):
    subprocess.run(["sh", str(HERE.parents[1] / "etc/install-pages.sh"), str(HERE.parents[1] / "static"),
                    str(tmp_path / "pages")], check=True)
    larder = make_larder(is_started=False)
    larder.static = tmp_path / "pages"
    drive("job", larder.start()).finish()
    (version,) = (path for path in larder.static.iterdir() if path.is_dir())
    assert 'href="css/' not in (larder.static / "index.html").read_text()
    assert f'"{version.name}/js/main.js"' in (larder.static / "index.html").read_text()


def test_from_a_word_to_a_download_on_the_search_page(drive, larder):
    drive("search-find").finish()
    folder = larder.models / "acme/tiny-7b-GGUF"
    assert [p.name for p in folder.iterdir() if p.is_file()] == ["tiny-7b-Q4_K_M.gguf"]


def test_what_is_sought_stands_in_the_address(drive):
    drive("search-address").finish()


def test_the_recommended_one_is_fetched_in_four_actions(drive, make_larder):
    larder = make_larder(LARDER_GPU_MEMORY="8G")
    drive("search-fit", larder).finish()
    folder = larder.models / "acme/tiny-7b-GGUF"
    assert [p.name for p in folder.glob("*.gguf") if "mmproj" not in p.name] == ["tiny-7b-Q6_K_L.gguf"]


def test_a_card_is_read_and_does_no_harm(drive):
    drive("search-card").finish()


def test_what_is_wrong_with_a_model_is_said_before_it_is_fetched(drive, make_larder, hub):
    found = {"scansDone": True, "filesWithIssues": [{"path": "tiny-7b-Q4_K_M.gguf", "level": "unsafe"}]}
    body = json.dumps({"id": "acme/tiny-7b-GGUF", "securityRepoStatus": found})
    hub.fault("status", "/api/models/acme/tiny-7b-GGUF", status=200, body=body)
    drive("search-warned", make_larder(token="")).finish()


def test_a_search_is_narrowed_ordered_and_goes_on(drive):
    drive("search-filters").finish()


def test_only_the_last_search_counts(drive, hub):
    driver = drive("search-superseded")
    driver.expect("step slow")
    hub.fault("stall", "/api/models*", times=1)
    driver.go()
    driver.expect("step released")
    hub.release()
    driver.go()
    driver.finish()


def test_a_search_that_the_hub_refuses_is_said_and_asked_again(drive, hub):
    hub.set(quotas={"api": 40})
    driver = drive("search-trouble")
    driver.expect("step refuse")
    hub.fault("rate_limited", path="/api/models", t=2000)
    driver.go()
    driver.finish()


def test_offline_the_search_page_says_so(drive, make_larder, hub):
    drive("search-offline", make_larder(LARDER_OFFLINE="1")).finish()
    assert not hub.requests()


def test_the_search_page_looks_right(drive, larder):
    drive("search-looks").finish()
