"""FaultModel and FaultModelVersion, version v1alpha1: the kinds; each part of a spec has a module of its own.

The CRDs in `crds/` are generated from these classes; what the builder takes (`source`, `compression`, `validation`) is
the builder's own contract.
"""

from typing import Any, Self, cast

from pydantic import ConfigDict, Field, model_validator

from andon.api.analysis import MONITOR_RULE, ROUTER_RULE
from andon.api.analysis import SPEC_RULES as ANALYSIS_RULES
from andon.api.meta import NAME_MAX_LENGTH
from andon.api.monitoring import Monitoring
from andon.api.retrain import RETRAIN_RULE, Retrain
from andon.api.retrain import SPEC_RULES as RETRAIN_RULES
from andon.api.rollout import Rollout
from andon.api.serving import Serving
from andon.api.status import FaultModelStatus
from andon.api.traffic import DIRECT_MONITORING_RULE, DIRECT_STEPS_RULE
from andon.api.traffic import SPEC_RULES as TRAFFIC_RULES
from andon.api.versions import FaultModelVersionSpec
from model_builder.spec import BuildSpec, Compression, Compute, Exports, Source, Spec, Validation, cel

Manifest = dict[str, Any]
"""A Kubernetes object as plain JSON."""


_BUILD_RULES = cast("dict[str, Any]", BuildSpec.model_config.get("json_schema_extra"))["x-kubernetes-validations"]


class FaultModelSpec(Spec):
    """What the model is made of, what it must achieve and how it is served."""

    model_config = ConfigDict(
        # The builder's rules that span its parts of the spec, and ours.
        json_schema_extra={"x-kubernetes-validations": [*_BUILD_RULES, *TRAFFIC_RULES, *ANALYSIS_RULES, *RETRAIN_RULES]}
    )

    source: Source = Field(description="Where the model comes from.")
    compression: Compression = Field(default_factory=Compression, description="How small the model is made.")
    validation: Validation = Field(default_factory=Validation, description="How a model is judged before it may serve.")
    exports: Exports = ("onnx",)
    compute: Compute = Field(default_factory=Compute, description="Where selection and search compute.")
    # The default is in the schema too: the scale subresource reads replicas, and takes an absent number for zero.
    serving: Serving = Field(
        default_factory=Serving, description="How a version is served.", json_schema_extra={"default": {}}
    )
    rollout: Rollout = Field(default_factory=Rollout, description="How a new version reaches the line.")
    retrain: Retrain | None = Field(default=None, description="When the model is built anew. None: on demand alone.")
    monitoring: Monitoring = Field(default_factory=Monitoring, description="What is watched of a model that serves.")
    suspend: bool = Field(
        default=False,
        description=(
            "Start no build and no rollout, and let no version gain traffic: a canary stays at its step. What serves"
            " goes on serving, and a build that runs is finished."
        ),
    )

    @model_validator(mode="after")
    def _fits_the_provider(self) -> Self:
        if self.rollout.traffic.provider == "Direct":
            if any(step.pause is None and step.approval is None for step in self.rollout.steps):
                raise ValueError(DIRECT_STEPS_RULE)
            if self.monitoring.enabled:
                raise ValueError(DIRECT_MONITORING_RULE)
        return self

    @model_validator(mode="after")
    def _has_new_data(self) -> Self:
        reacts = "Retrain" in (self.monitoring.on_drift, self.monitoring.on_accuracy_loss)
        fresh = self.source.training is not None and self.source.training.data.sha256 is None
        if (self.retrain is not None or reacts) and not fresh:
            raise ValueError(RETRAIN_RULE)
        return self

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        limits = self.rollout.analysis.limits if self.rollout.analysis is not None else None
        if limits is not None and limits.needs_monitor and not self.monitoring.enabled:
            raise ValueError(MONITOR_RULE)
        if limits is not None and limits.needs_router and self.rollout.traffic.provider != "Envoy":
            raise ValueError(ROUTER_RULE)
        return self


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


class FaultModelVersion(Spec):
    """An immutable version of a FaultModel, made by the operator."""

    spec: FaultModelVersionSpec = Field(
        description="One artifact of a FaultModel, by its digest.",
        json_schema_extra={"x-kubernetes-validations": [cel("self == oldSelf", "a FaultModelVersion is immutable")]},
    )
