"""docs/monitoring and docs/MONITORING.md speak of what a running Larder tells, and of nothing else.

Every metric, label and value in an expression of the dashboard and the rules is looked for in what /metrics has said.
"""

import collections
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FOLDER = DOCS / "monitoring"
TERM = "acme/tiny-7b-GGUF:Q4_K_M"
TARGET = {"job", "instance"}  # what Prometheus adds to every sample
OF_PROMETHEUS = {"up", "ALERTS"}  # what it tells itself
WORDS = {"and", "or", "unless", "bool", "offset"}
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
GRID_WIDTH = 24

Metric = collections.namedtuple("Metric", "kind labels")  # labels: {name: values}
Uses = collections.namedtuple("Uses", "metrics groupings")  # metrics: [(name, [(label, operator, value)])]


# --- what a Larder tells -------------------------------------------------------------------------

def read_metrics(text):
    """{family: Metric} of one answer, and the same of every sample's name. Counters have their _total."""
    families, samples = {}, {}
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        families[name] = Metric(family.type, {})
        if not family.samples:
            samples[name] = Metric(family.type, {})
        for sample in family.samples:
            samples.setdefault(sample.name, Metric(family.type, {}))
            for label, value in sample.labels.items():
                samples[sample.name].labels.setdefault(label, set()).add(value)
                if label != "le":
                    families[name].labels.setdefault(label, set()).add(value)
    return families, samples


def error_codes():
    """What a cause can be."""
    return set(re.findall(r'^\tX\(\w+, "(\w+)"', (ROOT / "common/error.h").read_text(), re.M)) - {"none"}


@pytest.fixture
def told(fast, hub):
    """All that a Larder tells after it has been busy: also what appears with events only."""
    fast.stop_daemon()
    fast.api("GET", "downloads", status=503)
    fast.start_daemon()
    hub.fault("status", "*", origin="cdn", status=503, times=2)
    fast.fetch(TERM)
    for path in ("health", "models", "hub/search?q=tiny", "metrics"):
        fast.api("GET", path, status=200)
    families, samples = read_metrics(fast.api("GET", "metrics", status=200).body.decode())
    assert samples["larder_retries_total"].labels["cause"] <= error_codes()
    samples["larder_retries_total"].labels["cause"] |= error_codes()
    return families, samples


# --- what is said of it --------------------------------------------------------------------------

