with visited as (
    {{ union_vendors('application_stages', ['greenhouse'], ['stage_name']) }}
),

interviewed as (
    {{ union_vendors('interviews', ['greenhouse', 'files'], ['stage_name']) }}
),

names as (
    select stage_name from visited
    union distinct
    select stage_name from interviewed
),

rules as (
    select * from {{ ref('stage_taxonomy') }}
),

normalised as (
    select
        stage_name,
        {{ normalise_name('stage_name') }} as normalised_name
    from names
    where stage_name is not null
),

matched as (
    select
        normalised.stage_name,
        rules.canonical_stage,
        rules.stage_order,
        rules.pattern,
        row_number() over (partition by normalised.stage_name order by rules.priority) as preference
    from normalised
    left join rules
        on {{ matches_rule('normalised.normalised_name', 'rules.pattern') }}
)

select
    stage_name,
    coalesce(canonical_stage, 'unmapped') as canonical_stage,
    stage_order,
    pattern as matched_rule
from matched
where preference = 1
