"""The rights: exactly what the operator's code asks of the API server, and what docs/rbac.md says."""

import re
from collections import defaultdict
from dataclasses import replace

import pytest

from andon import reconcile
from andon.adapters import kubernetes
from andon.core import access
from andon.desired import gateway
from andon.desired.monitoring import OPTIONAL_KINDS
from andon.watch.resync import WATCHED_KINDS
from lab.paths import REPOSITORY
from tests.unit.chart.rendering import NAMESPACE, Manifest, environment, of_kind, render, the

Rights = dict[tuple[str, str], set[str]]
"""(API group, resource) → verbs."""

WATCHED = {"watchNamespaces": ["press-shop", "paint"]}

FOR_KOPF: Rights = {("apiextensions.k8s.io", "customresourcedefinitions"): {"list", "watch"}}
FOR_KOPF_IN_NAMESPACES: Rights = {**FOR_KOPF, ("", "namespaces"): {"list", "watch"}}

LOOKS = {"get", "list", "watch"}


def needed() -> Rights:
    """What the code does with each kind. Server-side apply needs create and patch."""
    rights: Rights = defaultdict(set)

    def allow(verb: str, *kinds: str) -> None:
        for kind in kinds:
            _, group, _, plural = kubernetes._KINDS[kind]  # the addresses that the adapter calls
            rights[group, plural].add(verb)

    allow("watch", *WATCHED_KINDS)
    allow("list", *WATCHED_KINDS, *reconcile._LISTED)
    allow("delete", *reconcile._PRUNED)
    applied = ("Deployment", "Service", "ConfigMap", "PodDisruptionBudget")
    # Before a child is made the operator looks whether somebody else has one of its name.
    allow("get", "FaultModel", "PersistentVolumeClaim", "Namespace", "ServiceAccount", "NetworkPolicy", *applied)
    allow("create", *applied, "Job", "FaultModelVersion", "PersistentVolumeClaim", "Event")
    allow("patch", *applied, "Pod")
    for verb in ("get", "list", "create", "patch", "delete"):
        allow(verb, *OPTIONAL_KINDS)
    for verb in ("create", "patch", "delete"):
        allow(verb, "ServiceAccount", "NetworkPolicy")
    rights["andon.dev", "faultmodels/status"].add("update")
    # Owner references that block deletion ask for it where OwnerReferencesPermissionEnforcement is on.
    rights["andon.dev", "faultmodels/finalizers"].add("update")
    return dict(rights)


def needed_of_gateways() -> Rights:
    """What the code does with the Gateway API, where the chart lets it."""
    group = "gateway.networking.k8s.io"
    routes = {"get", "list", "create", "patch", "delete"}
    names = {kubernetes._KINDS[kind][3] for kind in gateway.KINDS}
    return {**{(group, name): set(routes) for name in names}, (group, "gateways"): {"get"}}


GATEWAY_CLASSES: Rights = {("gateway.networking.k8s.io", "gatewayclasses"): {"get"}}


def rights_of(role: Manifest) -> Rights:
    rights: Rights = defaultdict(set)
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                rights[group, resource] |= set(rule["verbs"])
    return dict(rights)


def role(manifests: list[Manifest], kind: str, name: str, namespace: str | None = None) -> Manifest:
    (found,) = [
        one
        for one in of_kind(manifests, kind)
        if one["metadata"]["name"] == name and one["metadata"].get("namespace") == namespace
    ]
    return found


def test_whole_cluster_gives_what_the_code_needs_and_no_more() -> None:
    assert rights_of(role(render(), "ClusterRole", "andon-operator")) == {**needed(), **FOR_KOPF}


