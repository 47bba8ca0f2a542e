"""The report: what a run's folder holds is read again, compared with another run, and shown on one page."""

import base64
import json
import re
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import quote_plus

import pytest

from deploy import catalogue, inventory
from fixtures.drills.result import Result
from fixtures.report import (
    building,
    changes,
    gameday,
    history,
    lanes,
    leaks,
    metrics,
    news,
    page,
    plugin,
    run,
    trends,
)
from fixtures.report.cases import WHOLE, read
from fixtures.report.matrix import matrix
from suites.harness.watched import drill

LAB = inventory.load("lab")
HOSTILE = "<script>alert('x')</script>"
JUNIT = f"""<testsuites><testsuite>
<testcase classname="suites.state.test_units" name="test_unit_is_active[controller01-galera]" time="0.5">
<properties><property name="host" value="controller01"/><property name="service" value="galera"/></properties>
</testcase>
<testcase classname="suites.state.test_units" name="test_unit_is_active[controller02-galera]" time="0.25">
<properties><property name="host" value="controller02"/><property name="service" value="galera"/></properties>
<failure message="Failed: controller02: unit mariadb&#10;  seen: {HOSTILE.replace("<", "&lt;")}">
the whole text</failure>
</testcase>
<testcase classname="suites.state.test_vip" name="test_exactly_one"><error message="nobody answers"/></testcase>
<testcase classname="suites.state.test_nova" name="test_up"><skipped message="not in the inventory"/></testcase>
<testcase classname="suites.flows.test_life.TestLife" name="test_reboot" time="12.0"/>
</testsuite></testsuites>"""
RED = ["state/test_units::test_unit_is_active[controller02-galera]", "state/test_vip::test_exactly_one"]
EVENTS = [
    ("step", "base", "names ...", "", 10.0),
    ("change", "base", "wrote a file", "controller01", 11.0),
    ("step", "base", "done, 1 change", "", 13.0),
    ("step", "galera", "MariaDB ...", "", 13.0),
    ("change", "galera", "started mariadb", "controller02", 14.5),
    ("step", "galera", "failed: no donor", "", 20.0),
    ("note", "", "a note", "tenant", 20.5),
    ("step", "nova", "compute ...", "", 21.0),
]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "20260101T000000"
    place.mkdir()
    (place / "junit.xml").write_text(JUNIT)
    named = ("kind", "step", "text", "host", "time")
    told = [{key: value for key, value in zip(named, event, strict=True) if value} for event in EVENTS]
    lines = [json.dumps({**each, "at": each["time"]}) for each in told]
    (place / "events.jsonl").write_text("\n".join([*lines, '{"kind": "no']))
    (place / "run.json").write_text(json.dumps({"started": "now", "cluster": "lab", "exit": 1}))
    return place


