"""Health says what is so, when the scorer stands still or the database is away; and what becomes of requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from model_monitor.envelope import Envelope, Version
from model_monitor.health import STUCK_SECONDS, Health
from model_monitor.intake import Intake, Waiting
from model_monitor.metrics import Metrics
from model_monitor.models import Models
from model_monitor.scoring import Scored
from model_monitor.storage.recording import Recorded
from model_monitor.tensors import Tensor, Tensors
from model_monitor.worker import WRITE_TRIES, Worker
from tests.support.kubectl import eventually
from tests.support.monitoring import DEADLINE, Shop

NOW = datetime(2026, 5, 4, tzinfo=UTC)


class Recording:
    """Writes nowhere, or fails for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.written: list[str] = []

    def record(self, batch: Sequence[Scored]) -> list[Recorded]:
        if self.failures:
            self.failures -= 1
            raise OperationalError("INSERT", {}, Exception("disk full"))
        self.written += [request.request_id for scored in batch for request in scored.requests]
        return [Recorded(np.ones(len(scored.rows), bool), 0) for scored in batch]


class Bench:
    """A scorer on a store, with a recorder of the test's."""

    def __init__(self, shop: Shop, failures: int) -> None:
        self.shop = shop
        self.intake = Intake(100, 10_000)
        self.metrics = Metrics()
        self.recording = Recording(failures)
        models = Models(shop.store.read)
        self.worker = Worker(self.intake, models, self.recording, self.metrics, 0)  # type: ignore[arg-type] # a stand-in
        self.now = 0.0
        self.health = Health(self.worker, self.intake, lambda: time.monotonic() + self.now)

    def offer(self, name: str, decode: Callable[[], tuple[Envelope, Tensors]] | None = None) -> None:
        envelope = Envelope("spindle", Version(1, self.shop.old), None, "", name, NOW)
        rows = {"numeric": Tensor("FP32", np.zeros((1, 2), np.float32))}
        assert self.intake.offer(Waiting(NOW, 10, decode or (lambda: (envelope, rows))))

    def wait(self, until: Callable[[], bool]) -> None:
        eventually(until, DEADLINE, "what is waited for", pause=0.005)

    def dropped(self, reason: str) -> float:
        samples = next(iter(self.metrics.dropped.collect())).samples
        return sum(s.value for s in samples if s.name.endswith("_total") and s.labels["reason"] == reason)


@contextmanager
def bench(shop: Shop, failures: int = 0) -> Iterator[Bench]:
    made = Bench(shop, failures)
    made.worker.start()
    try:
        yield made
    finally:
        assert made.worker.stop(DEADLINE)


def test_a_database_that_comes_back_loses_nothing(shop: Shop) -> None:
    with bench(shop, failures=WRITE_TRIES - 1) as made:
        made.offer("a")
        made.wait(lambda: not made.worker.state.written)
        state = made.health.look()
        assert state.alive
        assert not state.ready
        made.wait(lambda: made.recording.written == ["a"])
        made.wait(lambda: made.health.look().ready)
        assert made.dropped("storage_failed") == 0


def test_a_database_that_stays_away_drops_and_counts(shop: Shop) -> None:
    with bench(shop, failures=WRITE_TRIES) as made:
        made.offer("a")
        made.wait(lambda: made.dropped("storage_failed") == 1)
        assert not made.health.look().ready
        made.offer("b")
        made.wait(lambda: made.recording.written == ["b"])
        made.wait(lambda: made.health.look().ready)


def test_a_defect_in_one_request_does_not_end_the_scoring(shop: Shop) -> None:
    def defect() -> tuple[Envelope, Tensors]:
        raise ZeroDivisionError

    with bench(shop) as made:
        made.offer("a", defect)
        made.wait(lambda: made.dropped("internal_error") == 1)
        made.offer("b")
        made.wait(lambda: made.recording.written == ["b"])


def test_a_scorer_that_stands_still_is_not_alive(shop: Shop) -> None:
    released = threading.Event()

    def hold() -> tuple[Envelope, Tensors]:
        assert released.wait(DEADLINE)
        raise ZeroDivisionError

    with bench(shop) as made:
        made.now = 2 * STUCK_SECONDS
        assert made.health.look().alive, "nothing to do is no standstill"
        made.offer("a", hold)
        made.wait(lambda: made.intake.busy)
        assert not made.health.look().alive
        assert made.health.look().document()["scorer"] == "stands still"
        released.set()
        made.wait(lambda: not made.intake.busy)
        assert made.health.look().alive
    assert not made.health.look().alive, "it has ended"


def test_models_are_asked_for_seldom_while_they_fail_and_the_last_few_kept(shop: Shop) -> None:
    clock, reads = [0.0], []

    def read(path: str) -> bytes:
        reads.append(path)
        return shop.store.read(path)

    models = Models(read, lambda: clock[0])
    missing = f"sha256:{'0' * 64}"
    for _ in range(3):
        with pytest.raises(Exception, match="store has no"):
            models.get("spindle", missing)
    assert len(reads) == 1
    clock[0] = 15.0
    with pytest.raises(Exception, match="store has no"):
        models.get("spindle", missing)
    assert len(reads) == 2
    assert models.get("spindle", shop.old) is models.get("spindle", shop.old)
    with pytest.raises(Exception, match="holds no model press"):
        models.get("press", shop.old)


def test_a_changed_byte_is_never_scored_with(shop: Shop) -> None:
    def read(path: str) -> bytes:
        content = shop.store.read(path)
        return content[:-1] + b"X" if path.endswith("model.onnx") else content

    with pytest.raises(Exception, match="has digest"):
        Models(read).get("spindle", shop.old)
