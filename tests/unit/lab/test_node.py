"""Cgroups, volumes, mounts, commands and the choice of cluster, as far as they go without root."""

import os
from pathlib import Path

import pytest

from lab import addons, cgroups, cluster, configs, enter, kind, network, teardown, volumes, waiting
from lab.errors import LabError
from lab.existing import Existing, registry_reference
from lab.locks import exclusive
from lab.paths import Paths
from lab.supervisor import link_binaries


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(cache=tmp_path / "cache", state=tmp_path / "state")


def test_version_1_has_a_cgroup_in_each_hierarchy(tmp_path: Path) -> None:
    for name in ("cpuset", "memory", "unified"):
        (tmp_path / name).mkdir()
    (tmp_path / "cpu,cpuacct").symlink_to("memory")
    cgroups.create(tmp_path)
    assert cgroups.ours(tmp_path) == [tmp_path / name / configs.CGROUP for name in ("cpuset", "memory", "unified")]
    (tmp_path / "memory" / configs.CGROUP / "kubepods" / "pod1").mkdir(parents=True)
    assert cgroups.delete(tmp_path) == 0
    assert cgroups.ours(tmp_path) == []


def test_version_2_has_one_that_hands_its_controllers_down(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io memory misc")
    (tmp_path / "system.slice").mkdir()
    ours = tmp_path / configs.CGROUP
    ours.mkdir()
    (ours / "cgroup.controllers").write_text("cpu memory")
    cgroups.create(tmp_path)
    assert cgroups.ours(tmp_path) == [ours]
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+io"  # the last of those it was given
    assert (ours / "cgroup.subtree_control").read_text() == "+memory"


def test_a_volume_lies_below_the_state_folder_on_the_only_node(paths: Paths) -> None:
    volume = volumes.volume(paths, "lab-07")
    assert volume["spec"]["local"] == {"path": f"{paths.volumes}/lab-07"}
    terms = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == [network.NODE_NAME]
    assert len(set(volumes.names())) == volumes.COUNT
    assert volumes.storage_class()["volumeBindingMode"] == "WaitForFirstConsumer"


def test_dns_rolls_when_its_configuration_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def pod() -> object:
        (deployment,) = (item for item in addons.dns("image:1") if item["kind"] == "Deployment")
        return deployment["spec"]["template"]["metadata"]

    before = pod()
    assert pod() == before
    monkeypatch.setattr("lab.addons.COREFILE", "another")
    assert pod() != before


def test_mounts_are_found_at_and_below_a_folder_only() -> None:
    assert Path("/proc") in teardown.mounts_below(Path("/proc"))
    assert Path("/proc") in teardown.mounts_below(Path("/"))
    assert teardown.mounts_below(Path("/pro")) == []


def test_commands_enter_the_namespace_unless_the_cluster_is_not_ours(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.network.exists", lambda: True)
    assert enter.command(paths, ["true"]) == ["nsenter", f"--net=/run/netns/{network.NAMESPACE}", "--", "true"]
    paths.config.mkdir(parents=True)
    (paths.config / "resolv.conf").write_text("")
    inside = enter.command(paths, ["echo", "a b"])
    assert inside[3:5] == ["unshare", "--mount"]
    assert inside[-2:] == ["echo", "a b"]
    paths.kubeconfig.symlink_to("/elsewhere/kubeconfig")
    assert enter.command(paths, ["true"]) == ["true"]


def test_commands_find_the_cluster_and_its_tools(paths: Paths) -> None:
    environment = enter.environment(paths)
    assert environment["KUBECONFIG"] == str(paths.kubeconfig)
    assert environment["PATH"].split(os.pathsep)[0] == str(paths.bin)


def test_links_follow_a_new_build(paths: Paths, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "kubectl").write_text(name)
        link_binaries(paths, [tmp_path / name])
        assert (paths.bin / "kubectl").read_text() == name


@pytest.mark.parametrize(("name", "kind_of"), [("", cluster.Lab), ("lab", cluster.Lab), ("kind", kind.Kind)])
def test_the_cluster_is_chosen_by_a_variable(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, name: str, kind_of: type
) -> None:
    monkeypatch.setenv("CLUSTER", name)
    assert isinstance(cluster.selected(paths), kind_of)


def test_an_unknown_cluster_is_refused(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTER", "minikube")
    with pytest.raises(LabError, match="minikube") as caught:
        cluster.selected(paths)
    assert caught.value.allowed == "lab, kind, existing"


def test_kind_is_created_with_a_kubeconfig_of_its_own(paths: Paths) -> None:
    command = kind.create_command("/bin/kind", paths)
    assert command[:3] == ["/bin/kind", "create", "cluster"]
    assert f"--kubeconfig={paths.kubeconfig}" in command


def test_an_existing_cluster_needs_its_kubeconfig(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere/kubeconfig")
    with pytest.raises(LabError, match="/nowhere/kubeconfig") as caught:
        Existing(paths).up(gateway=False)
    assert caught.value.reason == "KubeconfigMissing"


def test_images_of_an_existing_cluster_are_in_its_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_IMAGE_PREFIX", "registry.example/plant/")
    assert registry_reference("localhost/andon/triton:0123") == "registry.example/plant/triton:0123"
    monkeypatch.delenv("ANDON_IMAGE_PREFIX")
    with pytest.raises(LabError) as caught:
        registry_reference("localhost/andon/triton:0123")
    assert caught.value.reason == "ImagePrefixMissing"


def test_waiting_ends_with_the_explanation() -> None:
    with pytest.raises(LabError, match="the end of the log") as caught:
        waiting.until(lambda: False, "never", seconds=0, explain=lambda: "the end of the log")
    assert caught.value.reason == "TimedOut"


def test_a_lock_is_free_again_after_a_failure(paths: Paths) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(paths, "name"):
        raise ZeroDivisionError
    with exclusive(paths, "name"):
        assert (paths.locks / "name").exists()
