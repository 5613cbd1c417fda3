"""A record never speaks for a process other than the one that was started."""

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import processes
from lab.processes import Record

IGNORES_TERM = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Record]:
    record = processes.start("sleeper", ["sleep", "600"], tmp_path / "log", {"PATH": os.environ["PATH"]}, "f")
    yield record
    processes.kill(record.pid)


def test_start_time_is_read_past_odd_names() -> None:
    rest = " ".join(["S", *(str(field) for field in range(4, 53))])
    assert processes.parse_start_time(f"42 (a) (b c) {rest}") == 22


def test_a_zombie_has_ended() -> None:
    rest = " ".join(["Z", *(str(field) for field in range(4, 53))])
    assert processes.parse_start_time(f"42 (sleep) {rest}") is None


def test_it_lives_in_a_session_of_its_own_and_ends_when_told(sleeper: Record) -> None:
    assert sleeper.alive
    assert os.getsid(sleeper.pid) == sleeper.pid
    assert not processes.stop(sleeper, grace=10)
    assert not sleeper.alive


def test_a_reused_number_is_not_signalled(sleeper: Record) -> None:
    for other in (
        dataclasses.replace(sleeper, started=sleeper.started + 1),
        dataclasses.replace(sleeper, boot="another boot"),
    ):
        assert not other.alive
        assert not processes.stop(other, grace=1)
    assert sleeper.alive


def test_what_ignores_the_request_is_forced(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", IGNORES_TERM], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        started = processes.start_time(child.pid)
        assert started is not None
        assert processes.stop(Record("stubborn", child.pid, started, processes.boot_id(), ""), grace=0.2)
        assert child.wait(timeout=10) == -signal.SIGKILL


def test_a_record_survives_its_file(sleeper: Record, tmp_path: Path) -> None:
    sleeper.write(tmp_path / "sleeper.json")
    assert Record.read(tmp_path / "sleeper.json") == sleeper


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "surprise": 2}'])
def test_a_broken_record_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "broken.json").write_text(content)
    assert Record.read(tmp_path / "broken.json") is None
    assert Record.read(tmp_path / "missing.json") is None
