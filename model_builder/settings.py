"""The builder's surroundings: environment variables read once into a frozen object."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from model_builder.errors import BuilderError, Reason

TERMINATION_LOG = Path("/dev/termination-log")


@dataclass(frozen=True)
class Credentials:
    """An S3 key pair. Its ``repr`` shows no secret."""

    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        """Show only that there is a key pair."""
        return "Credentials(…)"


@dataclass(frozen=True)
class Settings:
    """Where the builder finds mounted volumes, credentials and its store."""

    in_cluster: bool = False
    pvc_root: Path = Path("/data/pvc")
    configmap_root: Path = Path("/data/configmap")
    credentials: Path = Path("/data/credentials")
    ca_bundle: Path | None = None
    independent_credentials: Path = Path("/data/independent-credentials")
    independent_ca_bundle: Path | None = None
    model_credentials: Path = Path("/data/model-credentials")
    model_ca_bundle: Path | None = None
    build_spec: Path = Path("/etc/andon/build.json")
    store: str = "/store"
    store_endpoint: str | None = None
    store_credentials: Path = Path("/store-credentials")
    store_ca_bundle: Path | None = None
    termination_log: Path | None = None

    def for_independent_data(self) -> Settings:
        """Give the same surroundings with the credentials and certificates of the independent data."""
        return replace(self, credentials=self.independent_credentials, ca_bundle=self.independent_ca_bundle)

    def for_model(self) -> Settings:
        """Give the same surroundings with the credentials and certificates of an imported model."""
        return replace(self, credentials=self.model_credentials, ca_bundle=self.model_ca_bundle)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the ``ANDON_*`` variables."""

        def path(name: str, default: Path) -> Path:
            return Path(environment.get(name) or default)

        def optional(name: str) -> Path | None:
            return Path(environment[name]) if environment.get(name) else None

        return cls(
            in_cluster=environment.get("ANDON_IN_CLUSTER", "") == "1",
            pvc_root=path("ANDON_PVC_ROOT", cls.pvc_root),
            configmap_root=path("ANDON_CONFIGMAP_ROOT", cls.configmap_root),
            credentials=path("ANDON_CREDENTIALS", cls.credentials),
            ca_bundle=optional("ANDON_CA_BUNDLE"),
            independent_credentials=path("ANDON_INDEPENDENT_CREDENTIALS", cls.independent_credentials),
            independent_ca_bundle=optional("ANDON_INDEPENDENT_CA_BUNDLE"),
            model_credentials=path("ANDON_MODEL_CREDENTIALS", cls.model_credentials),
            model_ca_bundle=optional("ANDON_MODEL_CA_BUNDLE"),
            build_spec=path("ANDON_BUILD_SPEC", cls.build_spec),
            store=environment.get("ANDON_STORE") or cls.store,
            store_endpoint=environment.get("ANDON_STORE_ENDPOINT") or None,
            store_credentials=path("ANDON_STORE_CREDENTIALS", cls.store_credentials),
            store_ca_bundle=optional("ANDON_STORE_CA_BUNDLE"),
            # Kubernetes makes this file; on a laptop there is none and nobody to tell.
            termination_log=optional("ANDON_TERMINATION_LOG")
            or (TERMINATION_LOG if TERMINATION_LOG.exists() else None),
        )


def read_credentials(folder: Path) -> Credentials | None:
    """Read a mounted Secret.

    Returns
    -------
    Credentials or None
        None where nothing is mounted.

    Raises
    ------
    BuilderError
        ``CredentialsMissing`` where the Secret lacks a key.
    """
    if not folder.is_dir():
        return None
    values = {}
    for key in ("accessKeyId", "secretAccessKey"):
        try:
            values[key] = (folder / key).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            keys = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
            raise BuilderError(
                Reason.CREDENTIALS_MISSING,
                f"the credentials Secret has no key {key}",
                found=f"keys {', '.join(keys)}" if keys else "no keys",
                allowed="keys accessKeyId and secretAccessKey",
                remedy=f"add {key} to the Secret",
            ) from None
    return Credentials(values["accessKeyId"], values["secretAccessKey"])
