"""The API server's audit log: who wrote what."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Write:
    """One write, as the audit log has it."""

    verb: str
    resource: str
    name: str


def writes_since(log: Path, user: str, seconds: float) -> list[Write]:
    """Watch the log for a while from now on, and give what a user wrote."""
    begin = log.stat().st_size
    threading.Event().wait(seconds)
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().splitlines()
    found = []
    for line in lines:
        entry = json.loads(line)
        if entry.get("stage") == "ResponseComplete" and entry["user"]["username"] == user:
            reference = entry.get("objectRef") or {}
            found.append(Write(entry["verb"], reference.get("resource", ""), reference.get("name", "")))
    return found
