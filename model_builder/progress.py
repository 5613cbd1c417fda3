"""How a build says what it is doing, to a terminal or to a log."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO


class Step:
    """One step of a build in progress. ``result`` is what it says when it is done.

    Parameters
    ----------
    say
        Is told how far a long step is; None where nobody looks.
    """

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self.result = ""
        self.facts: dict[str, object] = {}
        self._say = say

    def far(self, text: str) -> None:
        """Say how far the step is."""
        if self._say is not None:
            self._say(text)

    def done(self, result: str, **facts: object) -> None:
        """Say in a few words what came of the step, and give the figures."""
        self.result = result
        self.facts = facts


class Progress(Protocol):
    """Something that is told of each step."""

    def step(self, name: str, what: str) -> AbstractContextManager[Step]:
        """Enter a step. ``name`` is one word, ``what`` says what is being done."""

    def note(self, text: str) -> None:
        """Say what the builder decided by itself."""


class LogProgress:
    """One line of JSON for each step, for the log of a Job."""

    def __init__(self, name: str, stream: TextIO | None = None) -> None:
        self._name = name
        self._stream = stream or sys.stdout

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:
        """Log the step when it is done, with the seconds that it took."""
        step = Step()
        start = time.monotonic()
        yield step
        seconds = round(time.monotonic() - start, 3)
        self.log("info", name, f"{what}: {step.result}" if step.result else what, seconds=seconds, **step.facts)

    def note(self, text: str) -> None:
        """Log a note."""
        self.log("info", "note", text)

    def log(self, level: str, step: str, message: str, **facts: object) -> None:
        """Write one line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"time": stamp, "level": level, "model": self._name, "step": step, "message": message, **facts}
        self._stream.write(json.dumps(line, ensure_ascii=True, default=str) + "\n")
        self._stream.flush()


class Silent:
    """Says nothing, for tests and notebooks."""

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:  # noqa: ARG002 (the protocol's signature)
        """Enter a step and say nothing."""
        yield Step()

    def note(self, text: str) -> None:
        """Say nothing."""
