with scheduled as (
    {{ union_vendors('interviews', ['greenhouse', 'files'], ['interview_name']) }}
),

scored as (
    {{ union_vendors('scorecards', ['greenhouse', 'files'], ['interview_name']) }}
),

names as (
    select interview_name from scheduled
    union distinct
    select interview_name from scored
),

rules as (
    select * from {{ ref('technique_taxonomy') }}
),

normalised as (
    select
        interview_name,
        {{ normalise_name('interview_name') }} as normalised_name
    from names
    where interview_name is not null
),

matched as (
    select
        normalised.interview_name,
        normalised.normalised_name,
        rules.technique,
        rules.pattern,
        row_number() over (partition by normalised.interview_name order by rules.priority) as preference
    from normalised
    left join rules
        on {{ matches_rule('normalised.normalised_name', 'rules.pattern') }}
)

select
    interview_name,
    trim(normalised_name) as normalised_name,
    coalesce(technique, 'unmapped') as technique,
    pattern as matched_rule
from matched
where preference = 1
