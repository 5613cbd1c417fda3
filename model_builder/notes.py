"""What the builder decided about the data by itself, in words for people."""

from __future__ import annotations

from model_builder.classes import Labels
from model_builder.reading import Table
from model_builder.splitting import Split, repeated_rows


def reading_notes(table: Table, labels: Labels, split: Split) -> tuple[str, ...]:
    """Say what became of the file."""
    notes = [labels.note] if labels.note else []
    if table.rows_in_file > len(table.rows):
        notes.append(
            f"{len(table.rows):,} of {table.rows_in_file:,} rows were drawn at random by the seed, every row with the "
            "same chance (sampleRows); all rows were checked"
        )
    for names, why in _left_out(table):
        notes.append(f"columns left out because they {why}: {', '.join(names)}")
    if table.empty_rows:
        notes.append(f"{table.empty_rows:,} empty rows passed over")
    repeated = repeated_rows(table.data, split)
    if repeated:
        notes.append(
            f"{repeated:,} of {len(split.held_out):,} held-out rows stand among the fitted ones too, feature by "
            "feature: the scores may be too good"
        )
    return tuple(notes)


def _left_out(table: Table) -> list[tuple[list[str], str]]:
    reasons = {
        "empty": "are empty",
        "no name": "have no name",
        "identifier": "only number or name the rows",
        "constant": "never change and so tell nothing",
        "text": "hold texts too many or too long for categories",
    }
    known = {*reasons, "excluded", "groups the rows", "orders the rows"}
    found = [([each.name for each in table.left_out if each.why == why], text) for why, text in reasons.items()]
    copies = [f"{each.name} ({each.why})" for each in table.left_out if each.why.startswith("copy of ")]
    types = [f"{each.name} ({each.why})" for each in table.left_out if each.why not in known]
    types = [each for each in types if each not in copies]
    found += [(copies, "repeat another one"), (types, "hold neither numbers nor texts")]
    return [(names, text) for names, text in found if names]
