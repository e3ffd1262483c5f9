with hires as (
    select * from {{ ref('fct_hire_outcomes') }}
),

scorecards as (
    select * from {{ ref('fct_scorecards') }}
),

interviews as (
    select * from {{ ref('fct_interviews') }}
),

reviews as (
    select * from {{ ref('fct_reviews') }}
),

ratings as (
    select * from {{ ref('fct_performance_ratings') }}
),

numbers as (
    select
        'hires_linked_share' as metric,
        avg(case when employee_id is not null then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Hires with a link to an HRIS employee.' as note
    from hires
    union all
    select
        'link_conflicts' as metric,
        cast(count(*) as double) as value,
        count(*) as n,
        'Pairs that evidence joins and the link does not: table link_conflicts. What waits: qoh links review.' as note
    from {{ ref('link_conflicts') }}
    union all
    select
        'hires_excluded_share' as metric,
        avg(case when is_excluded then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Hires that are internal moves or rehires and stay out of the validity study.' as note
    from hires
    union all
    select
        'matured_hires_rated_share' as metric,
        avg(case when performance_rating_z is not null then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Linked hires whose criterion window is over, who stayed into it and who have a rating in it.' as note
    from hires
    where is_matured and is_tenured and spell_number is not null and not is_excluded
    union all
    select
        'rater_was_interviewer_share' as metric,
        avg(case when rater_was_interviewer then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Rated hires with a rater who also interviewed them.' as note
    from hires
    where n_raters > 0
    union all
    select
        'rater_independence_unknown_share' as metric,
        avg(case when rater_was_interviewer is null then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Rated hires of whom nobody can say whether a rater had interviewed them; they count as if.' as note
    from hires
    where n_raters > 0
    union all
    select
        'hires_interviewers_linked_share' as metric,
        avg(case when interviewers_linked_share = 1 then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Hires whose interviewers are all linked to HRIS employees.' as note
    from hires
    where interviewers_linked_share is not null
    union all
    select
        'interviews_unmapped_share' as metric,
        avg(case when technique = 'unmapped' then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Interviews whose name matches no rule of the technique taxonomy.' as note
    from interviews
    union all
    select
        'scorecards_draft_share' as metric,
        avg(case when is_draft then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Scorecards that were never submitted.' as note
    from scorecards
    union all
    select
        'scorecards_late_share' as metric,
        avg(case when is_late then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Submitted scorecards that came more than {{ var("late_scorecard_hours") }} hours after the interview.' as note
    from scorecards
    where latency_hours is not null
    union all
    select
        'scorecards_after_decision_share' as metric,
        avg(case when is_edited_after_decision or is_submitted_after_decision then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Submitted scorecards that were submitted or edited after the decision.' as note
    from scorecards
    where not is_draft and technique != 'debrief'
    union all
    select
        'scorecards_straight_lined_share' as metric,
        avg(case when is_straight_lined then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Submitted scorecards with three or more attributes, all rated alike.' as note
    from scorecards
    where not is_draft and n_ratings >= 3
    union all
    select
        'reviews_unlinked_share' as metric,
        avg(case when employee_id is null then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Reviews of people who could not be found in the HRIS.' as note
    from reviews
    union all
    select
        'ratings_refused_share' as metric,
        avg(case when cell_kind = 'refused' then 1.0 else 0.0 end) as value,
        count(*) as n,
        'Manager ratings in cells too small or without spread, which cannot be standardised.' as note
    from ratings
    union all
    select
        'records_quarantined' as metric,
        cast(count(*) as double) as value,
        count(*) as n,
        'Records set aside at the edge and not resolved; see qoh quarantine list.' as note
    from {{ ref('stg_pipeline__quarantine') }}
    where resolved_at is null
    union all
    select
        'applications_deleted' as metric,
        cast(count(*) as double) as value,
        count(*) as n,
        'Applications that the vendor no longer has; kept in canonical, left out of the marts.' as note
    from {{ ref('applications') }}
    where deleted_at is not null
)

select
    metric,
    {{ to_double('value') }} as value,
    n,
    note
from numbers
