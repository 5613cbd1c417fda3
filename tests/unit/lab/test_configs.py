"""Configuration files say what the node needs, and name no place outside the lab's folders."""

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from lab import components, configs, network
from lab.paths import Paths


@pytest.fixture
def paths() -> Paths:
    return Paths(cache=Path("/somewhere/cache"), state=Path("/somewhere/state"))


def test_rendering_is_repeatable(paths: Paths) -> None:
    assert configs.render(paths) == configs.render(paths)


def test_containerd_keeps_everything_below_the_state_folder(paths: Paths) -> None:
    config = tomllib.loads(configs.containerd(paths))
    runtime = config["plugins"]["io.containerd.cri.v1.runtime"]
    places = [
        config["root"],
        config["state"],
        config["grpc"]["address"],
        config["plugins"]["io.containerd.internal.v1.opt"]["path"],
        runtime["containerd"]["runtimes"]["runc"]["options"]["Root"],
        runtime["cni"]["conf_dir"],
    ]
    assert all(Path(place).is_relative_to(paths.state) for place in places)
    assert runtime["netns_mounts_under_state_dir"] is True
    assert runtime["restrict_oom_score_adj"] is True
    assert config["plugins"]["io.containerd.cri.v1.images"]["pinned_images"]["sandbox"] == configs.PAUSE_IMAGE


def test_pods_get_addresses_of_the_pod_network(paths: Paths) -> None:
    bridge = json.loads(configs.cni(paths))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": network.POD_NETWORK}]]
    assert Path(bridge["ipam"]["dataDir"]).is_relative_to(paths.state)


def test_the_kubelet_takes_both_cgroup_versions_and_keeps_images(paths: Paths) -> None:
    config = yaml.safe_load(configs.kubelet(paths))
    assert config["failCgroupV1"] is False
    assert config["cgroupRoot"] == f"/{configs.CGROUP}"
    assert config["imageGCHighThresholdPercent"] == 100
    assert config["clusterDNS"] == [network.DNS_ADDRESS]


def test_every_write_is_audited_and_nothing_else() -> None:
    rules = yaml.safe_load(configs.audit_policy())["rules"]
    assert set(rules[0]["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"}
    assert rules[0]["level"] == "Metadata"
    assert rules[1] == {"level": "None"}


def test_components_start_anew_when_their_files_change(paths: Paths) -> None:
    """Each configuration file that a component is started with is among those it is fingerprinted by."""
    for component in components.all_of_them(paths):
        named = [word.partition("=")[2] for word in component.arguments if f"={paths.config}/" in word]
        inputs = {str(paths.state / name) for name in component.inputs}
        assert inputs.issuperset(named), component.name


def test_the_controllers_start_after_the_api(paths: Paths) -> None:
    names = [component.name for component in components.all_of_them(paths)]
    assert names.index("etcd") < names.index("kube-apiserver") < names.index("kube-controller-manager")
    assert names.index("containerd") < names.index("kubelet")
