"""What stands on the page for people, without a browser: sound HTML, what is known and no more, and no way to act."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from sqlalchemy import select

from model_monitor.drift.faults import Fault
from model_monitor.drift.renewal import Renewal
from model_monitor.drift.report import Finding, Report, State
from model_monitor.page import words
from model_monitor.page.charts import chart
from model_monitor.page.facts import ModelFacts
from model_monitor.quality import Score
from model_monitor.storage.events import KEPT_EVENTS, Event, Happened, latest
from model_monitor.storage.history import Period, periods
from model_monitor.storage.overview import SeenModel, SeenVersion
from model_monitor.storage.tables import MODELS
from model_monitor.transitions import NAMED, transitions
from tests.support.monitoring import Shop, eventually, monitoring, rows
from tests.support.reports import parsed, tag
from tests.support.reports import words as text_of
from tests.support.watched import NAMESPACE, Plant, live_through, open_plant, served

NOW = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def plant(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Plant:
    made = open_plant(shop, tmp_path_factory.mktemp("plant"))
    live_through(made)
    return made


@pytest.fixture
async def page(plant: Plant) -> AsyncIterator[str]:
    async with served(plant.facts) as address:
        yield address


async def got(url: str, method: str = "GET") -> tuple[int, str, Any]:
    async with aiohttp.ClientSession() as client, client.request(method, url) as answer:
        return answer.status, await answer.text(), answer.headers


@pytest.mark.parametrize("path", ["/", "/models/spindle", "/models/hydraulics", "/models/lathe", "/models/nobody"])
async def test_it_is_sound_html_that_needs_nothing_else(page: str, path: str) -> None:
    status, text, headers = await got(page + path)
    assert status == (404 if path.endswith("nobody") else 200)
    tree = parsed(text)
    tags = [tag(element) for element in tree.iter() if isinstance(element.tag, str)]
    assert not {"script", "img", "link", "form", "input", "button", "iframe"} & set(tags)
    assert [one for one in tags if one == "h1"] == ["h1"]
    for element in tree.iter():
        for name in ("src", "href", "action"):
            assert element.get(name, "/")[0] in "/?#", "nothing from elsewhere"
        assert element.get("style") is None, "the policy would drop it"
        if element.tag is not None and tag(element) == "th":
            assert element.get("scope") in ("row", "col")
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'<style nonce="{nonce}">' in text
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


async def test_a_nonce_is_used_once(page: str) -> None:
    seen = {(await got(page))[2]["Content-Security-Policy"] for _ in range(3)}
    assert len(seen) == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/models/spindle", "/v1/models/spindle/baseline"])
async def test_it_is_read_only(page: str, path: str, method: str) -> None:
    assert (await got(page + path, method))[0] == 405


async def test_what_needs_a_look_stands_first(page: str) -> None:
    _, text, _ = await got(page)
    places = [text.index(f"/models/{name}") for name in ("hydraulics", "spindle", "lathe", "axis")]
    assert places == sorted(places)


async def test_the_story_of_a_model_is_told(page: str) -> None:
    _, text, _ = await got(f"{page}/models/spindle")
    told = text_of(parsed(text))
    for part in (
        "Drifted: heat",
        "Not as when the model was built.",
        "stable: serves",
        "candidate: on trial",
        "Rows compared 180",
        "They differ on",
        "Faults caught (recall)",
        "Estimate without labels",
        "An estimate, not a measurement",
        "Drift began heat",
        "Half of the labels come within",
        "By value of a column",
        "load: 1",
    ):
        assert part in told, part
    assert text.count("<svg") == 3


async def test_what_is_not_known_is_said(page: str) -> None:
    _, text, _ = await got(f"{page}/models/lathe")
    told = text_of(parsed(text))
    assert "Not enough data: no labelled rows" in told
    assert "Rows of late with a label 0.0%" in told
    assert told.count("not enough data") >= 3
    assert "Steady" not in told


async def test_the_refresh_can_be_stopped_and_stays_so(page: str) -> None:
    _, text, _ = await got(page)
    assert '<meta http-equiv="refresh" content="60">' in text
    _, text, _ = await got(f"{page}/?refresh=off")
    assert "http-equiv" not in text
    assert "/models/spindle?refresh=off" in text


async def test_what_people_wrote_is_shown_as_text(shop: Shop, tmp_path: Path) -> None:
    plant = open_plant(shop, tmp_path)
    plant.feed("spindle", np.asarray(rows(5), np.float32), plant.now)
    hostile = Report((Finding(HOSTILE, State.DRIFTED),), 1, Renewal(HOSTILE, 1.0, HOSTILE))
    plant.drifting._reports["spindle"] = hostile
    plant.events.note("spindle", Event(NOW, Happened.BASELINE_BEGAN, HOSTILE))
    async with served(plant.facts) as address:
        for path in ("/", "/models/spindle"):
            _, text, _ = await got(address + path)
            assert HOSTILE not in text
            assert "&lt;script&gt;" in text


async def test_a_database_that_cannot_be_read_is_said(shop: Shop, tmp_path: Path) -> None:
    plant = open_plant(shop, tmp_path)
    with plant.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE events")
        connection.exec_driver_sql("DROP TABLE predictions")
        MODELS.drop(connection)
    async with served(plant.facts) as address:
        status, text, _ = await got(address)
    assert status == 503
    assert "cannot read its database" in text_of(parsed(text))


async def test_the_running_monitor_serves_it(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(5), "r0", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
        await monitor.label([{"requestId": "r0", "row": row, "fault": True} for row in range(3)])
        await monitor.label([{"requestId": "r0", "row": 4, "fault": True}])
        url = f"http://127.0.0.1:{monitor.ports.page}/models/spindle"

        async def told() -> dict[str, Any] | None:
            _, text, _ = await got(url)
            found = text_of(parsed(text))
            return {"text": found} if "Labels came" in found else None

        assert "Labels came 4 labels" in (await eventually(told))["text"]
        assert (await monitor.get("/models/spindle"))[0] == 404, "the page has a port of its own"


def facts(findings: tuple[Finding, ...] | None, *, learning: int = 0, trial: bool = False) -> ModelFacts:
    versions = [SeenVersion(4, "sha256:a", "stable", 1, 0, 0, 2)]
    if trial:
        versions.append(SeenVersion(5, "sha256:b", "candidate", 1, 0, 0, 2))
    report = None if findings is None else Report(findings, 1, None, learning)
    return ModelFacts(SeenModel(1, "spindle", NOW, versions, None), report, None)


STEADY, DRIFTED = Finding("a", State.STEADY), Finding("b", State.DRIFTED)
BROKEN = Finding("c", State.SENSOR_FAULT, Fault.UNIT, units="°C to K")


@pytest.mark.parametrize(
    ("given", "kind", "headline"),
    [
        (facts(None), words.SILENT, "Not enough data"),
        (facts(()), words.SILENT, "Not enough data"),
        (facts((STEADY, Finding("d"))), words.SILENT, "Not enough data"),
        (facts((STEADY,), learning=1900), words.SILENT, "Learning a new baseline"),
        (facts((STEADY,)), words.GOOD, "Steady"),
        (facts((STEADY,), trial=True), words.TRIAL, "Version 5 is on trial"),
        (facts((STEADY, DRIFTED), trial=True), words.UNSURE, "Drifted: b"),
        (facts((BROKEN, DRIFTED)), words.BAD, "1 sensor fault"),
        (facts((BROKEN, Finding("e", State.SENSOR_FAULT, Fault.STUCK))), words.BAD, "2 sensor faults"),
    ],
)
def test_verdicts(given: ModelFacts, kind: str, headline: str) -> None:
    found = words.verdict(given)
    assert (found.kind, found.headline) == (kind, headline)


def test_a_broken_sensor_is_described() -> None:
    assert words.verdict(facts((BROKEN, DRIFTED))).detail == "c in other units (°C to K). Drift too: b."


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "0 s"), (59, "59 s"), (150, "2 min"), (3 * 3600, "3 h"), (9 * 86400, "9 d")]
)
def test_times_are_said_roughly(seconds: int, said: str) -> None:
    assert words.lasting(timedelta(seconds=seconds)) == said


def test_transitions() -> None:
    def report(*findings: Finding) -> Report:
        return Report(findings, 1)

    unknown, well = Finding("b"), Finding("b", State.STEADY)
    stuck = Finding("c", State.SENSOR_FAULT, Fault.STUCK)
    for before, after, kinds in (
        (None, report(unknown), []),
        (None, report(stuck), [(Happened.SENSOR_BROKE, "c (stuck)")]),
        (report(unknown), report(well), []),
        (report(unknown), report(DRIFTED), [(Happened.DRIFT_BEGAN, "b")]),
        (report(DRIFTED), report(DRIFTED), []),
        (report(DRIFTED), report(well), [(Happened.DRIFT_ENDED, "b")]),
        (report(DRIFTED), report(unknown), []),
        (report(stuck), report(BROKEN), [(Happened.SENSOR_BROKE, "c (unit)")]),
        (report(stuck), report(Finding("c", State.STEADY)), [(Happened.SENSOR_WELL, "c")]),
    ):
        assert [(one.kind, one.text) for one in transitions(before, after, NOW)] == kinds, (before, after)
    many = report(*(Finding(f"f{number}", State.DRIFTED) for number in range(NAMED + 5)))
    (event,) = transitions(None, many, NOW)
    assert event.text.endswith("f9 and 5 more")


def test_events_are_bounded_and_labels_are_put_together(shop: Shop, tmp_path: Path) -> None:
    plant = open_plant(shop, tmp_path)
    plant.events.note("spindle", Event(NOW, Happened.LABELS_CAME, count=1))
    plant.feed("spindle", np.asarray(rows(5), np.float32), plant.now)
    for minute in (0, 30, 60 * 24 + 1):
        plant.events.note("spindle", Event(NOW + timedelta(minutes=minute), Happened.LABELS_CAME, count=2))
    with plant.database.read() as connection:
        number = connection.execute(select(MODELS.c.id).where(MODELS.c.namespace == NAMESPACE)).scalar_one()
        assert [one.count for one in latest(connection, number, 10)] == [2, 4]
    for _ in range(KEPT_EVENTS + 5):
        plant.events.note("spindle", Event(NOW, Happened.DRIFT_BEGAN, "heat"))
    with plant.database.read() as connection:
        kept = latest(connection, number, 10 * KEPT_EVENTS)
    assert len(kept) == KEPT_EVENTS
    assert {one.kind for one in kept} == {Happened.DRIFT_BEGAN}


def test_periods_count_what_served(plant: Plant) -> None:
    with plant.database.read() as connection:
        number = connection.execute(select(MODELS.c.id).where(MODELS.c.name == "spindle")).scalar_one()
        found = periods(connection, number, plant.now, 2)
    assert len(found) == 20
    live = next(one for one in plant.metrics.live.latest if one.model == "spindle")
    assert sum(one.rows for one in found) == live.labelled
    for period in found:
        assert period.end - period.begin == timedelta(days=1)
        for one in period.scores.values():
            assert 0 <= one.lower <= one.value <= one.upper + 1e-9 <= 1 + 1e-9


def test_a_chart_of_nothing_is_none() -> None:
    begin = NOW
    period = Period(begin, begin + timedelta(days=1), 3, {"recall": Score("recall", 0.5, 0.25, 0.75)})
    assert chart("Precision", "precision", [period]) is None
    drawn = chart("Recall", "recall", [period])
    assert drawn is not None
    (mark,) = drawn.marks
    assert (mark.x, mark.y, mark.upper, mark.lower) == (500, 50, 25, 75)
    assert drawn.line == "M500.0 50.0"
