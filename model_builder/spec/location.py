"""Where a file lies, and what it takes to get it, as a user may ask for it."""

from __future__ import annotations

from typing import Annotated, Self

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


LOCATION_RULES = [
    cel(
        "self.uri.startsWith('s3://') || (!has(self.endpoint) && !has(self.credentialsSecretRef))",
        ENDPOINT_RULE,
    ),
    cel(
        "self.uri.startsWith('s3://') || self.uri.startsWith('https://') || !has(self.caBundleRef)",
        CA_RULE,
    ),
]
"""What a schema has to say of every location; a class with rules of its own gives these with them."""

Uri = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("self.matches('^(pvc|configmap|s3|https)://[^/]+/.+')", CLUSTER_SCHEME_RULE),
                cel("!self.matches('(^|/)[.][.](/|$)')", TRAVERSAL_RULE),
            ]
        },
    ),
]
Sha256 = Annotated[str, Field(min_length=64, max_length=64, pattern=SHA256_HEX)]


class Location(Spec):
    """The address of one file, with what it takes to get it from there."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [*LOCATION_RULES]})

    uri: Uri = Field(description="Address of the file.")
    sha256: Sha256 | None = Field(default=None, description="Expected SHA-256 of the file in hexadecimal.")
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
