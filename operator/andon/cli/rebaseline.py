"""`andon rebaseline`: after a change that was meant, inputs are compared with those that come from now on."""

from __future__ import annotations

from typing import Any

from andon.cli.errors import CliError
from andon.cli.labels import posted

LONGEST_REASON = 500


def rebaseline(base: str, name: str, reason: str, token: str) -> dict[str, Any]:
    """Ask the monitor for a new baseline; give what it says of the model's inputs then.

    Parameters
    ----------
    base
        Address of the monitor's interface.
    reason
        What was changed, 1 to 500 characters.
    token
        Of whom the monitor keeps the name.

    Raises
    ------
    CliError
        ``NoReason``, or what the monitor says.
    """
    given = reason.strip()
    if not 1 <= len(given) <= LONGEST_REASON:
        raise CliError(
            "NoReason",
            "a new baseline needs a reason.",
            allowed=f"1 to {LONGEST_REASON} characters",
            remedy='say what was changed: --reason "spindle bearing replaced"',
        )
    return posted(f"{base}/v1/models/{name}/baseline", {"reason": given}, token)


def told(document: dict[str, Any], name: str) -> str:
    """Say what becomes of it."""
    renewal = document.get("renewal") or {}
    learning = int(document.get("learning") or 0)
    rows = f"the next {learning:,} rows" if learning else "the rows that come from now on"
    by = f" Kept with the reason, for {renewal['by']}." if renewal.get("by") else ""
    return f"The inputs of {name} are compared with {rows}; until these are there, drift is not known.{by}"
