"""Who may send labels, asked of a real API server: audiences, accounts, and tokens that are none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_monitor.authentication import Senders
from model_monitor.errors import MonitorError, Reason
from model_monitor.settings import MonitorSettings
from tests.support.kubectl import Kubectl, api_server

NAMESPACE = "label-tokens"
OTHER = "label-tokens-other"


def account(namespace: str, name: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}


@pytest.fixture(scope="module")
def plant() -> Iterator[Kubectl]:
    kubectl = Kubectl(NAMESPACE)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": NAMESPACE},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "monitor", "namespace": NAMESPACE}],
    }
    for name in (NAMESPACE, OTHER):
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        Kubectl(name).apply(namespace, account(name, "line"))
    kubectl.apply(account(NAMESPACE, "monitor"), binding)
    yield kubectl
    kubectl.run("delete", "clusterrolebinding", NAMESPACE, "--wait=false")
    kubectl.run("delete", "namespace", NAMESPACE, OTHER, "--wait=false")


def token(namespace: str, name: str, *words: str) -> str:
    return Kubectl(namespace).run("create", "token", name, *words).strip()


@pytest.fixture(scope="module")
def cluster(plant: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Give the API server's address and the file of its authority."""
    return api_server(plant, tmp_path_factory.mktemp("cluster"))


def senders(cluster: tuple[str, Path], folder: Path, asking: str = "monitor", **more: object) -> Senders:
    own = folder / "token"
    own.write_text(token(NAMESPACE, asking))
    given = {"namespace": NAMESPACE, "api_server": cluster[0], "api_ca_file": cluster[1], "api_token_file": own}
    return Senders(MonitorSettings.model_validate({**given, **more}))


async def test_an_account_of_the_namespace_may_send(cluster: tuple[str, Path], tmp_path: Path) -> None:
    good = token(NAMESPACE, "line", "--audience=andon-labels")
    found = await senders(cluster, tmp_path).by_token(f"Bearer {good}")
    assert found.name == f"system:serviceaccount:{NAMESPACE}:line"


@pytest.mark.parametrize(
    ("words", "namespace", "reason"),
    [
        ((), NAMESPACE, Reason.UNAUTHENTICATED),
        (("--audience=another",), NAMESPACE, Reason.UNAUTHENTICATED),
        (("--audience=andon-labels",), OTHER, Reason.FORBIDDEN),
    ],
)
async def test_others_may_not(
    cluster: tuple[str, Path], tmp_path: Path, words: tuple[str, ...], namespace: str, reason: Reason
) -> None:
    with pytest.raises(MonitorError) as caught:
        await senders(cluster, tmp_path).by_token(f"Bearer {token(namespace, 'line', *words)}")
    assert caught.value.reason is reason


async def test_a_listed_group_may_send(cluster: tuple[str, Path], tmp_path: Path) -> None:
    good = token(OTHER, "line", "--audience=andon-labels")
    known = senders(cluster, tmp_path, label_senders=(f"system:serviceaccounts:{OTHER}",))
    assert (await known.by_token(f"Bearer {good}")).name == f"system:serviceaccount:{OTHER}:line"


async def test_a_token_that_is_none_is_refused(cluster: tuple[str, Path], tmp_path: Path) -> None:
    good = token(NAMESPACE, "line", "--audience=andon-labels")
    for bad in ("nonsense", good[:-4] + "AAAA"):
        with pytest.raises(MonitorError) as caught:
            await senders(cluster, tmp_path).by_token(f"Bearer {bad}")
        assert caught.value.reason is Reason.UNAUTHENTICATED


async def test_a_monitor_that_may_not_ask_knows_accounts_by_the_clusters_keys(
    cluster: tuple[str, Path], tmp_path: Path
) -> None:
    known = senders(cluster, tmp_path, asking="line")
    good = token(NAMESPACE, "line", "--audience=andon-labels")
    assert (await known.by_token(f"Bearer {good}")).name == f"system:serviceaccount:{NAMESPACE}:line"
    for bad, reason in (
        (token(NAMESPACE, "line"), Reason.UNAUTHENTICATED),
        (token(NAMESPACE, "line", "--audience=another"), Reason.UNAUTHENTICATED),
        (token(NAMESPACE, "line", "--audience=andon-labels", "--duration=48h"), Reason.UNAUTHENTICATED),
        (good[:-4] + "AAAA", Reason.UNAUTHENTICATED),
        ("nonsense", Reason.UNAUTHENTICATED),
        (token(OTHER, "line", "--audience=andon-labels"), Reason.FORBIDDEN),
    ):
        with pytest.raises(MonitorError) as caught:
            await known.by_token(f"Bearer {bad}")
        assert caught.value.reason is reason


async def test_a_monitor_that_may_nothing_says_so(cluster: tuple[str, Path], tmp_path: Path) -> None:
    good = token(NAMESPACE, "line", "--audience=andon-labels")
    known = senders(cluster, tmp_path)
    (tmp_path / "token").write_text("nonsense")  # the monitor's own
    with pytest.raises(MonitorError, match="cannot be asked") as caught:
        await known.by_token(f"Bearer {good}")
    assert caught.value.reason is Reason.AUTHENTICATION_UNAVAILABLE
    assert "401" in caught.value.found
