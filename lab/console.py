"""What the lab says on the terminal: one line when a step starts or ends, never silence for long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)
HEARTBEAT_SECONDS = 20.0


@dataclass
class Step:
    """A step under way; `note` is shown beside it and may be changed by the step itself."""

    title: str
    note: str = ""
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def line(self) -> str:
        return f"{self.title}{f' · {self.note}' if self.note else ''}"


def say(text: str) -> None:
    CONSOLE.print(text)


@contextmanager
def step(title: str, expected: str = "") -> Iterator[Step]:
    """Show a step while it runs and how long it took.

    On a terminal a spinner shows it; elsewhere (CI) a line every twenty seconds says that it still runs.

    Parameters
    ----------
    title
        What is done.
    expected
        How long it usually takes, for steps that try one's patience.
    """
    current = Step(title, f"usually {expected}" if expected else "")
    ended = threading.Event()
    reporter = threading.Thread(target=_report, args=(current, ended.wait), daemon=True)
    if expected:
        CONSOLE.print(f"  [cyan]…[/] {current.line()}")
    reporter.start()
    try:
        yield current
    except BaseException:
        CONSOLE.print(f"  [red]✗[/] {current.title} [dim]{current.seconds:.1f} s[/]")
        raise
    else:
        note = "" if current.note.startswith("usually") else current.note
        CONSOLE.print(f"  [green]✓[/] {current.title}{f' · {note}' if note else ''} [dim]{current.seconds:.1f} s[/]")
    finally:
        ended.set()
        reporter.join()


def _report(current: Step, wait: Callable[[float], bool]) -> None:
    if CONSOLE.is_terminal:
        with CONSOLE.status(current.line()) as status:
            while not wait(0.2):
                status.update(f"{current.line()} [dim]{current.seconds:.0f} s[/]")
        return
    while not wait(HEARTBEAT_SECONDS):
        CONSOLE.print(f"  [dim]… {current.line()} ({current.seconds:.0f} s so far)[/]")
