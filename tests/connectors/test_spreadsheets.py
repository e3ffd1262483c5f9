"""Files as people really save them: marks, encodings, delimiters, two header rows, notes below the table."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from ingestion.spreadsheets import Shape, Unreadable, read_sheet, sniff_delimiter


def workbook(rows: list[list[Any]], formats: dict[str, str] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, number_format in (formats or {}).items():
        sheet[cell].number_format = number_format
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found_out(encoding: str, delimiter: str) -> None:
    text = delimiter.join(["id", "größe"]) + "\n" + delimiter.join(["007", "café"]) + "\n"
    sheet = read_sheet("a.csv", text.encode(encoding), Shape())
    assert sheet.headers == ("id", "größe")
    assert sheet.rows == ((2, ("007", "café")),)


def test_a_delimiter_inside_quotes_is_no_delimiter() -> None:
    assert sniff_delimiter('"a;b;c",d,e') == ","
    sheet = read_sheet("a.csv", b'id;name\n1;"Okafor; Ines"\n', Shape())
    assert sheet.rows == ((2, ("1", "Okafor; Ines")),)


def test_missing_cells_at_the_end_are_empty_and_empty_rows_are_passed_over() -> None:
    sheet = read_sheet("a.csv", b"id,x,y\n1\n\n,,\n2,b,c\n", Shape())
    assert sheet.rows == ((2, ("1", "", "")), (5, ("2", "b", "c")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,x\n1,2,3\n", "row 2: the row has 3 cells, the header 2"),
        (b"id,x,x\n1,2,3\n", "column `C`: column `B` has the same header"),
        (b'id,x\n1,"open\n', "quotation mark"),
        (b"", "ends before the header row"),
        (b",,\n1,2,3\n", "header row is empty"),
        (b"id,NAME,name\n1,2,3\n", "column `C`: column `B` has the same header"),
        (b"\x00\x01\x02", "no text"),
        (b"id,x,y\n1,2,3\n4,5", "row 3: it is cut off"),
        ("id,name\n1,Zoë\n2,Zoë".encode()[:-1], "it is cut off: it ends in the middle of a character"),
        ("id,name\n1,Zoë\n2,Zoë".encode("utf-16")[:-1], "it is cut off: it ends in the middle of a character"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(content: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read_sheet("a.csv", content, Shape())


def test_a_file_without_headers_does_not_show_its_first_row() -> None:
    with pytest.raises(Unreadable) as caught:
        read_sheet("a.csv", b"007,ines@example.org,ines@example.org\n", Shape())
    assert "ines" not in str(caught.value)


def bent(content: bytes, bend: Callable[[bytes], bytes]) -> bytes:
    """A workbook with the XML of its first sheet changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, bend(old.read(name)) if name.endswith("sheet1.xml") else old.read(name))
    return out.getvalue()


def test_a_workbook_whose_sheet_is_damaged_is_refused() -> None:
    whole = workbook([["id", "x"], *([str(n), "text"] for n in range(50))])
    damaged = bent(whole, lambda xml: xml[:900] + b"\x00" * 40 + xml[940:])
    with pytest.raises(Unreadable, match="not readable to the end"):
        read_sheet("a.xlsx", damaged, Shape())


def test_a_sheet_that_states_a_wrong_size_is_read_to_its_end() -> None:
    content = bent(workbook([["id", "x"], ["1", "a"], ["2", "b"]]), lambda xml: xml.replace(b"A1:B3", b"A1"))
    assert read_sheet("a.xlsx", content, Shape()).rows == ((2, ("1", "a")), (3, ("2", "b")))


def test_notes_below_the_table_may_end_a_file_without_a_line_end() -> None:
    assert read_sheet("a.csv", b"id,x\n1,2\nby HR", Shape(skip_footer=1)).rows == ((2, ("1", "2")),)


@pytest.mark.parametrize(
    ("name", "content"), [("a.xlsx", b"PK not a workbook"), ("a.parquet", b"PAR0"), ("a.pdf", b"%")]
)
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(Unreadable):
        read_sheet(name, content, Shape())


def test_two_header_rows_are_joined_and_merged_upper_headers_run_on() -> None:
    content = workbook(
        [
            ["Ratings overview"],
            ["", "2024", None, "2025"],
            ["ID", "H1", "H2", "H1"],
            [7, 3, 4, 5],
            ["Total", 1],
            ["note"],
        ]
    )
    sheet = read_sheet("a.xlsx", content, Shape(header_row=(2, 3), skip_footer=2))
    assert sheet.headers == ("ID", "2024 H1", "2024 H2", "2025 H1")
    assert sheet.rows == ((4, ("7", "3", "4", "5")),)


def test_cells_of_a_workbook_become_the_text_a_person_sees() -> None:
    rows = [["id", "a", "b", "c", "d"], [42, 4.0, 4.5, date(2025, 3, 1), True]]
    sheet = read_sheet("a.xlsx", workbook(rows, {"A2": "00000"}), Shape())
    assert sheet.rows == ((2, ("00042", "4", "4.5", "2025-03-01", "true")),)


def test_a_sheet_is_found_by_name_or_refused() -> None:
    with pytest.raises(Unreadable, match="no sheet `Ratings`"):
        read_sheet("a.xlsx", workbook([["id"]]), Shape(sheet="Ratings"))


def test_parquet_keeps_leading_zeros_and_nulls() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ["007", None], "n": [1, 2]}), out)
    assert read_sheet("a.parquet", out.getvalue(), Shape()).rows == ((1, ("007", "1")), (2, ("", "2")))


def test_two_columns_of_parquet_that_differ_by_capitals_only_are_refused() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table([["007"], ["Ines"], ["Ana"]], names=["id", "Name", "name"]), out)
    with pytest.raises(Unreadable, match="column `C`: column `B` has the same header"):
        read_sheet("a.parquet", out.getvalue(), Shape())


CELL = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=8)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), st.sampled_from([",", ";", "\t"]))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("first", "second"), *rows])
    sheet = read_sheet("a.csv", out.getvalue().encode(), Shape())
    assert [cells for _, cells in sheet.rows] == rows


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.xlsx", "a.parquet"]))
def test_any_bytes_are_read_or_refused_and_nothing_else(content: bytes, name: str) -> None:
    try:
        read_sheet(name, content, Shape())
    except Unreadable:
        return
