"""The metrics: what Prometheus' own parser reads of them, and that they count what happens."""

from prometheus_client.parser import text_string_to_metric_families

TERM = "acme/tiny-7b-GGUF:Q4_K_M"
KINDS = ("download", "update", "verify", "repair")


def scrape(larder):
    """Every sample: {(name, labels): value}, and the kinds of the families."""
    answer = larder.api("GET", "metrics", status=200)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.body.decode()))
    names = [family.name for family in families]
    assert len(names) == len(set(names)), "a family is told twice"
    for family in families:
        assert family.name.startswith("larder_") and family.documentation.endswith("."), family.name
        assert family.type in ("counter", "gauge", "histogram")
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def value(samples, name, **labels):
    return samples[name, frozenset(labels.items())]


def test_they_count_what_happens(larder, hub):
    before = scrape(larder)
    assert value(before, "larder_up") == 1 and value(before, "larder_models") == 0
    assert value(before, "larder_fetched_bytes_total") == 0
    assert {kind: value(before, "larder_ended_total", kind=kind, state="completed") for kind in KINDS} == dict.fromkeys(KINDS, 0)
    with larder.stream() as stream:
        next(iter(stream))
        assert value(scrape(larder), "larder_event_clients") == 1
        size = larder.fetch(TERM)["bytes_total"]
    larder.api("GET", "downloads/none", status=404)
    after = scrape(larder)
    assert value(after, "larder_downloads", state="completed") == 1
    assert value(after, "larder_downloads", state="downloading") == 0
    assert value(after, "larder_ended_total", kind="download", state="completed") == 1
    assert value(after, "larder_ended_total", kind="download", state="failed") == 0
    assert value(after, "larder_memory_peak_bytes") > 1e6
    for name in ("fetched", "written", "hashed"):
        assert value(after, f"larder_{name}_bytes_total") >= size
    assert value(after, "larder_hub_requests_total") >= 3
    assert value(after, "larder_hub_quota_remaining") > 0
    assert value(after, "larder_models") == 1 and value(after, "larder_model_bytes") >= size
    assert value(after, "larder_disk_well") == 1
    assert 0 < value(after, "larder_disk_free_bytes") <= value(after, "larder_disk_size_bytes")
    assert value(after, "larder_http_requests_total", method="POST", route="downloads", status="2xx") == 1
    assert value(after, "larder_http_requests_total", method="GET", route="downloads/{}", status="4xx") == 1
    count = value(after, "larder_http_request_duration_seconds_count", method="POST", route="downloads")
    assert count == 1 == value(after, "larder_http_request_duration_seconds_bucket", method="POST", route="downloads", le="+Inf")


def test_a_retry_has_its_cause(fast, hub):
    hub.fault("status", "*", origin="cdn", status=503, times=2)
    assert value(scrape(fast), "larder_retries_total", cause="hub_unavailable") == 0
    fast.fetch(TERM)
    samples = scrape(fast)
    assert value(samples, "larder_retries_total", cause="hub_unavailable") >= 1
    assert value(samples, "larder_retries_total", cause="hash_mismatch") == 0


def test_a_scrub_is_told(larder):
    larder.fetch(TERM)
    [file] = (larder.models / "acme/tiny-7b-GGUF").glob("*Q4_K_M.gguf")
    file.write_bytes(b"x" * file.stat().st_size)
    larder.api("POST", "scrub", status=202)
    with larder.stream() as stream:
        for event in stream:
            if event.name == "snapshot" and larder.api("GET", "scrub").json["finished_at"]:
                break
            if event.name == "scrub" and event.data["finished_at"]:
                break
    samples = scrape(larder)
    assert value(samples, "larder_scrub_files", state="changed") == 1
    assert value(samples, "larder_scrub_finished_timestamp_seconds") > 1_600_000_000


def test_larderd_away_is_a_metric(larder):
    larder.stop_daemon()
    samples = scrape(larder)
    assert value(samples, "larder_up") == 0 and ("larder_models", frozenset()) not in samples
    assert larder.api("GET", "health/live").status == 503
    larder.start_daemon()
    assert value(scrape(larder), "larder_up") == 1
    assert larder.api("GET", "health/live", status=200).json["status"] == "ok"
