"""The whole monitor on loopback: mirrored requests in, evidence out, labels joined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_monitor.models import Model, load
from model_monitor.scoring import Scored
from model_monitor.tensors import Rows
from tests.support.monitoring import Monitor, Shop, eventually, monitoring, rows


def alarms(shop: Shop, digest: str, given: Any) -> Any:
    """Ask a version directly."""
    values = np.asarray(given, np.float32)
    model: Model = load(shop.store.read, digest, "spindle")
    return model.answer(Rows(values, np.empty((len(values), 0), object))).classes == 1


async def test_evidence_is_what_the_versions_say(shop: Shop, tmp_path: Path) -> None:
    given = rows(200)
    old, new = alarms(shop, shop.old, given), alarms(shop, shop.new, given)
    begun = datetime.now(UTC)
    async with monitoring(shop, tmp_path) as monitor:
        for index, row in enumerate(given):
            assert await monitor.mirror([row], f"r{index}", shop.old, shop.new, f"press-{index % 3}") == 202
        found = await monitor.seen(shop.old, shop.new, 200)
    assert (old & ~new).sum() > 0
    assert (new & ~old).sum() > 0
    assert found["inputs"] == 200
    assert found["assets"] == 3
    assert found["invalid"] == {"hits": 0, "total": 200}
    assert found["disagreement"] == {"hits": int((old != new).sum()), "total": 200}
    assert found["alarms"] == {"old": int(old.sum()), "new": int(new.sum())}
    nothing = {"onlyOld": 0, "onlyNew": 0, "both": 0, "total": 0}
    assert found["faults"] == found["sound"] == nothing
    answers = {"faults": 0, "sound": 0, "skipped": 0, "probability": 1.0}
    assert found["queue"] == {
        "oldAlarms": int(old.sum()),
        "onlyOld": [{**answers, "pending": int((old & ~new).sum())}],
        "onlyNew": [{**answers, "pending": int((new & ~old).sum())}],
    }
    assert found["history"] == {"trueAlarms": 0, "falseAlarms": 0, "missed": 0}
    assert 0 < found["probabilityShift"]["mean"] < found["probabilityShift"]["largest"] <= 1
    since, at = (datetime.fromisoformat(found[name]) for name in ("since", "at"))
    assert begun <= since <= at <= datetime.now(UTC)


async def labelled(monitor: Monitor, shop: Shop, given: Any, **more: Any) -> dict[str, Any]:
    for index, row in enumerate(given):
        await monitor.mirror([row], f"r{index}", shop.old, shop.new, f"press-{index}")
    await monitor.seen(shop.old, shop.new, len(given))
    return await monitor.label([{"requestId": f"r{index}", "fault": True, **more} for index in range(len(given))])


async def test_labels_are_joined(shop: Shop, tmp_path: Path, database_url: str) -> None:
    given = rows(60)
    old, new = alarms(shop, shop.old, given), alarms(shop, shop.new, given)
    async with monitoring(shop, tmp_path, database=database_url) as monitor:
        done = await labelled(monitor, shop, given)
        assert (done["status"], done["accepted"], done["refused"]) == (200, 60, 0)
        found = await monitor.evidence(shop.old, shop.new)
        both = int((old & new).sum())
        dropped, added = int((old & ~new).sum()), int((new & ~old).sum())
        assert found["faults"] == {"onlyOld": dropped, "onlyNew": added, "both": both, "total": 60}
        assert found["queue"]["onlyOld"][0]["faults"] == dropped
        assert found["queue"]["onlyOld"][0]["pending"] == 0
        assert found["history"] == {"trueAlarms": 0, "falseAlarms": 0, "missed": 0}, "records are no sample"
        again = await monitor.label([{"requestId": "r0", "fault": True}])
        assert (again["status"], again["unchanged"]) == (200, 1)
        assert (await monitor.evidence(shop.old, shop.new))["faults"]["total"] == 60
        changed = await monitor.label("requestId,fault\nr0,false\nr1,false\n")
        assert changed["replaced"] == 2
        found = await monitor.evidence(shop.old, shop.new)
        assert (found["faults"]["total"], found["sound"]["total"]) == (58, 2)
        status, text = await monitor.get("/metrics")
        assert status == 200
        assert 'andon_monitor_labels_total{label="fault",model="spindle"} 60.0' in text
        assert 'andon_monitor_labels_total{label="sound",model="spindle"} 2.0' in text
        assert 'andon_monitor_rows_total{model="spindle"} 60.0' in text
        assert f'andon_monitor_alarms_total{{model="spindle",track="candidate",version="5"}} {new.sum():.1f}' in text
        assert f'andon_monitor_disagreements_total{{model="spindle"}} {dropped + added:.1f}' in text


async def test_only_a_sample_is_history(shop: Shop, tmp_path: Path) -> None:
    given = rows(60)
    old = alarms(shop, shop.old, given)
    async with monitoring(shop, tmp_path) as monitor:
        await labelled(monitor, shop, given, selection="Sample")
        await monitor.label([{"requestId": "r0", "fault": False, "selection": "Queue"}])
        found = await monitor.evidence(shop.old, shop.new)
    rest = old[1:]
    assert found["history"] == {
        "trueAlarms": int(rest.sum()),
        "falseAlarms": int(old[0]),
        "missed": int((~rest).sum()),
    }


async def test_cases_from_the_queue_stand_in_the_queue_alone(shop: Shop, tmp_path: Path) -> None:
    given = rows(60)
    async with monitoring(shop, tmp_path) as monitor:
        await labelled(monitor, shop, given, selection="Queue")
        found = await monitor.evidence(shop.old, shop.new)
    assert found["faults"]["total"] == 0
    assert found["queue"]["onlyOld"][0]["pending"] == 0
    assert found["queue"]["onlyOld"][0]["faults"] > 0


async def test_a_candidate_that_says_nan_is_counted(shop: Shop, tmp_path: Path) -> None:
    given = rows(50)
    old = alarms(shop, shop.old, given)
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(given, "r", shop.old, shop.broken)
        found = await monitor.seen(shop.old, shop.broken, 50)
    nan = given[:, 0] > 0
    assert found["invalid"] == {"hits": int(nan.sum()), "total": 50}
    assert found["disagreement"]["hits"] >= nan.sum(), "no answer is another answer"
    dropped = found["queue"]["onlyOld"][0]["pending"]
    assert dropped >= (nan & old).sum() > 0, "what cannot answer catches no fault"


async def test_a_label_finds_its_row_by_asset_and_time(shop: Shop, tmp_path: Path, database_url: str) -> None:
    async with monitoring(shop, tmp_path, database=database_url) as monitor:
        await monitor.mirror(rows(1), "a", shop.old, shop.new, "press-1")
        await monitor.mirror(rows(1), "b", shop.old, shop.new, "press-2")
        await monitor.seen(shop.old, shop.new, 2)
        now = datetime.now(UTC)
        late = (now + timedelta(seconds=50)).isoformat()
        later = (now + timedelta(seconds=90)).isoformat()
        done = await monitor.label(
            [
                {"asset": "press-1", "time": late, "fault": True},
                {"asset": "press-2", "time": later, "fault": True},
                {"asset": "press-3", "time": late, "fault": True},
            ]
        )
        assert (done["accepted"], done["refused"]) == (1, 2)
        assert [(each["index"], each["reason"]) for each in done["refusals"]] == [
            (1, "UnknownRequest"),
            (2, "UnknownRequest"),
        ]
        assert (await monitor.label([{"requestId": "a", "fault": True}]))["unchanged"] == 1


async def test_a_row_of_several_has_to_be_named(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(rows(3), "a", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 3)
        refused = await monitor.label([{"requestId": "a", "fault": True}])
        assert (refused["status"], refused["refusals"][0]["reason"]) == (400, "AmbiguousRow")
        assert (await monitor.label([{"requestId": "a", "row": 2, "fault": True}]))["accepted"] == 1
        missing = await monitor.label([{"requestId": "a", "row": 3, "fault": True}])
        assert (missing["status"], missing["refusals"][0]["reason"]) == (404, "UnknownRequest")


async def test_the_queue_shows_the_most_telling_first(shop: Shop, tmp_path: Path, database_url: str) -> None:
    given = rows(100)
    old, new = alarms(shop, shop.old, given), alarms(shop, shop.new, given)
    async with monitoring(shop, tmp_path, database=database_url) as monitor:
        for index, row in enumerate(given):
            await monitor.mirror([row], f"r{index}", shop.old, shop.new, "press-1")
        await monitor.seen(shop.old, shop.new, 100)

        async def queue(limit: int = 100) -> dict[str, Any]:
            async with monitor.client.get(monitor.api(f"/v1/models/spindle/queue?limit={limit}")) as answer:
                assert answer.status == 200
                found: dict[str, Any] = await answer.json()
                return found

        whole = await queue()
        assert whole["pending"] == len(whole["items"]) == (old != new).sum()
        gaps = [abs(item["oldScore"] - item["newScore"]) for item in whole["items"]]
        assert gaps == sorted(gaps, reverse=True)
        for item in whole["items"]:
            index = int(item["requestId"][1:])
            assert item["alarm"] == ("onlyOld" if old[index] else "onlyNew")
        first = whole["items"][0]
        await monitor.label([{"requestId": first["requestId"], "fault": True, "selection": "Queue"}])
        rest = await queue(2)
        assert rest["items"] == whole["items"][1:3]
        assert rest["pending"] == whole["pending"] - 1


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1001"])
async def test_a_limit_out_of_bounds_is_refused(shop: Shop, tmp_path: Path, limit: str) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        status, text = await monitor.get(f"/v1/models/spindle/queue?limit={limit}")
    assert status == 400
    assert "InvalidRequest" in text


async def test_nothing_known_is_no_zero(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        found = await monitor.evidence(shop.old, shop.new)
        assert (found["status"], found["reason"]) == (404, "UnknownModel")
        await monitor.mirror(rows(1), "a", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 1)
        found = await monitor.evidence(shop.new, shop.old)
        assert (found["status"], found["reason"]) == (404, "UnknownPair")
        assert (await monitor.label([{"requestId": "a", "fault": True}], model="press"))["reason"] == "UnknownModel"


async def test_a_request_that_comes_twice_counts_once(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        for name in ("a", "a", "b", "a"):
            await monitor.mirror(rows(2), name, shop.old, shop.new)
        await monitor.mirror(rows(1), "c", shop.old, shop.new)
        found = await monitor.seen(shop.old, shop.new, 5)
        assert found["inputs"] == 5
        _, text = await monitor.get("/metrics")
        assert 'andon_monitor_inputs_dropped_total{model="spindle",reason="duplicate"} 2.0' in text
        assert 'andon_monitor_inputs_total{model="spindle"} 3.0' in text
        assert 'andon_monitor_rows_total{model="spindle"} 5.0' in text


async def test_evidence_survives_a_restart(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await labelled(monitor, shop, rows(20))
        before = await monitor.evidence(shop.old, shop.new)
    async with monitoring(shop, tmp_path) as monitor:
        after = await monitor.evidence(shop.old, shop.new)
        assert {**after, "at": ""} == {**before, "at": ""}
        await monitor.mirror(rows(1), "more", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 21)


async def test_what_was_taken_is_written_before_the_end(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path, flush_seconds=5) as monitor:
        for index in range(30):
            assert await monitor.mirror(rows(1), f"r{index}", shop.old, shop.new) == 202
    async with monitoring(shop, tmp_path) as monitor:
        assert (await monitor.evidence(shop.old, shop.new))["inputs"] == 30


async def test_listeners_get_the_rows(shop: Shop, tmp_path: Path) -> None:
    given, got = rows(4), []

    def listen(scored: Scored) -> None:
        got.append(scored)
        raise RuntimeError("a defect of who listens")

    async with monitoring(shop, tmp_path, [listen]) as monitor:
        await monitor.mirror(given, "a", shop.old)
        await monitor.mirror(given, "b", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 4)

        async def both() -> dict[str, Any] | None:
            return {} if sum(len(scored.requests) for scored in got) == 2 else None

        await eventually(both)
    assert np.array_equal(got[0].rows.numeric, given)
    assert got[0].old.version.digest == shop.old
    assert got[0].old.model.baseline["rows"] > 0
    assert got[0].new is None
    assert got[-1].new is not None


async def test_a_version_alone_is_scored_too(shop: Shop, tmp_path: Path) -> None:
    given = rows(40)
    async with monitoring(shop, tmp_path) as monitor:
        for index, row in enumerate(given):
            await monitor.mirror([row], f"r{index}", shop.old)
        done: dict[str, Any] = {}

        async def kept() -> dict[str, Any] | None:
            done.update(
                await monitor.label(
                    [{"requestId": f"r{index}", "fault": True, "selection": "Sample"} for index in range(40)]
                )
            )
            return done if done.get("refused") == 0 else None

        await eventually(kept)
        await monitor.mirror(rows(1), "pair", shop.old, shop.new)
        found = await monitor.seen(shop.old, shop.new, 1)
    count = int(alarms(shop, shop.old, given).sum())
    assert found["history"] == {"trueAlarms": count, "falseAlarms": 0, "missed": 40 - count}
    assert found["faults"]["total"] == 0, "the pair did not see them"
