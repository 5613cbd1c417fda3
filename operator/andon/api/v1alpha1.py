"""FaultModel and FaultModelVersion, version v1alpha1: the fields, their bounds and defaults, and their CEL rules.

The CRDs in `crds/` are generated from these classes; what the builder takes (`source`) is the builder's own contract.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from andon.api.meta import NAME_MAX_LENGTH
from model_builder.report import Metrics, Runtime, Signature
from model_builder.spec import BuildSpec, Compression, OnnxRuntimeVersion, Source, Spec, Validation, cel

DURATION_PATTERN = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
DURATION_RULE = f"!self.matches('{DURATION_PATTERN}') || duration(self) > duration('0s')"
Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=16,
        pattern=DURATION_PATTERN,
        json_schema_extra={"x-kubernetes-validations": [cel(DURATION_RULE, "must be longer than zero, such as 10m")]},
    ),
]
Quantity = Annotated[
    str,
    Field(
        coerce_numbers_to_str=True,
        max_length=32,
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "x-kubernetes-validations": [cel("isQuantity(string(self))", "must be a quantity such as 500m or 256Mi")],
        },
    ),
]
_CRON_FIELDS = (
    "[0-5]?[0-9]",
    "[01]?[0-9]|2[0-3]",
    "0?[1-9]|[12][0-9]|3[01]",
    "0?[1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC",
    "[0-7]|SUN|MON|TUE|WED|THU|FRI|SAT",
)


def _cron_pattern() -> str:
    fields = []
    for value in _CRON_FIELDS:
        item = rf"([*]|({value})(-({value}))?)(/[1-9][0-9]?)?"
        fields.append(f"{item}(,{item})*")
    return f"^{' '.join(fields)}$"


CRON_PATTERN = _cron_pattern()
"""Five fields: minute, hour, day of the month, month, day of the week."""
LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``1h30m`` (the CRD's schema has already refused anything else)."""
    seconds, number = 0, ""
    for character in text:
        if character.isdigit():
            number += character
        else:
            seconds += int(number) * {"h": 3600, "m": 60, "s": 1}[character]
            number = ""
    return timedelta(seconds=seconds)


class Compute(Spec):
    """Amounts of processor and memory."""

    cpu: Quantity | None = Field(default=None, description="Processors, such as 500m.")
    memory: Quantity | None = Field(default=None, description="Memory, such as 256Mi.")


def _request_within_limit(name: str) -> JsonDict:
    both_given = " && ".join(f"has(self.{part}) && has(self.{part}.{name})" for part in ("requests", "limits"))
    request, limit = (f"quantity(string(self.{part}.{name}))" for part in ("requests", "limits"))
    return cel(
        f"!({both_given}) || {request}.compareTo({limit}) <= 0", f"requests.{name} must not be more than limits.{name}"
    )


class Resources(Spec):
    """Compute resources of one replica of the model server, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [_request_within_limit("cpu"), _request_within_limit("memory")],
        }
    )

    requests: Compute = Field(default_factory=Compute, description="What the scheduler sets aside.")
    limits: Compute = Field(default_factory=Compute, description="What the kubelet enforces.")


class Toleration(Spec):
    """A taint that the model server's pods tolerate, as in a pod."""

    key: str | None = Field(
        default=None, max_length=317, description="Taint key; empty means all keys, with operator Exists."
    )
    operator: Literal["Exists", "Equal"] | None = Field(default=None, description="How the key relates to the value.")
    value: str | None = Field(default=None, max_length=63, description="Taint value, with operator Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect; empty means all."
    )
    toleration_seconds: int | None = Field(
        default=None, ge=0, description="How long a NoExecute taint is tolerated, in seconds."
    )


