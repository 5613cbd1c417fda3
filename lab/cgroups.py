"""The lab's own cgroup, in which the kubelet puts every pod; cgroups of version 1 and 2."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab import processes, waiting
from lab.configs import CGROUP

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuset", "memory", "pids", "io", "hugetlb")


def unified(root: Path = ROOT) -> bool:
    """Whether the machine has version 2 only."""
    return (root / "cgroup.controllers").exists()


def hierarchies(root: Path = ROOT) -> list[Path]:
    """List where a cgroup has to be made: everywhere in version 1, once in version 2."""
    if unified(root):
        return [root]
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def ours(root: Path = ROOT) -> list[Path]:
    return [hierarchy / CGROUP for hierarchy in hierarchies(root) if (hierarchy / CGROUP).is_dir()]


def create(root: Path = ROOT) -> None:
    """Make the lab's cgroup; a child has only the controllers that its parent hands down."""
    for hierarchy in hierarchies(root):
        (hierarchy / CGROUP).mkdir(exist_ok=True)
        if unified(root):
            _hand_down(hierarchy)
            _hand_down(hierarchy / CGROUP)
        elif (hierarchy / CGROUP / "cpuset.cpus").exists():
            _inherit_cpuset(hierarchy)


def members(root: Path = ROOT) -> set[int]:
    """List the processes in the lab's cgroup: those of its pods."""
    found: set[int] = set()
    for cgroup in ours(root):
        for folder in _deepest_first(cgroup):
            with suppress(FileNotFoundError, OSError):
                found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return found - {0}


def delete(root: Path = ROOT, seconds: float = 20) -> int:
    """Kill what is left in the lab's cgroup and remove it.

    Returns
    -------
    int
        How many processes had to be killed.
    """
    killed: set[int] = set()

    def gone() -> bool:
        for pid in members(root):
            processes.kill(pid)
            killed.add(pid)
        for cgroup in ours(root):
            for folder in _deepest_first(cgroup):
                with suppress(OSError):  # busy for a moment after its last process has ended
                    folder.rmdir()
        return not ours(root)

    waiting.until(gone, "removing the lab's cgroups", seconds)
    return len(killed)


def _deepest_first(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError):
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.is_symlink():
                yield from _deepest_first(child)
    yield folder


def _hand_down(cgroup: Path) -> None:
    offered = (cgroup / "cgroup.controllers").read_text().split()
    for controller in CONTROLLERS:
        if controller in offered:
            with suppress(OSError):
                (cgroup / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit_cpuset(hierarchy: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        (hierarchy / CGROUP / name).write_text((hierarchy / name).read_text())
