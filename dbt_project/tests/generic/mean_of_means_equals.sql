{# Fails with one row per key whose mean over the means of its parts (`within`: one mean a rater, say) is not the value
   another model holds; missing on one side too. #}
{% test mean_of_means_equals(model, columns, within, value, to, to_value, where_sql='true', to_where_sql='true') %}
with parts as (
    select
        {{ columns | join(', ') }},
        avg({{ value }}) as part_mean
    from {{ model }}
    where {{ where_sql }}
    group by {{ columns | join(', ') }}, {{ within }}
),

means as (
    select
        {{ columns | join(', ') }},
        avg(part_mean) as mean_value
    from parts
    group by {{ columns | join(', ') }}
),

expected as (
    select
        {{ columns | join(', ') }},
        {{ to_value }} as expected_value
    from {{ to }}
    where {{ to_value }} is not null and {{ to_where_sql }}
)

select
    means.mean_value,
    expected.expected_value
from means
full outer join expected
    on {% for column in columns %}means.{{ column }} = expected.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
where coalesce(abs(means.mean_value - expected.expected_value) > 0.00000001, true)
{% endtest %}