def test_namespaces_give_cluster_wide_only_what_kopf_needs() -> None:
    manifests = render(WATCHED)
    names = {one["metadata"]["name"] for one in of_kind(manifests, "ClusterRole")}
    own = "andon-operator-andon-system"
    assert names == {own, f"{own}-monitor", "andon-view", "andon-edit"}
    assert rights_of(role(manifests, "ClusterRole", "andon-operator-andon-system")) == FOR_KOPF_IN_NAMESPACES
    for namespace in WATCHED["watchNamespaces"]:
        assert rights_of(role(manifests, "Role", "andon-operator", namespace)) == needed()
    places = {one["metadata"]["namespace"] for one in of_kind(manifests, "Role")}
    assert places == {*WATCHED["watchNamespaces"], NAMESPACE}


def test_the_gateway_api_takes_rights_of_its_own_and_only_where_it_is_used() -> None:
    values = {"gatewayAPI": {"enabled": True}}
    whole = rights_of(role(render(values), "ClusterRole", "andon-operator"))
    assert whole == {**needed(), **FOR_KOPF, **needed_of_gateways(), **GATEWAY_CLASSES}
    manifests = render({**values, **WATCHED})
    cluster_wide = rights_of(role(manifests, "ClusterRole", "andon-operator-andon-system"))
    assert cluster_wide == {**FOR_KOPF_IN_NAMESPACES, **GATEWAY_CLASSES}
    assert rights_of(role(manifests, "Role", "andon-operator", "press-shop")) == {**needed(), **needed_of_gateways()}


@pytest.mark.parametrize("gateway_api", [False, True], ids=["", "gateways"])
@pytest.mark.parametrize("values", [{}, WATCHED], ids=["cluster", "namespaces"])
def test_the_operator_asks_for_the_rights_that_the_chart_gives(values: Manifest, gateway_api: bool) -> None:
    manifests = render({**values, "gatewayAPI": {"enabled": gateway_api}})
    told = environment(manifests)
    given = {
        (group, resource, verb, one["metadata"].get("namespace", ""), name)
        for one in of_kind(manifests, "ClusterRole") + of_kind(manifests, "Role")
        if one["metadata"]["name"].startswith("andon-operator") and not one["metadata"]["name"].endswith("-monitor")
        for rule in one["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
        if group not in {kubernetes._KINDS[kind][1] for kind in OPTIONAL_KINDS}
    }
    lease = told["ANDON_LEASE_NAMESPACE"], told["ANDON_LEASE_NAME"]
    asked = access.needed(tuple(values.get("watchNamespaces", ())), gateway_api=gateway_api, lease=lease)
    assert len(set(asked)) == len(asked)
    # A Role gives the right to a namespace for that one alone, so the review names it.
    unnamed = [replace(one, name="") if one.resource == "namespaces" else one for one in asked]
    assert {(one.group, one.resource, one.verb, one.namespace, one.name) for one in unnamed} == given


def test_lease_is_the_one_that_the_operator_is_told_of() -> None:
    manifests = render()
    told = environment(manifests)
    rules = role(manifests, "Role", "andon-operator-lease", told["ANDON_LEASE_NAMESPACE"])["rules"]
    assert rules == [
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [told["ANDON_LEASE_NAME"]],
            "verbs": ["get", "update"],
        },
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    ]


