"""What a decision is: all that is to be so as of now, and what is to be said of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from andon.api.conditions import Phase
from andon.api.status import BuildResult
from andon.api.versions import FaultModelVersionSpec
from andon.core.analysis import Assessment
from andon.core.build import BuildPlan, BuildVerdict
from andon.core.notes import Canary, Retraining, Watch
from andon.core.observed import Route
from andon.core.signals import Signals

ROUTER_POLL = timedelta(seconds=1)
"""How often to ask the router's pods which route they follow, while they are to change it."""


@dataclass(frozen=True)
class Progress:
    """How far the rollout is, and why it is not further.

    Attributes
    ----------
    complete
        Whether the version that the spec asks for holds all traffic and no other is left.
    stalled
        Whether nothing will happen until a person changes something.
    held
        Whether it is kept back on purpose, for now; the reason says why.
    opens
        When the candidate may gain traffic next, where it waits for a window.
    evidence
        Whether what the evidence says is to be told with it.
    """

    phase: Phase
    reason: str
    message: str
    complete: bool = False
    stalled: bool = False
    held: bool = False
    opens: datetime | None = None
    evidence: bool = False
    look_again: timedelta | None = None


@dataclass(frozen=True)
class Decision:
    """What is to be so, all of it, as of now.

    Attributes
    ----------
    build
        The plan whose Job is to exist (at work, or as the record of how it went); None: no Job.
    record
        What the status is to keep of the build.
    create
        A version to create, made of the build's report.
    preflight
        The version whose server is to be asked for its golden samples, or has been, before it gets any request.
    servers
        Versions whose servers are to stand; all others go.
    route
        The route to write down; None: no router yet.
    canary
        The note to write down beside it.
    watch
        The note on the version before, while the one that serves is watched.
    promoted
        The versions that have held all traffic at some time, and were not taken off the line for it.
    signals
        The note on drift and accuracy to write down; None: nothing to note.
    retraining
        The note on building anew from the data as they are; None: nothing to note.
    assessment
        What the evidence says of the version that is judged; None where none is.
    failed_digests
        Artifacts that failed in their rollout under this spec.
    """

    verdict: BuildVerdict
    progress: Progress
    build: BuildPlan | None = None
    record: BuildResult | None = None
    create: FaultModelVersionSpec | None = None
    preflight: int | None = None
    servers: tuple[int, ...] = ()
    route: Route | None = None
    canary: Canary | None = None
    watch: Watch | None = None
    promoted: frozenset[int] = frozenset()
    signals: Signals | None = None
    retraining: Retraining | None = None
    candidate: int | None = None
    assessment: Assessment | None = None
    failed_digests: tuple[str, ...] = ()

    @property
    def stable(self) -> int | None:
        """The version that serves and is not on trial; None before the first."""
        if self.route is None:
            return None
        return self.route.stable_beside(self.canary.version if self.canary is not None else None)
