"""How the bytes of a large file come: in pieces, over as many connections as are worth having, each byte proven."""

import hashlib
import re

BIG = "acme/big-1"
MIB = 1 << 20


def ranges(hub):
    """The byte ranges the CDN was asked for, as (first, end)."""
    found = [re.fullmatch(r"bytes=(\d+)-(\d+)", r["range"]) for r in hub.requests(origin="cdn") if r["range"]]
    return [(int(m[1]), int(m[2]) + 1) for m in found]


def assert_big_is_proven(larder, hub):
    (name, facts), = ((n, f) for n, f in hub.files(BIG, "main").items() if f["size"] > 32 * MIB)
    content = (larder.models / BIG / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    assert not list(larder.models.rglob("*.incomplete"))
    return facts["size"]


def test_a_large_file_comes_in_pieces_over_several_connections(larder, hub):
    hub.fault("slow", "*big-1*", origin="cdn", rate=8_000_000)
    with larder.stream(web=False) as stream:
        identity = larder.download(BIG)
        most = 0
        for event in stream:
            if event.name == "progress":
                most = max([most] + [d["connections"] for d in event.data["downloads"] if d["id"] == identity])
            if event.name == "download" and event.data["id"] == identity and event.data["state"] == "completed":
                break
    size = assert_big_is_proven(larder, hub)
    asked = sorted(ranges(hub))
    assert most > 1 and len(asked) >= 4
    assert asked[0][0] == 0 and max(end for _, end in asked) == size
    # A piece is asked for again only when it was cut in two for an idle connection, near the end.
    assert sum(end - first for first, end in asked) < size + 16 * MIB
    # Its address was asked for once.
    large = [r for r in hub.requests(origin="hub") if "/resolve/" in r["target"]]
    assert len(large) <= 2 + len(hub.files(BIG, "main"))


def test_a_page_that_was_lost_with_the_power_costs_its_piece(larder, hub):
    slow = hub.fault("slow", "*big-1*", origin="cdn", rate=8_000_000)
    identity = larder.download(BIG)
    before = larder.wait(identity, lambda d: d["bytes_done"] > 24 * MIB)
    larder.kill_daemon()
    partial, = (p for p in larder.models.rglob("*.incomplete") if p.stat().st_size > 32 * MIB)
    with partial.open("r+b") as file:
        file.seek(4 * MIB)
        file.write(bytes(4096))
    hub.faults.remove(slow.id) if hasattr(slow, "id") else hub.faults.clear()
    hub.clear_requests()
    larder.start_daemon()
    done = larder.wait(identity)
    assert done["state"] == "completed"
    size = assert_big_is_proven(larder, hub)
    assert any("not as it was written" in line for line in larder.daemon.lines)
    again = sum(end - first for first, end in ranges(hub))
    assert again < size - before["bytes_done"] + 40 * MIB, "more than the piece and what was under way"


def test_connections_that_are_refused_beside_others_mean_fewer_not_failure(larder, hub):
    hub.fault("slow", "*big-1*", origin="cdn", rate=8_000_000)
    hub.fault("busy", "*big-1*", origin="cdn", limit=2, status=429)
    done = larder.fetch(BIG)
    assert done["state"] == "completed"
    assert_big_is_proven(larder, hub)


def test_an_origin_that_counts_connections_is_not_asked_for_more_by_small_files_either(larder, hub):
    hub.fault("slow", "*tiny-7b*", origin="cdn", rate=8_000_000)
    hub.fault("busy", "*tiny-7b*", origin="cdn", limit=2, status=429, any_path=True)
    with larder.stream(web=False) as stream:
        identity = larder.download("acme/tiny-7b-GGUF")
        states = []
        for event in stream:
            if event.name == "download" and event.data["id"] == identity:
                states.append(event.data["state"])
                if states[-1] in ("waiting", "failed", "completed"):
                    break
    assert states[-1] == "completed", states
    refused = hub.requests(origin="cdn", status=429)
    assert 0 < len(refused) <= 16


def test_a_limit_on_all_holds_and_can_be_taken_away(larder, hub):
    larder.api("PATCH", "settings", {"bandwidth_limit": 1_000_000}, 200)
    identity = larder.download(BIG)
    held = larder.wait(identity, lambda d: d["bytes_done"] > 2 * MIB)
    assert held["state"] == "downloading" and held["speed_bps"] < 4_000_000
    larder.api("PATCH", "settings", {"bandwidth_limit": 0}, 200)
    assert larder.wait(identity)["state"] == "completed"
    assert_big_is_proven(larder, hub)
