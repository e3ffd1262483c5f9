with ratings as (
    select * from {{ ref('fct_reviews') }}
    where relation = 'manager' and is_cycle_closed and effective_rating is not null
),

level_cells as (
    select
        connection_id,
        cycle_id,
        scale_id,
        job_level,
        count(*) as n_cell,
        avg(effective_rating) as cell_mean,
        stddev_samp(effective_rating) as cell_sd
    from ratings
    where job_level != 'unknown'
    group by connection_id, cycle_id, scale_id, job_level
    having count(*) >= {{ var('criterion_cell_min_n') }} and max(effective_rating) > min(effective_rating)
),

scale_cells as (
    select
        connection_id,
        cycle_id,
        scale_id,
        count(*) as n_cell,
        avg(effective_rating) as cell_mean,
        stddev_samp(effective_rating) as cell_sd
    from ratings
    group by connection_id, cycle_id, scale_id
    having count(*) >= {{ var('criterion_cell_min_n') }} and max(effective_rating) > min(effective_rating)
),

celled as (
    select
        ratings.*,
        case
            when level_cells.n_cell is not null then 'cycle_scale_level'
            when scale_cells.n_cell is not null then 'cycle_scale'
            else 'refused'
        end as cell_kind,
        coalesce(level_cells.n_cell, scale_cells.n_cell) as n_cell,
        coalesce(level_cells.cell_mean, scale_cells.cell_mean) as cell_mean,
        coalesce(level_cells.cell_sd, scale_cells.cell_sd) as cell_sd
    from ratings
    left join level_cells
        on
            ratings.connection_id = level_cells.connection_id
            and ratings.cycle_id = level_cells.cycle_id
            and ratings.scale_id = level_cells.scale_id
            and ratings.job_level = level_cells.job_level
    left join scale_cells
        on
            ratings.connection_id = scale_cells.connection_id
            and ratings.cycle_id = scale_cells.cycle_id
            and ratings.scale_id = scale_cells.scale_id
)

select
    connection_id,
    review_id,
    cycle_id,
    cycle_name,
    employee_connection_id,
    employee_id,
    reviewer_id,
    reviewer_employee_connection_id,
    reviewer_employee_id,
    submitted_at,
    rated_on,
    rating,
    calibrated_rating,
    effective_rating,
    scale_id,
    scale_min,
    scale_max,
    job_level,
    spell_number,
    months_since_start,
    coalesce(
        months_since_start >= {{ var('criterion_window_start_months') }}
        and months_since_start <= {{ var('criterion_window_end_months') }},
        false
    ) as is_in_window,
    case cell_kind
        when 'cycle_scale_level' then connection_id || '|' || cycle_id || '|' || scale_id || '|' || job_level
        when 'cycle_scale' then connection_id || '|' || cycle_id || '|' || scale_id
    end as cell_id,
    cell_kind,
    n_cell,
    {{ settled('cell_mean') }} as cell_mean,
    {{ settled('cell_sd') }} as cell_sd,
    {{ settled('(effective_rating - cell_mean) / cell_sd') }} as rating_z
from celled
