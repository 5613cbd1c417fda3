"""Run commands inside the lab: its network, its kubeconfig, its binaries."""

import os
from collections.abc import Sequence

from lab import network
from lab.errors import LabError
from lab.paths import Paths

# A mount namespace of its own, so that names of Services can be looked up without touching the machine's resolver.
_WITH_RESOLVER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


def environment(paths: Paths) -> dict[str, str]:
    """Give our environment with the lab's kubeconfig and binaries."""
    path = f"{paths.bin}:{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, "PATH": path, "KUBECONFIG": str(paths.kubeconfig)}


def command(paths: Paths, words: Sequence[str]) -> list[str]:
    """Give the command line that runs `words` inside the lab; as it is where the cluster is reached directly."""
    if paths.kubeconfig.is_symlink() or not network.exists():  # an existing cluster, reached from where we are
        return list(words)
    resolver = paths.config / "resolv.conf"
    if not resolver.exists():
        return network.inside(*words)
    return network.inside("unshare", "--mount", "--", "sh", "-c", _WITH_RESOLVER, str(resolver), *words)


def check(paths: Paths) -> None:
    """Refuse where there is no cluster to enter.

    Raises
    ------
    LabError
        `LabDown`.
    """
    if not paths.kubeconfig.exists():
        raise LabError("LabDown", f"{paths.kubeconfig} is not there", remedy="run `make lab-up`")


def replace_process(paths: Paths, words: Sequence[str]) -> None:
    """Become the given command; its exit status is then ours."""
    check(paths)
    line = command(paths, words)
    os.execvpe(line[0], line, environment(paths))  # noqa: S606  (the caller's own command)
