"""`status`: what is so, as far as the operator knows."""

from typing import Annotated, Literal

from pydantic import Field

from model_builder.spec import Spec


class Condition(Spec):
    """A condition, as the Kubernetes API conventions have it."""

    type: str = Field(max_length=316, description="Condition type, such as Ready.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(
        max_length=1024, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$", description="CamelCase, stable."
    )
    message: str = Field(max_length=32768, description="For people: what was found and how to mend it.")
    observed_generation: int = Field(ge=0, description="The generation of the spec that this speaks of.")
    last_transition_time: str = Field(
        json_schema_extra={"format": "date-time"}, description="When the status last changed."
    )


class Track(Spec):
    """A version with its share of the traffic."""

    version: int = Field(ge=1, description="Number of the FaultModelVersion.")
    digest: str = Field(max_length=71, description="Digest of its artifact.")
    weight: int = Field(ge=0, le=100, description="Per cent of the requests that it answers.")


class CandidateTrack(Track):
    """The version on its way to the line."""

    step: int | None = Field(default=None, ge=1, description="Number of the step of spec.rollout.steps that it is at.")
    held_because: str | None = Field(
        default=None,
        max_length=64,
        description="Why it goes no further for now, such as Paused, AwaitingApproval, AwaitingEvidence or Frozen.",
    )


class BuildResult(Spec):
    """How the last build plan ended."""

    plan: str = Field(max_length=71, description="Digest of the build plan.")
    outcome: Literal["Succeeded", "Failed"] = Field(description="How it ended.")
    reason: str = Field(max_length=128, description="CamelCase reason.")
    message: str = Field(max_length=4096, description="For people.")
    digest: str | None = Field(default=None, max_length=71, description="Digest of the artifact that it made.")
    data_sha256: str | None = Field(default=None, max_length=64, description="sha256 of the data that it read.")


class ArtifactSummary(Spec):
    """Size and scores of the stable version, on data that it was not trained on."""

    bytes: int = Field(ge=0, description="Size of the ONNX file in bytes.")
    size: str = Field(max_length=16, description="The same for people, such as 1.2Mi.")
    reduction: str | None = Field(
        default=None,
        max_length=16,
        description="How many times smaller than what skl2onnx writes, such as 6.5.",
    )
    f1: str = Field(max_length=16, description="F1 of the positive class; macro-F1 with more than two classes.")


class Endpoints(Spec):
    """Where clients find the model, inside the cluster."""

    http: str = Field(max_length=512, description="Open Inference Protocol v2 over HTTP.")
    grpc: str = Field(max_length=512, description="Open Inference Protocol v2 over gRPC.")


class MetricEvidence(Spec):
    """What is known of one limit of the analysis."""

    name: str = Field(max_length=32, description="The limit, such as errorRate or recallLoss.")
    value: str | None = Field(default=None, max_length=16, description="What was seen.")
    lower: str | None = Field(default=None, max_length=16, description="It is at least this.")
    upper: str | None = Field(default=None, max_length=16, description="It is at most this.")
    limit: str = Field(max_length=16, description="What it must stay below.")
    verdict: Literal["Pass", "Fail", "Inconclusive"] = Field(description="Kept, broken, or not to be told yet.")


class EvidenceStatus(Spec):
    """What was seen of a candidate. Written when a verdict changes, else every few minutes at most."""

    version: int = Field(ge=1, description="The version that it speaks of.")
    at: str = Field(json_schema_extra={"format": "date-time"}, description="When it was counted.")
    requests: int | None = Field(default=None, ge=0, description="Requests that the version had, copies included.")
    positives: int | None = Field(default=None, ge=0, description="Faults among them, labelled or to be expected.")
    verdict: Literal["Pass", "Fail", "Inconclusive"] = Field(description="What all of it says.")
    message: str = Field(max_length=4096, description="The same in plain words.")
    metrics: tuple[MetricEvidence, ...] = Field(default=(), max_length=8, description="One for each limit.")


class RetrainStatus(Spec):
    """When the data was last read again, and when it is next."""

    last: str | None = Field(
        default=None,
        json_schema_extra={"format": "date-time"},
        description="For which time it was last read again; the build began then or later.",
    )
    because: str | None = Field(default=None, max_length=32, description="Schedule, Drift or AccuracyLoss.")
    next: str | None = Field(
        default=None, json_schema_extra={"format": "date-time"}, description="When the schedule asks for it next."
    )
    waits: str | None = Field(
        default=None, max_length=1024, description="Why one that is due has not begun, or the schedule cannot be kept."
    )


class FaultModelStatus(Spec):
    """What is so, as far as the operator knows."""

    # -1 until the first status write, so that no client takes a new object for finished.
    observed_generation: int = Field(default=-1, ge=-1, description="The generation that this status speaks of.")
    phase: str | None = Field(
        default=None, max_length=32, description="One word for people; tools read the conditions."
    )
    conditions: tuple[Condition, ...] = Field(
        default=(),
        max_length=16,
        description="Ready, Available, SourceResolved, Built, Validated, RolloutComplete; Reconciling, Stalled.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    build: BuildResult | None = Field(default=None, description="How the last build plan ended.")
    stable: Track | None = Field(default=None, description="The version that serves.")
    candidate: CandidateTrack | None = Field(default=None, description="The version on its way to the line.")
    next_window: str | None = Field(
        default=None,
        json_schema_extra={"format": "date-time"},
        description="When the candidate may gain traffic next, while it waits for that.",
    )
    evidence: EvidenceStatus | None = Field(
        default=None, description="What was seen of the candidate, or of the last one."
    )
    artifact: ArtifactSummary | None = Field(default=None, description="Size and scores of the stable version.")
    retrain: RetrainStatus | None = Field(default=None, description="Builds from the data as they are.")
    endpoints: Endpoints | None = Field(default=None, description="Where clients find the model, inside the cluster.")
    replicas: int | None = Field(default=None, ge=0, description="Servers of the stable version that are ready.")
    selector: str | None = Field(
        default=None, max_length=512, description="Which pods these are, for an autoscaler of the FaultModel."
    )
    revision: str | None = Field(
        default=None,
        max_length=16,
        description="Digest of the spec but for serving.replicas, as far as it was looked at.",
    )
    failed_digests: tuple[Annotated[str, Field(max_length=71)], ...] = Field(
        default=(),
        max_length=20,
        description="Artifacts that failed in their rollout; not tried again until the spec or the data changes.",
    )

    def condition(self, kind: str) -> Condition | None:
        """Give the condition of a type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)