class Page(HTMLParser):
    """The texts, tags, identifiers and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.text, self.tags, self.ids, self.links = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        self.tags.append(tag)
        self.ids += [told["id"]] if "id" in told else []
        self.links += [told["href"]] if "href" in told else []
        assert not {"src", "onclick", "onload"} & told.keys()

    def handle_data(self, data):
        self.text.append(data)


# -- a run's folder, read again ------------------------------------------------------------------------


def test_cases_have_their_place_outcome_and_reason(folder):
    good, red, error, skipped, flow = read(folder / "junit.xml")
    assert (good.suite, good.about, good.host, good.outcome) == ("state", "galera", "controller01", "passed")
    assert (red.outcome, red.text) == ("failed", "\nthe whole text")
    assert red.says == f"controller02: unit mariadb: {HOSTILE}"
    assert (error.outcome, error.host, error.about, error.text) == ("error", WHOLE, "vip", "nobody answers")
    assert (skipped.outcome, skipped.says) == ("skipped", "not in the inventory")
    assert (flow.suite, flow.name) == ("flows", "test_life::test_reboot")


@pytest.mark.parametrize("text", [None, "", "<testsuites><testsuite><testcase"])
def test_a_file_that_a_killed_run_left_gives_no_cases(tmp_path, text):
    if text is not None:
        (tmp_path / "junit.xml").write_text(text)
    assert read(tmp_path / "junit.xml") == []


def test_a_refused_request_says_what_the_api_said(folder):
    error = "failed on setup with &quot;deploy.cloud.ApiError: booting: refused&#10;  last seen  Quota exceeded&#10;  x"
    (folder / "junit.xml").write_text(f'<testcase classname="a.b" name="c"><error message="{error}"/></testcase>')
    assert [case.says for case in read(folder / "junit.xml")] == ["booting: refused: Quota exceeded"]


def test_steps_have_their_times_changes_and_ends(folder):
    base, galera, nova = building.spans(building.events(folder / "events.jsonl"))
    assert (base.start, base.end, base.changes, base.hosts) == (0, 3, 1, {"controller01": [1]})
    assert (galera.start, galera.end, galera.failed) == (3, 10, "no donor")
    assert (nova.start, nova.end) == (11, None)


def test_the_longest_of_two_builds_is_shown():
    def event(kind, text, at):
        return {"kind": kind, "step": "base", "text": text, "time": at}

    first = [event("step", "names ...", 0), event("step", "done, 3 changes", 9)]
    again = [event("step", "names ...", 20), event("step", "done, 0 changes", 21)]
    (span,) = building.spans(first + again)
    assert (span.start, span.end) == (0, 9)


@pytest.mark.parametrize(
    ("code", "go", "word"),
    [
        (0, [], "GREEN"),
        (1, [], "RED"),
        (0, [True], "GO"),
        (1, [True], "NO-GO"),
        (1, [False], "NO-GO"),
        (2, [True], "interrupted"),
        (None, [], "killed"),
        (5, [], "no test ran"),
    ],
)
def test_the_verdict_is_that_of_the_exit_code(code, go, word):
    assert run.verdict(code, go) == word


def test_a_run_that_skipped_all_tests_is_not_green(folder):
    (folder / "junit.xml").write_text(
        '<testsuite><testcase classname="a" name="b"><skipped message="no lab"/></testcase></testsuite>'
    )
    assert run.load(folder, {"exit": 0}).verdict == "no test ran"
    assert run.load(folder, {"exit": 1}).verdict == "RED"


def test_a_plan_has_no_verdict_unless_it_failed(folder):
    (folder / "plans").mkdir()
    (folder / "plans/vip_loss.json").write_text("{}")
    assert run.load(folder, {"exit": 0}).verdict == "planned"
    assert run.load(folder, {"exit": 1}).verdict == "RED"


def test_a_run_is_known_by_what_was_asked_for(pytestconfig):
    here = pytestconfig.rootpath / "suites/flows"
    asked = SimpleNamespace(
        args=["../state", "test_life.py::test_boot"],
        rootpath=pytestconfig.rootpath,
        invocation_params=SimpleNamespace(dir=here),
        getoption=lambda name, default=None: {"keyword": "vip", "drills": "a,b"}.get(name, default),
    )
    assert plugin.asked(asked) == ["flows/test_life.py::test_boot", "state", "-k vip", "--drills a,b"]


def test_the_command_of_on_change_is_kept_nowhere():
    given = ["suites/state", "--on-change=curl https://hooks/T0/secret", "--on-change", "mail ops", "-q"]
    kept = " ".join(plugin.without_command(given))
    assert kept == "suites/state --on-change=... --on-change ... -q"


# -- the matrix ----------------------------------------------------------------------------------------


def test_a_red_service_comes_first(folder):
    found = matrix(read(folder / "junit.xml"))
    assert [row.service for row in found.rows] == ["galera", "vip", "life", "nova"]
    assert found.hosts[0] == WHOLE
    assert found.rows[0].cells["controller02"].red == 1
    assert found.rows[0].cells["controller01"].worst == "passed"
    assert found.rows[3].whole.worst == "skipped"


# -- lanes ---------------------------------------------------------------------------------------------


def recorded():
    kept = drill("over-budget")
    return kept, dict(catalogue.load().of(LAB).budgets(kept.fault))


def test_every_failed_attempt_is_kept_and_successes_are_binned():
    kept, budgets = recorded()
    shown = lanes.chart(kept, budgets)
    assert [lane["name"] for lane in shown["lanes"]] == [str(subject) for subject in kept.timelines]
    for lane, line in zip(shown["lanes"], kept.timelines.values(), strict=True):
        failed = [sample for sample in line.samples if not sample.ok]
        assert [at for at, _, _ in lane["bad"]] == [round(1000 * (each.at - kept.injected_at)) for each in failed]
        assert [shown["texts"][text] for _, _, text in lane["bad"]] == [each.detail or "no answer" for each in failed]
        took = [round(1000 * sample.took) for sample in line.samples if sample.ok]
        highs = [high for high in lane["high"] if high is not None]
        assert (max(took, default=None), len(lane["high"])) == (max(highs, default=None), lanes.BINS)


# -- the page ------------------------------------------------------------------------------------------


def test_the_page_names_what_is_red_and_why(folder):
    shown = Page(page.render(run.load(folder)))
    text = re.sub(r"\s+", " ", "".join(shown.text))
    assert "RED lab · now" in text
    assert "3 steps in 11 s, 2 changes; 4 tests, 2 red." in text
    assert "unit is active: controller02: unit mariadb" in text
    assert "1: not in the inventory" in text


def test_a_hostile_name_is_text(folder):
    (folder / "junit.xml").write_text(JUNIT.replace("the whole text", HOSTILE.replace("<", "&lt;")))
    html = page.render(run.load(folder))
    assert HOSTILE not in html
    assert HOSTILE in "".join(Page(html).text)


def test_the_page_asks_nothing_of_a_network(folder):
    html = page.render(run.load(folder))
    assert "default-src 'none'" in html
    assert not re.findall(r"(?:src|href)\s*=\s*[\"']?(?!#)[^\s\"'>]", html)


def test_every_link_leads_somewhere(folder):
    shown = Page(page.render(run.load(folder)))
    assert len(shown.ids) == len(set(shown.ids))
    assert {link.removeprefix("#") for link in shown.links} <= set(shown.ids)


def test_a_drill_has_its_figures_its_reason_and_its_lanes(folder):
    kept, budgets = recorded()
    result = Result("vip_holder_power_loss", catalogue.load().of(LAB), (kept,))
    place = folder / "drills/vip_holder_power_loss/1"
    place.mkdir(parents=True)
    kept.save(place)
    about = {"exit": 1, "drills": {result.drill: plugin.told(result, "", LAB)}}
    (folder / "run.json").write_text(json.dumps(about))
    loaded = run.load(folder)
    assert loaded.verdict == "NO-GO"
    html = page.render(loaded)
    shown = Page(html)
    assert "d-vip_holder_power_loss-1" in shown.ids
    packed = re.search(r'id="lanes">([^<]+)<', html)[1]
    assert json.loads(zlib.decompress(base64.b64decode(packed)))[0]["lanes"]
    assert result.verdicts[0].reasons[0] in "".join(shown.text)
    (document,) = gameday.write(replace(loaded, about={**about, "started": "2026-01-01 00:00:00", "cluster": "lab"}))
    text = document.read_text()
    assert "Not later than 2026-04-01" in text
    assert f"- {result.verdicts[0].reasons[0]}" in text
    assert all(f"| {line.subject} |" in text for line in kept.timelines.values() if line.subject.promise in budgets)


def test_a_drill_without_a_recording_says_why(folder):
    result = Result("vip_holder_power_loss", catalogue.load().of(LAB), ())
    about = {"exit": 1, "drills": {result.drill: plugin.told(result, "the cluster has a finding\nmore", LAB)}}
    (folder / "run.json").write_text(json.dumps(about))
    assert "vip_holder_power_loss: the cluster has a finding" in "".join(Page(page.render(run.load(folder))).text)


def test_the_page_of_a_killed_run_says_so(folder):
    (folder / "run.json").unlink()
    (folder / "junit.xml").unlink()
    assert "killed" in "".join(Page(page.render(run.load(folder))).text)


# -- the history, and what changed ---------------------------------------------------------------------


def test_the_previous_run_is_the_last_one_of_the_same_kind(tmp_path):
    for name, suite in (("a", "state"), ("b", "flows"), ("gone", "state")):
        history.append(tmp_path, {**entry(name), "run": name, "asked": [suite]})
    assert (tmp_path / history.FILE).stat().st_mode & 0o777 == 0o600
    now = {**entry("now"), "asked": ["state"]}
    assert history.previous(tmp_path, now)["run"] == "gone"
    assert history.previous(tmp_path, {**now, "cluster": "other"}) is None


@pytest.mark.parametrize(
    "line",
    [
        b"{half a line",
        b'{"run": "x"}',
        b'{"run": "", "verdict": "GREEN"}',
        b'{"run": "x", "verdict": "GREEN", "counts": null}',
        b'{"run": "x", "verdict": "GREEN", "cluster": []}',
        b'{"run": "x", "verdict": "GREEN", "counts": {"state": 3}}',
        b'{"run": "x", "verdict": "GREEN", "build": "a"}',
        b'{"run": "x", "verdict": "GREEN", "drills": {"vip": 1}}',
        b"\xff",
        b"[]",
    ],
)
def test_a_line_that_is_no_entry_is_left_out_and_the_next_one_is_whole(tmp_path, line):
    (tmp_path / history.FILE).write_bytes(line)
    history.append(tmp_path, entry(1))
    assert [found["run"] for found in history.read(tmp_path)] == ["r1"]
    assert trends.write(tmp_path).exists()


def test_changes_name_what_turned_red_and_green(folder):
    before = run.load(folder)
    better = JUNIT.replace('<error message="nobody answers"/>', "")
    worse = better.replace('name="test_reboot" time="12.0"/>', 'name="test_reboot"><failure message="off"/></testcase>')
    (folder / "junit.xml").write_text(worse)
    lines = changes.between(before, run.load(folder)).lines
    assert lines == (
        "1 red now and green before: flows/test_life::test_reboot",
        "1 green now and red before: state/test_vip::test_exactly_one",
    )


def test_nothing_changed_between_a_run_and_itself(folder):
    assert changes.between(run.load(folder), run.load(folder)).lines == ()


def test_the_command_writes_the_page_and_says_what_changed(folder, tmp_path, capsys):
    from fixtures.report.__main__ import main

    before = tmp_path / "20250101T000000"
    before.mkdir()
    (before / "junit.xml").write_text(JUNIT.replace('<error message="nobody answers"/>', ""))
    assert main([str(folder), f"--compare={before}"]) == 0
    out = capsys.readouterr().out
    assert "1 red now and green before: state/test_vip::test_exactly_one" in out
    assert out.splitlines()[-1] == str(folder / page.FILE)
    assert "1 red now and green before" in "".join(Page((folder / page.FILE).read_text()).text)


@pytest.mark.parametrize("arguments", [["nowhere"], ["--compare=nowhere"]])
def test_the_command_refuses_a_folder_that_is_no_run(folder, capsys, arguments):
    from fixtures.report.__main__ import main

    assert main([*arguments, str(folder)] if arguments[0].startswith("-") else arguments) == 1
    assert "nowhere: not the folder of a run" in capsys.readouterr().err


# -- trends --------------------------------------------------------------------------------------------


def entry(number, red=(), verdict="GREEN", **more):
    about = {"run": f"r{number}", "started": f"day {number}", "cluster": HOSTILE, "mode": "verify", "seconds": 9.0}
    return {**about, "asked": [], "verdict": verdict, "counts": {"state": {"passed": 7}}, "red": list(red), **more}


def test_a_test_that_changes_by_turns_is_flaky():
    entries = [
        entry(1),
        entry(2, ["a", "b"], "RED"),
        entry(3),
        entry(4, ["a", "c"], "RED"),
        entry(5, [], "interrupted"),
    ]
    (kind,) = trends.kinds(entries)
    assert kind.flaky == [("a", 2, 3), ("b", 1, 2)]


def test_the_page_of_trends_has_the_figures_of_each_drill():
    drills = {"vip_loss/1": {"go": True, "outages": {"keystone": 1.5}}}
    shown = Page(trends.render([entry(1), entry(2, drills=drills), entry(3, build=200.0, drills=drills)]))
    text = "".join(shown.text)
    assert "vip_loss/1, keystone" in text
    assert HOSTILE in text
    assert "script" not in shown.tags
    (kind,) = trends.kinds([entry(1), entry(2, drills=drills)])
    assert {line.name: line.last for line in kind.lines}["vip_loss/1, keystone"] == 1.5


def test_the_page_of_an_empty_history_says_so():
    assert "no run yet" in trends.render([])


# -- metrics and news ----------------------------------------------------------------------------------


def test_metrics_are_those_of_the_run(folder, tmp_path):
    metrics.write(run.load(folder), tmp_path / "run.prom")
    lines = (tmp_path / "run.prom").read_text().splitlines()
    assert 'stackproof_good{cluster="lab"} 0.0' in lines
    assert 'stackproof_tests{cluster="lab",outcome="failed",suite="state"} 1.0' in lines
    assert 'stackproof_build_seconds{cluster="lab"} 11.0' in lines
    assert (tmp_path / "run.prom").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, True),
        ({"verdict": "RED", "red": RED, "untold": True}, True),
        ({"verdict": "GREEN", "red": []}, True),
        ({"verdict": "RED", "red": ["state/other"]}, True),
        ({"verdict": "RED", "red": RED}, False),
    ],
)
def test_another_verdict_and_other_red_tests_are_news(folder, before, expected):
    assert news.is_news(before, run.load(folder)) == expected


def test_the_command_is_told_the_verdict_and_why(folder, tmp_path):
    done = run.load(folder)
    message = news.text({"verdict": "GREEN"}, done, None, tmp_path / "report.html")
    assert message.startswith("lab: RED, was GREEN\n3 steps")
    told = tmp_path / "told"
    assert news.tell(f'(cat; echo "$STACKPROOF_VERDICT") > {told}', message, done.verdict, tmp_path) == ""
    assert told.read_text() == message + "RED\n"


def test_a_command_that_fails_is_named(tmp_path):
    assert news.tell("echo no route >&2; exit 3", "", "RED", tmp_path) == "it ended with 3: no route"


def many(number):
    """JUnit's file with so many failures of one check, and one of a flow that has a check's name."""
    name = '<testcase classname="suites.state.test_units" name="test_up[c{}-galera]"><error message="off"/></testcase>'
    flow = '<testcase classname="suites.flows.test_life" name="test_up"><failure message="slow"/></testcase>'
    return f"<testsuite>{''.join(map(name.format, range(number)))}{flow}</testsuite>"


def test_more_red_tests_than_a_page_or_an_entry_holds(folder):
    (folder / "junit.xml").write_text(many(300))
    done = run.load(folder)
    assert not news.is_news(history.entry(done), done)
    text = "".join(Page(page.render(done)).text)
    assert "up (300 times): off" in text
    assert "up: slow" in text


def test_a_command_may_say_anything(tmp_path):
    assert news.tell("printf '\\377'; exit 3", "", "RED", tmp_path) == "it ended with 3: \N{REPLACEMENT CHARACTER}"


def test_a_command_that_hangs_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(news, "PATIENCE", 0.2)
    assert news.tell("exec sleep 30", "", "RED", tmp_path) == "it did not end within 0.2 s"


def test_a_drill_is_foretold_from_its_last_runs(tmp_path):
    for seconds, away, go in ((70, 2.5, True), (80, 3.25, False)):
        told = {"go": go, "seconds": seconds, "outages": {"keystone": away, "host": 60.0}, "judged": ["keystone"]}
        history.append(tmp_path, {"run": "a", "verdict": "GO", "cluster": "lab", "drills": {"vip-loss/1": told}})
    history.append(tmp_path, {"run": "b", "verdict": "GO", "cluster": "other", "drills": {"vip-loss/1": told}})
    expected = "the last 2 runs took 70 to 80 s; longest outage 3.25 s (keystone); 1 NO-GO"
    assert history.foretold(tmp_path, "lab", "vip-loss") == expected
    assert history.foretold(tmp_path, "lab", "vip") == ""


# -- leaks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spell", [str, quote_plus, lambda secret: base64.b64encode(f"user:{secret}".encode()).decode()]
)
def test_a_file_with_a_secret_in_any_spelling_is_found(tmp_path, spell):
    secret = "0123/abc+def&ghi jkl"
    (tmp_path / "drills").mkdir()
    (tmp_path / "drills/journal.log").write_bytes(b"\0 line\n" + spell(secret).encode() + b"\n")
    (tmp_path / "junit.xml").write_text("nothing")
    assert leaks.found(tmp_path, [secret, "short"]) == ["drills/journal.log"]


def test_nothing_is_found_without_secrets(tmp_path):
    (tmp_path / "junit.xml").write_text("\nnothing\n\n")
    assert leaks.found(tmp_path, []) == leaks.found(tmp_path, ["nil"]) == leaks.found(tmp_path, ["another-one"]) == []


def test_a_leak_is_the_first_reason(folder):
    loaded = run.load(folder)
    assert next(page.why(replace(loaded, about={"leaks": ["junit.xml"]}))).startswith(
        "a secret of the cluster is in junit"
    )
