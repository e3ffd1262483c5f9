"""CSV, XLSX and Parquet files as text cells with the row numbers a person sees in the spreadsheet.

Everything is text, because employee ids lose their leading zeros otherwise. Nothing is repaired silently: a file that
is not clearly readable is refused with the place.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

ENCODINGS = ("utf-8", "cp1252")
_WHOLE = "Drop the whole file again"
DELIMITERS = (",", ";", "\t", "|")
SHOWN_PROBLEMS = 5


class Unreadable(ValueError):
    """A file or a place in it that cannot be read.

    Args:
        reason: the rule that is broken, never the content.
        row: row as the spreadsheet counts, from 1.
        column: header of the column, or its letter.
    """

    def __init__(self, reason: str, row: int | None = None, column: str | None = None) -> None:
        place = ", ".join(([f"row {row}"] if row else []) + ([f"column `{column}`"] if column else []))
        self.reason, self.row, self.column = reason, row, column
        super().__init__(f"{place}: {reason}" if place else reason)


@dataclass
class Problems:
    """Places of one file that cannot be read; the file is refused when there is any."""

    found: list[Unreadable] = field(default_factory=list)

    def add(self, reason: str, row: int | None, column: str | None = None) -> None:
        """Note one place."""
        self.found.append(Unreadable(reason, row, column))

    def refuse(self) -> None:
        """End here if there is any.

        Raises:
            Unreadable: with every place, up to the number shown.
        """
        shown = "; ".join(map(str, self.found[:SHOWN_PROBLEMS]))
        more = len(self.found) - SHOWN_PROBLEMS
        if self.found:
            raise Unreadable(f"{shown}; and {more} more" if more > 0 else shown)


@dataclass(frozen=True)
class Sheet:
    """A table of text: headers and rows with their numbers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Shape:
    """Where the table is in the file.

    Attributes:
        header_row: row of the headers from 1, or several rows whose texts are joined (merged upper headers run on).
        skip_footer: rows below the table that are no data (totals, notes).
        sheet: name of the sheet of a workbook; the first one if None.
        delimiter: of a CSV file; found out if None.
        encoding: of a CSV file; found out if None (UTF-8, UTF-16 by its mark, else Windows-1252).
    """

    header_row: int | tuple[int, ...] = 1
    skip_footer: int = 0
    sheet: str | None = None
    delimiter: str | None = None
    encoding: str | None = None


def read_sheet(name: str, content: bytes, shape: Shape) -> Sheet:
    """Read one file.

    Args:
        name: file name; its ending tells the format (csv, tsv, txt, xlsx, parquet).
        content: the whole file.
        shape: where the table is in it.

    Raises:
        Unreadable: wrong format, no header, a header twice, a row longer than the header …
    """
    ending = name.rsplit(".", 1)[-1].lower()
    if ending in ("csv", "tsv", "txt"):
        return _table(_csv_rows(content, shape), shape)
    if ending == "xlsx":
        return _table(_workbook_rows(content, shape), shape)
    if ending == "parquet":
        return _parquet(content)
    raise Unreadable(f"files ending in `.{ending}` are not read; save it as CSV, XLSX or Parquet")


def decode(content: bytes, encoding: str | None = None) -> str:
    """Text of a CSV file, its byte order mark removed.

    Raises:
        Unreadable: the bytes are not text in the given or any known encoding.
    """
    if encoding is None and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    for candidate in (encoding,) if encoding else ENCODINGS:
        try:
            text = content.decode(candidate)
        except UnicodeDecodeError as error:
            if error.reason in ("unexpected end of data", "truncated data"):
                # Nothing before is wrong: the start of a longer file, and no file of another encoding.
                raise Unreadable(f"it is cut off: it ends in the middle of a character. {_WHOLE}") from error
            continue
        except LookupError as error:
            raise Unreadable(f"`{encoding}` is no encoding") from error
        if "\x00" in text:
            break
        return text.removeprefix("\ufeff")
    raise Unreadable(f"it is no text in {encoding or ' or '.join(ENCODINGS)}")


def sniff_delimiter(line: str) -> str:
    """Delimiter of a header line: the one that divides it into most parts, outside quotes; a comma if none does."""
    bare = re.sub(r'"(?:[^"]|"")*"', "", line)
    return max(DELIMITERS, key=lambda delimiter: (bare.count(delimiter), -DELIMITERS.index(delimiter)))


def _csv_rows(content: bytes, shape: Shape) -> Iterator[tuple[int, list[str]]]:
    text = decode(content, shape.encoding)
    lines = text.splitlines()
    header = min(_header_rows(shape))
    if len(lines) < header:
        raise Unreadable("the file ends before the header row", header)
    delimiter = shape.delimiter or sniff_delimiter(lines[header - 1])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number, cells, width = 0, [""], 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, [cell.strip() for cell in cells]
            width = max(width, len(cells))
    except csv.Error as error:
        raise Unreadable("a quotation mark is not closed, or text follows a closing one", number + 1) from error
    # Notes below the table may be short and may end the file.
    if len(cells) < width and not text.endswith(("\n", "\r")) and not shape.skip_footer:
        raise Unreadable(
            f"it is cut off: this last row is shorter than others and its line does not end. {_WHOLE}; if it is whole, "
            "let its last line end",
            number,
        )


