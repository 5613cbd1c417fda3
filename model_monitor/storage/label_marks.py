"""How far tables of labels have been read. Kept here, since the tables are somebody else's."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from model_monitor.storage.database import Database
from model_monitor.storage.tables import LABEL_ROWS, LABEL_TABLES

_AT_ONCE = 500


class LabelMarks:
    """The mark of one table, and which rows near it were taken.

    Parameters
    ----------
    source
        Digest of what is read; another one begins anew.
    """

    def __init__(self, database: Database, namespace: str, source: str) -> None:
        self._database = database
        self._key = {"namespace": namespace, "source": source}

    def mark(self) -> int | None:
        """Give the highest position that was read; None where none was."""
        with self._database.read() as connection:
            found = connection.execute(select(LABEL_TABLES.c.mark).filter_by(**self._key)).scalar_one_or_none()
        return None if found is None else int(found)

    def taken(self, digests: list[str]) -> set[str]:
        """Tell which rows were taken before."""
        found: set[str] = set()
        with self._database.read() as connection:
            number = self._number(connection)
            for start in range(0, len(digests), _AT_ONCE) if number is not None else ():
                wanted = LABEL_ROWS.c.digest.in_(digests[start : start + _AT_ONCE])
                query = select(LABEL_ROWS.c.digest).where(LABEL_ROWS.c.table_id == number, wanted)
                found.update(connection.execute(query).scalars())
        return found

    def take(self, rows: Iterable[tuple[str, int]], mark: int, kept_from: int) -> None:
        """Note rows as taken and move the mark, in one transaction; forget rows that are not read again.

        Parameters
        ----------
        rows
            Digest and position of each.
        kept_from
            Position from which rows may be read again.
        """
        with self._database.write() as connection:
            number = self._number(connection)
            if number is None:
                made = insert(LABEL_TABLES).values(**self._key, mark=mark).returning(LABEL_TABLES.c.id)
                number = int(connection.execute(made).scalar_one())
            else:
                moved = update(LABEL_TABLES).where(LABEL_TABLES.c.id == number, LABEL_TABLES.c.mark < mark)
                connection.execute(moved.values(mark=mark))
            new = [
                {"table_id": number, "digest": digest, "position": position}
                for digest, position in dict(rows).items()
                if position >= kept_from
            ]
            if new:
                connection.execute(insert(LABEL_ROWS), new)
            forgotten = delete(LABEL_ROWS).where(LABEL_ROWS.c.table_id == number, LABEL_ROWS.c.position < kept_from)
            connection.execute(forgotten)

    def _number(self, connection: Connection) -> int | None:
        return connection.execute(select(LABEL_TABLES.c.id).filter_by(**self._key)).scalar_one_or_none()
