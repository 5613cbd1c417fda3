"""What is declared in files: new baselines, begun once, when the model is known, whatever restarts; how to look."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from tests.support.monitoring import Monitor, Shop, eventually, monitoring, rows


async def told(monitor: Monitor) -> dict[str, Any] | None:
    status, text = await monitor.get("/v1/models/spindle/drift")
    found: dict[str, Any] = json.loads(text)
    return found["renewal"] if status == 200 else None


def declare(folder: Path, reason: str, name: str = "spindle") -> None:
    (folder / name).write_text(json.dumps({"reason": reason, "by": "the annotation, set by argocd-controller"}))


async def test_a_declared_change_begins_a_new_baseline_once(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "baselines"
    folder.mkdir()
    declare(folder, "bearing replaced")
    (folder / "press").write_text("nonsense")
    (folder / "..data").mkdir()  # as a ConfigMap's volume has it
    settings: dict[str, Any] = {"declarations": folder, "declarations_seconds": 0.05}
    async with monitoring(shop, tmp_path, **settings) as monitor:
        await monitor.mirror(rows(10), "a", shop.old)
        first = await eventually(lambda: told(monitor))
        assert first["reason"] == "bearing replaced"
        assert first["by"] == "the annotation, set by argocd-controller"
        declare(folder, "tool changed")

        async def renewed() -> dict[str, Any] | None:
            found = await told(monitor)
            return found if found is not None and found["reason"] == "tool changed" else None

        second = await eventually(renewed)
    async with monitoring(shop, tmp_path, **settings) as monitor:
        await monitor.mirror(rows(10), "b", shop.old)
        again = await eventually(lambda: told(monitor))
        assert (again["reason"], again["at"]) == ("tool changed", second["at"]), "a restart begins nothing anew"


async def test_how_to_look_is_declared_while_it_runs(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "declared"
    folder.mkdir()
    settings: dict[str, Any] = {"declarations": folder, "declarations_seconds": 0.05}
    heat = float(rows(1)[0, 0])
    async with monitoring(shop, tmp_path, **settings) as monitor:

        async def kinds() -> dict[str, Any]:
            _, text = await monitor.get("/v1/models/spindle/drift")
            return {one["name"]: one["kind"] for one in json.loads(text)["features"]}

        async def windows(count: int) -> dict[str, Any] | None:
            status, text = await monitor.get("/v1/models/spindle/drift")
            found: dict[str, Any] = json.loads(text)
            return found if status == 200 and found["windows"] == count else None

        await monitor.mirror(rows(250), "a", shop.old)
        await eventually(lambda: windows(0))
        assert (await kinds())["heat"] is None
        declare_look(folder, rows=100, minimum=50, ranges={"heat": [None, heat - 1000]})

        async def broken() -> dict[str, Any] | None:
            await monitor.mirror(rows(100), uuid.uuid4().hex, shop.old)
            found = await kinds()
            return found if found["heat"] == "outOfRange" else None

        assert (await eventually(broken))["load"] is None
        declare_look(folder, rows=1, minimum=0)  # nonsense is none

        async def well() -> dict[str, Any] | None:
            await monitor.mirror(rows(100), uuid.uuid4().hex, shop.old)
            found = await kinds()
            return found if found["heat"] is None else None

        await eventually(well)


def declare_look(folder: Path, **looked: Any) -> None:
    fresh = folder / ".fresh"
    fresh.write_text(json.dumps({"drift": {"seconds": 3600, "ranges": {}, **looked}}))
    fresh.rename(folder / "spindle")
