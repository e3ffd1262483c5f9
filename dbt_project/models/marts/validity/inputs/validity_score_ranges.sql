with scores as (
    select * from {{ ref('validity_scores') }}
),

hired as (
    select
        job_family,
        technique,
        score
    from scores
    where is_hired
    union all
    select
        'all' as job_family,
        technique,
        score
    from scores
    where is_hired
),

ranges as (
    select
        job_family,
        technique,
        count(*) as n_hired,
        {{ settled('avg(score) - 1.96 * coalesce(stddev_samp(score), 0)') }} as score_lo,
        {{ settled('avg(score) + 1.96 * coalesce(stddev_samp(score), 0)') }} as score_hi
    from hired
    group by job_family, technique
),

-- Scores take few values: everybody else is counted per value, not looked at one by one.
not_hired_by_family as (
    select
        job_family,
        technique,
        score,
        count(*) as n
    from scores
    where not is_hired
    group by job_family, technique, score
),

not_hired as (
    select * from not_hired_by_family
    union all
    select
        'all' as job_family,
        technique,
        score,
        n
    from not_hired_by_family
),

cells as (
    select
        job_family,
        technique
    from ranges
    union distinct
    select
        job_family,
        technique
    from not_hired
),

-- A mean of several scores may miss the bound in the last bit; that is not outside.
counted as (
    select
        cells.job_family,
        cells.technique,
        {{ to_bigint('coalesce(max(ranges.n_hired), 0)') }} as n_hired,
        {{ to_bigint('coalesce(sum(not_hired.n), 0)') }} as n_not_hired,
        max(ranges.score_lo) as score_lo,
        max(ranges.score_hi) as score_hi,
        {{ to_bigint('coalesce(sum(
            case
                when
                    not_hired.score < ranges.score_lo - 0.000000001
                    or not_hired.score > ranges.score_hi + 0.000000001
                    then not_hired.n
            end
        ), 0)') }} as n_beyond
    from cells
    left join ranges
        on
            cells.job_family = ranges.job_family
            and cells.technique = ranges.technique
    left join not_hired
        on
            cells.job_family = not_hired.job_family
            and cells.technique = not_hired.technique
    group by cells.job_family, cells.technique
)

select
    job_family,
    technique,
    n_hired,
    n_not_hired,
    score_lo,
    score_hi,
    case when n_hired > 0 then n_beyond end as n_outside,
    case when n_hired > 0 then cast(n_beyond as double) / nullif(n_not_hired, 0) end as outside_share
from counted
