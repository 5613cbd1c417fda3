"""Settings: the environment and flags → one frozen object."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

_MIB = 1024 * 1024


def _own_namespace() -> str:
    try:
        return (ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except OSError:
        return "default"


class LabelTable(BaseModel):
    """A table that labels of a model are read from.

    Attributes
    ----------
    url_file
        Holds ``postgresql://…``, read anew for each look.
    table
        Its name, with that of its schema before a dot where it is not on the search path.
    position
        A column that only grows: a whole number, or a time with its zone.
    columns
        Names of its columns by names of a label's fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    url_file: Path
    table: str
    position: str
    columns: dict[str, str]
    seconds: float = Field(default=60, gt=0)


class MonitorSettings(BaseSettings):
    """All settings of the monitor; each is an environment variable with the prefix ANDON_MONITOR_.

    Where artifacts come from is said as for the builder, by ANDON_STORE and its companions.
    """

    model_config = SettingsConfigDict(env_prefix="ANDON_MONITOR_", frozen=True)

    database: str = Field(default="sqlite:////data/monitor.db", description="A file of SQLite, or postgresql://….")
    database_file: Path | None = Field(
        default=None, description="Holds the same, in place of `database`; read when the monitor starts."
    )
    namespace: str = Field(default_factory=_own_namespace, description="Whose FaultModels these are.")

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 (a pod's)
    http_port: int = Field(default=8000, ge=0, le=65535, description="Of mirrored requests over HTTP.")
    grpc_port: int = Field(default=8001, ge=0, le=65535, description="Of mirrored requests over gRPC.")
    api_port: int = Field(default=8080, ge=0, le=65535, description="Of labels, evidence, /metrics and /healthz.")
    page_port: int = Field(default=8090, ge=0, le=65535, description="Of the page for people.")

    queue_requests: int = Field(default=10_000, ge=1, description="Most requests that may wait.")
    queue_bytes: int = Field(default=64 * _MIB, ge=1024, description="Most bytes that may wait.")
    max_body_bytes: int = Field(default=8 * _MIB, ge=1024, description="Of one request or one set of labels.")
    flush_seconds: float = Field(default=0.2, ge=0, le=10, description="Longest wait for more to write at once.")
    stop_seconds: float = Field(default=20, ge=0, description="Longest time to write what waits at the end.")

    queue_probability: float = Field(
        default=1.0, gt=0, le=1, description="With which a disagreement is put into the queue of people."
    )
    keep_for: timedelta = Field(
        default=timedelta(days=90), gt=timedelta(0), description="How long predictions are kept; seconds or ISO 8601."
    )
    keep_predictions: int = Field(default=5_000_000, ge=1, description="Most predictions that are kept.")
    keep_bytes: int = Field(default=1024 * _MIB, ge=_MIB, description="Most bytes of a SQLite file.")
    sweep_seconds: float = Field(default=30, gt=0, description="Between two looks at these bounds.")

    keep_rows: bool = Field(default=False, description="Whether the features of rows are kept with predictions.")
    drop_columns: tuple[str, ...] = Field(default=(), description="JSON list of features that are never kept.")
    hash_columns: tuple[str, ...] = Field(default=(), description="JSON list of features of which a hash is kept.")
    hash_key_file: Path | None = Field(default=None, description="Secret for these hashes, at least 16 bytes.")

    quality_window: timedelta = Field(
        default=timedelta(days=7), gt=timedelta(0), description="Of the rows that live scores are taken over."
    )
    quality_seconds: float = Field(default=60, gt=0, description="Between two counts of live scores.")
    quality_slices: int = Field(default=20, ge=0, le=400, description="Most slices of a model on /metrics.")

    declarations: Path | None = Field(
        default=None, description="Folder with a file for each model of which something is declared."
    )
    declarations_seconds: float = Field(default=10, gt=0, description="Between two looks into that folder.")

    label_tolerance: timedelta = Field(
        default=timedelta(seconds=60), ge=timedelta(0), description="Of a label's time to the prediction's; seconds."
    )
    label_audience: str = Field(default="andon-labels", description="Which tokens of labels have to be made for.")
    label_senders: tuple[str, ...] = Field(
        default=(), description="JSON list of users and groups who may send labels beside the namespace's own."
    )

    label_tables: tuple[LabelTable, ...] = Field(
        default=(), description="JSON list of tables in PostgreSQL that labels are read from; the operator writes it."
    )

    api_server: str = Field(default="", description="Of Kubernetes; empty: the pod's own.")
    api_token_file: Path = ACCOUNT / "token"
    api_ca_file: Path = ACCOUNT / "ca.crt"

    tls_certificate: Path | None = Field(default=None, description="Of the API by TLS; with its chain. None: no TLS.")
    tls_key: Path | None = Field(default=None, description="Its key; None: it lies with the certificate.")
    tls_client_ca: Path | None = Field(default=None, description="Whose client certificates may send labels.")
    tls_port: int = Field(default=8443, ge=0, le=65535, description="Of the API by TLS, beside the other.")
    tls_seconds: float = Field(default=60, gt=0, description="Between two looks for a renewed certificate.")

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @model_validator(mode="after")
    def _database_can_be_read(self) -> Self:
        if not self.database_url():
            raise ValueError("database_file is empty")
        return self

    def database_url(self) -> str:
        """Give where predictions and labels are kept.

        Raises
        ------
        ValueError
            Where the file that says so cannot be read.
        """
        if self.database_file is None:
            return self.database
        try:
            return self.database_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"database_file cannot be read: {error.strerror}") from None

    @model_validator(mode="after")
    def _hashes_need_a_key(self) -> Self:
        if self.hash_columns and self.hash_key_file is None:
            raise ValueError("hash_columns needs hash_key_file: few possible values could all be tried otherwise")
        if self.hash_columns and len(self.hash_key()) < 16:
            raise ValueError("hash_key_file holds less than 16 bytes")
        return self

    def hash_key(self) -> bytes:
        """Read the secret for hashes; empty where there is none.

        Raises
        ------
        ValueError
            Where the file cannot be read.
        """
        if self.hash_key_file is None:
            return b""
        try:
            return self.hash_key_file.read_bytes().strip()
        except OSError as error:
            raise ValueError(f"hash_key_file cannot be read: {error.strerror}") from None
