with activity as (
    select max(updated_at) as happened_at from {{ ref('applications') }}
    union all
    select max(last_edited_at) as happened_at from {{ ref('scorecards') }}
    union all
    select max(submitted_at) as happened_at from {{ ref('reviews') }}
    union all
    select max(updated_at) as happened_at from {{ ref('employees') }}
    union all
    select max(exited_at) as happened_at from {{ ref('application_stages') }}
),

machine as (
    select {{ utc('current_timestamp') }} as now_at
),

latest as (
    select
        max(case when activity.happened_at <= machine.now_at then activity.happened_at end) as happened_at,
        max(machine.now_at) as now_at
    from activity
    cross join machine
),

chosen as (
    select
        coalesce({{ declared_as_of() }}, happened_at, now_at) as as_of_at
    from latest
)

select
    as_of_at,
    {{ local_date('as_of_at') }} as as_of_on
from chosen
