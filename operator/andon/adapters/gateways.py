"""What a Gateway can do, asked of the cluster before a FaultModel relies on it."""

from andon.api.conditions import Reason
from andon.core.observed import Observed
from andon.desired.gateway import unsupported
from andon.errors import ForbiddenError, UnsupportedError
from andon.ports import Cluster


async def refuse_unsupported(cluster: Cluster, observed: Observed, *, enabled: bool) -> None:
    """Refuse what the Gateways of a FaultModel cannot do.

    Parameters
    ----------
    enabled
        Whether the operator was given the rights for the Gateway API.

    Raises
    ------
    andon.errors.UnsupportedError
        Where a Gateway is missing, or its class does not name a feature that is needed.
    """
    gateway = observed.spec.rollout.traffic.gateway
    if gateway is None:
        return
    if not enabled:
        raise UnsupportedError(
            Reason.GATEWAY_MISSING,
            "rollout.traffic.provider is GatewayAPI, and this installation does not use the Gateway API: install the"
            " chart with gatewayAPI.enabled=true, or take provider Envoy.",
        )
    for parent in gateway.parent_refs:
        namespace = parent.namespace or observed.identity.namespace
        await _refuse(cluster, observed, namespace, parent.name)


async def _refuse(cluster: Cluster, observed: Observed, namespace: str, name: str) -> None:
    needs = unsupported(observed.spec, frozenset())
    try:
        found = await cluster.get("Gateway", namespace, name)
        if found is None:
            raise UnsupportedError(
                Reason.GATEWAY_MISSING,
                f"There is no Gateway {name} in namespace {namespace}, or the cluster does not know the Gateway API."
                " Mend rollout.traffic.gateway.parentRefs, or install it.",
            )
        if not needs:
            return
        kind = found["spec"]["gatewayClassName"]
        gateway_class = await cluster.get("GatewayClass", "", kind) or {}
    except ForbiddenError:
        if not needs:
            return  # whether the routes are taken their status says; nothing else is needed of the Gateway
        raise
    names = frozenset(one["name"] for one in (gateway_class.get("status") or {}).get("supportedFeatures") or ())
    missing = unsupported(observed.spec, names)
    if missing:
        raise UnsupportedError(
            Reason.MIRROR_UNSUPPORTED,
            f"GatewayClass {kind} of Gateway {name} does not say that it can copy requests: {missing} is not among its"
            " supportedFeatures. Take shadow steps and monitoring.enabled out, or take provider Envoy.",
        )
