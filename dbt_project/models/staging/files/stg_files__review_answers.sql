with answers as (
    select * from {{ current_rows('reviews') }}
    where lower(coalesce(status, 'submitted')) not in ('draft', 'in progress', 'in_progress')
),

-- Some firms write the value after calibration as a row of its own, relation `calibrated`.
calibrations as (
    select
        connection_id,
        cycle_id,
        employee_id,
        question_id,
        max(rating_value) as calibrated_rating
    from answers
    where reviewer_relation = 'calibrated'
    group by connection_id, cycle_id, employee_id, question_id
),

manager_reviewed as (
    select distinct
        connection_id,
        cycle_id,
        employee_id
    from answers
    where reviewer_relation = 'manager'
)

-- It belongs to the manager's review; only where there is none it stands as the manager's review itself.
select
    answers.connection_id,
    answers.cycle_id,
    answers.employee_id,
    answers.reviewer_employee_id,
    case when answers.reviewer_relation = 'calibrated' then 'manager' else answers.reviewer_relation end as relation,
    answers.review_id,
    answers.question_id,
    answers.question_text,
    case
        when answers.reviewer_relation != 'calibrated' and not coalesce(answers.is_calibrated, false)
            then answers.rating_value
    end as rating,
    case
        when answers.reviewer_relation = 'calibrated' or answers.is_calibrated then answers.rating_value
        when answers.reviewer_relation = 'manager' then calibrations.calibrated_rating
    end as calibrated_rating,
    answers.rating_label,
    answers.scale_min,
    answers.scale_max,
    coalesce(
        nullif(answers.scale_labels, ''),
        {{ to_string('answers.scale_min') }} || '-' || {{ to_string('answers.scale_max') }},
        'files_unknown'
    ) as scale_id,
    {{ utc('answers.submitted_at') }} as submitted_at
from answers
left join calibrations
    on
        answers.connection_id = calibrations.connection_id
        and answers.cycle_id = calibrations.cycle_id
        and answers.employee_id = calibrations.employee_id
        and answers.question_id = calibrations.question_id
left join manager_reviewed
    on
        answers.connection_id = manager_reviewed.connection_id
        and answers.cycle_id = manager_reviewed.cycle_id
        and answers.employee_id = manager_reviewed.employee_id
where answers.reviewer_relation != 'calibrated' or manager_reviewed.employee_id is null
