"""Live scores over HTTP: of the version that serves, and of the one that served before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.monitoring import Monitor, Shop, eventually, monitoring, rows

QUALITY = "/v1/models/spindle/quality"


async def told(monitor: Monitor, labelled: dict[str, int]) -> dict[str, Any]:
    """Give the scores once so many rows of each track are labelled."""

    async def look() -> dict[str, Any] | None:
        status, text = await monitor.get(QUALITY)
        found: dict[str, Any] = json.loads(text)
        tracks = {one["track"]: one for one in found.get("versions", ())}
        counts = {track: one["labelled"] for track, one in tracks.items()}
        return tracks if status == 200 and counts == labelled else None

    return await eventually(look)


async def label(monitor: Monitor, request: str, faults: int, sound: int) -> None:
    labels = [{"requestId": request, "row": row, "fault": row < faults} for row in range(faults + sound)]
    assert (await monitor.label(labels))["accepted"] == faults + sound


async def test_the_version_before_is_told_of_beside_the_one_that_serves(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path, quality_seconds=0.05) as monitor:
        status, text = await monitor.get(QUALITY)
        assert (status, json.loads(text)["reason"]) == (404, "UnknownModel")
        await monitor.mirror(rows(40), "a", shop.old)
        await eventually(lambda: _seen(monitor))
        await label(monitor, "a", faults=12, sound=8)
        alone = await told(monitor, {"stable": 20})
        assert alone["stable"]["digest"] == shop.old
        assert (alone["stable"]["version"], alone["stable"]["faults"]) == (4, 12)

        await monitor.mirror(rows(30, seed=1), "b", shop.new)
        both = await told(monitor, {"stable": 0, "former": 20})
        assert both["stable"] == {
            "track": "stable", "version": 4, "digest": shop.new, "labelled": 0, "faults": 0, "scores": [],
        }  # fmt: skip
        assert {**both["former"], "track": "stable"} == alone["stable"]
        recall = next(one for one in both["former"]["scores"] if one["metric"] == "recall")
        assert 0 <= recall["lower"] <= recall["value"] <= recall["upper"] <= 1


async def _seen(monitor: Monitor) -> dict[str, Any] | None:
    _, text = await monitor.get("/metrics")
    return {"seen": True} if 'andon_monitor_rows_total{model="spindle"} 40.0' in text else None


async def test_drift_is_told_with_the_digest_that_it_is_about(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(40), "a", shop.old)
        await eventually(lambda: _seen(monitor))
        _, text = await monitor.get("/v1/models/spindle/drift")
        assert json.loads(text)["digest"] == shop.old
