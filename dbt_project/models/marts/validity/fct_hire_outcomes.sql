{%- set window_start = var('criterion_window_start_months') -%}
{%- set window_end = var('criterion_window_end_months') -%}
{%- set tolerance = var('hire_start_tolerance_days') -%}
with hires as (
    select
        *,
        coalesce(starts_on, {{ local_date('hired_at') }}) as planned_start_on
    from {{ ref('fct_applications') }}
    where status = 'hired' and not is_excluded
),

data_clock as (
    select * from {{ ref('data_clock') }}
),

links as (
    select * from {{ ref('person_links') }}
),

spells as (
    select * from {{ ref('employment_spells') }}
),

scores as (
    select * from {{ ref('fct_performance_scores') }}
),

stays as (
    select
        hires.connection_id,
        hires.application_id,
        hires.planned_start_on,
        links.employee_connection_id,
        links.employee_id,
        links.method,
        spells.spell_number,
        spells.started_on,
        spells.ended_on,
        spells.end_type,
        {{ days_between('hires.planned_start_on', 'spells.started_on') }} as start_gap_days,
        min(spells.started_on) over (partition by hires.connection_id, hires.application_id) as first_started_on
    from hires
    inner join links
        on
            hires.connection_id = links.candidate_connection_id
            and hires.candidate_id = links.candidate_id
    left join spells
        on
            links.employee_connection_id = spells.connection_id
            and links.employee_id = spells.employee_id
),

-- How a stay stands to the hire: begun by it (planned or postponed), running already, or over before.
placed as (
    select
        *,
        case
            when spell_number is null then 'no_spell'
            when start_gap_days is null or abs(start_gap_days) <= {{ tolerance }} then 'begun'
            when start_gap_days > 0 then 'begun_late'
            when ended_on < planned_start_on then 'over'
            else 'running'
        end as stay
    from stays
),

-- The nearest stay that the hire began; one that was running says more than one begun much later.
nearest_stays as (
    select
        *,
        row_number() over (
            partition by connection_id, application_id
            order by
                case stay
                    when 'begun' then 1
                    when 'running' then 2
                    when 'begun_late' then 3
                    when 'over' then 4
                    else 5
                end asc,
                abs(start_gap_days) asc nulls last,
                spell_number asc,
                employee_connection_id asc,
                employee_id asc
        ) as fit
    from placed
),

-- One stay has one hire.
fitted as (
    select
        *,
        row_number() over (
            partition by employee_connection_id, employee_id, spell_number
            order by
                case when stay in ('begun', 'begun_late') then 0 else 1 end asc,
                abs(start_gap_days) asc nulls last,
                connection_id asc,
                application_id asc
        ) as spell_fit
    from nearest_stays
    where fit = 1
),

linked as (
    select
        *,
        stay in ('begun', 'begun_late') and spell_fit = 1 as is_own_spell
    from fitted
),

raters as (
    select distinct
        employee_connection_id,
        employee_id,
        spell_number,
        reviewer_employee_connection_id,
        reviewer_employee_id,
        {{ rater_id('connection_id', "'hire'") }} as rater_id
    from {{ ref('fct_performance_ratings') }}
    where is_in_window and rating_z is not null
),

interviewers as (
    select * from {{ ref('hire_interviewers') }}
),

interviewing_employees as (
    select distinct
        connection_id,
        application_id,
        employee_connection_id,
        employee_id
    from interviewers
    where employee_id is not null
),

interviewing as (
    select
        connection_id,
        application_id,
        {{ to_double('avg(case when employee_id is not null then 1.0 else 0.0 end)') }} as interviewers_linked_share
    from interviewers
    group by connection_id, application_id
),

hire_raters as (
    select
        linked.connection_id,
        linked.application_id,
        raters.rater_id,
        {{ was_interviewer(
            'interviewing_employees.employee_id is not null',
            'raters.reviewer_employee_id',
            'interviewing.interviewers_linked_share = 1'
        ) }} as was_interviewer
    from linked
    inner join raters
        on
            linked.employee_connection_id = raters.employee_connection_id
            and linked.employee_id = raters.employee_id
            and linked.spell_number = raters.spell_number
    left join interviewing_employees
        on
            linked.connection_id = interviewing_employees.connection_id
            and linked.application_id = interviewing_employees.application_id
            and raters.reviewer_employee_connection_id = interviewing_employees.employee_connection_id
            and raters.reviewer_employee_id = interviewing_employees.employee_id
    left join interviewing
        on
            linked.connection_id = interviewing.connection_id
            and linked.application_id = interviewing.application_id
),

