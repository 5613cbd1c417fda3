"""Settings come from the environment; secrets never show."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_builder.errors import Reason
from model_builder.settings import Credentials, Settings, read_credentials
from tests.support.builder import refused


def test_defaults_are_those_of_the_contract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("model_builder.settings.TERMINATION_LOG", tmp_path / "termination-log")
    plain = Settings.from_environment({})
    assert plain == Settings()
    assert plain.termination_log is None
    (tmp_path / "termination-log").touch()
    assert Settings.from_environment({}).termination_log == tmp_path / "termination-log"


@pytest.mark.parametrize(
    ("variable", "field", "value"),
    [
        ("ANDON_PVC_ROOT", "pvc_root", Path("/a")),
        ("ANDON_CONFIGMAP_ROOT", "configmap_root", Path("/a")),
        ("ANDON_CREDENTIALS", "credentials", Path("/a")),
        ("ANDON_CA_BUNDLE", "ca_bundle", Path("/a")),
        ("ANDON_BUILD_SPEC", "build_spec", Path("/a")),
        ("ANDON_STORE", "store", "/a"),
        ("ANDON_STORE_ENDPOINT", "store_endpoint", "/a"),
        ("ANDON_STORE_CREDENTIALS", "store_credentials", Path("/a")),
        ("ANDON_STORE_CA_BUNDLE", "store_ca_bundle", Path("/a")),
        ("ANDON_TERMINATION_LOG", "termination_log", Path("/a")),
    ],
)
def test_each_variable_is_read(variable: str, field: str, value: object) -> None:
    assert getattr(Settings.from_environment({variable: "/a"}), field) == value


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False)])
def test_in_cluster(value: str, expected: bool) -> None:
    assert Settings.from_environment({"ANDON_IN_CLUSTER": value}).in_cluster is expected


def test_secrets_do_not_show() -> None:
    credentials = Credentials("plant", "very secret")
    assert "secret" not in f"{credentials!r} {credentials}".replace("Credentials", "")


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    assert read_credentials(tmp_path / "none") is None
    with refused(Reason.CREDENTIALS_MISSING, "no key accessKeyId", "no keys"):
        read_credentials(tmp_path)
