"""The lab's certificate authority and the identities it signs."""

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab import network
from lab.paths import Paths

VALID = timedelta(days=3650)
CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for.

    Attributes
    ----------
    file : str
        Name of the key and certificate files, without suffix.
    user, group : str
        Kubernetes reads the user from the common name and the group from the organisation.
    """

    file: str
    user: str
    group: str = ""


ADMIN = Identity("admin", "lab-admin", "system:masters")
API_SERVER = Identity("apiserver", "kube-apiserver")
API_SERVER_TO_KUBELET = Identity("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters")
CONTROLLER_MANAGER = Identity("controller-manager", "system:kube-controller-manager")
SCHEDULER = Identity("scheduler", "system:kube-scheduler")
NODE = Identity("node", f"system:node:{network.NODE_NAME}", "system:nodes")
PROXY = Identity("proxy", "system:kube-proxy")
TRAEFIK = Identity("traefik", "lab-traefik", "system:masters")
IDENTITIES = (ADMIN, API_SERVER, API_SERVER_TO_KUBELET, CONTROLLER_MANAGER, SCHEDULER, NODE, PROXY, TRAEFIK)

_NAMES = (
    "localhost",
    network.NODE_NAME,
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    f"kubernetes.default.svc.{network.DOMAIN}",
)
_ADDRESSES = ("127.0.0.1", network.NODE_ADDRESS, network.API_ADDRESS)


def ensure(paths: Paths) -> None:
    """Make the authority, every identity and the key that signs service account tokens, where they are missing."""
    folder = paths.certificates
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "ca.crt").exists():
        _make_authority(folder)
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101  (we wrote it)
    for identity in IDENTITIES:
        if not (folder / f"{identity.file}.crt").exists():
            _issue(folder, identity, authority, key)
    if not (folder / "service-accounts.key").exists():
        _write_key(folder / "service-accounts.key", ec.generate_private_key(ec.SECP256R1()))


def kubeconfig(paths: Paths, identity: Identity) -> str:
    """Give a kubeconfig for an identity, complete in itself so that it may be copied elsewhere."""

    def encoded(name: str) -> str:
        return base64.b64encode((paths.certificates / name).read_bytes()).decode()

    name = network.NAMESPACE
    cluster = {"server": network.API_SERVER, "certificate-authority-data": encoded("ca.crt")}
    user = {
        "client-certificate-data": encoded(f"{identity.file}.crt"),
        "client-key-data": encoded(f"{identity.file}.key"),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": identity.user, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": identity.user}}],
        "current-context": name,
    }
    return yaml.safe_dump(document, sort_keys=False)


def _make_authority(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(Identity("ca", "andon-lab"))
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_key(folder / "ca.key", key)
    _write_certificate(folder / "ca.crt", certificate)


def _issue(
    folder: Path, identity: Identity, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [
        *(x509.DNSName(name) for name in _NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES),
    ]
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(_name(identity), authority.subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    _write_key(folder / f"{identity.file}.key", key)
    _write_certificate(folder / f"{identity.file}.crt", certificate)


def _name(identity: Identity) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, identity.user)]
    if identity.group:
        attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, identity.group))
    return x509.Name(attributes)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID)
    )


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    file.touch(mode=0o600)
    file.write_bytes(encoded)


def _write_certificate(file: Path, certificate: x509.Certificate) -> None:
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
