"""What the monitor keeps, where, how long, and who may send labels: the installation's word, as its settings."""

import json

from andon.api.meta import MONITOR_NAME
from andon.desired.platform import MonitorDatabase, MonitorKeeping, MonitorTls
from andon.desired.pods import Mounts

_HASH_KEY = "/etc/andon/hash-key"
_DATABASE = "/etc/andon/database"
_TLS = "/etc/andon/tls"


def add_database(mounts: Mounts, database: MonitorDatabase) -> dict[str, str]:
    """Mount the claim of the monitor, or the Secret with the address of a PostgreSQL."""
    if not database.secret:
        mounts.add("data", "/data", {"persistentVolumeClaim": {"claimName": MONITOR_NAME}})
        return {}
    # Where it is absent the monitor starts nevertheless, to say so and end.
    items = [{"key": database.key, "path": "url"}]
    volume = {"secret": {"secretName": database.secret, "items": items, "optional": True}}
    mounts.add("database", _DATABASE, volume, read_only=True)
    return {"ANDON_MONITOR_DATABASE_FILE": f"{_DATABASE}/url"}


def add_tls(mounts: Mounts, tls: MonitorTls) -> dict[str, str]:
    """Mount the Secret with the certificate of the API, where one is named."""
    if not tls.secret:
        return {}
    # Whole, so that a key that is missing is told by the monitor, and does not keep the pod from being made.
    mounts.add("tls", _TLS, {"secret": {"secretName": tls.secret, "optional": True}}, read_only=True)
    values = {"TLS_CERTIFICATE": f"{_TLS}/tls.crt", "TLS_KEY": f"{_TLS}/tls.key"}
    values |= {"TLS_CLIENT_CA": f"{_TLS}/{tls.client_ca}"} if tls.client_ca else {}
    return {f"ANDON_MONITOR_{name}": value for name, value in values.items()}


def add_keeping(mounts: Mounts, keeping: MonitorKeeping) -> dict[str, str]:
    """Give the monitor's environment; mount the Secret that hashes are made with, where one is named."""
    values = {
        "KEEP_ROWS": json.dumps(keeping.rows),
        "KEEP_FOR": f"P{keeping.days}D",
        "KEEP_PREDICTIONS": str(keeping.predictions),
        "KEEP_BYTES": str(keeping.mebibytes * 1024 * 1024),
        "DROP_COLUMNS": json.dumps(keeping.drop_columns),
        "HASH_COLUMNS": json.dumps(keeping.hash_columns),
        "LABEL_SENDERS": json.dumps(keeping.label_senders),
    }
    if keeping.hash_key_secret:
        # Where it is absent the monitor starts nevertheless, to say so and end: it never keeps what it should hash.
        items = [{"key": keeping.hash_key, "path": "key"}]
        volume = {"secret": {"secretName": keeping.hash_key_secret, "items": items, "optional": True}}
        mounts.add("hash-key", _HASH_KEY, volume, read_only=True)
        values["HASH_KEY_FILE"] = f"{_HASH_KEY}/key"
    return {f"ANDON_MONITOR_{name}": value for name, value in values.items()}
