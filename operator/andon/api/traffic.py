"""`spec.rollout.traffic`: by what requests reach a version."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec import Spec, cel

DEFAULT_STICKY_BY = "x-asset-id"
"""Header by which a client names the asset that a request is about, unless the FaultModel says otherwise."""

GATEWAY_RULE = "give gateway with provider GatewayAPI, and with no other"
GRPC_RULE = "grpcHostnames needs hostnames, and none in common with them: a Gateway has a host name for one of the two"
STICKY_RULE = (
    "stickyBy needs provider Envoy: a Gateway and a Service draw each request anew. Leave it out, or take Envoy"
)

DIRECT_STEPS_RULE = (
    "provider Direct switches all requests at once: leave steps with weight or shadow out, or take provider Envoy"
)
DIRECT_MONITORING_RULE = (
    "provider Direct copies no requests, so monitoring would see none: set monitoring.enabled to false, or take Envoy"
)
_DIRECT = "has(self.rollout) && has(self.rollout.traffic) && self.rollout.traffic.provider == 'Direct'"
SPEC_RULES = [
    cel(
        f"!({_DIRECT}) || !has(self.rollout.steps) || self.rollout.steps.all(s, has(s.pause) || has(s.approval))",
        DIRECT_STEPS_RULE,
    ),
    cel(
        f"!({_DIRECT}) || !has(self.monitoring) || !has(self.monitoring.enabled) || !self.monitoring.enabled",
        DIRECT_MONITORING_RULE,
    ),
]
"""Rules over the whole spec: what a provider cannot do is refused, never ignored."""

Label = Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Subdomain = Annotated[
    str,
    Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"),
]


class ParentRef(Spec):
    """A Gateway, as in a route of the Gateway API. It has to let routes of the FaultModel's namespace in."""

    name: Subdomain = Field(description="Name of the Gateway.")
    namespace: Label | None = Field(default=None, description="Its namespace. Default: the FaultModel's own.")
    section_name: Subdomain | None = Field(default=None, description="One of its listeners. Default: all that fit.")
    port: int | None = Field(default=None, ge=1, le=65535, description="The listeners of this port. Default: all.")


class Gateway(Spec):
    """Where the routes of a FaultModel hang."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.grpcHostnames) || (has(self.hostnames)"
                    " && self.grpcHostnames.all(name, !(name in self.hostnames)))",
                    GRPC_RULE,
                )
            ]
        }
    )

    parent_refs: tuple[ParentRef, ...] = Field(
        min_length=1, max_length=4, description="The Gateways whose listeners take the requests."
    )
    hostnames: tuple[Subdomain, ...] = Field(
        default=(),
        max_length=8,
        description=(
            "Host names of this FaultModel alone, for HTTP. Without any, requests are told apart by the model's name in"
            " their path."
        ),
    )
    grpc_hostnames: tuple[Subdomain, ...] = Field(
        default=(),
        max_length=8,
        description=(
            "Host names for gRPC, other ones than hostnames: a Gateway refuses a GRPCRoute whose host name an HTTPRoute"
            " has. Without any there is no gRPC."
        ),
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if self.grpc_hostnames and (not self.hostnames or set(self.grpc_hostnames) & set(self.hostnames)):
            raise ValueError(GRPC_RULE)
        return self


class Traffic(Spec):
    """By what requests reach a version."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.gateway) == (self.provider == 'GatewayAPI')", GATEWAY_RULE),
                cel("!has(self.stickyBy) || self.provider == 'Envoy'", STICKY_RULE),
            ]
        }
    )

    provider: Literal["Envoy", "GatewayAPI", "Direct"] = Field(
        default="Envoy",
        description=(
            "Envoy: a router of the FaultModel's own, with exact shares, copies, stickiness and a way back to the"
            " stable version. GatewayAPI: routes under a Gateway that is there. Direct: a Service alone, switched"
            " all at once."
        ),
    )
    gateway: Gateway | None = Field(default=None, description="Where the routes hang, with provider GatewayAPI.")
    sticky_by: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description=(
            "Header by which a client names the asset that a request is about, in lower case: requests of one asset"
            f" stay with one version, and labels may go by it. Envoy only. Default there: {DEFAULT_STICKY_BY}."
        ),
    )

    @model_validator(mode="after")
    def _fits_the_provider(self) -> Self:
        if (self.gateway is not None) != (self.provider == "GatewayAPI"):
            raise ValueError(GATEWAY_RULE)
        if self.sticky_by is not None and self.provider != "Envoy":
            raise ValueError(STICKY_RULE)
        return self

    @property
    def asset_header(self) -> str | None:
        """The header that names an asset; None where requests are not told apart by it."""
        return (self.sticky_by or DEFAULT_STICKY_BY) if self.provider == "Envoy" else None