class Serving(Spec):
    """How a version is served."""

    replicas: int = Field(default=1, ge=1, le=50, description="Model server pods of a version.")
    resources: Resources = Field(
        default_factory=Resources, description="Compute resources of one replica. Default: the operator's setting."
    )
    image: str | None = Field(
        default=None, min_length=1, max_length=512, description="Triton image. Default: the operator's setting."
    )
    onnxruntime: OnnxRuntimeVersion = Field(
        default="1.21",
        description=(
            "Oldest version of ONNX Runtime that must load the model. From 1.21 on the smallest form is written; for "
            "older ones (Triton 24.10 has 1.19) a form that is about four times as large."
        ),
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, max_length=20, description="Labels of the nodes that may run the model server."
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(), max_length=20, description="Taints that the model server tolerates."
    )


STEP_RULE = "give exactly one of weight, pause and approval"
WEIGHTS_RULE = "weights must grow from step to step"
APPROVALS_RULE = "give one approval at most: an approval is for an artifact, and holds for all of its steps"


class Approval(Spec):
    """A person has to approve the candidate, by the annotation `andon.dev/approve` with its digest."""


class Step(Spec):
    """One step of a canary."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "[has(self.weight), has(self.pause), has(self.approval)].filter(given, given).size() == 1",
                    STEP_RULE,
                )
            ]
        }
    )

    weight: int | None = Field(default=None, ge=1, le=99, description="Per cent of the requests for the candidate.")
    pause: Duration | None = Field(default=None, description="How long to wait, such as 10m.")
    approval: Approval | None = Field(default=None, description="Wait until a person approves the candidate.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(one is not None for one in (self.weight, self.pause, self.approval)) != 1:
            raise ValueError(STEP_RULE)
        return self


class Window(Spec):
    """A time in which versions may gain traffic, or must not."""

    kind: Literal["Allow", "Deny"] = Field(
        description="Whether versions may gain traffic in it. Deny goes before Allow."
    )
    cron: str = Field(
        min_length=9,
        max_length=128,
        pattern=CRON_PATTERN,
        description="When it opens: minute, hour, day of the month, month, day of the week, such as 0 14 * * 6.",
    )
    duration: Duration = Field(description="How long it is open, such as 4h.")
    time_zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        pattern="^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$",
        description="IANA time zone of the cron expression, such as Europe/Berlin.",
    )


class Rollout(Spec):
    """How a new version reaches the line."""

    steps: tuple[Step, ...] = Field(
        default=(),
        max_length=20,
        description=(
            "Steps of the canary, in their order, before a new version gets all traffic; none: it gets all at once."
            " Weights must grow; one approval at most. The first version of all and one that held all traffic before"
            " go without."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.filter(s, has(s.weight)).map(s, s.weight).isSorted() && self.filter(s, has(s.weight))"
                    ".all(s, self.exists_one(other, has(other.weight) && other.weight == s.weight))",
                    WEIGHTS_RULE,
                ),
                cel("self.filter(s, has(s.approval)).size() <= 1", APPROVALS_RULE),
            ]
        },
    )
    windows: tuple[Window, ...] = Field(
        default=(),
        max_length=20,
        description=(
            "When a new version may gain traffic: in an Allow window, where there is one, and in no Deny window."
            " They never hold a version that loses traffic, nor the first version of all."
        ),
    )
    progress_deadline: Duration = Field(
        default="10m",
        description="A version that is not ready by then is given up, and what serves goes on. Such as 10m.",
    )

    @model_validator(mode="after")
    def _steps_fit(self) -> Self:
        weights = [step.weight for step in self.steps if step.weight is not None]
        if weights != sorted(set(weights)):
            raise ValueError(WEIGHTS_RULE)
        if sum(step.approval is not None for step in self.steps) > 1:
            raise ValueError(APPROVALS_RULE)
        return self


class FaultModelSpec(Spec):
    """What the model is made of, what it must achieve and how it is served."""

    # The builder's rules that span its parts of the spec.
    model_config = ConfigDict(json_schema_extra=BuildSpec.model_config.get("json_schema_extra"))

    source: Source = Field(description="Where the model comes from.")
    compression: Compression = Field(default_factory=Compression, description="How small the model is made.")
    validation: Validation = Field(default_factory=Validation, description="How a model is judged before it may serve.")
    serving: Serving = Field(default_factory=Serving, description="How a version is served.")
    rollout: Rollout = Field(default_factory=Rollout, description="How a new version reaches the line.")
    suspend: bool = Field(
        default=False,
        description=(
            "Start no build and no rollout, and let no version gain traffic: a canary stays at its step. What serves"
            " goes on serving, and a build that runs is finished."
        ),
    )


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
        description="Why it goes no further for now: Paused, AwaitingApproval, WaitingForWindow, Suspended.",
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
    artifact: ArtifactSummary | None = Field(default=None, description="Size and scores of the stable version.")
    endpoints: Endpoints | None = Field(default=None, description="Where clients find the model, inside the cluster.")
    failed_digests: tuple[Annotated[str, Field(max_length=71)], ...] = Field(
        default=(),
        max_length=20,
        description="Artifacts that failed in their rollout; not tried again until the spec or the data changes.",
    )

    def condition(self, kind: str) -> Condition | None:
        """Give the condition of a type, or None."""
        return next((condition for condition in self.conditions if condition.type == kind), None)


class FaultModel(Spec):
    """A fault-prediction model, from the machine's data to the predictions that the line gets."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"self.metadata.name.size() <= {NAME_MAX_LENGTH}",
                    f"metadata.name must have at most {NAME_MAX_LENGTH} characters: the names of its children must fit",
                ),
                cel(
                    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                    "metadata.name must begin with a letter and have only lower-case letters, digits and hyphens",
                ),
                cel(
                    "!self.metadata.name.matches('-(router|v[0-9]+|build-[0-9a-f]{8})$')",
                    "metadata.name must not end as the names of children do: -router, -v1, -build-0a1b2c3d",
                ),
            ]
        }
    )

    spec: FaultModelSpec = Field(description="What the model is made of, and how it is served.")
    status: FaultModelStatus = Field(
        default_factory=FaultModelStatus,
        description="What is so, as far as the operator knows.",
        json_schema_extra={"default": {"observedGeneration": -1}},
    )


