"""How a firm's spreadsheets become records: the layouts of connections.toml, and the two shapes they describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from ingestion.errors import ConfigurationError, listed
from ingestion.ratings import Rating, RatingUnreadable, Scale, parse_rating
from ingestion.spreadsheets import Problems, Sheet, Unreadable
from ingestion.streams import Column, Stream

TABLES = ("employees", "reviews", "job_changes", "applications", "interviews", "scorecards")
MONTHS_A_YEAR = 12

# --- what the firm says about its files ------------------------------------------------------------------------------


class Layout(BaseModel):
    """How the files that match a pattern are read: one `[[connection.options.layout]]` of connections.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: str
    stream: Literal["employees", "reviews", "job_changes", "applications", "interviews", "scorecards"]
    shape: Literal["tidy", "wide"] = "tidy"
    mode: Literal["full", "delta"] = "full"
    header_row: PositiveInt | Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = 1
    skip_footer: NonNegativeInt = 0
    sheet: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: str | None = None
    date_format: str = "%Y-%m-%d"
    timezone: ZoneInfo = ZoneInfo("UTC")
    columns: dict[str, str] = {}
    constants: dict[str, Any] = {}
    scale_min: float | None = None
    scale_max: float | None = None
    scale_labels: tuple[str, ...] = ()
    # Wide sheets only: one row per employee, one column per cycle.
    id_column: str | None = None
    reviewer_column: str | None = None
    cycle_columns: str | None = None
    periods: dict[str, tuple[date, date]] = {}
    relation: Literal["manager", "self", "peer", "upward", "calibrated", "other"] = "manager"


_TIDY_ONLY = frozenset({"columns"})
_WIDE_ONLY = frozenset({"id_column", "reviewer_column", "cycle_columns", "periods", "relation"})


class LayoutInvalid(ConfigurationError):
    """The description of the files does not hold together."""

    def __init__(self, connection_id: str, where: str, problem: str) -> None:
        super().__init__(
            f"Connection `{connection_id}`, {where}: {problem}. No file of this connection was read; the others are "
            "not affected. Compare with connections.example.toml, then run: qoh doctor"
        )


def layouts(
    connection_id: str, options: Mapping[str, Any], streams: Mapping[str, Stream], timezone: ZoneInfo
) -> tuple[Layout, ...]:
    """Layouts of a connection: those it states, then a tidy one for every table, recognised by the file's name.

    Args:
        connection_id: named in errors.
        options: of the connection; its `date_format` and `timezone` hold where a layout has none of its own.
        streams: by name; what `columns` and `constants` may name.
        timezone: the firm's.

    Raises:
        LayoutInvalid: unknown setting or column, contradicting scale, a wide sheet without its columns.
    """
    general = {"timezone": timezone} | {
        name: options[name] for name in ("date_format", "timezone") if options.get(name)
    }
    stated = []
    for number, entry in enumerate(options.get("layout", ()), start=1):
        try:
            layout = Layout.model_validate(general | entry)
            stated.append(_checked(layout, streams[layout.stream]))
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            setting = ".".join(map(str, first["loc"]))
            known = f"there is no such setting{_meant(setting, Layout.model_fields)}; there are "
            problem = known + listed(Layout.model_fields) if first["type"] == "extra_forbidden" else first["msg"]
            raise LayoutInvalid(connection_id, f"layout {number}, `{setting}`", problem) from None
        except ValueError as error:
            raise LayoutInvalid(connection_id, f"layout {number}", str(error)) from None
    return (*stated, *(Layout.model_validate({"files": f"{s}*", "stream": s, **general}) for s in TABLES))


def _checked(layout: Layout, stream: Stream) -> Layout:
    """The layout with its constants typed as cells of their columns are.

    Raises:
        ValueError: it does not hold together.
    """
    wanted = _wanted(stream)
    for setting in ("columns", "constants"):
        for name in getattr(layout, setting):
            if name not in wanted:
                missing = f"`{setting}` names `{name}`, which {layout.stream} do not have{_meant(name, wanted)}"
                raise ValueError(f"{missing}; they have {listed(wanted)}")
    if problem := _contradiction(layout):
        raise ValueError(problem)
    return layout.model_copy(update={"constants": _constants(layout, wanted)})


def _constants(layout: Layout, wanted: Mapping[str, Column | None]) -> dict[str, Any]:
    typed = {}
    for name, text in layout.constants.items():
        try:
            typed[name] = _typed(str(text), wanted[name], layout)
        except ValueError as error:
            raise ValueError(f"`constants`, `{name}`: {error}") from None
    return typed


