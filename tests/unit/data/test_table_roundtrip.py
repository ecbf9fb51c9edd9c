"""Tables of any texts and numbers, written by Python's csv module in any dialect, come back as they were."""

import csv
import io
from contextlib import suppress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from app.data.csv_reader.csv_records import CsvRecords
from app.data.csv_reader.options import CsvOptions
from app.errors import TrinityError
from app.schemas.columns import KINDS
from app.service.choice import FitChoice

CHOICE = FitChoice(frozenset(KINDS), takes_missing=True, target=["y"])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=12)  # csv does not quote a CR
numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(texts, numbers, numbers), min_size=1, max_size=20),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
)
def test_what_was_written_is_read(rows: list[tuple[str, float, float]], separator: str, end: str, quoting: int) -> None:
    """A column of texts that are letters first, so that they are of no other kind; blanks around do not count."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    marked = [("t" + text, x, y) for text, x, y in rows]
    writer.writerows([["name", "x", "y"], *marked])
    table = CsvRecords(out.getvalue().encode(), CsvOptions(separator)).read(CHOICE)
    assert table.y is not None
    np.testing.assert_array_equal(table.X[:, 1], [x for _, x, _ in rows])
    np.testing.assert_array_equal(table.y, [y for *_, y in rows])
    found = [table.categories[0][int(code)] for code in table.X[:, 0]]
    assert found == [text.strip(" \t\r\n\f\v") for text, *_ in marked]


@settings(deadline=None)
@given(raw=st.binary(max_size=60) | st.text("ay,;\t |\n\r\"'1.5-NA\ufeffé", max_size=60).map(str.encode))
def test_any_bytes_are_a_table_or_refused(raw: bytes) -> None:
    """And never anything else than an error of ours, below a header or without one."""
    for content in (raw, b"a,y\n" + raw, b"a y\n" + raw):
        with suppress(TrinityError):
            assert len(CsvRecords(content).read(CHOICE).X)
