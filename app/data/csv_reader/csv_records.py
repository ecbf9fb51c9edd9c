"""CSV as the data of a request: read when the model is known, and only the columns that are needed."""

from __future__ import annotations

from collections.abc import Sequence

from app.data.csv_reader.charset import Bytes, as_utf8, refuse_workbook
from app.data.csv_reader.layout import Layout, find_layouts, is_number
from app.data.csv_reader.options import CsvOptions
from app.errors import Fault, Invalid
from app.schemas.tables import Choice, Selection, Table


class CsvRecords:
    """A CSV file in any common dialect."""

    def __init__(self, raw: Bytes, options: CsvOptions | None = None) -> None:
        self._raw = raw
        self._options = options or CsvOptions()

    def beside(self, raw: Bytes) -> CsvRecords:
        """Return another file in the same dialect."""
        return CsvRecords(raw, self._options)

    def read(self, choice: Choice) -> Table:
        """Return the chosen columns; raise Invalid with pointers, or Malformed if it is not CSV."""
        refuse_workbook(self._raw)
        body = as_utf8(self._raw, self._options.encoding)
        layout, selection = _select(find_layouts(body, self._options), choice, self._options)
        from app.data.csv_reader.reading import read_table  # noqa: PLC0415  pyarrow: only if there is a table

        return read_table(layout, selection, self._options, choice.labels)


def _select(layouts: Sequence[Layout], choice: Choice, options: CsvOptions) -> tuple[Layout, Selection]:
    """Return the first layout whose names, or positions, match the choice; raise Invalid as for the first layout."""
    refused: list[Invalid] = []
    for layout in layouts:
        for names in (layout.names, None) if layout.unnamed else (layout.names,):
            try:
                return layout, choice.select(names, len(layout.names), "/data/columns", has_y=False)
            except Invalid as error:
                refused.append(error)
    first = refused[0]
    if options.header is None and any(map(is_number, layouts[0].names)):
        hint = "if the first row of the CSV is data, say header=absent"
        faults = [Fault(fault.pointer, f"{fault.detail}; {hint}") for fault in first.faults]
        raise Invalid(f"{first.detail}; {hint}", *faults)
    raise first