def _meant(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def _contradiction(layout: Layout) -> str | None:
    try:
        scale = Scale.stated(layout.scale_min, layout.scale_max, layout.scale_labels)
    except ValueError as error:
        return str(error)
    foreign = sorted(layout.model_fields_set & (_TIDY_ONLY if layout.shape == "wide" else _WIDE_ONLY))
    if foreign:
        return f"{listed(foreign)} would not be looked at: the sheet is said to be {layout.shape} (setting `shape`)"
    if layout.shape == "tidy":
        return None
    if layout.stream != "reviews":
        return f"a wide sheet gives reviews, not {layout.stream}"
    if not layout.id_column or not layout.cycle_columns:
        return "a wide sheet needs `id_column` and `cycle_columns`"
    if scale is None:
        return "a wide sheet needs `scale_min` and `scale_max`, or `scale_labels` from low to high; no scale is guessed"
    try:
        re.compile(layout.cycle_columns)
    except re.error as error:
        return f"`cycle_columns` is no regular expression ({error.msg})"
    return None


# --- from cells to records -------------------------------------------------------------------------------------------


def tidy_records(sheet: Sheet, stream: Stream, layout: Layout) -> list[dict[str, Any]]:
    """Records of a tidy sheet: one per row, columns renamed and typed, columns outside the allow-list left out.

    Raises:
        Unreadable: with every place that is wrong, up to the number shown.
    """
    wanted = _wanted(stream)
    theirs = {ours: layout.columns.get(ours, ours) for ours in wanted}
    position = {header.casefold(): index for index, header in enumerate(sheet.headers) if header}
    problems = Problems()
    for ours, column in wanted.items():
        required = column is not None and column.required and ours not in layout.constants
        if (required or ours in layout.columns) and theirs[ours].casefold() not in position:
            problems.add("the column is missing", None, theirs[ours])
    problems.refuse()
    present = {ours: position[header.casefold()] for ours, header in theirs.items() if header.casefold() in position}
    records = []
    for number, cells in sheet.rows:
        record: dict[str, Any] = dict(layout.constants)
        for ours, index in present.items():
            try:
                record[ours] = _typed(cells[index], wanted[ours], layout)
            except ValueError as error:
                problems.add(str(error), number, theirs[ours])
        for ours, index in present.items():
            column = wanted[ours]
            if column is not None and column.required and not cells[index]:
                problems.add("the cell is empty", number, theirs[ours])
        if "rating_value" in wanted:
            _put_rating(record, layout, problems, number, theirs)
        records.append(record)
    _refuse_doubles(stream, records, sheet, problems)
    problems.refuse()
    return records


def wide_records(sheet: Sheet, layout: Layout, employee_token: Callable[[str], str | None]) -> list[dict[str, Any]]:
    """Review records of a wide sheet: one per employee and cycle column that holds a rating or says why not.

    Args:
        sheet: one row per employee.
        layout: its description.
        employee_token: token of an employee id; part of the review's id, which must not give the employee away.

    Raises:
        Unreadable: with every place that is wrong, up to the number shown.
    """
    assert layout.id_column is not None
    assert layout.cycle_columns is not None
    scale = Scale.stated(layout.scale_min, layout.scale_max, layout.scale_labels)
    position = {header.casefold(): index for index, header in enumerate(sheet.headers) if header}
    problems = Problems()
    for needed in filter(None, (layout.id_column, layout.reviewer_column)):
        if needed.casefold() not in position:
            problems.add("the column is missing", None, needed)
    problems.refuse()
    cycles = {i: name for i, header in enumerate(sheet.headers) if (name := _cycle(layout.cycle_columns, header))}
    if not cycles:
        raise Unreadable("no column matches `cycle_columns`")
    _refuse_shared_cycles(sheet, cycles)
    periods = {cycle: _period(layout, cycle) for cycle in cycles.values()}
    records, seen = [], set()
    for number, cells in sheet.rows:
        employee = cells[position[layout.id_column.casefold()]]
        if not employee:
            problems.add("the cell is empty; rows below the table are named by `skip_footer`", number, layout.id_column)
            continue
        if employee in seen:
            problems.add("the employee has two rows", number, layout.id_column)
        seen.add(employee)
        reviewer = cells[position[layout.reviewer_column.casefold()]] if layout.reviewer_column else None
        for index, cycle in cycles.items():
            if not cells[index]:
                continue
            try:
                rating = parse_rating(cells[index], scale)
            except RatingUnreadable as error:
                problems.add(str(error), number, sheet.headers[index])
                continue
            record = _wide_record(layout, scale, cycle, employee, reviewer, rating, employee_token)
            records.append(record | periods[cycle])
    problems.refuse()
    return records


def _refuse_shared_cycles(sheet: Sheet, cycles: Mapping[int, str]) -> None:
    first: dict[str, int] = {}
    for index, cycle in cycles.items():
        if cycle in first:
            both = listed((sheet.headers[first[cycle]], sheet.headers[index]))
            raise Unreadable(f"{both} are both cycle `{cycle}`; let `cycle_columns` match one column a cycle")
        first[cycle] = index


def _wide_record(
    layout: Layout,
    scale: Scale | None,
    cycle: str,
    employee: str,
    reviewer: str | None,
    rating: Rating,
    employee_token: Callable[[str], str | None],
) -> dict[str, Any]:
    return {
        **layout.constants,
        "review_id": f"{cycle}:{(employee_token(employee) or '')[:16]}:{layout.relation}",
        "cycle_id": cycle,
        "cycle_name": cycle,
        "employee_id": employee,
        "reviewer_employee_id": reviewer or (employee if layout.relation == "self" else None),
        "reviewer_relation": layout.relation,
        "question_id": "overall",
        "calibrated": layout.relation == "calibrated",
        **_rating_fields(rating, scale),
    }


def _cycle(pattern: str, header: str) -> str | None:
    match = re.fullmatch(pattern, header)
    if match is None:
        return None
    return match.groupdict().get("cycle") or (match.group(1) if match.groups() else match.group(0))


_PART_OF_YEAR = re.compile(r"\b(?P<unit>[HQ])(?P<number>[1-4])\b", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_MONTHS = {"H": 6, "Q": 3}


def _period(layout: Layout, cycle: str) -> dict[str, str]:
    """First and last day that a cycle rates: as stated, else read from a name like `2024 H2`, `Q1 2025` or `2024`.

    Raises:
        Unreadable: neither; without its period a rating cannot be placed in anybody's time with the firm.
    """
    first_last = layout.periods.get(cycle) or _named_period(cycle)
    if first_last is None:
        raise Unreadable(
            f"the name of cycle `{cycle}` does not say which months it rates; state it in the layout: "
            f'periods = {{ "{cycle}" = ["2024-01-01", "2024-06-30"] }}'
        )
    return {"period_start": first_last[0].isoformat(), "period_end": first_last[1].isoformat()}


def _named_period(cycle: str) -> tuple[date, date] | None:
    years = set(_YEAR.findall(cycle))
    parts = list(_PART_OF_YEAR.finditer(cycle))
    if len(years) != 1 or len(parts) > 1:
        return None
    year = int(years.pop())
    if not parts:
        return date(year, 1, 1), date(year, 12, 31)
    months, number = _MONTHS[parts[0]["unit"].upper()], int(parts[0]["number"])
    if months * number > MONTHS_A_YEAR:
        return None
    last = date(year + 1, 1, 1) if months * number == MONTHS_A_YEAR else date(year, months * number + 1, 1)
    return date(year, months * (number - 1) + 1, 1), last - timedelta(days=1)


def _wanted(stream: Stream) -> dict[str, Column | None]:
    own = {"source_file", "drop_sha256", "rating_reason"}
    columns: dict[str, Column | None] = {
        (column.path or column.name): column for column in stream.columns if column.name not in own
    }
    return columns | {path: None for path in stream.vault if path not in columns}


def _typed(cell: str, column: Column | None, layout: Layout) -> Any:
    if cell.startswith("#") and cell.rstrip("!?").isupper():
        raise ValueError("the cell holds a formula error")
    if not cell:
        return None
    kind = column.type if column is not None else "text"
    # Ratings are read by the scale's rules, after the row's own scale is known.
    if column is not None and column.name in ("rating_value", "rating_label"):
        return cell
    if kind == "date":
        return parse_day(cell, layout.date_format).isoformat()
    if kind == "timestamp":
        return parse_moment(cell, layout.date_format, layout.timezone).isoformat()
    if kind == "double":
        return _number(cell)
    if kind == "bool":
        return _truth(cell)
    if column is not None and column.enum:
        return _one_of(cell, column.enum)
    return cell


def parse_day(cell: str, date_format: str) -> date:
    """A day in the stated format; ISO days are always understood, because workbooks give them.

    Raises:
        ValueError: another format, or a day that does not exist.

    >>> parse_day("07/11/2025", "%d/%m/%Y")
    datetime.date(2025, 11, 7)
    """
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell):
        try:
            return date.fromisoformat(cell)
        except ValueError:
            raise ValueError("no such day") from None
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ]00:00(:00(\.0+)?)?", cell):
        return parse_day(cell[:10], date_format)
    try:
        return datetime.strptime(cell, date_format).date()
    except ValueError:
        raise ValueError(f"no day written as `{date_format}` (option `date_format`)") from None


