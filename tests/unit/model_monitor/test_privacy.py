"""What a plant measures stays its own: no value of a row, no asset, no request's id in logs, metrics or on the page."""

from __future__ import annotations

import io
import json
import logging
import struct
from pathlib import Path
from typing import Any

import numpy as np

from model_monitor.logs import configure
from tests.support.monitoring import Shop, eventually, monitoring

VALUE = 1234.5678
ASSET, REQUEST = "press-of-mara", "order-4711"


async def test_rows_are_in_no_log_no_metric_no_page_and_not_on_disk(shop: Shop, tmp_path: Path) -> None:
    root = logging.getLogger()
    before = list(root.handlers), root.level
    configure("DEBUG", "json")
    log = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(log)
    try:
        told = await _everything(shop, tmp_path)
    finally:
        root.handlers, root.level = before
    assert '"event"' in log.getvalue(), "something was logged"
    for text in (*told, log.getvalue()):
        for secret in (str(VALUE)[:7], ASSET, REQUEST):
            assert secret not in text
    disk = _files(tmp_path)
    assert ASSET.encode() in disk, "assets are kept, so that labels can name them"
    for written in (str(VALUE)[:7].encode(), struct.pack("<f", VALUE), struct.pack(">d", np.float32(VALUE))):
        assert written not in disk


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("monitor.db*"))


async def _everything(shop: Shop, folder: Path) -> list[str]:
    """Let rows come in order and out of it, and labels too; give all that is told to anybody."""
    async with monitoring(shop, folder, quality_seconds=0.05) as monitor:
        for index in range(3):
            await monitor.mirror([[VALUE, VALUE]] * 30, f"{REQUEST}-{index}", shop.old, shop.new, ASSET)
        await monitor.seen(shop.old, shop.new, 90)
        await monitor.mirror([[VALUE, VALUE, VALUE]], f"{REQUEST}-wide", shop.old, shop.new, ASSET)
        await monitor.label([{"requestId": f"{REQUEST}-0", "row": row, "fault": True} for row in range(20)])
        await monitor.label([{"requestId": f"{REQUEST}-absent", "fault": True}])

        async def counted() -> dict[str, Any] | None:
            _, text = await monitor.get("/metrics")
            done = "andon_monitor_quality{" in text and 'reason="invalid_request"' in text
            return {"text": text} if done else None

        found = [(await eventually(counted))["text"]]
        found.append((await monitor.get("/v1/models/spindle/drift"))[1])
        found.append(json.dumps(await monitor.evidence(shop.old, shop.new)))
        for path in ("/", "/models/spindle"):
            async with monitor.client.get(f"http://127.0.0.1:{monitor.ports.page}{path}") as answer:
                found.append(await answer.text())
        return found
