"""A renewed baseline is kept with its reason and who asked, and holds after a restart, on either database."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from model_monitor.drift.baseline import Baseline, Column
from model_monitor.drift.detector import Settings
from model_monitor.drift.keeping import read, written
from model_monitor.drift.renewal import Renewal
from model_monitor.drifting import Drifting
from model_monitor.scoring import Scored
from model_monitor.storage.database import Database
from model_monitor.storage.renewals import KeptRenewal, Renewals
from model_monitor.storage.tables import RENEWALS
from tests.support.monitoring import SENDER, TOKEN, Monitor, Shop, eventually, monitoring, rows
from tests.unit.model_monitor.test_drifting import scored

REASON = "spindle bearing replaced"


async def drift(monitor: Monitor) -> dict[str, Any] | None:
    status, text = await monitor.get("/v1/models/spindle/drift")
    return json.loads(text) if status == 200 else None


async def renew(monitor: Monitor, **more: str) -> dict[str, Any]:
    url, headers = monitor.api("/v1/models/spindle/baseline"), {"Authorization": f"Bearer {TOKEN}"}
    async with monitor.client.post(url, data=json.dumps({"reason": REASON, **more}), headers=headers) as answer:
        found: dict[str, Any] = await answer.json()
        assert answer.status == 200, found
        return found


async def test_it_holds_after_a_restart(shop: Shop, tmp_path: Path, database_url: str) -> None:
    # All rows are far from those of the build: they would drift from its baseline, and do not from the new one.
    def batch(number: int) -> Any:
        return rows(1000, seed=number) + 1.5

    async with monitoring(shop, tmp_path, database=database_url) as monitor:
        await monitor.mirror(rows(5), "first", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
        begun = await renew(monitor, by="mara@plant")
        assert begun["renewal"]["by"] == f"mara@plant, sent by {SENDER}"
        for number in range(2):
            await monitor.mirror(batch(number), f"learn{number}", shop.old, shop.new)

        async def learnt() -> dict[str, Any] | None:
            found = await drift(monitor)
            return found if found is not None and found["learning"] == 0 else None

        await eventually(learnt)
    async with monitoring(shop, tmp_path, database=database_url) as monitor:
        await monitor.mirror(batch(7), "after", shop.old, shop.new)

        async def judged() -> dict[str, Any] | None:
            found = await drift(monitor)
            return found if found is not None and found["windows"] >= 2 else None

        found = await eventually(judged)
        assert (found["renewal"]["reason"], found["renewal"]["by"]) == (REASON, f"mara@plant, sent by {SENDER}")
        assert {one["state"] for one in found["features"] if one["name"] in ("heat", "load")} == {"Steady"}


async def test_what_was_not_learnt_to_its_end_is_learnt_again(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(5), "first", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
        await renew(monitor)
        await monitor.mirror(rows(500), "some", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 505)
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(10), "more", shop.old, shop.new)

        async def told() -> dict[str, Any] | None:
            return await drift(monitor)

        found = await eventually(told)
        assert found["renewal"]["reason"] == REASON
        assert found["learning"] == 1990


async def test_it_may_be_asked_for_before_a_request_comes(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(5), "first", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
    async with monitoring(shop, tmp_path) as monitor:
        assert (await renew(monitor))["renewal"]["reason"] == REASON
        await monitor.mirror(rows(10), "more", shop.old, shop.new)

        async def told() -> dict[str, Any] | None:
            return await drift(monitor)

        assert (await eventually(told))["learning"] == 1990


async def test_a_request_that_comes_again_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(5), "first", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
        first = await renew(monitor, id="2026-05-04")
        await monitor.mirror(rows(100), "some", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 105)

        async def gathered() -> dict[str, Any] | None:
            found = await drift(monitor)
            return found if found is not None and found["learning"] == 1900 else None

        await eventually(gathered)
        again = await renew(monitor, id="2026-05-04")
        assert (again["learning"], again["renewal"]) == (1900, first["renewal"])
        assert (await renew(monitor, id="2026-05-05"))["learning"] == 2000


class Failing:
    """A store whose first write fails."""

    def __init__(self) -> None:
        self.fails = 1
        self.saved: list[int] = []

    def latest(self, model: str, digest: str) -> KeptRenewal | None:
        return None

    def learnt(self, number: int, baseline: Baseline) -> None:
        if self.fails:
            self.fails -= 1
            raise OperationalError("UPDATE", {}, Exception("disk full"))
        self.saved.append(number)


def test_a_baseline_that_cannot_be_written_is_written_later(shop: Shop) -> None:
    store = Failing()
    drifting = Drifting(CollectorRegistry(), store, Settings(renewal_rows=50))
    drifting.saw(scored(shop, 10))
    drifting.renew("spindle", KeptRenewal(7, shop.old, Renewal(REASON, 1.0), None))
    drifting.saw(scored(shop, 60))
    assert store.saved == []
    drifting.saw(scored(shop, 1))
    drifting.saw(scored(shop, 1))
    assert store.saved == [7]


def test_another_version_is_not_renewed(shop: Shop) -> None:
    drifting = Drifting(CollectorRegistry(), Failing())
    batch: Scored = scored(shop, 10)
    drifting.saw(batch)
    drifting.renew("spindle", KeptRenewal(7, shop.new, Renewal(REASON, 1.0), None))
    report = drifting.report("spindle")
    assert report is not None
    assert report.renewal is None


async def test_a_baseline_that_cannot_be_read_is_learnt_again(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(5), "first", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
        await renew(monitor)
    database = Database(f"sqlite:///{tmp_path / 'monitor.db'}")
    with database.write() as connection:
        connection.execute(update(RENEWALS).values(baseline=b'{"format": 99}'))
    kept = Renewals(database, "press-shop").latest("spindle", shop.old)
    database.close()
    assert kept is not None
    assert kept.baseline is None


@given(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=12, unique=True),
    st.integers(0, 10**12),
    st.sampled_from([-math.inf, -1.5]),
)
def test_a_baseline_is_read_as_it_was_written(edges: list[float], rows_of_a_bin: int, least: float) -> None:
    number = Column(
        "heat",
        "number",
        np.sort(np.asarray(edges, np.float32)),
        np.full(len(edges) + 1, rows_of_a_bin, np.int64),
        3,
        least,
        math.inf,
    )
    kind = Column("kind", "category", np.empty(0, np.float32), np.array([1, 2, 0]), values=("Ä", "b"))
    content = written(Baseline((number, kind)))
    found = read(content)
    assert written(found) == content
    for one, other in zip(found.columns, (number, kind), strict=True):
        assert one.edges.tobytes() == other.edges.tobytes()
        assert (one.name, one.kind, one.missing, one.least, one.greatest, one.values) == (
            other.name,
            other.kind,
            other.missing,
            other.least,
            other.greatest,
            other.values,
        )
        assert one.counts.tolist() == other.counts.tolist()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 2, "columns": []}'])
def test_what_is_no_baseline_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"baseline|Expecting"):
        read(content)
