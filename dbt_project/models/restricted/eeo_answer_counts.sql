{%- set questions = ['gender', 'race_ethnicity', 'veteran_status', 'disability_status'] -%}
with answers as (
    select * from {{ ref('eeo_answers') }}
),

{% for question in questions -%}
{{ question }}_counts as (
    select
        '{{ question }}' as question,
        coalesce({{ question }}, 'no answer') as answer,
        count(*) as n_applications
    from answers
    group by coalesce({{ question }}, 'no answer')
),

{% endfor -%}
counted as (
    {% for question in questions -%}
    select * from {{ question }}_counts
    {%- if not loop.last %}
    union all
    {% endif -%}
    {% endfor %}
),

-- Hiding one cell of a question would leave it as the difference to the total: small cells of a question go together,
-- and the next smallest joins them until they hold enough.
ordered as (
    select
        *,
        sum(n_applications) over (
            partition by question order by n_applications asc nulls first, answer asc nulls first
            rows between unbounded preceding and 1 preceding
        ) as n_smaller
    from counted
)

select
    question,
    answer,
    case
        when
            n_applications >= {{ var('demographic_cell_min_n') }}
            and (coalesce(n_smaller, 0) = 0 or n_smaller >= {{ var('demographic_cell_min_n') }})
            then cast(n_applications as bigint)
    end as n_applications,
    n_applications < {{ var('demographic_cell_min_n') }}
    or (coalesce(n_smaller, 0) > 0 and n_smaller < {{ var('demographic_cell_min_n') }}) as is_suppressed
from ordered
