with scores as (
    select
        connection_id,
        application_id,
        job_family,
        technique,
        score
    from {{ ref('validity_scores') }}
    where not is_hired
),

-- Numbers instead of texts: the pairs below are ten rows a person; with texts two million people cost three times more.
techniques as (
    select
        technique,
        row_number() over (order by technique) as technique_number
    from (select distinct technique from scores) as found
),

numbered as (
    select
        scores.connection_id,
        scores.application_id,
        scores.job_family,
        scores.score,
        {{ to_bigint('techniques.technique_number') }} as technique_number,
        {{ to_bigint('power(2, techniques.technique_number - 1)') }} as technique_bit
    from scores
    inner join techniques
        on scores.technique = techniques.technique
),

patterned as (
    select
        connection_id,
        application_id,
        {{ block_of("connection_id || '|' || application_id") }} as block,
        {{ to_bigint('sum(technique_bit)') }} as pattern_bits
    from numbered
    group by connection_id, application_id
),

-- Any number will do; in order of the ids the sort alone would take a quarter of the time.
people as (
    select
        *,
        row_number() over (order by pattern_bits) as person_number
    from patterned
),

person_scores as (
    select
        people.person_number,
        people.block,
        people.pattern_bits,
        numbered.job_family,
        numbered.technique_number,
        numbered.score
    from numbered
    inner join people
        on
            numbered.connection_id = people.connection_id
            and numbered.application_id = people.application_id
),

totals as (
    select
        scores_i.job_family,
        scores_i.block,
        scores_i.pattern_bits,
        scores_i.technique_number as number_i,
        scores_j.technique_number as number_j,
        count(*) as n,
        sum(scores_i.score) as sum_i,
        sum(scores_j.score) as sum_j,
        sum(scores_i.score * scores_j.score) as sum_ij
    from person_scores as scores_i
    inner join person_scores as scores_j
        on
            scores_i.person_number = scores_j.person_number
            and scores_i.technique_number <= scores_j.technique_number
    group by
        scores_i.job_family,
        scores_i.block,
        scores_i.pattern_bits,
        scores_i.technique_number,
        scores_j.technique_number
),

-- The pattern in words, spelt once a pattern.
pattern_techniques as (
    select distinct
        totals.pattern_bits,
        techniques.technique
    from totals
    inner join techniques
        on totals.number_i = techniques.technique_number
),

patterns as (
    select
        pattern_bits,
        {{ joined_in_order('technique', '|') }} as pattern
    from pattern_techniques
    group by pattern_bits
)

select
    totals.job_family,
    totals.block,
    patterns.pattern,
    techniques_i.technique as technique_i,
    techniques_j.technique as technique_j,
    totals.n,
    {{ settled('totals.sum_i') }} as sum_i,
    {{ settled('totals.sum_j') }} as sum_j,
    {{ settled('totals.sum_ij') }} as sum_ij
from totals
inner join patterns
    on totals.pattern_bits = patterns.pattern_bits
inner join techniques as techniques_i
    on totals.number_i = techniques_i.technique_number
inner join techniques as techniques_j
    on totals.number_j = techniques_j.technique_number
