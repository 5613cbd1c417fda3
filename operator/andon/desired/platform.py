"""Platform: what the installation decides for all manifests, such as images and the artifact store."""

from dataclasses import dataclass, field
from typing import Any

RUNBOOKS = "docs/runbooks"
"""Where no address of the runbooks is set: their place in the repository."""


@dataclass(frozen=True)
class Images:
    """Image references.

    Attributes
    ----------
    pull_secrets
        Names of image pull Secrets, looked up in each FaultModel's namespace.
    """

    builder: str
    triton: str
    envoy: str
    monitor: str = ""
    pull_policy: str = "IfNotPresent"
    pull_secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Store:
    """Where artifacts are kept.

    Attributes
    ----------
    uri
        Empty: a PersistentVolumeClaim in each FaultModel's namespace; else `s3://BUCKET/PREFIX`.
    claim, size, storage_class
        Of the PersistentVolumeClaim; an empty class means the cluster's default one.
    access_mode
        ReadWriteOnce fits one node; several nodes need ReadWriteMany, or s3.
    endpoint, credentials_secret
        Of the S3-compatible store; the Secret is looked up in each FaultModel's namespace.
    ca_config_map, ca_key
        ConfigMap in each FaultModel's namespace, and its key, with the certificates that the store is trusted by.
    """

    uri: str = ""
    claim: str = "andon-artifacts"
    size: str = "1Gi"
    storage_class: str = ""
    access_mode: str = "ReadWriteOnce"
    endpoint: str = ""
    credentials_secret: str = ""
    ca_config_map: str = ""
    ca_key: str = "ca.crt"


@dataclass(frozen=True)
class MonitorKeeping:
    """What monitors keep.

    Attributes
    ----------
    rows
        Whether the features of rows are kept.
    days, predictions, mebibytes
        How long, how many and, in SQLite, how much; whichever is reached first.
    drop_columns, hash_columns
        Features that are never kept, and those of which a keyed hash is.
    hash_key_secret, hash_key
        Secret in each FaultModel's namespace, and its key, that hashes are made with.
    label_senders
        Users and groups who may send labels beside the accounts of the namespace.
    """

    rows: bool = False
    days: int = 90
    predictions: int = 5_000_000
    mebibytes: int = 1024
    drop_columns: tuple[str, ...] = ()
    hash_columns: tuple[str, ...] = ()
    hash_key_secret: str = ""
    hash_key: str = "key"
    label_senders: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonitorDatabase:
    """Where monitors keep what they know.

    Attributes
    ----------
    secret, key
        Secret in each FaultModel's namespace, and its key, with the address of a PostgreSQL; empty: SQLite on a claim.
    """

    secret: str = ""
    key: str = "url"


@dataclass(frozen=True)
class MonitorTls:
    """How the API of monitors is served by TLS.

    Attributes
    ----------
    secret
        Secret in each FaultModel's namespace with tls.crt and tls.key; empty: no TLS.
    client_ca
        Its key with the authority whose client certificates may send labels; empty: none may.
    """

    secret: str = ""
    client_ca: str = ""


@dataclass(frozen=True)
class Platform:
    """What the installation decides for all manifests.

    Attributes
    ----------
    gateway_api
        Whether FaultModels may hang their routes under Gateways: the operator then has rights for the Gateway API.
    build_deadline
        Seconds after which a build is stopped.
    runbooks
        Address of the folder with a page for each alert.
    monitor_page_from
        Who may see the monitor's page beside its own namespace, as peers of a NetworkPolicy.
    build_resources, server_resources, router_resources
        As in a container; a FaultModel's own `serving.resources` go before `server_resources`.
    """

    images: Images
    store: Store = field(default_factory=Store)
    cluster_domain: str = "cluster.local"
    gateway_api: bool = False
    runbooks: str = RUNBOOKS
    build_deadline: int = 3600
    build_resources: dict[str, Any] = field(default_factory=dict)
    server_resources: dict[str, Any] = field(default_factory=dict)
    router_resources: dict[str, Any] = field(default_factory=dict)
    monitor_resources: dict[str, Any] = field(default_factory=dict)
    monitor_size: str = "2Gi"
    monitor_page_from: tuple[dict[str, Any], ...] = ()
    monitor_database: MonitorDatabase = field(default_factory=MonitorDatabase)
    monitor_tls: MonitorTls = field(default_factory=MonitorTls)
    monitor_keeping: MonitorKeeping = field(default_factory=MonitorKeeping)