def _workbook_rows(content: bytes, shape: Shape) -> Iterator[tuple[int, list[str]]]:
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(content), data_only=True, read_only=True)
    except Exception as error:
        # openpyxl raises a dozen classes of zipfile, xml and its own for a broken file.
        raise Unreadable(f"it is no readable workbook ({type(error).__name__})") from error
    try:
        if shape.sheet is not None and shape.sheet not in book.sheetnames:
            raise Unreadable(f"it has no sheet `{shape.sheet}`")
        sheet = book[shape.sheet] if shape.sheet is not None else book.worksheets[0]
        # Some programs state a size that the sheet does not have; openpyxl would end there without a word.
        sheet.reset_dimensions()
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, [_cell_text(cell.value, getattr(cell, "number_format", "General")) for cell in cells]
    except Unreadable:
        raise
    except Exception as error:
        # A sheet is parsed as it is read: damage inside it is met here.
        raise Unreadable(f"its sheet is not readable to the end ({type(error).__name__}). {_WHOLE}") from error
    finally:
        book.close()


def _cell_text(value: Any, number_format: str = "General") -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and re.fullmatch(r"0+", number_format):
        # An id column shown as 00042: the zeros are in the format, not in the number.
        return str(value).zfill(len(number_format))
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() and value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


def _header_rows(shape: Shape) -> tuple[int, ...]:
    return (shape.header_row,) if isinstance(shape.header_row, int) else tuple(shape.header_row)


def _table(numbered: Iterable[tuple[int, list[str]]], shape: Shape) -> Sheet:
    header_rows = _header_rows(shape)
    rows = list(numbered)
    upper = [cells for number, cells in rows if number in header_rows]
    if len(upper) < len(header_rows):
        raise Unreadable("the file ends before the header row", max(header_rows))
    headers = _joined_headers(upper)
    body = [(number, cells) for number, cells in rows if number > max(header_rows)]
    while body and not any(body[-1][1]):
        body.pop()
    if shape.skip_footer:
        body = body[: -shape.skip_footer]
    return Sheet(headers, _fitted(body, headers))


def _joined_headers(upper: Sequence[list[str]]) -> tuple[str, ...]:
    width = max(len(cells) for cells in upper)
    padded = [cells + [""] * (width - len(cells)) for cells in upper]
    for cells in padded[:-1]:
        for index in range(1, width):
            cells[index] = cells[index] or cells[index - 1]
    joined = [" ".join(filter(None, (" ".join(cells[i].split()) for cells in padded))) for i in range(width)]
    while joined and not joined[-1]:
        joined.pop()
    if not joined:
        raise Unreadable("the header row is empty")
    return _unlike(joined)


def _unlike(headers: Sequence[str]) -> tuple[str, ...]:
    """Headers that tell their columns apart; capitals do not.

    Raises:
        Unreadable: by the columns' letters, because in a file without headers the text is somebody's value.
    """
    first: dict[str, int] = {}
    for index, header in enumerate(headers):
        before = first.setdefault(header.casefold(), index)
        if header and before < index:
            raise Unreadable(f"column `{_letter(before)}` has the same header", column=_letter(index))
    return tuple(headers)


def _letter(index: int) -> str:
    """The column's letters in a spreadsheet.

    >>> [_letter(index) for index in (0, 25, 26, 701, 702)]
    ['A', 'Z', 'AA', 'ZZ', 'AAA']
    """
    left, place = divmod(index, 26)
    return (_letter(left - 1) if left else "") + chr(ord("A") + place)


def _fitted(body: Iterable[tuple[int, list[str]]], headers: tuple[str, ...]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    problems, fitted = Problems(), []
    for number, cells in body:
        if any(cells[len(headers) :]):
            problems.add(f"the row has {len(cells)} cells, the header {len(headers)}", number)
        if any(cells):
            fitted.append((number, tuple(cells[: len(headers)] + [""] * (len(headers) - len(cells)))))
    problems.refuse()
    return tuple(fitted)


def _parquet(content: bytes) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content))
    except pa.ArrowException as error:
        raise Unreadable(f"it is no readable Parquet file ({type(error).__name__})") from error
    columns = [[_cell_text(value) for value in table.column(i).to_pylist()] for i in range(table.num_columns)]
    rows = zip(*columns, strict=True) if columns else ()
    return Sheet(_unlike(table.column_names), tuple((number, tuple(row)) for number, row in enumerate(rows, start=1)))
