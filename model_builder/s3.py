"""S3-compatible object stores, through s3fs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from model_builder.errors import BuilderError, Reason, shown
from model_builder.network import causes, check_host, socket_factory, trust, unavailable
from model_builder.settings import Credentials, Settings


def s3_filesystem(
    endpoint: str | None, credentials: Credentials | None, ca_bundle: Path | None, settings: Settings
) -> Any:  # noqa: ANN401 (s3fs publishes no types)
    """Open an S3-compatible store.

    Without credentials the usual chain of AWS is asked (environment, files, workload identity), except the
    metadata service, which a build must not reach.
    """
    import s3fs

    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    config: dict[str, Any] = {
        "retries": {"max_attempts": 3, "mode": "standard"},
        "connect_timeout": 10,
        "read_timeout": 60,
        # Stores other than Amazon's refuse the checksums that botocore adds by default.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "s3": {"addressing_style": "path" if endpoint else "auto"},
    }
    guard = socket_factory(settings)
    if guard:
        check_host(endpoint or "")
        config["connector_args"] = {"socket_factory": guard}
    client: dict[str, Any] = {}
    if ca_bundle is not None:
        trust(ca_bundle)
        client["verify"] = str(ca_bundle)
    if endpoint and not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        client["region_name"] = "us-east-1"
    filesystem = s3fs.S3FileSystem(
        key=credentials.access_key_id if credentials else None,
        secret=credentials.secret_access_key if credentials else None,
        endpoint_url=endpoint,
        client_kwargs=client,
        config_kwargs=config,
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    filesystem.retries = 2  # on top of botocore's own; the Job is tried again as a whole
    return filesystem


def explain(error: Exception, uri: str, filesystem: Any = None) -> BuilderError:  # noqa: ANN401
    """Turn what s3fs raised into a typed error; ``filesystem`` tells a missing bucket from a missing key."""
    for cause in causes(error):
        if isinstance(cause, BuilderError):
            return cause
        name = type(cause).__name__
        if name in ("NoCredentialsError", "PartialCredentialsError"):
            return BuilderError(
                Reason.CREDENTIALS_MISSING,
                f"reading {shown(uri)} needs credentials and there are none",
                found="no credentials",
                allowed="a Secret with the keys accessKeyId and secretAccessKey",
                remedy="name the Secret in credentialsSecretRef",
            )
    bucket = uri.removeprefix("s3://").split("/", 1)[0]
    if isinstance(error, FileNotFoundError):
        if filesystem is not None and not _has_bucket(filesystem, bucket):
            return BuilderError(
                Reason.BUCKET_NOT_FOUND,
                f"the bucket {shown(bucket)} does not exist",
                found=uri,
                allowed="a bucket that exists at the endpoint",
                remedy="correct the URI or the endpoint",
            )
        return BuilderError(
            Reason.DATA_NOT_FOUND,
            f"the bucket {shown(bucket)} has no object {shown(uri.removeprefix(f's3://{bucket}/'))}",
            found=uri,
            allowed="the key of an object in the bucket",
            remedy="correct the URI or put the object there",
        )
    if isinstance(error, PermissionError):
        return BuilderError(
            Reason.DATA_FORBIDDEN,
            f"the store refuses access to {shown(uri)}: {error}",
            found="403",
            allowed="credentials that may read the object",
            remedy="correct the Secret in credentialsSecretRef or the bucket's policy",
        )
    return unavailable(uri, error)


def _has_bucket(filesystem: Any, bucket: str) -> bool:  # noqa: ANN401
    try:
        filesystem.call_s3("head_bucket", Bucket=bucket)
    except FileNotFoundError:
        return False
    except Exception:  # noqa: BLE001 (not being allowed to ask is no proof that it is missing)
        return True
    return True
