with hires as (
    select
        connection_id,
        candidate_id,
        application_id,
        coalesce(starts_on, {{ local_date('hired_at') }}) as starts_on
    from {{ ref('applications') }}
    where status = 'hired' and deleted_at is null
),

hired_candidates as (
    select distinct
        connection_id,
        candidate_id
    from hires
),

employees as (
    select * from {{ ref('employees') }}
    where deleted_at is null
),

spells as (
    select * from {{ ref('employment_spells') }}
),

users as (
    select
        candidate_users.connection_id,
        candidate_users.candidate_id,
        ats_users.employee_id,
        ats_users.email_token
    from {{ ref('candidate_users') }} as candidate_users
    inner join {{ ref('ats_users') }} as ats_users
        on
            candidate_users.connection_id = ats_users.connection_id
            and candidate_users.user_id = ats_users.user_id
),

emails as (
    select * from {{ ref('candidate_emails') }}
),

vault_matches as (
    select * from {{ ref('stg_pipeline__vault_matches') }}
),

-- Rung 1: the ATS user that the candidate became names the HRIS id or number, or the HRIS names the candidate.
by_vendor_id as (
    select
        users.connection_id,
        users.candidate_id,
        employees.connection_id as employee_connection_id,
        employees.employee_id
    from users
    inner join employees
        on users.employee_id = employees.employee_id

    union distinct

    select
        users.connection_id,
        users.candidate_id,
        employees.connection_id as employee_connection_id,
        employees.employee_id
    from users
    inner join employees
        on users.employee_id = employees.employee_number

    union distinct

    select
        hired_candidates.connection_id,
        hired_candidates.candidate_id,
        employees.connection_id as employee_connection_id,
        employees.employee_id
    from hired_candidates
    inner join employees
        on hired_candidates.candidate_id = employees.candidate_external_id
),

-- Rung 2: the candidate's e-mail is the employee's home e-mail, or the linked ATS user's is the work e-mail.
by_email as (
    select
        emails.connection_id,
        emails.candidate_id,
        employees.connection_id as employee_connection_id,
        employees.employee_id
    from emails
    inner join employees
        on emails.email_token = employees.home_email_token

    union distinct

    select
        users.connection_id,
        users.candidate_id,
        employees.connection_id as employee_connection_id,
        employees.employee_id
    from users
    inner join employees
        on users.email_token = employees.work_email_token
),

rungs as (
    select
        *,
        'vendor_id' as method,
        1 as rung,
        1.0 as score,
        'rule' as decided_by
    from by_vendor_id
    union all
    select
        *,
        'email' as method,
        2 as rung,
        0.95 as score,
        'rule' as decided_by
    from by_email
    union all
    select
        candidate_connection_id as connection_id,
        candidate_id,
        employee_connection_id,
        employee_id,
        method,
        case when method = 'human' then 0 else 3 end as rung,
        score,
        coalesce(decided_by, 'rule') as decided_by
    from vault_matches
    where not is_different
),

ranked_rungs as (
    select
        rungs.*,
        row_number() over (
            partition by
                rungs.connection_id, rungs.candidate_id, rungs.employee_connection_id, rungs.employee_id
            order by rungs.rung
        ) as preference
    from rungs
    inner join hired_candidates
        on
            rungs.connection_id = hired_candidates.connection_id
            and rungs.candidate_id = hired_candidates.candidate_id
),

pairs as (
    select * from ranked_rungs
    where preference = 1
),

-- Which of the candidate's hires began which of the employee's stays.
fitted as (
    select
        pairs.connection_id,
        pairs.candidate_id,
        pairs.employee_connection_id,
        pairs.employee_id,
        hires.application_id,
        spells.spell_number,
        abs({{ days_between('hires.starts_on', 'spells.started_on') }}) as start_gap_days,
        row_number() over (
            partition by
                pairs.connection_id, pairs.candidate_id, pairs.employee_connection_id, pairs.employee_id
            order by
                abs({{ days_between('hires.starts_on', 'spells.started_on') }}) asc nulls last,
                hires.application_id asc,
                spells.spell_number asc
        ) as fit
    from pairs
    inner join hires
        on
            pairs.connection_id = hires.connection_id
            and pairs.candidate_id = hires.candidate_id
    left join spells
        on
            pairs.employee_connection_id = spells.connection_id
            and pairs.employee_id = spells.employee_id
),