def no_name_twice(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a member is there twice: {names}"
    return dict(pairs)


def dashboard():
    return json.loads((FOLDER / "larder-dashboard.json").read_text(), object_pairs_hook=no_name_twice)


def rules():
    groups = yaml.safe_load((FOLDER / "larder-alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def rule_tests():
    files = [yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*_test.yml"))]
    return [test for file in files for test in file["tests"]]


def table():
    """The rows of the document's table: {metric: (type, labels)}."""
    rows = re.findall(r"^\| `(larder_\w+)` \| (\w+) \| ([`\w ]*) ?\| (\S.*) \|$", (DOCS / "MONITORING.md").read_text(), re.M)
    names = [name for name, *_ in rows]
    assert len(names) == len(set(names)), "a metric is there twice"
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels, _ in rows}


TOKEN = re.compile(r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*') | (?P<range>\[[^\]]*\]) | (?P<number>\d[\w.]*)
                       | (?P<name>[a-zA-Z_:][\w:]*) | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},])""", re.X)


def tokens(expression):
    """The tokens of an expression, ranges left out; what is none of PromQL is a mistake."""
    found, at = [], 0
    while at < len(expression):
        match = TOKEN.match(expression, at)
        assert match or expression[at].isspace(), f"{expression[at:]!r} in {expression}"
        if match and match.lastgroup != "range":
            found.append((match.lastgroup, match.group()))
        at = match.end() if match else at + 1
    return found


def matchers(words):
    """The inside of {...}."""
    found = []
    while words[0][1] != "}":
        (_, label), (_, operator), (kind, value) = words[:3]
        assert operator in ("=", "!=", "=~", "!~") and kind == "string", words[:3]
        found.append((label, operator, json.loads(value)))
        del words[:3]
        if words[0][1] == ",":
            del words[0]
    del words[0]
    return found


def uses(expression):
    """The metrics that an expression speaks of, with their matchers, and the labels that it groups by."""
    metrics, groupings, words = [], set(), tokens(expression)
    while words:
        kind, text = words.pop(0)
        following = words[0][1] if words else ""
        if kind != "name" or text in WORDS:
            assert text != "{", f"a metric without a name: {expression}"
        elif text in GROUPING:
            assert following == "(", expression
            end = words.index(("sign", ")"))
            groupings |= {word for kind, word in words[:end] if kind == "name"}
            del words[:end + 1]
        elif following == "{":
            del words[0]
            metrics.append((text, matchers(words)))
        elif following != "(" and following not in GROUPING:  # else it is a function
            metrics.append((text, []))
    return Uses(metrics, groupings)


def selects(operator, value, real):
    return (value == real) if operator in ("=", "!=") else re.fullmatch(value, real) is not None


def check(expression, samples, legend=""):
    """Fails when an expression, or the legend of what it gives, speaks of something that no Larder tells."""
    used = uses(expression)
    assert used.metrics, f"it speaks of nothing: {expression!r}"
    known = set(TARGET)
    for name, matched in used.metrics:
        assert name in samples or name in OF_PROMETHEUS, f"no such metric: {name}"
        labels = samples[name].labels if name in samples else {}
        known |= set(labels)
        for label, operator, value in matched:
            assert label in TARGET or label in labels, f"{name} has no label {label}"
            for one in [] if label in TARGET else value.split("|") if "~" in operator else [value]:
                assert any(selects(operator, one, real) for real in labels[label]), f"{name} has no {label} {one}"
    assert used.groupings <= known, f"grouped by what nothing has: {expression}"
    shown = set(re.findall(r"{{ *(\w+) *}}", legend))
    assert shown <= (used.groupings if " by " in f" {expression}" else known), f"{legend} of {expression}"


def expressions(doc):
    """(where, expression, legend) of a dashboard: panels and variables."""
    for panel in doc["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]
    for variable in doc["templating"]["list"]:
        assert variable["definition"] == variable["query"]["query"]
        [(selector, label)] = re.findall(r"^label_values\((.*), (\w+)\)$", variable["definition"])
        assert label in TARGET
        yield variable["name"], selector, ""


# --- they speak of what there is -------------------------------------------------------------------

def test_all_that_is_spoken_of_is_told_and_all_that_is_told_is_explained(told):
    families, samples = told
    for _, expression, legend in expressions(dashboard()):
        check(expression, samples, legend)
    for rule in rules():
        check(rule["expr"], samples)
    assert table() == {name: (metric.kind, set(metric.labels)) for name, metric in families.items()}


def test_every_metric_is_on_the_dashboard():
    shown = {name for _, expression, _ in expressions(dashboard()) for name, _ in uses(expression).metrics}
    assert {name.removesuffix("_bucket") for name in shown} - OF_PROMETHEUS == set(table())


# --- the dashboard ---------------------------------------------------------------------------------

def check_dashboard(doc):
    assert doc["__inputs"][0]["name"] == "DS_PROMETHEUS" and doc["uid"] and doc["title"] and doc["id"] is None
    assert [variable["name"] for variable in doc["templating"]["list"]] == ["job", "instance"]
    identities = [panel["id"] for panel in doc["panels"]]
    assert len(identities) == len(set(identities)), "a panel's id is there twice"
    taken = {}
    for panel in doc["panels"]:
        title, place = panel["title"], panel["gridPos"]
        assert title.strip(), panel
        assert place["w"] > 0 and place["h"] > 0 and 0 <= place["x"] <= GRID_WIDTH - place["w"], f"{title}: {place}"
        columns, lines = (range(place[at], place[at] + place[size]) for at, size in (("x", "w"), ("y", "h")))
        for cell in ((x, y) for x in columns for y in lines):
            assert taken.setdefault(cell, title) == title, f"{title} lies on {taken[cell]}"
        if panel["type"] == "row":
            assert panel["panels"] == []
            continue
        assert panel["description"].endswith(".") and panel["fieldConfig"]["defaults"]["unit"], title
        assert panel["targets"], f"{title} shows nothing"
        references = [target["refId"] for target in panel["targets"]]
        assert len(references) == len(set(references)), title
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}, title
        for target in panel["targets"]:
            for name, matched in uses(target["expr"]).metrics:
                chosen = {(label, value) for label, _, value in matched if label in TARGET}
                assert chosen == {("job", "$job"), ("instance", "$instance")}, f"{title}: {name} is not of who was chosen"
    rows = {y for _, y in taken}
    assert rows == set(range(max(rows) + 1)), "there is a hole"


def test_the_dashboard_is_well_formed():
    check_dashboard(dashboard())


# --- the rules -------------------------------------------------------------------------------------

def test_each_rule_says_what_to_do_and_is_tried():
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    for rule in rules():
        assert re.fullmatch(r"[1-9]\d*[mhd]", rule["for"]) and rule["labels"]["severity"] in ("critical", "warning"), rule
        assert rule["annotations"]["summary"] and rule["annotations"]["description"].endswith("."), rule
    fires, does_not = set(), set()
    for test in rule_tests():
        for one in test["promql_expr_test"]:
            assert one["expr"] == 'ALERTS{alertstate="firing"}', "it looks at all alerts"
            alerts = {re.search(r'alertname="(\w+)"', sample["labels"]).group(1) for sample in one.get("exp_samples", [])}
            fires |= alerts
            series = {name for item in test["input_series"] for name, _ in uses(item["series"]).metrics}
            tried = {rule["alert"] for rule in rules() if {name for name, _ in uses(rule["expr"]).metrics} <= series}
            does_not |= tried - alerts
    assert fires == does_not == set(names)


def test_the_series_of_the_rules_tests_are_told(told):
    for test in rule_tests():
        for item in test["input_series"]:
            check(item["series"], told[1])


def test_promtool_takes_the_rules_and_their_tests():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here (Debian: prometheus)")
    files = sorted(path.name for path in FOLDER.glob("*_test.yml"))
    assert files
    for words in (["check", "rules", "larder-alerts.yml"], ["test", "rules", *files]):
        done = subprocess.run([promtool, *words], cwd=FOLDER, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# --- that all this can fail ------------------------------------------------------------------------

SAMPLES = read_metrics("""# HELP larder_a A.
# TYPE larder_a gauge
larder_a{state="one"} 1
larder_a{state="two"} 1
# HELP larder_b_seconds B.
# TYPE larder_b_seconds histogram
larder_b_seconds_bucket{route="x",le="+Inf"} 1
larder_b_seconds_sum{route="x"} 1
larder_b_seconds_count{route="x"} 1
""")[1]


@pytest.mark.parametrize("expression, legend", [
    ('larder_a{job=~"$job",state=~"one|two"} > 0', "{{state}}, {{instance}}"),
    ('time() - (larder_a{state!="one"} offset 1d) > 37 * 86400 unless on (job, instance) up == 0', ""),
    ('histogram_quantile(0.95, sum by (route, le) (rate(larder_b_seconds_bucket{route!~"x.*"}[$__rate_interval])))', "{{route}}"),
    ("sum(rate(larder_b_seconds_count[5m])) by (route) / 1e3", "{{route}}")])
def test_what_is_right_passes(expression, legend):
    check(expression, SAMPLES, legend)


@pytest.mark.parametrize("expression, legend", [
    ("larder_c", ""), ("larder_b_seconds", ""), ("sum(larder_a) + larder_c", ""), ("up + on (job) larder_c", ""), ("", ""),
    ('larder_a{stat="one"}', ""), ('larder_a{state="three"}', ""), ('larder_a{state=~"one|three"}', ""),
    ('larder_a{state!="three"}', ""), ('larder_b_seconds_count{le="+Inf"}', ""), ("sum by (route) (larder_a)", ""),
    ("larder_a", "{{route}}"), ("sum by (job) (larder_a)", "{{state}}"), ('{state="one"}', ""), ("larder_a ? 1", ""),
    ("time() - 1", "")])
def test_what_is_wrong_is_noticed(expression, legend):
    with pytest.raises(AssertionError):
        check(expression, SAMPLES, legend)


@pytest.mark.parametrize("change", [
    lambda panels: panels[1].update(id=panels[2]["id"]), lambda panels: panels[1].update(title=" "),
    lambda panels: panels[1]["gridPos"].update(x=1), lambda panels: panels[8]["gridPos"].update(x=22),
    lambda panels: panels[-1]["gridPos"].update(y=500), lambda panels: panels[1]["targets"].clear(),
    lambda panels: panels[1]["targets"][0].update(expr="up"), lambda panels: panels[1]["targets"][0].update(datasource=None),
    lambda panels: panels[1]["fieldConfig"]["defaults"].update(unit="")],
    ids=["an id twice", "no title", "on another", "too far right", "a hole", "no query", "not of who was chosen", "no source",
         "no unit"])
def test_a_dashboard_that_is_not_well_formed_is_noticed(change):
    doc = dashboard()
    change(doc["panels"])
    with pytest.raises(AssertionError):
        check_dashboard(doc)
