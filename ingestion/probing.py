"""What `qoh doctor` asks of every HTTP vendor: reachable, credential, clock, rate limit, permission of each stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from ingestion.client import Client, Response
from ingestion.errors import IngestionError, PermissionMissing
from ingestion.streams import ProbeResult, Stream

SKEW_WORTH_SAYING = timedelta(seconds=30)
SKEW_TOO_MUCH = timedelta(minutes=5)


def probe_connection(client: Client, path: str, params: Mapping[str, str] | None = None) -> list[ProbeResult]:
    """Reachability, credential, clock and rate limit, from one cheap request.

    Args:
        client: of the connection.
        path: an endpoint that needs little; a missing permission for it still proves the credential.
        params: its query parameters.

    Returns:
        One result per question; only the failed one when the request failed.
    """
    try:
        client.get(path, params)
    except PermissionMissing:
        pass
    except IngestionError as error:
        return [ProbeResult("connection", "problem", str(error))]
    good = ProbeResult("connection", "ok", "The vendor answers and accepts the credential.")
    return [good, _clock(client), _rate(client)]


def _clock(client: Client) -> ProbeResult:
    seconds = client.skew.total_seconds()
    direction = "ahead of" if seconds > 0 else "behind"
    if abs(client.skew) < SKEW_WORTH_SAYING:
        return ProbeResult("clock", "ok", "This machine's clock agrees with the vendor's.")
    message = (
        f"The vendor's clock is {abs(seconds):.0f} s {direction} this machine's; windows end at the vendor's time. "
        f"Expected less than {SKEW_WORTH_SAYING.seconds} s: check this machine's time."
    )
    return ProbeResult("clock", "problem" if abs(client.skew) > SKEW_TOO_MUCH else "warning", message)


def _rate(client: Client) -> ProbeResult:
    if client.budget.limit is None:
        return ProbeResult("rate limit", "ok", "The vendor names no limit; its requests to wait are obeyed.")
    return ProbeResult(
        "rate limit", "ok", f"{client.budget.limit} requests per window, {client.budget.remaining} left in this one."
    )


def probe_streams(
    client: Client,
    streams: Iterable[Stream],
    ask: Callable[[Stream], Response],
    absent: Callable[[Stream, Response], Sequence[str]],
) -> list[ProbeResult]:
    """One result per stream: permitted, and which fields of the allow-list do not come.

    Args:
        client: of the connection.
        streams: those to ask for.
        ask: reads the smallest page of a stream.
        absent: names of wanted fields that the answer's records do not have.
    """

    def one(stream: Stream) -> ProbeResult:
        subject = f"stream {stream.name}"
        try:
            missing = absent(stream, ask(stream))
        except PermissionMissing:
            return ProbeResult(
                subject,
                "problem",
                f"The credential lacks `{stream.scope}`; the stream cannot be read. Grant it at the vendor, "
                "then run: qoh doctor",
            )
        except IngestionError as error:
            return ProbeResult(subject, "problem", str(error))
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            return ProbeResult(subject, "warning", f"Readable, but without {names}; those columns stay empty.")
        return ProbeResult(subject, "ok", "Readable.")

    return list(client.map(one, streams))
