{# Whether a review cycle is over: as its source says; where the source says nothing, once its newest rating is
   `cycle_settle_days` older than the data, so that a cycle still being typed in is not compared with itself. #}
{% macro is_cycle_over(cycles, clock) -%}
    coalesce(
        {{ cycles }}.is_closed,
        cast({{ add_days(cycles ~ '.ends_on', var('cycle_settle_days')) }} as date) <= {{ clock }}.as_of_on
    )
{%- endmacro %}