@pytest.mark.parametrize("values", [{}, WATCHED], ids=["cluster", "namespaces"])
def test_no_wildcard_no_secret_no_way_to_more_rights(values: Manifest) -> None:
    manifests = render(values)
    roles = of_kind(manifests, "ClusterRole") + of_kind(manifests, "Role")
    assert roles
    for one in roles:
        for rule in one["rules"]:
            words = [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
            assert not any("*" in word for word in words), one["metadata"]
            assert "secrets" not in rule["resources"], one["metadata"]
            assert not {"serviceaccounts/token", "pods/exec"} & set(rule["resources"]), one["metadata"]
            assert "rbac.authorization.k8s.io" not in rule["apiGroups"], one["metadata"]
            assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"]), one["metadata"]


@pytest.mark.parametrize("values", [{}, WATCHED], ids=["cluster", "namespaces"])
def test_every_role_is_bound_to_the_operator(values: Manifest) -> None:
    manifests = render(values)
    account = the(manifests, "ServiceAccount")["metadata"]
    subjects = [{"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}]
    bindings = of_kind(manifests, "ClusterRoleBinding") + of_kind(manifests, "RoleBinding")
    bindings = [one for one in bindings if not one["metadata"]["name"].endswith("-monitor")]
    assert all(binding["subjects"] == subjects for binding in bindings)
    bound = {
        (binding["roleRef"]["kind"], binding["roleRef"]["name"], binding["metadata"].get("namespace"))
        for binding in bindings
    }
    given = {
        (one["kind"], one["metadata"]["name"], one["metadata"].get("namespace"))
        for one in of_kind(manifests, "ClusterRole") + of_kind(manifests, "Role")
        if "rbac.authorization.k8s.io/aggregate-to-view" not in one["metadata"]["labels"]
        and "rbac.authorization.k8s.io/aggregate-to-edit" not in one["metadata"]["labels"]
        and not one["metadata"]["name"].endswith("-monitor")
    }
    assert bound == given


@pytest.mark.parametrize(
    ("values", "namespaces"),
    [
        ({}, []),
        (WATCHED, ["press-shop", "paint"]),
        ({"monitor": {"labelNamespaces": ["paint"]}}, ["paint"]),
        ({**WATCHED, "monitor": {"labelNamespaces": ["paint"]}}, ["paint"]),
    ],
)
def test_monitors_may_review_tokens_where_labels_are_taken_and_nothing_else(
    values: Manifest, namespaces: list[str]
) -> None:
    manifests = render(values)
    bindings = [one for one in of_kind(manifests, "ClusterRoleBinding") if one["metadata"]["name"].endswith("-monitor")]
    subjects = [subject for binding in bindings for subject in binding["subjects"]]
    assert [subject["namespace"] for subject in subjects] == namespaces
    assert {subject["name"] for subject in subjects} <= {"andon-monitor"}
    for binding in bindings:
        given = rights_of(role(manifests, "ClusterRole", binding["roleRef"]["name"]))
        assert given == {("authentication.k8s.io", "tokenreviews"): {"create"}}


def test_people_get_no_right_to_write_versions_or_status() -> None:
    edit = rights_of(role(render(), "ClusterRole", "andon-edit"))
    view = rights_of(role(render(), "ClusterRole", "andon-view"))
    assert edit == {("andon.dev", "faultmodels"): {"create", "update", "patch", "delete"}}
    looks = {"get", "list", "watch"}
    assert view == {("andon.dev", "faultmodels"): looks, ("andon.dev", "faultmodelversions"): looks}


def test_without_rbac_only_the_service_account_is_left() -> None:
    manifests = render({"rbac": {"create": False, "aggregateToUserRoles": False}})
    kinds = {manifest["kind"] for manifest in manifests}
    assert not {"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} & kinds
    assert "ServiceAccount" in kinds


@pytest.mark.parametrize(
    ("heading", "rights"),
    [
        ("Whole cluster", {**needed(), **FOR_KOPF}),
        ("In a namespace of the list", {**needed(), **FOR_KOPF_IN_NAMESPACES, ("", "namespaces"): LOOKS}),
        ("In any other namespace", FOR_KOPF_IN_NAMESPACES),
    ],
)
def test_documented_listing_is_what_the_chart_gives(heading: str, rights: Rights) -> None:
    text = (REPOSITORY / "docs" / "rbac.md").read_text()
    listing = re.search(rf"### {heading}\n.*?```text\n(.*?)```", text, re.DOTALL)
    assert listing is not None, heading
    documented = {}
    for line in listing[1].splitlines()[1:]:
        name, verbs = line.split()[0], line[line.rindex("[") + 1 : line.rindex("]")].split()
        if name.startswith(("selfsubject", "[/")):
            continue  # what every service account may do
        resource, _, group = name.partition(".")
        group, _, subresource = group.partition("/")
        documented[group, f"{resource}/{subresource}" if subresource else resource] = set(verbs)
    assert documented == rights
