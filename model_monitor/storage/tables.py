"""The tables, for SQLite and PostgreSQL alike. Times are microseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

METADATA = MetaData()
FORMAT = 1
"""Number of this layout; a database of another one is refused, never guessed at."""

# SQLite numbers rows by itself only where the type is INTEGER.
_Id = BigInteger().with_variant(Integer, "sqlite")


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


PAIR_COUNTS = (
    "rows",
    "invalid",
    "disagreements",
    "old_alarms",
    "new_alarms",
    *(f"{truth}_{which}" for truth in ("faults", "sound") for which in ("only_old", "only_new", "both", "total")),
    *(
        f"queue_{side}_{what}"
        for side in ("only_old", "only_new")
        for what in ("faults", "sound", "pending", "skipped")
    ),
)
VERSION_COUNTS = ("rows", "invalid", "alarms", "true_alarms", "false_alarms", "missed", "quiet")

LAYOUT = Table("layout", METADATA, Column("format", Integer, nullable=False))

MODELS = Table(
    "models",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("name", String(253), nullable=False),
    Column("stable_id", Integer),  # the versions of the newest request
    Column("candidate_id", Integer),
    UniqueConstraint("namespace", "name"),
)

VERSIONS = Table(
    "versions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey(MODELS.c.id), nullable=False),
    Column("digest", String(71), nullable=False),
    Column("number", Integer, nullable=False),
    Column("classes", String, nullable=False),  # JSON list of names, in the order of the model's answers
    Column("normal", String, nullable=False),  # the class that is no alarm
    *map(_count, VERSION_COUNTS),
    UniqueConstraint("model_id", "digest"),
)

PAIRS = Table(
    "pairs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey(MODELS.c.id), nullable=False),
    Column("old_id", ForeignKey(VERSIONS.c.id), nullable=False),
    Column("new_id", ForeignKey(VERSIONS.c.id), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("probability", Float, nullable=False),  # with which a disagreement is put into the queue; never changed
    Column("shift_sum", Float, nullable=False, server_default="0"),  # of absolute differences of score
    Column("shift_rows", BigInteger, nullable=False, server_default="0"),
    Column("shift_largest", Float, nullable=False, server_default="0"),
    *map(_count, PAIR_COUNTS),
    UniqueConstraint("old_id", "new_id"),
)

SLICES = Table(
    "slices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey(MODELS.c.id), nullable=False),
    Column("content", String, nullable=False),  # JSON list of columns and values
    UniqueConstraint("model_id", "content"),
)

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("model_id", ForeignKey(MODELS.c.id), nullable=False),
    Column("request_id", String(253), nullable=False),
    Column("row", Integer, nullable=False),
    Column("asset", String(253)),
    Column("at", BigInteger, nullable=False),
    Column("old_id", ForeignKey(VERSIONS.c.id), nullable=False),
    Column("pair_id", ForeignKey(PAIRS.c.id)),
    Column("old_score", Float),
    Column("old_class", SmallInteger, nullable=False),
    Column("old_alarm", Boolean, nullable=False),
    Column("new_score", Float),
    Column("new_class", SmallInteger),
    Column("new_alarm", Boolean),
    Column("differ", Boolean),
    Column("queued", Boolean),  # only where one version alone raised an alarm
    Column("gap", Float),  # absolute difference of the scores
    Column("fault", Boolean),
    Column("label_class", SmallInteger),
    Column("selection", SmallInteger),
    Column("labelled_at", BigInteger),
    Column("slice_id", Integer),  # of SLICES; came later, so a database may have to be given it
    UniqueConstraint("model_id", "request_id", "row"),
)
# The model too, so that the rows of a time can be counted without a look at each of them.
Index("predictions_by_time", PREDICTIONS.c.at, PREDICTIONS.c.model_id)
Index("predictions_by_asset", PREDICTIONS.c.model_id, PREDICTIONS.c.asset, PREDICTIONS.c.at)
_WAITING = PREDICTIONS.c.queued.is_(True) & PREDICTIONS.c.fault.is_(None)
Index(
    "predictions_waiting",
    PREDICTIONS.c.pair_id,
    PREDICTIONS.c.gap,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
_LABELLED = PREDICTIONS.c.fault.is_not(None)
Index(
    "predictions_labelled",
    PREDICTIONS.c.model_id,
    PREDICTIONS.c.at,
    sqlite_where=_LABELLED,
    postgresql_where=_LABELLED,
)

INPUTS = Table(
    "inputs",
    METADATA,
    Column("prediction_id", ForeignKey(PREDICTIONS.c.id, ondelete="CASCADE"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

LABELS = Table(
    "labels",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("prediction_id", ForeignKey(PREDICTIONS.c.id, ondelete="CASCADE"), nullable=False),
    Column("fault", Boolean, nullable=False),
    Column("label_class", SmallInteger),
    Column("selection", SmallInteger, nullable=False),
    Column("sender", String(512), nullable=False),
    Column("at", BigInteger, nullable=False),
)
Index("labels_by_prediction", LABELS.c.prediction_id)

RENEWALS = Table(
    "renewals",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("model_id", ForeignKey(MODELS.c.id), nullable=False),
    Column("digest", String(71), nullable=False),  # of the version that served then
    Column("key", String(253), nullable=False),  # by which whoever asks can tell that it was asked for already
    Column("reason", String(500), nullable=False),
    Column("sender", String(768), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("baseline", LargeBinary),  # JSON; absent until it is learnt
    UniqueConstraint("model_id", "key"),
)

EVENTS = Table(
    "events",
    METADATA,
    Column("id", _Id, primary_key=True),
    Column("model_id", ForeignKey(MODELS.c.id), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("text", String(1000), nullable=False),
    Column("count", BigInteger, nullable=False),
)
Index("events_by_model", EVENTS.c.model_id, EVENTS.c.id)

LABEL_TABLES = Table(
    "label_tables",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("source", String(64), nullable=False),  # digest of model, table and columns
    Column("mark", BigInteger, nullable=False),  # the highest position that was read
    UniqueConstraint("namespace", "source"),
)

LABEL_ROWS = Table(
    "label_rows",
    METADATA,
    Column("table_id", ForeignKey(LABEL_TABLES.c.id), primary_key=True),
    Column("digest", String(32), primary_key=True),  # of a row that was taken: those near the mark are read again
    Column("position", BigInteger, nullable=False),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(moment: datetime) -> int:
    """Give a time as it is kept."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(kept: int) -> datetime:
    """Give a time that was kept."""
    return _EPOCH + timedelta(microseconds=kept)