_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def parse_moment(cell: str, date_format: str, timezone: ZoneInfo) -> datetime:
    """A moment in UTC: ISO 8601, or a day in the stated format with or without a time; without a zone it is the firm's.

    Raises:
        ValueError: neither of the two.

    >>> parse_moment("2025-11-07T09:30:00", "%Y-%m-%d", ZoneInfo("Europe/Berlin"))
    datetime.datetime(2025, 11, 7, 8, 30, tzinfo=datetime.timezone.utc)
    >>> parse_moment("07.11.2025 14:30", "%d.%m.%Y", ZoneInfo("Europe/Berlin"))
    datetime.datetime(2025, 11, 7, 13, 30, tzinfo=datetime.timezone.utc)
    """
    moment = _iso_moment(cell) if re.match(r"\d{4}-\d{2}-\d{2}", cell) else _firm_moment(cell, date_format)
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone)).astimezone(UTC)


def _iso_moment(cell: str) -> datetime:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        raise ValueError("no such moment; expected ISO 8601, like 2025-11-07T09:30:00+01:00") from None


def _firm_moment(cell: str, date_format: str) -> datetime:
    for time in _TIMES:
        try:
            return datetime.strptime(cell, date_format + time)
        except ValueError:
            continue
    raise ValueError(f"no day written as `{date_format}` (option `date_format`), with or without a time like 14:30")


