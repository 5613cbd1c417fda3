"""Settings: the environment → one frozen object."""

import socket
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from andon.desired.platform import RUNBOOKS, Images, MonitorDatabase, MonitorKeeping, MonitorTls, Platform, Store


class Settings(BaseSettings):
    """All settings of the operator; each is an environment variable with the prefix ANDON_, set by the chart."""

    model_config = SettingsConfigDict(env_prefix="ANDON_", frozen=True)

    builder_image: str = Field(description="Image of the builder, which also fetches artifacts.")
    triton_image: str = Field(description="Image of Triton, unless a FaultModel names its own.")
    envoy_image: str = Field(description="Image of Envoy.")
    monitor_image: str = Field(description="Image of the monitor.")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = Field(default=(), description="JSON list of names.")

    store_uri: str = Field(default="", description="s3://BUCKET/PREFIX; empty: a claim in each namespace.")
    store_claim: str = "andon-artifacts"
    store_size: str = "1Gi"
    store_storage_class: str = ""
    store_access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"
    store_endpoint: str = ""
    store_credentials_secret: str = ""
    store_ca_config_map: str = Field(default="", description="Looked up in each FaultModel's namespace.")
    store_ca_key: str = "ca.crt"

    cluster_domain: str = "cluster.local"
    gateway_api: bool = Field(default=False, description="Whether routes may hang under Gateways.")
    prometheus_address: str = Field(
        default="",
        pattern="^(https?://.+)?$",
        description="Of a Prometheus that scrapes routers and servers; empty: they are asked themselves.",
    )
    runbooks: str = Field(default=RUNBOOKS, description="Address of the folder with a page for each alert.")
    build_deadline: int = Field(default=3600, ge=60, description="Seconds.")
    build_resources: dict[str, Any] = Field(default={}, description="JSON, as in a container.")
    server_resources: dict[str, Any] = Field(default={}, description="JSON, as in a container.")
    router_resources: dict[str, Any] = Field(default={}, description="JSON, as in a container.")
    monitor_resources: dict[str, Any] = Field(default={}, description="JSON, as in a container.")
    monitor_size: str = Field(default="2Gi", description="Of the claim for predictions and labels.")
    monitor_database_secret: str = Field(default="", description="Looked up in each FaultModel's namespace.")
    monitor_database_key: str = "url"
    monitor_tls_secret: str = Field(default="", description="Looked up in each FaultModel's namespace.")
    monitor_tls_client_ca: str = Field(default="", description="Key of that Secret; empty: no client certificates.")
    monitor_keep_rows: bool = Field(default=False, description="Whether monitors keep features of rows.")
    monitor_keep_days: int = Field(default=90, ge=1, le=3650)
    monitor_keep_predictions: int = Field(default=5_000_000, ge=1)
    monitor_keep_mebibytes: int = Field(default=1024, ge=1, description="Of a monitor's SQLite file.")
    monitor_drop_columns: tuple[str, ...] = Field(default=(), description="JSON list of features never kept.")
    monitor_hash_columns: tuple[str, ...] = Field(default=(), description="JSON list of features kept as a hash.")
    monitor_hash_key_secret: str = Field(default="", description="Looked up in each FaultModel's namespace.")
    monitor_hash_key: str = "key"
    monitor_label_senders: tuple[str, ...] = Field(default=(), description="JSON list of users and groups.")
    monitor_page_from: tuple[dict[str, Any], ...] = Field(default=(), description="JSON list of NetworkPolicy peers.")

    namespaces: tuple[str, ...] = Field(default=(), description="JSON list; empty: all namespaces.")
    lease_namespace: str = Field(default="default", description="Where the leader's Lease lies.")
    lease_name: str = "andon-operator"
    identity: str = Field(default_factory=socket.gethostname, description="Who holds the Lease.")
    workers: int = Field(default=4, ge=1, le=64)
    resync_seconds: float = Field(default=60.0, ge=1)
    port: int = Field(default=8080, description="Of /healthz, /readyz and /metrics.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    def platform(self) -> Platform:
        """Give the part that manifests are made of."""
        return Platform(
            images=Images(
                builder=self.builder_image,
                triton=self.triton_image,
                envoy=self.envoy_image,
                monitor=self.monitor_image,
                pull_policy=self.image_pull_policy,
                pull_secrets=self.image_pull_secrets,
            ),
            store=Store(
                uri=self.store_uri,
                claim=self.store_claim,
                size=self.store_size,
                storage_class=self.store_storage_class,
                access_mode=self.store_access_mode,
                endpoint=self.store_endpoint,
                credentials_secret=self.store_credentials_secret,
                ca_config_map=self.store_ca_config_map,
                ca_key=self.store_ca_key,
            ),
            cluster_domain=self.cluster_domain,
            gateway_api=self.gateway_api,
            runbooks=self.runbooks,
            build_deadline=self.build_deadline,
            build_resources=self.build_resources,
            server_resources=self.server_resources,
            router_resources=self.router_resources,
            monitor_resources=self.monitor_resources,
            monitor_size=self.monitor_size,
            monitor_database=MonitorDatabase(self.monitor_database_secret, self.monitor_database_key),
            monitor_tls=MonitorTls(self.monitor_tls_secret, self.monitor_tls_client_ca),
            monitor_keeping=MonitorKeeping(
                rows=self.monitor_keep_rows,
                days=self.monitor_keep_days,
                predictions=self.monitor_keep_predictions,
                mebibytes=self.monitor_keep_mebibytes,
                drop_columns=self.monitor_drop_columns,
                hash_columns=self.monitor_hash_columns,
                hash_key_secret=self.monitor_hash_key_secret,
                hash_key=self.monitor_hash_key,
                label_senders=self.monitor_label_senders,
            ),
            monitor_page_from=self.monitor_page_from,
        )
