"""Go parts are keyed by all that decides their bytes."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab import build, parts, versions
from lab.errors import LabError
from lab.paths import GO_MODULES, Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(cache=tmp_path / "cache", state=tmp_path / "state")


def test_flags_and_names_count(paths: Paths) -> None:
    variants = [
        parts.PAUSE,
        replace(parts.PAUSE, variables=(("main.version", "2"),)),
        replace(parts.PAUSE, links=("sandbox",)),
        replace(parts.PAUSE, tags=("netgo",)),
    ]
    assert len({build.folder(paths, part) for part in variants}) == len(variants)


def test_the_version_is_in_the_name_and_in_the_binary(paths: Paths) -> None:
    assert build.folder(paths, parts.KUBERNETES).name.startswith(f"kubernetes-{versions.KUBERNETES}-")
    command = build.command(parts.KUBERNETES, Path("/out"))
    flags = command[command.index("-ldflags") + 1]
    assert f"-X k8s.io/component-base/version.gitVersion=v{versions.KUBERNETES}" in flags


@pytest.mark.parametrize(
    ("part", "module"),
    [
        (parts.KUBERNETES, "k8s.io/kubernetes"),
        (parts.CONTAINERD, "github.com/containerd/containerd/v2"),
        (parts.COREDNS, "github.com/coredns/coredns"),
        (parts.HELM, "helm.sh/helm/v4"),
        (parts.KIND, "sigs.k8s.io/kind"),
        (parts.PROMETHEUS_OPERATOR, "github.com/prometheus-operator/prometheus-operator"),
    ],
)
def test_the_table_of_versions_agrees_with_the_modules(part: parts.Part, module: str) -> None:
    requirements = (GO_MODULES / part.name / "go.mod").read_text()
    assert re.search(rf"\b{re.escape(f'{module} v{part.version}')}\b", requirements)


def test_prometheus_finds_by_kubernetes_alone() -> None:
    major, minor, patch = map(int, versions.PROMETHEUS.split("."))
    requirements = (GO_MODULES / "prometheus" / "go.mod").read_text()
    # Its modules have been counted so since 2.x: 3.13.5 is v0.313.5.
    assert f"github.com/prometheus/prometheus v0.{major}{minor:02}.{patch} " in requirements
    assert "remove_all_sd,enable_kubernetes_sd" in build.command(parts.PROMETHEUS, Path("/out"))


def test_etcd_is_the_one_in_the_table() -> None:
    requirements = (GO_MODULES / "kubernetes" / "go.mod").read_text()
    assert f"go.etcd.io/etcd/server/v3 v{versions.ETCD}\n" in requirements


def test_what_the_cache_has_is_not_built(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    build.folder(paths, parts.PAUSE).mkdir(parents=True)
    monkeypatch.setenv("PATH", "")
    assert build.ensure(paths, parts.PAUSE) == build.folder(paths, parts.PAUSE)


def test_no_go_is_told_in_words(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LabError) as caught:
        build.ensure(paths, parts.PAUSE)
    assert caught.value.reason == "GoMissing"
    assert "1.26" in caught.value.allowed


def test_an_old_go_is_refused(paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho go1.22.3\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LabError) as caught:
        build.ensure(paths, parts.PAUSE)
    assert caught.value.reason == "GoTooOld"
    assert "go1.22.3" in caught.value.message


def test_a_failed_build_leaves_nothing_and_shows_the_compiler(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    go.write_text('#!/bin/sh\n[ "$1" = env ] && echo go1.99.0 && exit\necho "main.go:1: no such thing" >&2\nexit 1\n')
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LabError, match="no such thing") as caught:
        build.ensure(paths, parts.PAUSE)
    assert caught.value.reason == "BuildFailed"
    assert list((paths.cache / "bin").iterdir()) == []


def test_pause_builds_and_answers_to_its_links(paths: Paths) -> None:
    folder = build.ensure(paths, replace(parts.PAUSE, links=("sandbox",)))
    ended = subprocess.run(["timeout", "--signal=TERM", "1", folder / "sandbox"], check=False, timeout=30)
    assert ended.returncode == 124  # it slept until it was told to end
    assert [file.name for file in sorted(folder.iterdir())] == ["pause", "sandbox"]