weighed as (
    select
        pairs.connection_id,
        pairs.candidate_id,
        pairs.employee_connection_id,
        pairs.employee_id,
        pairs.method,
        pairs.rung,
        cast(pairs.score as double) as score,
        pairs.decided_by,
        fitted.application_id,
        fitted.spell_number,
        fitted.start_gap_days,
        case
            when fitted.start_gap_days <= {{ var('link_start_tolerance_days') }} then 0
            when fitted.start_gap_days <= {{ var('hire_start_tolerance_days') }} then 1
            else 2
        end as gap_class,
        blocked.candidate_id is not null and pairs.rung > 0 as is_blocked
    from pairs
    inner join fitted
        on
            pairs.connection_id = fitted.connection_id
            and pairs.candidate_id = fitted.candidate_id
            and pairs.employee_connection_id = fitted.employee_connection_id
            and pairs.employee_id = fitted.employee_id
            and fitted.fit = 1
    left join vault_matches as blocked
        on
            pairs.connection_id = blocked.candidate_connection_id
            and pairs.candidate_id = blocked.candidate_id
            and pairs.employee_connection_id = blocked.employee_connection_id
            and pairs.employee_id = blocked.employee_id
            and blocked.is_different
),

-- Pairs whose starts agree compete for that hire: a rehire may have a second employee record. Others compete for the
-- whole candidate; only a human's decision stands against starts that agree.
contested as (
    select
        *,
        case when gap_class < 2 then application_id end as contested_application_id,
        case
            when is_blocked then 3
            when rung = 0 and gap_class = 2 then 0
            when gap_class < 2 then 1
            else 2
        end as tier
    from weighed
),

-- A human decides first; then the stronger rung, starts close together, starts equal to the day.
candidate_choice as (
    select
        *,
        min(tier) over (partition by connection_id, candidate_id) as best_tier,
        rank() over (
            partition by connection_id, candidate_id, tier, contested_application_id
            order by
                case when rung = 0 then 0 else 1 end,
                rung,
                gap_class,
                case when start_gap_days = 0 then 0 else 1 end
        ) as preference
    from contested
),

counted as (
    select
        *,
        tier = best_tier and preference = 1 as is_best,
        count(*) over (
            partition by connection_id, candidate_id, tier, contested_application_id, preference
        ) as n_equal
    from candidate_choice
),

-- One stay of an employee belongs to one candidate.
employee_choice as (
    select
        *,
        row_number() over (
            partition by employee_connection_id, employee_id, spell_number
            order by
                case when rung = 0 then 0 else 1 end asc,
                case when gap_class = 2 then 1 else 0 end asc,
                rung asc,
                gap_class asc,
                start_gap_days asc nulls last,
                connection_id asc,
                candidate_id asc
        ) as employee_preference
    from counted
    where is_best and n_equal = 1 and not is_blocked
)

select
    counted.connection_id as candidate_connection_id,
    counted.candidate_id,
    counted.employee_connection_id,
    counted.employee_id,
    counted.method,
    counted.score,
    counted.decided_by,
    counted.application_id,
    cast(counted.spell_number as bigint) as spell_number,
    cast(counted.start_gap_days as bigint) as start_gap_days,
    coalesce(employee_choice.employee_preference = 1, false) as is_link,
    case
        when employee_choice.employee_preference = 1 then null
        when counted.is_blocked then 'blocked_by_human'
        when not counted.is_best then 'better_evidence'
        when counted.n_equal > 1 then 'ambiguous'
        else 'employee_taken'
    end as conflict_reason
from counted
left join employee_choice
    on
        counted.connection_id = employee_choice.connection_id
        and counted.candidate_id = employee_choice.candidate_id
        and counted.employee_connection_id = employee_choice.employee_connection_id
        and counted.employee_id = employee_choice.employee_id
