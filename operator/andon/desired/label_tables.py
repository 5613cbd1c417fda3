"""Tables of labels: what the monitor of a namespace is told of them, and their Secrets in its pod."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from andon.api.durations import parse_duration
from andon.api.monitoring import PostgresLabels
from andon.desired.pods import Mounts


@dataclass(frozen=True)
class LabelSource:
    """A table that the labels of a FaultModel are read from."""

    model: str
    postgres: PostgresLabels


def add_label_tables(mounts: Mounts, sources: Sequence[LabelSource]) -> dict[str, str]:
    """Mount the Secrets with the addresses of tables, and say what is where."""
    tables = []
    for number, source in enumerate(sources):
        secret, folder = source.postgres.url_secret_ref, f"/etc/andon/labels/{source.model}"
        # One that is absent must not keep the monitor of all others from starting; the monitor says so.
        items = [{"key": secret.key, "path": "url"}]
        volume = {"secret": {"secretName": secret.name, "items": items, "optional": True}}
        mounts.add(f"labels-{number}", folder, volume, read_only=True)
        tables.append(
            {
                "model": source.model,
                "url_file": f"{folder}/url",
                "table": source.postgres.table,
                "position": source.postgres.position,
                "columns": source.postgres.columns.model_dump(by_alias=True, exclude_none=True),
                "seconds": parse_duration(source.postgres.interval).total_seconds(),
            }
        )
    return {"ANDON_MONITOR_LABEL_TABLES": json.dumps(tables, sort_keys=True)} if tables else {}
