"""Health: what /healthz and /readyz answer."""


class Health:
    """Collects what would make the process useless, so that the kubelet may end it."""

    def __init__(self) -> None:
        self._dead_watches: set[str] = set()
        self.started = False

    def watch(self, kind: str, *, alive: bool) -> None:
        """Note whether the watch of a kind tells what happens."""
        if alive:
            self._dead_watches.discard(kind)
        else:
            self._dead_watches.add(kind)

    def troubles(self) -> list[str]:
        """Say what is wrong; empty where nothing is."""
        return [f"the watch of {kind} tells no changes" for kind in sorted(self._dead_watches)]
