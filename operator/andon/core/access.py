"""The rights without which the operator cannot do its work. Pure.

Those on kinds that a cluster may lack are no part of it: the condition MonitoringReady tells of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CHILD = "get list watch create patch delete"
_ROUTE = "get list create patch delete"
_GATEWAYS = "gateway.networking.k8s.io"

_EVERYWHERE = (
    ("andon.dev", "faultmodels", "get list watch"),
    ("andon.dev", "faultmodels/status", "update"),
    ("andon.dev", "faultmodels/finalizers", "update"),
    ("andon.dev", "faultmodelversions", "list watch create"),
    ("batch", "jobs", "list watch create delete"),
    ("apps", "deployments", _CHILD),
    ("", "services", _CHILD),
    ("", "configmaps", _CHILD),
    ("policy", "poddisruptionbudgets", "get list create patch delete"),
    ("", "pods", "list watch patch"),
    ("", "persistentvolumeclaims", "get create"),
    ("", "serviceaccounts", "get create patch delete"),
    ("networking.k8s.io", "networkpolicies", "get create patch delete"),
    ("", "namespaces", "get"),
    ("", "events", "create"),
)
"""API group, resource and verbs, in each namespace where the operator works."""

_ROUTES = ((_GATEWAYS, "httproutes", _ROUTE), (_GATEWAYS, "grpcroutes", _ROUTE), (_GATEWAYS, "gateways", "get"))
"""The same where routes may hang under Gateways."""


@dataclass(frozen=True, order=True)
class Right:
    """One verb on one resource.

    Attributes
    ----------
    group
        API group; empty for the core.
    resource
        In the plural; a subresource stands behind a slash.
    namespace
        Empty: in all of them, or for what belongs to none.
    name
        Empty: whatever it is called.
    """

    group: str
    resource: str
    verb: str
    namespace: str = ""
    name: str = ""

    @property
    def scope(self) -> str:
        """Say where it holds."""
        return self.namespace or "whole cluster"


def needed(namespaces: Sequence[str], *, gateway_api: bool, lease: tuple[str, str]) -> tuple[Right, ...]:
    """List the rights that the operator needs.

    Parameters
    ----------
    namespaces
        Where it works; empty: everywhere.
    lease
        Namespace and name of the leader's Lease.
    """
    rules = (*_EVERYWHERE, *(_ROUTES if gateway_api else ()))
    found = [right for place in (namespaces or ("",)) for rule in rules for right in _rights(rule, place)]
    # Kopf follows these, so that a kind or a namespace is watched from when it is there.
    found += _rights(("apiextensions.k8s.io", "customresourcedefinitions", "list watch"), "")
    if namespaces:
        found += _rights(("", "namespaces", "list watch"), "")
    if gateway_api:
        found += _rights((_GATEWAYS, "gatewayclasses", "get"), "")
    place, name = lease
    found += [Right("coordination.k8s.io", "leases", verb, place, name) for verb in ("get", "update")]
    return (*found, Right("coordination.k8s.io", "leases", "create", place))


def _rights(rule: tuple[str, str, str], place: str) -> Iterator[Right]:
    group, resource, verbs = rule
    # A Role gives the right to a namespace for that one alone.
    name = place if (group, resource) == ("", "namespaces") else ""
    return (Right(group, resource, verb, place, name) for verb in verbs.split())
