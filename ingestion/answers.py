"""What vendors answer: good JSON documents, their records, and the way from page to page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx
import orjson

from ingestion.errors import WrongEnvelope


@dataclass(frozen=True)
class Response:
    """One good answer: HTTP 200 and a JSON document."""

    connection_id: str
    url: str
    headers: httpx.Headers
    payload: Any

    @property
    def path(self) -> str:
        """The URL's path without ids: what errors and quarantine rows name."""
        return path_of(self.url)

    def at(self, dotted: str) -> Any:
        """The value at a dotted path; None when any step is missing."""
        return dig(self.payload, dotted)

    def list_at(self, dotted: str = "") -> list[Any]:
        """The list of records at a dotted path ("" is the document itself).

        Raises:
            WrongEnvelope: anything but a list, so that an error object is never "no rows".
        """
        value = dig(self.payload, dotted) if dotted else self.payload
        if not isinstance(value, list):
            raise self.wrong_envelope(f"a list at `{dotted}`" if dotted else "a list")
        return value

    def ids_at(self, dotted: str, key: str) -> list[str | None]:
        """Ids of the records at a dotted path; None for a record that cannot be found again by its own.

        Raises:
            WrongEnvelope: anything but a list.
        """
        return [identifier(record.get(key)) if isinstance(record, dict) else None for record in self.list_at(dotted)]

    def object_at(self, dotted: str = "") -> dict[str, Any]:
        """The object at a dotted path.

        Raises:
            WrongEnvelope: anything but an object.
        """
        value = dig(self.payload, dotted) if dotted else self.payload
        if not isinstance(value, dict):
            raise self.wrong_envelope(f"an object at `{dotted}`" if dotted else "an object")
        return value

    def wrong_envelope(self, expected: str) -> WrongEnvelope:
        """The error for an answer of another shape."""
        return WrongEnvelope(self.connection_id, self.path, expected, shape(self.payload))


def path_of(url: str) -> str:
    """A URL's path with every number in it blanked: in some APIs it is a person's id.

    >>> path_of("https://api.example.com/v1/employees/1234/tables/jobInfo?fields=a")
    '/v1/employees/…/tables/jobInfo'
    """
    return re.sub(r"(?<=/)\d+(?=/|$)", "…", urlsplit(url).path)


def dig(value: Any, dotted: str) -> Any:
    """Follow a dotted path through objects; None when a step is missing."""
    for step in dotted.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def identifier(value: object) -> str | None:
    """An id as text; None for what is neither text nor a whole number.

    >>> [identifier(value) for value in (17, "a-17", "", None, True, {"id": 17})]
    ['17', 'a-17', None, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if text and text.isprintable() else None


def shape(payload: Any) -> str:
    """What a document looks like, without any value in it."""
    if isinstance(payload, dict):
        keys = [key if re.fullmatch(r"[A-Za-z_@$][\w.\-$]{0,40}", key) else "…" for key in list(payload)[:8]]
        return "an object with " + (", ".join(f"`{key}`" for key in keys) or "no keys")
    if isinstance(payload, list):
        return f"a list of {len(payload)}"
    return {type(None): "null", bool: "a boolean", str: "a text"}.get(type(payload), "a number")


def parse_json(content: bytes) -> Any:
    """A JSON document; bytes that are no UTF-8 become lone surrogates, so that only their record is set aside.

    orjson is strict and three times as fast; what it refuses (NaN, odd bytes) the standard parser accepts and the
    record check judges.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content.decode("utf-8", "surrogateescape"))


def parse_time(value: object) -> datetime | None:
    """An ISO 8601 time with zone, or None."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Next:
    """Where the next page is."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)


class Paginator(Protocol):
    """One vendor's way from page to page."""

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The next page, or None after the last one.

        Raises:
            WrongEnvelope: the answer does not say whether it was the last one.
        """
        ...


@dataclass(frozen=True)
class LinkHeader:
    """`Link: <url>; rel="next"`, followed verbatim without other parameters; the last page has none (Greenhouse)."""

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The URL of the header.

        Raises:
            WrongEnvelope: a header that names no relation, so that it is never taken for the last page.
        """
        header = response.headers.get("link", "").strip()
        # The address first: it may hold commas and semicolons, which also part links and their parameters.
        links = [(url, _relations(rest)) for url, rest in re.findall(r"<([^>]*)>([^<]*)", header)]
        if header and not any(relations for _, relations in links):
            raise response.wrong_envelope('a `Link` header like `<address>; rel="next"`')
        following = next((url for url, relations in links if "next" in relations), None)
        return Next(urljoin(response.url, following)) if following else None


def _relations(parameters: str) -> list[str]:
    found = re.search(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]+))', parameters, re.IGNORECASE)
    return (found[1] or found[2] or "").lower().split() if found else []


@dataclass(frozen=True)
class BodyCursor:
    """The cursor of the next page is in the body.

    Attributes:
        cursor: dotted path of the cursor; null or empty after the last page.
        param: query parameter that carries it.
        more: dotted path of a boolean that says whether there is more; it has to be there when named (Lattice).
    """

    cursor: str
    param: str
    more: str | None = None

    def following(self, response: Response, params: Mapping[str, str]) -> Next | None:
        """The same request with the cursor."""
        value = response.at(self.cursor)
        if self.more is not None:
            more = response.at(self.more)
            if not isinstance(more, bool) or (more and not value):
                raise response.wrong_envelope(f"`{self.more}` and `{self.cursor}`")
            if not more:
                return None
        return Next(response.url.split("?")[0], {**params, self.param: str(value)}) if value else None