rater_overlap as (
    select
        connection_id,
        application_id,
        sum(case when not was_interviewer then 1 else 0 end) as n_independent_raters,
        case
            when max(case when was_interviewer then 1 else 0 end) = 1 then true
            when count(*) = count(was_interviewer) then false
        end as rater_was_interviewer
    from hire_raters
    group by connection_id, application_id
),

joined as (
    select
        hires.connection_id,
        hires.application_id,
        linked.employee_connection_id,
        linked.employee_id,
        case when linked.is_own_spell then linked.spell_number end as spell_number,
        hires.job_family,
        hires.job_level,
        hires.hired_at,
        case when linked.is_own_spell then linked.started_on else hires.planned_start_on end as started_on,
        case when linked.is_own_spell then linked.ended_on end as ended_on,
        case when linked.is_own_spell then linked.start_gap_days end as start_gap_days,
        linked.stay = 'running' as is_internal_move,
        linked.stay = 'over' or (linked.is_own_spell and linked.started_on > linked.first_started_on) as is_rehire,
        linked.stay in ('begun', 'begun_late') and linked.spell_fit > 1 as is_repeated,
        linked.stay = 'no_spell' as is_without_spell,
        linked.method as link_method,
        scores.performance_rating_z,
        scores.status as score_status,
        scores.n_ratings,
        scores.n_raters,
        rater_overlap.rater_was_interviewer,
        rater_overlap.n_independent_raters,
        interviewing.interviewers_linked_share,
        case when linked.is_own_spell then linked.end_type end as end_type,
        data_clock.as_of_on
    from hires
    cross join data_clock
    left join linked
        on
            hires.connection_id = linked.connection_id
            and hires.application_id = linked.application_id
    left join scores
        on
            linked.is_own_spell
            and linked.employee_connection_id = scores.employee_connection_id
            and linked.employee_id = scores.employee_id
            and linked.spell_number = scores.spell_number
    left join rater_overlap
        on
            linked.is_own_spell
            and hires.connection_id = rater_overlap.connection_id
            and hires.application_id = rater_overlap.application_id
    left join interviewing
        on
            hires.connection_id = interviewing.connection_id
            and hires.application_id = interviewing.application_id
),

dated as (
    select
        *,
        case
            when started_on <= as_of_on
                then {{ days_between('started_on', 'least(coalesce(ended_on, as_of_on), as_of_on)') }}
        end as tenure_days,
        {{ days_between('started_on', 'as_of_on') }} as exposure_days
    from joined
)

select
    connection_id,
    application_id,
    employee_connection_id,
    employee_id,
    spell_number,
    job_family,
    job_level,
    hired_at,
    started_on,
    ended_on,
    tenure_days,
    coalesce(tenure_days >= {{ window_start }} * 30.4375, false) as is_tenured,
    coalesce(exposure_days >= {{ window_end }} * 30.4375, false) as is_matured,
    coalesce(is_internal_move or is_rehire or is_repeated, false) as is_excluded,
    case
        when is_internal_move then 'internal_move'
        when is_rehire then 'rehire'
        when is_repeated then 'repeated_hire'
    end as exclusion_reason,
    link_method,
    performance_rating_z,
    case
        when is_without_spell then 'no_spell'
        else coalesce(score_status, 'not_linked')
    end as performance_status,
    coalesce(n_ratings, 0) as n_ratings,
    coalesce(n_raters, 0) as n_raters,
    rater_was_interviewer,
    {{ to_bigint('coalesce(n_independent_raters, 0)') }} as n_independent_raters,
    interviewers_linked_share,
    -- Leavers wait for the year as well: judged at once, they would be all that is known of recent hires.
    case when spell_number is not null and exposure_days >= 365 then tenure_days >= 365 end as retained_1y,
    end_type,
    cast(start_gap_days as bigint) as start_gap_days
from dated
