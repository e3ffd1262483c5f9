"""Operations marts: did everything arrive, lately, in full, and do the two systems tell the same story?"""

from __future__ import annotations

from expectations.checks import (
    Age,
    Check,
    Expect,
    Holds,
    IntervalGap,
    Rows,
    Share,
    Suite,
    SumShare,
    always,
    among,
    at_least,
    at_most,
    between,
)

LINKS = "marts_ops.link_match_rates"
CONFLICTS = "marts_ops.link_conflicts"
RECONCILIATION = "marts_ops.hire_reconciliation"
STREAMS = "marts_ops.stream_health"
METRICS = "marts_ops.metric_definitions"
SUMMARY = "marts_ops.data_quality_summary"
CONNECTIONS = "marts_ops.connections"
CLOCK = "marts_ops.data_clock"

STALE_HOURS = 50
"""By the wall clock, as the freshness policies; dbt's var stale_hours judges streams against each other. A test keeps
the three equal."""

SUITE = Suite(
    name="ops",
    title="Operations",
    question="Did everything arrive, lately, in full, and do the two systems tell the same story?",
    checks=(
        Check(
            id="ops_streams_fresh",
            table=STREAMS,
            measure=Age("last_success_at"),
            # One missed night is forgiven: 24 h, the run itself, and a repeat the next morning.
            expect=between("age_hours", high=STALE_HOURS),
            severity="warning",
            reason="Numbers of a stream that was not read for two days are shown as if they were today's.",
            next_step="Run `qoh doctor`, then `python -m ingestion <connection>` for the connections named.",
        ),
        Check(
            id="ops_streams_read_together",
            table=STREAMS,
            measure=Rows(where="last_success_at.notna()"),
            expect=among("is_stale", False),
            severity="warning",
            reason="Joins of streams that were read days apart lose what happened in between.",
            next_step="Run `python -m ingestion <connection>` for the connections named and read their error.",
        ),
        Check(
            id="ops_last_runs_succeeded",
            table=STREAMS,
            measure=Rows(),
            expect=among("last_status", "ok"),
            severity="warning",
            reason="A stream whose last run failed shows the state of an earlier day beside newer ones.",
            next_step="Run `python -m ingestion <connection>` for the connections named and read their error.",
        ),
        Check(
            id="ops_every_stream_succeeded_once",
            table=STREAMS,
            measure=Rows(),
            expect=Expect("ExpectColumnValuesToNotBeNull", {"column": "last_success_at"}),
            severity="warning",
            reason="A stream that never arrived is an empty table, and an empty table looks like a firm without any.",
            next_step="Run `qoh doctor`: most often a scope is missing; else drop the stream in connections.toml.",
        ),
        Check(
            id="ops_few_quarantined",
            table=STREAMS,
            # Not the rows of all runs: a stream that is read whole every night would hide any share within a month.
            measure=SumShare(
                "n_quarantined", "largest_run_rows + n_quarantined", by=("connection_id", "stream"), min_n=20
            ),
            expect=at_most(0.05),
            severity="error",
            reason="More than one record in twenty was set aside, so what is left is not the data of the vendor.",
            next_step="Run `qoh quarantine list`, correct the cause it names, then `qoh quarantine retry`.",
        ),
        Check(
            id="ops_hires_mostly_linked",
            table=LINKS,
            measure=SumShare("n_linked", "n_hires", where="tenure_band == 'all'"),
            expect=at_least(0.8),
            severity="warning",
            reason="Hires without a link have no outcome and are missing from every estimate.",
            next_step="Decide the open links with `qoh links review`.",
        ),
        Check(
            id="ops_link_not_broken",
            table=LINKS,
            measure=SumShare("n_linked", "n_hires", where="tenure_band == 'all'"),
            expect=at_least(0.3),
            severity="error",
            reason="When two hires in three have no employee the link itself is broken, and nothing built on it holds.",
            next_step="Run `qoh doctor`; check that the HRIS connection returns leavers and e-mails, and the token "
            "keys.",
            when_empty="skip",
        ),
        Check(
            id="ops_link_rate_same_for_leavers",
            table=LINKS,
            measure=IntervalGap("tenure_band not in ['all', 'not_started']", count="n_hires"),
            expect=between("gap", high=0.1),
            severity="warning",
            reason="If newer or older hires are linked far less often, the linked ones are not a fair part of all.",
            next_step="Decide the links of the band with the lowest rate first, with `qoh links review`.",
        ),
        Check(
            id="ops_links_not_ambiguous",
            table=CONFLICTS,
            measure=Rows(where="reason == 'ambiguous'"),
            expect=Expect("ExpectTableRowCountToBeBetween", {"max_value": 25}),
            severity="warning",
            reason="Candidates who fit several employees stay unlinked until somebody decides.",
            next_step="Decide them with `qoh links review`.",
            when_empty="pass",
        ),
        Check(
            id="ops_ats_hires_known_to_hris",
            table=RECONCILIATION,
            measure=SumShare(
                "n_ats_hires - n_hires_found",
                "n_ats_hires",
                order="month",
                overlap=("n_ats_hires", "n_hris_starts"),
            ),
            expect=at_most(0.15),
            severity="warning",
            reason="Hires that never start in the HRIS are declined offers counted as hires, or leavers that the "
            "HRIS hides.",
            next_step="List the hires without spell_number in fct_hire_outcomes; check that the HRIS returns leavers.",
        ),
        Check(
            id="ops_hris_starts_known_to_ats",
            table=RECONCILIATION,
            measure=SumShare(
                "n_hris_starts - n_starts_found",
                "n_hris_starts",
                order="month",
                overlap=("n_ats_hires", "n_hris_starts"),
            ),
            # Some firms hire interns or whole teams outside the ATS; a third is no longer that.
            expect=at_most(0.35),
            severity="warning",
            reason="Starts without a hire mean that an ATS connection, or its closed jobs, are missing.",
            next_step="Compare the months in which most starts have no hire; look for a second ATS account.",
        ),
        Check(
            id="ops_metrics_defined",
            table=METRICS,
            measure=Holds("definition.notna() and owner.notna() and decision.notna() and definition_version.notna()"),
            expect=always(),
            severity="error",
            reason="A number that nobody defined or owns is read differently by every reader.",
            next_step="Fill the row of the metric_definitions seed.",
            when_empty="fail",
        ),
        Check(
            id="ops_shares_are_shares",
            table=SUMMARY,
            measure=Rows(where="metric.str.endswith('_share') or metric.str.endswith('_rate')"),
            expect=between("value", 0, 1),
            severity="error",
            reason="A share outside 0–1 in the summary that every run prints is an error of counting.",
            next_step="Run `dbt build --select data_quality_summary` and look at the metric named.",
        ),
        Check(
            id="ops_something_connected",
            table=CONNECTIONS,
            measure=Share("is_active", min_n=1),
            expect=between("k", low=1),
            severity="error",
            reason="Without an active connection nothing was read, and an empty report would replace the last good "
            "one.",
            next_step="Name at least one connection in connections.toml; see connections.example.toml.",
            when_empty="fail",
        ),
        Check(
            id="ops_clock_not_in_future",
            table=CLOCK,
            measure=Age("as_of_at"),
            expect=between("age_hours", low=-24),
            severity="error",
            reason="Ages, tenure and maturity are measured to this moment; in the future it makes everybody too old.",
            next_step="Run `qoh doctor` for the clock skew of each connection, or correct var as_of.",
            when_empty="fail",
        ),
    ),
)
