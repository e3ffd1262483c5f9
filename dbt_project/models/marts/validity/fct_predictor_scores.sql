with scorecards as (
    select
        scorecards.connection_id,
        scorecards.scorecard_id,
        scorecards.application_id,
        scorecards.interviewer_id,
        scorecards.technique,
        scorecards.submitted_at,
        scorecards.decided_at,
        scorecards.is_edited_after_decision or scorecards.is_submitted_after_decision as is_contaminated,
        recommendations.recommendation_score
    from {{ ref('fct_scorecards') }} as scorecards
    inner join {{ ref('scorecards') }} as recommendations
        on
            scorecards.connection_id = recommendations.connection_id
            and scorecards.scorecard_id = recommendations.scorecard_id
    where not scorecards.is_draft
),

applications as (
    select * from {{ ref('fct_applications') }}
    where not is_excluded
),

ratings as (
    select * from {{ ref('fct_scorecard_ratings') }}
    where rating_score is not null
),

attribute_means as (
    select
        connection_id,
        scorecard_id,
        avg(rating_score) as attribute_mean
    from ratings
    group by connection_id, scorecard_id
),

summaries as (
    select
        scorecards.connection_id,
        scorecards.scorecard_id,
        scorecards.technique,
        scorecards.recommendation_score,
        attribute_means.attribute_mean
    from scorecards
    left join attribute_means
        on
            scorecards.connection_id = attribute_means.connection_id
            and scorecards.scorecard_id = attribute_means.scorecard_id
),

-- One value per scorecard and attribute. The debrief has one: the score at the time of the decision.
card_scores as (
    select
        connection_id,
        scorecard_id,
        case when lower(trim(attribute_name)) = 'overall' then 'overall attribute' else attribute_name end as attribute,
        avg(rating_score) as score
    from ratings
    where technique != 'debrief'
    group by
        connection_id,
        scorecard_id,
        case when lower(trim(attribute_name)) = 'overall' then 'overall attribute' else attribute_name end
    union all
    select
        connection_id,
        scorecard_id,
        'overall' as attribute,
        coalesce(recommendation_score, attribute_mean) as score
    from summaries
    where technique != 'debrief'
    union all
    select
        connection_id,
        scorecard_id,
        'attribute_mean' as attribute,
        attribute_mean as score
    from summaries
    where technique != 'debrief'
    union all
    select
        connection_id,
        scorecard_id,
        '__decision__' as attribute,
        coalesce(attribute_mean, recommendation_score) as score
    from summaries
    where technique = 'debrief'
),

scored as (
    select
        scorecards.*,
        card_scores.attribute,
        card_scores.score,
        min(case when scorecards.is_contaminated then 1 else 0 end) over (
            partition by
                scorecards.connection_id, scorecards.application_id, scorecards.technique, card_scores.attribute
        ) = 1 as is_all_contaminated
    from card_scores
    inner join scorecards
        on
            card_scores.connection_id = scorecards.connection_id
            and card_scores.scorecard_id = scorecards.scorecard_id
    where card_scores.score is not null
),

averaged as (
    select
        connection_id,
        application_id,
        technique,
        attribute,
        is_all_contaminated,
        avg(case when is_all_contaminated or not is_contaminated then score end) as score,
        sum(case when is_all_contaminated or not is_contaminated then 1 else 0 end) as n_scorecards,
        count(distinct case when is_all_contaminated or not is_contaminated then interviewer_id end) as n_interviewers,
        min(case when is_all_contaminated or not is_contaminated then interviewer_id end) as first_interviewer_id,
        sum(case when is_contaminated and not is_all_contaminated then 1 else 0 end) as n_contaminated,
        min(case when is_all_contaminated or not is_contaminated then submitted_at end) as first_submitted_at,
        max(decided_at) as decided_at
    from scored
    group by connection_id, application_id, technique, attribute, is_all_contaminated
)

select
    averaged.connection_id,
    averaged.application_id,
    applications.job_family,
    applications.job_level,
    averaged.technique,
    averaged.attribute,
    {{ settled('averaged.score') }} as score,
    {{ to_bigint('averaged.n_scorecards') }} as n_scorecards,
    averaged.n_interviewers,
    case when averaged.n_interviewers = 1 then averaged.first_interviewer_id end as interviewer_id,
    averaged.is_all_contaminated as is_contaminated,
    {{ to_bigint('averaged.n_contaminated') }} as n_contaminated,
    applications.status = 'hired' as is_hired,
    averaged.first_submitted_at,
    averaged.decided_at
from averaged
inner join applications
    on
        averaged.connection_id = applications.connection_id
        and averaged.application_id = applications.application_id
