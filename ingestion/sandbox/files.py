"""File drops: the same company as a firm without APIs would export it.

A tidy set of CSV files with a manifest, and one wide spreadsheet as people really have it: a title above the header,
one row per employee, a column per review cycle, a totals line and a note below. Everything is read from the rows the
API faces serve at that moment, so files and APIs never contradict each other.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from openpyxl import Workbook
from openpyxl.styles import Font

from ingestion.sandbox.store import WireStore
from ingestion.sandbox.wire import Record, parse_moment

WIDE_NAME = "performance_overview.xlsx"
WIDE_SHEET = "Ratings"
WIDE_HEADER_ROW = 3
WIDE_FOOTER_ROWS = 2
DROP_SIZES = ("tiny", "demo", "S", "M")
"""Companies small enough to keep in spreadsheets; a larger one would take minutes and gigabytes to write out."""

NOT_RATED = "N/A"
RATING_RANKS = {"strong_no": 1, "definitely_not": 1, "no": 2, "mixed": 3, "yes": 4, "strong_yes": 5}
RELATIONS = {"Manager": "manager", "Self": "self", "Peer": "peer", "Upward": "upward"}

COLUMNS: dict[str, tuple[str, ...]] = {
    "employees": (
        *("employee_id", "work_email", "personal_email", "candidate_external_id", "first_name", "last_name"),
        *("hire_date", "termination_date", "termination_type", "termination_reason", "manager_employee_id"),
        *("department", "job_title", "job_level", "job_family", "location", "employment_type", "updated_at"),
    ),
    "reviews": (
        *("review_id", "cycle_id", "cycle_name", "period_start", "period_end", "employee_id", "reviewer_employee_id"),
        *("reviewer_relation", "question_id", "question_text", "competency", "rating_value", "rating_label"),
        *("scale_min", "scale_max", "scale_labels", "weight", "status", "submitted_at", "calibrated"),
    ),
    "job_changes": (
        *("employee_id", "effective_date", "change_type", "old_level", "new_level", "old_title", "new_title"),
        *("old_department", "new_department"),
    ),
    "applications": (
        *("application_id", "candidate_id", "job_id", "job_title", "job_family", "job_level", "source", "applied_at"),
        *("status", "decided_at", "start_date", "first_name", "last_name", "personal_email", "updated_at"),
    ),
    "interviews": (
        *("interview_id", "application_id", "job_id", "interview_name", "stage_name", "starts_at", "ends_at"),
        *("interviewer_id", "status"),
    ),
    "scorecards": (
        *("application_id", "candidate_id", "job_id", "interview_id", "interview_name", "interviewer_id", "attribute"),
        *("rating_value", "rating_label", "scale_min", "scale_max", "recommendation", "submitted_at"),
    ),
}


class _Export:
    """What the faces show at one moment, by id."""

    def __init__(self, store: WireStore, as_of: int) -> None:
        self._store, self._as_of = store, as_of
        self._cache: dict[str, dict[Any, Record]] = {}

    def __call__(self, table: str, key: str = "id") -> dict[Any, Record]:
        if table not in self._cache:
            found = self._store.read(table, self._as_of, ascending=True).payloads
            self._cache[table] = {record.get(key): record for record in map(orjson.loads, found)}
        return self._cache[table]

    def employee_of_user(self) -> dict[int, str]:
        """ATS user -> HRIS id by work e-mail; a user HR does not know keeps an id of its own."""
        by_email = {e["workEmail"]: number for number, e in self("bamboohr_employees", "employeeId").items()}
        return {
            number: by_email.get(user["primary_email"], f"ats-{number}")
            for number, user in self("greenhouse_users").items()
        }

    def employee_of_reviewer(self) -> dict[str, str]:
        """Performance user -> HRIS id, by its external id, else by work e-mail."""
        by_email = {e["workEmail"]: number for number, e in self("bamboohr_employees", "employeeId").items()}
        return {
            identifier: user["externalUserId"] or by_email.get(user["email"], "")
            for identifier, user in self("lattice_users").items()
        }


def _job_rows(export: _Export) -> dict[str, list[Record]]:
    rows: dict[str, list[Record]] = defaultdict(list)
    for row in export("bamboohr_jobInfo").values():
        rows[row["employeeId"]].append(row)
    for history in rows.values():
        history.sort(key=lambda row: (row["date"] or "", int(row["id"])))
    return rows


def _employees(export: _Export) -> Iterator[Record]:
    jobs = _job_rows(export)
    ends: dict[str, Record] = {}
    for row in export("bamboohr_employmentStatus").values():
        if row["employmentStatus"] == "Terminated":
            ends[row["employeeId"]] = max(row, ends.get(row["employeeId"], row), key=lambda r: r["date"] or "")
    candidates = {
        user["employee_id"]: user["linked_candidate_ids"][0]
        for user in export("greenhouse_users").values()
        if user["employee_id"] and user["linked_candidate_ids"]
    }
    for number, e in export("bamboohr_employees", "employeeId").items():
        last = jobs[number][-1] if jobs.get(number) else {}
        end = ends.get(number, {}) if e["terminationDate"] else {}
        yield {
            "employee_id": number,
            "work_email": e["workEmail"],
            "personal_email": e["homeEmail"],
            "candidate_external_id": candidates.get(number),
            "first_name": e["firstName"],
            "last_name": e["lastName"],
            "hire_date": e["hireDate"],
            "termination_date": e["terminationDate"],
            "termination_type": (end.get("terminationTypeId") or "unknown").lower() if end else None,
            "termination_reason": end.get("terminationReasonId"),
            "manager_employee_id": last.get("reportsTo"),
            "department": last.get("department"),
            "job_title": last.get("jobTitle"),
            "job_level": last.get("customJobLevel"),
            "job_family": last.get("customJobFamily"),
            "location": last.get("location"),
            "employment_type": e["employmentStatusName"],
            "updated_at": None,
        }


def _job_changes(export: _Export) -> Iterator[Record]:
    employees = export("bamboohr_employees", "employeeId")
    for number, history in _job_rows(export).items():
        for old, new in pairwise(history):
            if new["date"] == employees[number]["hireDate"]:
                continue  # the first day of a second stay is a hire, not a change of job
            kind = "promotion" if (new["customJobLevel"] or "") > (old["customJobLevel"] or "") else "transfer"
            yield {
                "employee_id": number,
                "effective_date": new["date"],
                "change_type": kind,
                "old_level": old["customJobLevel"],
                "new_level": new["customJobLevel"],
                "old_title": old["jobTitle"],
                "new_title": new["jobTitle"],
                "old_department": old["department"],
                "new_department": new["department"],
            }


def _half_year(cycle: Record) -> tuple[str, str]:
    """First and last day of the half year a cycle looks back on, from the day it began."""
    started = datetime.fromtimestamp(cycle["reviewsStartedAt"], UTC).date()
    if started.month >= 7:
        return f"{started.year}-01-01", f"{started.year}-06-30"
    return f"{started.year - 1}-07-01", f"{started.year - 1}-12-31"


def _overall_question(export: _Export) -> str:
    """The summary question: the one whose text says so, else the first with a scale."""
    rated = [q for q in export("lattice_questions").values() if q["ratingScale"]]
    named = [q for q in rated if "overall" in q["body"].lower()]
    return str((named or rated)[0]["id"]) if rated else ""


def _reviews(export: _Export) -> Iterator[Record]:
    people, overall = export.employee_of_reviewer(), _overall_question(export)
    cycles, reviewees = export("lattice_reviewCycles"), export("lattice_reviewees")
    questions = export("lattice_questions")
    for identifier, review in export("lattice_reviews").items():
        reviewee = reviewees.get(review["reviewee"]["id"])
        if review["submittedAt"] is None or reviewee is None:
            continue
        cycle, question = cycles[reviewee["reviewCycle"]["id"]], questions[review["question"]["id"]]
        scale = question["ratingScale"]
        employee = people.get(reviewee["user"]["id"])
        if not scale or not employee:
            continue
        answer = review["calibratedResponse"] or review["response"]
        first, last = _half_year(cycle)
        yield {
            "review_id": identifier,
            "cycle_id": cycle["id"],
            "cycle_name": cycle["name"],
            "period_start": first,
            "period_end": last,
            "employee_id": employee,
            "reviewer_employee_id": people.get(review["reviewer"]["id"]) if review["reviewer"] else None,
            "reviewer_relation": RELATIONS.get(review["reviewType"], "other"),
            "question_id": "overall" if question["id"] == overall else question["id"],
            "question_text": question["body"],
            "competency": None,
            "rating_value": answer["rating"],
            "rating_label": answer["ratingString"],
            "scale_min": scale[0]["value"],
            "scale_max": scale[-1]["value"],
            "scale_labels": "|".join(step["descriptor"] for step in scale),
            "weight": 1,
            "status": "SUBMITTED",
            "submitted_at": datetime.fromtimestamp(review["submittedAt"], UTC).isoformat().replace("+00:00", "Z"),
            "calibrated": "true" if review["calibratedResponse"] else "false",
        }


def _applications(export: _Export) -> Iterator[Record]:
    jobs, sources, people = export("greenhouse_jobs"), export("greenhouse_sources"), export("greenhouse_candidates")
    accepted = {o["application_id"]: o for o in export("greenhouse_offers").values() if o["status"] == "Accepted"}
    for number, a in export("greenhouse_applications").items():
        job, person, offer = jobs[a["job_id"]], people.get(a["candidate_id"], {}), accepted.get(number, {})
        emails = person.get("email_addresses") or []
        yield {
            "application_id": number,
            "candidate_id": a["candidate_id"],
            "job_id": a["job_id"],
            "job_title": job["name"],
            "job_family": job["custom_fields"]["job_family"]["value"],
            "job_level": job["custom_fields"]["job_level"]["value"],
            "source": sources[a["source_id"]]["name"] if a["source_id"] in sources else None,
            "applied_at": a["created_at"],
            "status": a["status"],
            "decided_at": a["rejected_at"] or offer.get("resolved_at"),
            "start_date": offer.get("starts_on"),
            "first_name": person.get("first_name"),
            "last_name": person.get("last_name"),
            "personal_email": emails[0]["value"] if emails else None,
            "updated_at": a["updated_at"],
        }


def _interviews(export: _Export) -> Iterator[Record]:
    slots, stages = export("greenhouse_job_interviews"), export("greenhouse_job_interview_stages")
    interviews, people = export("greenhouse_interviews"), export.employee_of_user()
    for seat in export("greenhouse_interviewers").values():
        interview = interviews.get(seat["interview_id"])
        if interview is None:
            continue
        slot = slots[interview["job_interview_id"]]
        yield {
            "interview_id": interview["id"],
            "application_id": interview["application_id"],
            "job_id": interview["job_id"],
            "interview_name": slot["name"],
            "stage_name": stages[slot["job_interview_stage_id"]]["name"],
            "starts_at": interview["starts_at"],
            "ends_at": interview["ends_at"],
            "interviewer_id": people.get(seat["user_id"]),
            "status": interview["status"],
        }


def _scorecards(export: _Export) -> Iterator[Record]:
    slots, interviews = export("greenhouse_job_interviews"), export("greenhouse_interviews")
    attributes, people = export("greenhouse_job_candidate_attributes"), export.employee_of_user()
    applications, cards = export("greenhouse_applications"), export("greenhouse_scorecards")
    rated: dict[int, list[Record]] = defaultdict(list)
    for rating in export("greenhouse_scorecard_candidate_attributes").values():
        rated[rating["scorecard_id"]].append(rating)
    for seat in export("greenhouse_interviewers").values():
        card, interview = cards.get(seat["scorecard_id"]), interviews.get(seat["interview_id"])
        if card is None or interview is None or card["status"] != "complete":
            continue
        head = {
            "application_id": card["application_id"],
            "candidate_id": applications.get(card["application_id"], {}).get("candidate_id"),
            "job_id": interview["job_id"],
            "interview_id": interview["id"],
            "interview_name": slots[interview["job_interview_id"]]["name"],
            "interviewer_id": people.get(card["interviewer_id"]),
            "scale_min": 1,
            "scale_max": 5,
            "recommendation": card["candidate_rating"],
            "submitted_at": card["submitted_at"],
        }
        named = [(attributes[r["job_candidate_attribute_id"]]["name"], r) for r in rated[card["id"]]]
        labels = [("overall", card["candidate_rating"])]
        labels += [(name, r["candidate_attribute_rating"]) for name, r in named]
        for name, label in dict(reversed(labels)).items():
            yield head | {"attribute": name, "rating_value": RATING_RANKS.get(label or ""), "rating_label": label}


def _write_csv(path: Path, columns: Sequence[str], rows: Iterator[Record]) -> int:
    n = 0
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            n += 1
    return n


def _write_wide(path: Path, export: _Export, as_of: date) -> int:
    """The spreadsheet people keep by hand: one row per employee, one column per finished cycle."""
    ratings: dict[str, dict[str, str]] = defaultdict(dict)
    cycles = [c["name"] for c in export("lattice_reviewCycles").values() if c["stage"] == "Ended"]
    for row in _reviews(export):
        is_overall = row["question_id"] == "overall" and row["reviewer_relation"] == "manager"
        if is_overall and row["cycle_name"] in cycles and row["rating_value"] is not None:
            ratings[row["employee_id"]][row["cycle_name"]] = f"{row['rating_value']:g} - {row['rating_label']}"
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = WIDE_SHEET
    sheet.append([f"Performance overview, as of {as_of}"])
    sheet.append([])
    sheet.append(["Employee ID", "Name", "Start date", "Department", "Level", *(f"{name} Rating" for name in cycles)])
    sheet["A1"].font = Font(bold=True, size=14)
    n = 0
    for e in _employees(export):
        found = ratings.get(e["employee_id"], {})
        name = f"{e['first_name']} {e['last_name']}"
        fixed = [e["employee_id"], name, e["hire_date"], e["department"], e["job_level"]]
        sheet.append([*fixed, *(found.get(cycle, NOT_RATED) for cycle in cycles)])
        n += 1
    sheet.append(["Total", n])
    sheet.append(["Ratings are the manager's, after calibration. Ask the people team before sharing."])
    book.save(path)
    return n


def write_drops(store: WireStore, directory: Path, as_of: date) -> Path:
    """Write the tidy CSV set with its manifest and the wide spreadsheet, as of a day.

    Files are written under another name first and appear complete; the manifest comes last.

    Args:
        store: rows of the company.
        directory: created if need be; files of the same name are replaced.
        as_of: the sandbox day.

    Returns:
        The directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    export = _Export(store, parse_moment(datetime.combine(as_of, time(), UTC).isoformat()))
    makers = {
        "employees": _employees,
        "reviews": _reviews,
        "job_changes": _job_changes,
        "applications": _applications,
        "interviews": _interviews,
        "scorecards": _scorecards,
    }
    listed = []
    for name, make in makers.items():
        unfinished = directory / f".{name}.csv.unfinished"
        n = _write_csv(unfinished, COLUMNS[name], make(export))
        listed.append(_place(unfinished, directory / f"{name}.csv", n))
    unfinished = directory / f".{WIDE_NAME}.unfinished"
    listed.append(_place(unfinished, directory / WIDE_NAME, _write_wide(unfinished, export, as_of)))
    manifest = {"schema_version": 1, "source": "sandbox", "as_of": as_of.isoformat(), "files": listed}
    waiting = directory / ".manifest.json.unfinished"
    waiting.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    waiting.replace(directory / "manifest.json")
    return directory


def _place(unfinished: Path, path: Path, rows: int) -> Record:
    digest = hashlib.sha256(unfinished.read_bytes()).hexdigest()
    unfinished.replace(path)
    return {"name": path.name, "sha256": digest, "rows": rows, "mode": "full"}


__all__ = ["COLUMNS", "DROP_SIZES", "WIDE_FOOTER_ROWS", "WIDE_HEADER_ROW", "WIDE_NAME", "WIDE_SHEET", "write_drops"]
