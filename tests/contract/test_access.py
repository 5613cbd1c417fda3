"""The operator's rights, asked of a real API server by an account that lacks one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client

from andon.adapters.kubernetes import KubernetesCluster
from andon.core.access import Right, needed
from tests.support.kubectl import Kubectl, api_server

NAMESPACE = "access"
RIGHTS = needed((), gateway_api=True, lease=(NAMESPACE, "andon-operator"))
LACKED = Right("andon.dev", "faultmodels/status", "update")


def given(rights: list[Right]) -> list[dict[str, Any]]:
    """Give an account of the namespace these rights, in the whole cluster."""
    rules = [
        {
            "apiGroups": [right.group],
            "resources": [right.resource],
            "verbs": [right.verb],
            **({"resourceNames": [right.name]} if right.name else {}),
        }
        for right in rights
    ]
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": f"{NAMESPACE}-test"}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{NAMESPACE}-test"}
    subject = {"kind": "ServiceAccount", "name": "operator", "namespace": NAMESPACE}
    return [
        {"kind": "ClusterRole", **head, "rules": rules},
        {"kind": "ClusterRoleBinding", **head, "roleRef": role, "subjects": [subject]},
    ]


@pytest.fixture(scope="module")
def plant() -> Iterator[Kubectl]:
    kubectl = Kubectl(NAMESPACE)
    meta = {"name": "operator", "namespace": NAMESPACE}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    kubectl.apply(*given([right for right in RIGHTS if right != LACKED]))
    yield kubectl
    for kind in ("clusterrolebinding", "clusterrole"):
        kubectl.run("delete", kind, f"{NAMESPACE}-test", "--wait=false")
    kubectl.run("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
async def cluster(plant: Kubectl, tmp_path: Path) -> AsyncIterator[KubernetesCluster]:
    """Connect as that account."""
    server, authority = api_server(plant, tmp_path)
    configuration = client.Configuration(host=server)
    configuration.ssl_ca_cert = str(authority)
    configuration.api_key = {"authorization": f"Bearer {plant.run('create', 'token', 'operator').strip()}"}
    async with client.ApiClient(configuration=configuration) as api:
        yield KubernetesCluster(api)


async def test_the_one_that_is_missing_is_found_and_no_other(cluster: KubernetesCluster) -> None:
    missing = [right for right in RIGHTS if not await cluster.allowed(right)]
    assert missing == [LACKED]


async def test_a_right_in_a_namespace_is_another_one_than_in_all_of_them(cluster: KubernetesCluster) -> None:
    assert await cluster.allowed(Right("", "namespaces", "get", NAMESPACE, NAMESPACE))
    assert not await cluster.allowed(Right("", "secrets", "get", NAMESPACE))
    assert not await cluster.allowed(Right("coordination.k8s.io", "leases", "update", NAMESPACE, "another"))
