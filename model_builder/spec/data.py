"""Where data lies and how it is read, as a user may ask for it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import CONFIG_KEY, DNS_SUBDOMAIN, SHA256_HEX, Spec, cel

ENDPOINT_RULE = "endpoint and credentialsSecretRef are for s3:// only"
CA_RULE = "caBundleRef is for s3:// and https:// only"
CLUSTER_SCHEME_RULE = "uri must start with pvc://, configmap://, s3:// or https://"
TRAVERSAL_RULE = "uri must not contain a '..' segment"


class SecretReference(Spec):
    """A Secret in the FaultModel's own namespace."""

    name: str = Field(
        min_length=1,
        max_length=253,
        pattern=DNS_SUBDOMAIN,
        description="Name of a Secret in the same namespace, with the keys accessKeyId and secretAccessKey.",
    )


class KeyReference(Spec):
    """One key of a ConfigMap in the FaultModel's own namespace."""

    name: str = Field(
        min_length=1, max_length=253, pattern=DNS_SUBDOMAIN, description="Name of a ConfigMap in the same namespace."
    )
    key: str = Field(
        default="ca.crt", min_length=1, max_length=253, pattern=CONFIG_KEY, description="Key that holds the file."
    )


class Data(Spec):
    """Where the training data is and how to read it."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self.uri.startsWith('s3://') || (!has(self.endpoint) && !has(self.credentialsSecretRef))",
                    ENDPOINT_RULE,
                ),
                cel(
                    "self.uri.startsWith('s3://') || self.uri.startsWith('https://') || !has(self.caBundleRef)",
                    CA_RULE,
                ),
            ]
        }
    )

    uri: str = Field(
        min_length=1,
        max_length=2048,
        description=(
            "Address of one CSV or Parquet file: pvc://CLAIM/PATH, configmap://NAME/KEY, s3://BUCKET/KEY or "
            "https://HOST/PATH. Outside a cluster also a local path."
        ),
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self.matches('^(pvc|configmap|s3|https)://[^/]+/.+')", CLUSTER_SCHEME_RULE),
                cel("!self.matches('(^|/)[.][.](/|$)')", TRAVERSAL_RULE),
            ]
        },
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None, description="Format of the file. Absent: by the suffix .csv or .parquet."
    )
    sha256: str | None = Field(
        default=None,
        min_length=64,
        max_length=64,
        pattern=SHA256_HEX,
        description="Expected SHA-256 of the file in hexadecimal. A file with another one is refused.",
    )
    endpoint: str | None = Field(
        default=None,
        min_length=1,
        max_length=512,
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="Endpoint of an S3-compatible store, such as https://minio.plant.example:9000.",
    )
    credentials_secret_ref: SecretReference | None = Field(
        default=None, description="Secret with accessKeyId and secretAccessKey for s3://."
    )
    ca_bundle_ref: KeyReference | None = Field(
        default=None, description="ConfigMap key with the PEM certificates that s3:// or https:// is trusted by."
    )

    @model_validator(mode="after")
    def _fields_fit_scheme(self) -> Self:
        s3 = self.uri.startswith("s3://")
        if not s3 and (self.endpoint is not None or self.credentials_secret_ref is not None):
            raise ValueError(ENDPOINT_RULE)
        if not (s3 or self.uri.startswith("https://")) and self.ca_bundle_ref is not None:
            raise ValueError(CA_RULE)
        return self


class IndependentData(Data):
    """Data that the model is judged on and never fitted on, with the columns of the training data."""


class Limits(Spec):
    """Bounds on the data, checked while it is read."""

    max_bytes: int = Field(default=1 << 30, ge=1, description="Largest data file in bytes.")
    max_rows: int = Field(default=10_000_000, ge=1, description="Largest number of data rows.")
    max_columns: int = Field(default=1000, ge=1, description="Largest number of columns in the file.")
