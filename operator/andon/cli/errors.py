"""What the command line tells people who gave it something it cannot use, and how the process then ends."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit status of `andon`; scripts may rely on it."""

    OK = 0
    FAILED = 1
    """Not Ready; or the input was at fault; or the model refused it."""
    UNREACHABLE = 2
    """There is no such FaultModel, or no connection to it; also a wrong command line."""


class CliError(Exception):
    """Something that a person can mend.

    Parameters
    ----------
    reason
        Stable, CamelCase.
    message
        What was found.
    allowed
        What is allowed; empty where nothing useful can be said.
    remedy
        How to mend it.
    exit_code
        How the process is to end.
    """

    def __init__(
        self, reason: str, message: str, *, allowed: str = "", remedy: str = "", exit_code: ExitCode = ExitCode.FAILED
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.allowed = allowed
        self.remedy = remedy
        self.exit_code = exit_code

    def __str__(self) -> str:
        lines = [f"Error ({self.reason}): {self.message}"]
        if self.allowed:
            lines.append(f"  Allowed: {self.allowed}")
        if self.remedy:
            lines.append(f"  To mend it: {self.remedy}")
        return "\n".join(lines)


def unreachable(reason: str, message: str, *, allowed: str = "", remedy: str = "") -> CliError:
    """Make the error of something that is not there or does not answer."""
    return CliError(reason, message, allowed=allowed, remedy=remedy, exit_code=ExitCode.UNREACHABLE)


def shown(text: str, longest: int = 60) -> str:
    """Quote a value for a message: control characters escaped, long values cut."""
    printable = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return f'"{printable}"' if len(printable) <= longest else f'"{printable[: longest - 1]}…"'


def listed(names: Iterable[str], most: int = 12) -> str:
    """List names for a message, cut after the first few."""
    names = list(names)
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def closest(name: str, names: Iterable[str]) -> str | None:
    """Find the name that was probably meant: case, underscores and a unit in brackets do not count."""
    by_core: dict[str, str] = {}
    for candidate in names:
        by_core.setdefault(_core(candidate), candidate)
    near = difflib.get_close_matches(_core(name), by_core, n=1, cutoff=0.7)
    return by_core[near[0]] if near else None


def _core(name: str) -> str:
    core = name.casefold().replace("_", " ").replace("-", " ")
    return core.split("[", 1)[0].strip() or core
