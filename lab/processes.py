"""Processes that outlive their starter, and records of them that are never mistaken for someone else's.

A process number is used again after a while. A record therefore also holds when the process started and in which boot
of the machine, and a signal is sent through a file descriptor of the process, never to the bare number.
"""

import json
import os
import select
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START_TIME_FIELD = 21  # field 22 of /proc/PID/stat, counted from 1; see proc(5)
STATE_FIELD = 2


@dataclass(frozen=True)
class Record:
    """A process that the lab started.

    Attributes
    ----------
    name : str
        The component.
    pid : int
        Its number, which may by now be another's.
    started : int
        Its start in clock ticks since boot.
    boot : str
        The boot that the ticks count from.
    fingerprint : str
        Hash of what it was started with, to tell whether it must be started again.
    """

    name: str
    pid: int
    started: int
    boot: str
    fingerprint: str

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """Read a record; a missing or broken one is none."""
        try:
            return cls(**json.loads(file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write(self, file: Path) -> None:
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(self)))
        temporary.replace(file)

    @property
    def alive(self) -> bool:
        """Whether this very process, not a later one with its number, still runs."""
        return self.boot == boot_id() and start_time(self.pid) == self.started


def boot_id() -> str:
    return BOOT_ID.read_text().strip()


def parse_start_time(stat: str) -> int | None:
    """Read the start time from a line of /proc/PID/stat; none for a process that has ended and awaits its parent."""
    # The second field is the program's name in brackets and may itself hold blanks and brackets.
    head, _, rest = stat.rpartition(")")
    fields = [head, "", *rest.split()]
    return None if fields[STATE_FIELD] in {"Z", "X"} else int(fields[START_TIME_FIELD])


def start_time(pid: int) -> int | None:
    """Give when the process with this number started, in clock ticks since boot; none when there is no such process."""
    try:
        return parse_start_time(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def start(name: str, command: Sequence[str], log: Path, environment: Mapping[str, str], fingerprint: str) -> Record:
    """Start a process in a session of its own, so that it survives its starter and the starter's terminal."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
            cwd="/",
        )
    # It outlives us by design: without this Python would warn about a child that still runs.
    process.returncode = 0
    return Record(name, process.pid, start_time(process.pid) or 0, boot_id(), fingerprint)


def stop(record: Record, grace: float) -> bool:
    """Ask a process to end, wait, and end it by force when it does not.

    Returns
    -------
    bool
        Whether it had to be forced.
    """
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return False
    try:
        if not record.alive:  # asked after the handle was opened: the handle stays with this process
            return False
        return _end(handle, grace)
    finally:
        os.close(handle)


def kill(pid: int) -> None:
    """End a process by force and wait for it."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            _wait(handle, 10)
        finally:
            os.close(handle)


def _end(handle: int, grace: float) -> bool:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if _wait(handle, grace):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        _wait(handle, grace)
        return True
    return False


def _wait(handle: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))
