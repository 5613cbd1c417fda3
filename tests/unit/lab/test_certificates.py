"""The authority vouches for every identity, and what is there is not made again."""

import base64
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from lab import certificates, network
from lab.certificates import IDENTITIES
from lab.paths import Paths


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = Paths(cache=Path("/unused"), state=tmp_path_factory.mktemp("state"))
    certificates.ensure(paths)
    return paths


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: identity.file)
def test_the_authority_signed_it(paths: Paths, identity: certificates.Identity) -> None:
    authority = x509.load_pem_x509_certificate((paths.certificates / "ca.crt").read_bytes())
    certificate = x509.load_pem_x509_certificate((paths.certificates / f"{identity.file}.crt").read_bytes())
    certificate.verify_directly_issued_by(authority)
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert name.value == identity.user
    assert [group.value for group in groups] == ([identity.group] if identity.group else [])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert network.API_ADDRESS in map(str, names.get_values_for_type(x509.IPAddress))


def test_keys_are_for_root_only(paths: Paths) -> None:
    assert {file.stat().st_mode & 0o777 for file in paths.certificates.glob("*.key")} == {0o600}


def test_a_second_run_changes_nothing(paths: Paths) -> None:
    before = {file.name: file.read_bytes() for file in paths.certificates.iterdir()}
    certificates.ensure(paths)
    assert {file.name: file.read_bytes() for file in paths.certificates.iterdir()} == before


def test_a_kubeconfig_is_complete_in_itself(paths: Paths) -> None:
    document = yaml.safe_load(certificates.kubeconfig(paths, certificates.ADMIN))
    (user,) = document["users"]
    held = base64.b64decode(user["user"]["client-certificate-data"])
    assert held == (paths.certificates / "admin.crt").read_bytes()
    assert document["clusters"][0]["cluster"]["server"] == network.API_SERVER
