"""New baselines that are declared in files: begun once, when the model is known, whatever restarts."""

from __future__ import annotations

import json
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
    settings: dict[str, Any] = {"baselines": folder, "baselines_seconds": 0.05}
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
