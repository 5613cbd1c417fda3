"""The database: SQLite in a file unless a URL of PostgreSQL is given. One writer at a time, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from model_monitor.errors import MonitorError, Reason
from model_monitor.storage.tables import FORMAT, LAYOUT, METADATA, PREDICTIONS

BUSY_SECONDS = 30
_WAL_BYTES = 16 * 1024 * 1024


class Database:
    """Tables in SQLite or PostgreSQL.

    Parameters
    ----------
    url
        ``sqlite:////data/monitor.db`` or ``postgresql://…``.

    Raises
    ------
    MonitorError
        ``StorageUnavailable`` where it cannot be opened, or has another layout.
    """

    def __init__(self, url: str) -> None:
        address = _address(url)
        self.sqlite = address.get_backend_name() == "sqlite"
        if self.sqlite:
            self.path: Path | None = Path(address.database or "")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS})
            _prepare_sqlite(self._engine)
        else:
            self.path = None
            # pool_pre_ping: a connection that the server has closed in between is no reason to fail.
            self._engine = create_engine(
                address.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={"connect_timeout": 10},
            )
        self._writing = threading.Lock()
        self._create()

    def _create(self) -> None:
        try:
            METADATA.create_all(self._engine)
            _add_what_came_later(self._engine)
            with self.write() as connection:
                found = connection.execute(select(LAYOUT.c.format)).scalars().all()
                if not found:
                    connection.execute(insert(LAYOUT), {"format": FORMAT})
        except SQLAlchemyError as error:
            raise unavailable(error) from error
        if found not in ([], [FORMAT]):
            raise MonitorError(
                Reason.STORAGE_UNAVAILABLE,
                f"the database has layout {found}, this monitor writes {FORMAT}",
                found=f"layout {found}",
                allowed=f"layout {FORMAT}",
                remedy="run the monitor that wrote it, or begin with an empty database",
            )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Write in one transaction: on disk when the block has ended, nothing of it where it raised."""
        with self._writing, self._engine.connect() as connection:
            writer = connection.execution_options(andon_writes=True)
            with writer.begin():
                yield writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read from one state of the database."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _address(url: str) -> URL:
    """Read an address; what is wrong with it is not told, since it may hold a password."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or address.get_backend_name() not in ("sqlite", "postgresql"):
        raise MonitorError(
            Reason.STORAGE_UNAVAILABLE,
            "the address of the database is none",
            found="something else",
            allowed="sqlite:////data/monitor.db, or postgresql://USER:PASSWORD@HOST/DATABASE",
            remedy="mend the Secret or the setting that holds it",
        ) from None
    return address


def unavailable(error: Exception) -> MonitorError:
    """Describe a database that cannot be used now, by the kind of its error only: its words may hold values."""
    origin = getattr(error, "orig", None) or error
    return MonitorError(
        Reason.STORAGE_UNAVAILABLE,
        f"the database cannot be used: {type(origin).__name__}",
        found=type(origin).__name__,
        allowed="a database that can be read and written",
        remedy="look at the monitor's log, at the volume's free space, or at the database server",
    )


def _add_what_came_later(engine: Engine) -> None:
    """Give a database of an earlier release the columns that it lacks. Each may be empty, so no row is touched."""
    there = {column["name"] for column in inspect(engine).get_columns(PREDICTIONS.name)}
    if PREDICTIONS.c.slice_id.name not in there:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE predictions ADD COLUMN slice_id INTEGER")


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:  # noqa: ANN401 (sqlite3's)
        # The driver would begin transactions by its own rules, which leave out reads.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # a label that was acknowledged outlives a loss of power
            f"journal_size_limit={_WAL_BYTES}",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _began(connection: Connection) -> None:
        # A reader that turns into a writer may be refused; so a writer says at once that it is one.
        writes = connection.get_execution_options().get("andon_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