class ArtifactReference(Spec):
    """Where an artifact lies in the store."""

    uri: str = Field(max_length=1024, description="Its folder in the store.")
    bytes: int = Field(ge=0, description="Size of the ONNX file in bytes.")
    plain_bytes: int | None = Field(
        default=None, ge=0, description="Size of the same model as skl2onnx writes it, in bytes."
    )


class BuiltFrom(Spec):
    """What a version was built from."""

    plan: str = Field(max_length=71, description="Digest of the build plan.")
    inputs_digest: str = Field(
        max_length=71, description="Digest over data, spec and builder format; the same inputs give the same bytes."
    )
    data_sha256: str = Field(max_length=64, description="sha256 of the data file.")
    generation: int = Field(ge=0, description="Generation of the FaultModel.")


class FaultModelVersionSpec(Spec):
    """One artifact of a FaultModel, by its digest."""

    fault_model_name: str = Field(max_length=NAME_MAX_LENGTH, description="The FaultModel that it belongs to.")
    version: int = Field(ge=1, description="Its number; Triton's version folder.")
    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$", description="sha256 of the artifact's manifest.json.")
    artifact: ArtifactReference = Field(description="Where it lies.")
    built_from: BuiltFrom = Field(description="What it was built from.")
    signature: Signature = Field(description="Columns, classes and threshold.")
    runtime: Runtime = Field(description="What it was written for.")
    metrics: Metrics = Field(description="Scores on data that it was not trained on.")


class FaultModelVersion(Spec):
    """An immutable version of a FaultModel, made by the operator."""

    spec: FaultModelVersionSpec = Field(
        description="One artifact of a FaultModel, by its digest.",
        json_schema_extra={"x-kubernetes-validations": [cel("self == oldSelf", "a FaultModelVersion is immutable")]},
    )


Manifest = dict[str, Any]
"""A Kubernetes object as plain JSON."""
