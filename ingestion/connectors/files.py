"""Files: a folder or fsspec URL where a firm drops CSV, XLSX or Parquet exports.

Two layouts: the tidy one (a file a table, columns as declared below) and the wide one (one row per employee, a column
per review cycle), described in `connections.toml`. A file is loaded whole or not at all.
"""

from __future__ import annotations

from ingestion.streams import Column, Stream

VENDOR = "files"

_SOURCE = (
    Column("source_file", required=True, description="File the row came from."),
    Column("drop_sha256", required=True, description="Fingerprint of that version of the file."),
)
_WHOLE = "A file is read when its fingerprint is new."


def _employee(name: str, what: str, *, required: bool = False) -> Column:
    return Column(name, token="employee", required=required, description=f"{what}, as a token.")


_EMPLOYEE = _employee("employee_id", "Employee", required=True)
_RATING = (
    Column("rating_value", "double", description="Rating as a number on the stated scale."),
    Column("rating_label", description="Rating as it was written."),
)
_SCALE = (
    Column("scale_min", "double", description="Lowest value of the scale."),
    Column("scale_max", "double", description="Highest value of the scale."),
)

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="employees",
        path="employees",
        key=("employee_id",),
        full_reason=_WHOLE,
        columns=(
            _EMPLOYEE,
            Column("work_email", token="email", description="Work e-mail, as a token."),
            Column("personal_email", token="email", description="Personal e-mail, as a token."),
            Column("candidate_external_id", token="candidate", description="Id of this person in the ATS, as a token."),
            Column("hire_date", "date", required=True, description="First day of the current stay."),
            Column("termination_date", "date", description="Last day, once known."),
            Column(
                "termination_type",
                enum=("voluntary", "involuntary", "other", "unknown"),
                description="Who ended the employment.",
            ),
            Column("termination_reason", description="Reason of leaving, in the firm's words."),
            _employee("manager_employee_id", "Manager"),
            Column("department", description="Department."),
            Column("job_title", description="Job title."),
            Column("job_level", description="Level."),
            Column("job_family", description="Family."),
            Column("location", description="Location."),
            Column("employment_type", description="Kind of employment."),
            Column("updated_at", "timestamp", description="Last change, as the file says."),
            *_SOURCE,
        ),
        vault={
            "employee_id": "source_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "work_email": "email",
            "personal_email": "email",
            "hire_date": "start_date",
        },
        vault_kind=("employee", "employee_id"),
        scope="read",
        description="One row per employee of a dropped file; names and e-mails go to the vault only.",
    ),
    Stream(
        name="reviews",
        path="reviews",
        key=("review_id", "question_id"),
        full_reason=_WHOLE,
        columns=(
            Column("review_id", required=True, description="Review, unique within the connection."),
            Column("cycle_id", required=True, description="Review cycle."),
            Column("cycle_name", description="Name of the cycle."),
            Column("period_start", "date", description="First day of the rated period."),
            Column("period_end", "date", description="Last day of the rated period."),
            _EMPLOYEE,
            _employee("reviewer_employee_id", "Reviewer"),
            Column(
                "reviewer_relation",
                required=True,
                enum=("manager", "self", "peer", "upward", "calibrated", "other"),
                description="Relation of reviewer to employee.",
            ),
            Column("question_id", required=True, description="Question; `overall` is the summary rating."),
            Column("question_text", description="Text of the question."),
            Column("competency", description="Competency the question is about."),
            *_RATING,
            Column("rating_reason", description="Why there is no number: not applicable, too new …"),
            *_SCALE,
            Column("scale_labels", description="Labels of the scale from low to high, joined with `|`."),
            Column("weight", "double", description="Weight of the question in the firm's own summary."),
            Column("status", description="State of the review in the firm's system."),
            Column("submitted_at", "timestamp", description="When it was submitted."),
            Column(
                "is_calibrated", "bool", path="calibrated", description="True when the rating is the calibrated one."
            ),
            *_SOURCE,
        ),
        scope="read",
        description="One row per review and question of a dropped file; comments are not read.",
    ),
    Stream(
        name="job_changes",
        path="job_changes",
        key=("employee_id", "effective_date", "change_type"),
        full_reason=_WHOLE,
        columns=(
            _EMPLOYEE,
            Column("effective_date", "date", required=True, description="Day from which it holds."),
            Column(
                "change_type",
                required=True,
                enum=("promotion", "lateral", "demotion", "comp_change", "transfer"),
                description="Kind of change.",
            ),
            Column("old_level", description="Level before."),
            Column("new_level", description="Level after."),
            Column("old_title", description="Job title before."),
            Column("new_title", description="Job title after."),
            Column("old_department", description="Department before."),
            Column("new_department", description="Department after."),
            *_SOURCE,
        ),
        scope="read",
        description="One row per employee and change of job of a dropped file.",
    ),
    Stream(
        name="applications",
        path="applications",
        key=("application_id",),
        full_reason=_WHOLE,
        columns=(
            Column("application_id", token="application", required=True, description="Application, as a token."),
            Column("candidate_id", token="candidate", required=True, description="Candidate, as a token."),
            Column("job_id", description="Job applied to."),
            Column("job_title", description="Title of the job."),
            Column("job_family", description="Family of the job."),
            Column("job_level", description="Level of the job."),
            Column("source", description="Where the application came from."),
            Column("applied_at", "timestamp", required=True, description="When the person applied."),
            Column(
                "status",
                required=True,
                enum=("in_process", "rejected", "hired"),
                description="State of the application.",
            ),
            Column("decided_at", "timestamp", description="When it was decided."),
            Column("start_date", "date", description="Agreed first day."),
            Column("personal_email", token="email", description="Personal e-mail, as a token."),
            Column("updated_at", "timestamp", description="Last change, as the file says."),
            *_SOURCE,
        ),
        vault={
            "candidate_id": "source_id",
            "first_name": "first_name",
            "last_name": "last_name",
            "personal_email": "email",
            "start_date": "start_date",
        },
        vault_kind=("candidate", "candidate_id"),
        scope="read",
        description="One row per application of a dropped file; names and e-mails go to the vault only.",
    ),
    Stream(
        name="interviews",
        path="interviews",
        key=("interview_id", "interviewer_id"),
        full_reason=_WHOLE,
        columns=(
            Column("interview_id", required=True, description="Interview."),
            Column("application_id", token="application", required=True, description="Application, as a token."),
            Column("job_id", description="Job."),
            Column(
                "interview_name", description="Name of the interview as the firm writes it; it tells the technique."
            ),
            Column("stage_name", description="Stage of the process."),
            Column("starts_at", "timestamp", description="Scheduled start."),
            Column("ends_at", "timestamp", description="Scheduled end."),
            _employee("interviewer_id", "Interviewer's HRIS id", required=True),
            Column("status", description="State of the interview, in the firm's words."),
            *_SOURCE,
        ),
        scope="read",
        description="One row per interview and interviewer of a dropped file.",
    ),
    Stream(
        name="scorecards",
        path="scorecards",
        key=("interview_id", "interviewer_id", "attribute"),
        full_reason=_WHOLE,
        columns=(
            Column("application_id", token="application", required=True, description="Application, as a token."),
            Column("candidate_id", token="candidate", description="Candidate, as a token."),
            Column("job_id", description="Job."),
            Column("interview_id", required=True, description="Interview."),
            Column(
                "interview_name", description="Name of the interview as the firm writes it; it tells the technique."
            ),
            _employee("interviewer_id", "Interviewer's HRIS id", required=True),
            Column(
                "attribute", required=True, description="Attribute that was rated; `overall` is the recommendation."
            ),
            *_RATING,
            *_SCALE,
            Column("recommendation", description="Recommendation as it was written."),
            Column("submitted_at", "timestamp", description="When it was submitted."),
            *_SOURCE,
        ),
        scope="read",
        description="One row per interview, interviewer and rated attribute of a dropped file.",
    ),
    Stream(
        name="drops",
        path="",
        key=("sha256", "source_file"),
        full_reason="The register of files: one row per file and version seen.",
        columns=(
            Column("source_file", required=True, description="File."),
            Column("sha256", required=True, description="Fingerprint of its content."),
            Column("rows", "bigint", description="Rows the file gave."),
            Column("mode", description="full (the file is everything) or delta (the file adds and changes)."),
            Column("as_of", "timestamp", description="Moment the file describes, as its manifest says."),
            Column("status", enum=("loaded", "rejected"), description="Whether its rows were loaded."),
            Column("reason", description="Why it was rejected: row, column and rule, never a value."),
            Column("loaded_at", "timestamp", description="When it was read."),
        ),
        scope="read",
        description="One row per version of a dropped file, loaded or rejected.",
    ),
)