def _number(cell: str) -> float:
    if not re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell):
        raise ValueError("not a number")
    return float(cell.replace(",", "."))


def _truth(cell: str) -> bool:
    if cell.casefold() in ("true", "yes", "y", "1"):
        return True
    if cell.casefold() in ("false", "no", "n", "0"):
        return False
    raise ValueError("neither yes nor no")


def _one_of(cell: str, enum: tuple[str, ...]) -> str:
    plain = re.sub(r"[\s-]+", "_", cell.strip()).casefold()
    if plain not in enum:
        raise ValueError(f"none of {', '.join(enum)}")
    return plain


def _put_rating(
    record: dict[str, Any], layout: Layout, problems: Problems, number: int, theirs: Mapping[str, str]
) -> None:
    value, label = record.pop("rating_value", None), record.pop("rating_label", None)
    labels = tuple(filter(None, (part.strip() for part in str(record.get("scale_labels") or "").split("|"))))
    low, high = record.get("scale_min"), record.get("scale_max")
    try:
        if low is None and high is None and not labels:
            low, high, labels = layout.scale_min, layout.scale_max, layout.scale_labels
        scale = Scale.stated(low, high, labels)
    except ValueError as error:
        problems.add(str(error), number, theirs["scale_min"])
        return
    try:
        rating = parse_rating(value or label, scale)
    except RatingUnreadable as error:
        problems.add(str(error), number, theirs["rating_value" if value else "rating_label"])
        return
    record.update(_rating_fields(replace(rating, label=label or rating.label), scale))


def _rating_fields(rating: Rating, scale: Scale | None) -> dict[str, Any]:
    return {
        "rating_value": rating.value,
        "rating_label": rating.label,
        "rating_reason": rating.reason,
        "scale_min": scale.minimum if scale else None,
        "scale_max": scale.maximum if scale else None,
        "scale_labels": "|".join(scale.labels) or None if scale else None,
    }


def _refuse_doubles(stream: Stream, records: list[dict[str, Any]], sheet: Sheet, problems: Problems) -> None:
    seen: dict[tuple[Any, ...], int] = {}
    for (number, _), record in zip(sheet.rows, records, strict=True):
        key = tuple(record.get(name) for name in stream.key)
        if key in seen:
            problems.add(f"the key is the same as in row {seen[key]}", number, ", ".join(stream.key))
        seen.setdefault(key, number)


def unread_columns(sheet: Sheet, stream: Stream, layout: Layout) -> list[str]:
    """Headers of a tidy sheet that are outside the allow-list."""
    if layout.shape == "wide":
        return []
    read = {layout.columns.get(ours, ours).casefold() for ours in _wanted(stream)}
    return [header for header in sheet.headers if header and header.casefold() not in read]
