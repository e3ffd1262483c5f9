with reviews as (
    {{ with_tombstones('bamboohr', 'performance_reviews') }}
)

-- A label that carries no year is used again every year, and without a label only the date tells cycles apart.
select
    connection_id,
    id as review_id,
    case
        when cycle is null
            then
                {{ to_string('extract(year from date)') }}
                || case when extract(month from date) <= 6 then ' H1' else ' H2' end
        when {{ names_a_year('cycle') }} then cycle
        else cycle || ' ' || {{ to_string('extract(year from date)') }}
    end as cycle_id,
    employee_id,
    reviewer_employee_id,
    date as rated_on,
    rating,
    rating_label,
    deleted_at
from reviews
