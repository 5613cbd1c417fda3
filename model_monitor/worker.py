"""The scorer: takes waiting requests, scores them with both versions, writes them, tells those who listen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from model_builder.errors import BuilderError
from model_monitor.envelope import Envelope, Version
from model_monitor.errors import MonitorError, Reason
from model_monitor.intake import Intake, Waiting
from model_monitor.logs import Seldom
from model_monitor.metrics import Metrics
from model_monitor.models import Model, Models
from model_monitor.scoring import Scored, score
from model_monitor.storage.recording import Recorded, Recorder
from model_monitor.tensors import Rows, rows_of

_log = structlog.get_logger(__name__)

BATCH = 512
BATCH_BYTES = 256 * 1024
"""A batch takes some hundred times its bytes of memory where its rows are short, and one transaction."""

WRITE_TRIES = 4

Listener = Callable[[Scored], None]
"""Called with each scored batch after it has been written, in the scorer's thread; what it raises is logged."""

_Key = tuple[str, Version, Version | None]


@dataclass(frozen=True)
class State:
    """How the scorer is.

    Attributes
    ----------
    beat
        When it last came round, by the monotonic clock.
    written
        Whether its last transaction was written.
    """

    beat: float
    written: bool


class Worker:
    """Scores in a thread of its own until the intake is closed and empty."""

    def __init__(
        self,
        intake: Intake,
        models: Models,
        recorder: Recorder,
        metrics: Metrics,
        linger: float,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._intake = intake
        self._models = models
        self._recorder = recorder
        self._metrics = metrics
        self._linger = linger
        self._listeners = tuple(listeners)
        self._thread = threading.Thread(target=self._run, name="scorer", daemon=True)
        self._hurry = threading.Event()
        self._seldom = Seldom()
        self.state = State(time.monotonic(), written=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def stop(self, seconds: float) -> bool:
        """Deal with what waits, and end; False where that took too long."""
        self._intake.close()
        self._hurry.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while batch := self._intake.take(BATCH, BATCH_BYTES, self._linger):
            try:
                self._handle(batch)
            except Exception:  # noqa: BLE001 (a defect in one batch must not end the scoring of all)
                _log.exception("a batch was lost")
                self._metrics.drop("internal_error", count=len(batch))
            finally:
                self._intake.done()
                self.state = State(time.monotonic(), self.state.written)

    def _handle(self, batch: list[Waiting]) -> None:
        scored = [each for key, requests in self._decoded(batch).items() if (each := self._score(key, requests))]
        if not scored:
            return
        recorded = self._write(scored)
        if recorded is None:
            for each in scored:
                self._metrics.drop("storage_failed", each.model, len(each.requests))
            return
        for each, written in zip(scored, recorded, strict=True):
            self._metrics.scored(each, written)
            self._tell(each)

    def _decoded(self, batch: list[Waiting]) -> dict[_Key, list[tuple[Envelope, Rows]]]:
        """Decode requests and put those together that the same versions answer."""
        grouped: dict[_Key, list[tuple[Envelope, Rows]]] = {}
        for waiting in batch:
            try:
                envelope, tensors = waiting.decode()
            except MonitorError as error:
                self._metrics.drop(_snake(error.reason))
                if self._seldom.due(error.reason):
                    _log.info("requests are dropped", reason=str(error.reason), message=error.message)
                continue
            model = self._load(envelope.model, envelope.stable.digest, 1)
            if model is None:
                continue
            self._metrics.know(envelope.model)
            try:
                rows = rows_of(tensors, model.signature)
            except MonitorError as error:
                self._metrics.drop(_snake(error.reason), envelope.model)
                continue
            grouped.setdefault((envelope.model, envelope.stable, envelope.candidate), []).append((envelope, rows))
        return grouped

    def _score(self, key: _Key, requests: list[tuple[Envelope, Rows]]) -> Scored | None:
        name, stable, candidate = key
        old = self._load(name, stable.digest, len(requests))
        if old is None:
            return None
        new = None
        if candidate is not None:
            new = self._load(name, candidate.digest, len(requests))
            if new is None:
                return None
        return score(requests, old, new)

    def _load(self, name: str, digest: str, requests: int) -> Model | None:
        try:
            return self._models.get(name, digest)
        except Exception as error:  # noqa: BLE001 (a store's or ONNX Runtime's)
            why = str(error.reason) if isinstance(error, BuilderError) else type(error).__name__
            if self._seldom.due(f"load {why}"):
                _log.warning("a model cannot be loaded", model=name, digest=digest, reason=why)
            self._metrics.drop("model_unavailable", name, requests)
            return None

    def _write(self, scored: list[Scored]) -> list[Recorded] | None:
        """Write, and try again for a while: a database may come back. Meanwhile requests wait, up to the bounds."""
        for attempt in range(WRITE_TRIES):
            try:
                recorded = self._recorder.record(scored)
            except SQLAlchemyError as error:
                kind = type(getattr(error, "orig", None) or error).__name__
                _log.warning("the database cannot be written", error=kind, attempt=attempt + 1)
                self.state = State(time.monotonic(), written=False)
                self._hurry.wait(0.5 * 2**attempt)
                continue
            self.state = State(time.monotonic(), written=True)
            return recorded
        return None

    def _tell(self, scored: Scored) -> None:
        for listener in self._listeners:
            try:
                listener(scored)
            except Exception:  # noqa: BLE001 (whoever listens must not stop what counts)
                _log.exception("a listener failed", model=scored.model)


def refusal(now: datetime) -> MonitorError:
    """Describe a request that found no room."""
    return MonitorError(
        Reason.OVERLOADED,
        "more requests come than can be scored; this one was dropped",
        found=f"a full queue at {now.isoformat()}",
        allowed="what fits into the queue",
        remedy="mirror a smaller fraction, or give the monitor more processor time",
    )


def _snake(reason: Reason) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in str(reason)).lstrip("_")
