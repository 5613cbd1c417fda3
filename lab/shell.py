"""Run other programs: quiet when they succeed, with their own words when they fail."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError

TAIL_LINES = 25


def run(
    *command: str | Path,
    input_text: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Parameters
    ----------
    command
        The program and its arguments.
    input_text
        What the program reads on standard input; nothing by default.
    environment
        Variables on top of our own.
    folder
        Working folder.
    timeout
        Seconds.

    Raises
    ------
    LabError
        `CommandFailed` with the end of the output, `CommandMissing` or `CommandTimedOut`.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            input=input_text if input_text is not None else "",
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            timeout=timeout,
        )
    except FileNotFoundError:
        raise LabError("CommandMissing", f"{words[0]} is not on PATH", remedy=f"install {words[0]}") from None
    except subprocess.TimeoutExpired:
        raise LabError("CommandTimedOut", f"{shlex.join(words)} did not end within {timeout:.0f} s") from None
    if done.returncode:
        words_of_it = tail(done.stdout + done.stderr)
        raise LabError("CommandFailed", f"{shlex.join(words)} ended with {done.returncode}\n{words_of_it}")
    return done


def output(*command: str | Path) -> str:
    """Run a command and give its standard output."""
    return run(*command).stdout


def succeeds(*command: str | Path) -> bool:
    """Whether a command is there and ends well; its words are dropped."""
    return attempt(*command) is not None


def attempt(*command: str | Path) -> str | None:
    """Run a command and give its standard output, or nothing where it fails."""
    try:
        return output(*command)
    except LabError:
        return None


def tail(text: str, lines: int = TAIL_LINES) -> str:
    return "\n".join(text.rstrip().splitlines()[-lines:])
