"""BambooHR: the system of record for employees.

Source of the shapes: the vendor's OpenAPI document of April 2026. The list endpoint returns everybody, leavers
included; fields it does not carry are read per employee, for changed employees only.
"""

from __future__ import annotations

from ingestion.streams import Column, Stream

VENDOR = "bamboohr"

_EMPLOYEE = Column(
    "employee_id", path="employeeId", token="employee", required=True, description="Employee, as a token."
)
_CHANGED = Column(
    "last_changed_at", "timestamp", path="lastChanged", description="Last change of the employee, any field."
)
_DATE = Column("date", "date", required=True, description="Day from which the row holds.")

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="employees",
        path="/employees",
        cursor="last_changed_at",
        sweep=True,
        columns=(
            Column("id", path="employeeId", token="employee", required=True, description="Employee, as a token."),
            Column(
                "employee_number",
                path="employeeNumber",
                token="employee",
                description="The firm's own number, as a token.",
            ),
            Column("status", description="Active or Inactive; leavers are read too."),
            Column("work_email", path="workEmail", token="email", description="Work e-mail, as a token."),
            Column("home_email", path="homeEmail", token="email", description="Personal e-mail, as a token."),
            Column("hire_date", "date", path="hireDate", description="First day of the current stay."),
            Column("original_hire_date", "date", path="originalHireDate", description="First day of the first stay."),
            Column("termination_date", "date", path="terminationDate", description="Last day, once known."),
            Column("department", path="departmentName", description="Current department; empty for leavers."),
            Column("division", path="divisionName", description="Current division; empty for leavers."),
            Column("location", path="locationName", description="Current location; empty for leavers."),
            Column("job_title", path="jobTitleName", description="Current job title; empty for leavers."),
            Column("job_level", description="Level, from the field named by the option `level_field`."),
            Column("job_family", description="Family, from the field named by the option `family_field`."),
            Column("employment_status", path="employmentStatusName", description="Current kind of employment."),
            Column("supervisor_id", path="reportsToId", token="employee", description="Current manager, as a token."),
            _CHANGED,
        ),
        vault={
            "employeeId": "source_id",
            "firstName": "first_name",
            "lastName": "last_name",
            "preferredName": "preferred_name",
            "workEmail": "email",
            "homeEmail": "email",
            "hireDate": "start_date",
            "originalHireDate": "start_date",
        },
        vault_kind=("employee", "id"),
        scope="employee fields of the key's owner",
        description="One row per employee, active or not; names and e-mails go to the vault only.",
    ),
    Stream(
        name="job_info",
        path="/employees/changed/tables/jobInfo",
        cursor="last_changed_at",
        sweep=True,
        columns=(
            Column("id", required=True, description="Row of the job history."),
            _EMPLOYEE,
            _DATE,
            Column("department", description="Department from that day on."),
            Column("division", description="Division from that day on."),
            Column("location", description="Location from that day on."),
            Column("job_title", path="jobTitle", description="Job title from that day on."),
            Column(
                "job_level", description="Level from that day on, from the field named by the option `level_field`."
            ),
            _CHANGED,
        ),
        scope="table jobInfo",
        description="One row per employee and change of job: the history that survives leaving.",
    ),
    Stream(
        name="employment_status",
        path="/employees/changed/tables/employmentStatus",
        cursor="last_changed_at",
        sweep=True,
        columns=(
            Column("id", required=True, description="Row of the status history."),
            _EMPLOYEE,
            _DATE,
            Column(
                "employment_status",
                path="employmentStatus",
                description="Status from that day on; Terminated ends a stay.",
            ),
            Column(
                "termination_type", path="terminationTypeId", description="Kind of termination, in the firm's words."
            ),
            Column(
                "termination_reason",
                path="terminationReasonId",
                description="Reason of termination, in the firm's words.",
            ),
            _CHANGED,
        ),
        scope="table employmentStatus",
        description="One row per employee and change of employment status.",
    ),
    Stream(
        name="performance_reviews",
        path="/employees/changed/tables/{review_table}",
        cursor="last_changed_at",
        columns=(
            Column("id", required=True, description="Row of the review table."),
            _EMPLOYEE,
            _DATE,
            Column("cycle", description="Review cycle, from the field named by the option `review_cycle_field`."),
            Column("rating_label", description="Rating as it was written, from the option `review_rating_field`."),
            Column("rating", "double", description="Rating as a number, when the label is or starts with one."),
            Column("reviewer_employee_id", token="employee", description="Reviewer's HRIS id, as a token."),
            _CHANGED,
        ),
        scope="the table named by the option `review_table`",
        description="One row per row of a custom review table; empty unless the option `review_table` names one.",
    ),
)
