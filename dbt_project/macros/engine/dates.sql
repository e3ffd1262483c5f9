{# Whole days from one date to another. #}
{% macro days_between(start, end) -%}
    date_diff('day', cast({{ start }} as date), cast({{ end }} as date))
{%- endmacro %}

{# Hours between two moments, with fractions. #}
{% macro hours_between(start, end) -%}
    cast(date_diff('second', {{ start }}, {{ end }}) as double) / 3600
{%- endmacro %}

{# Days between two moments, with fractions. #}
{% macro fractional_days_between(start, end) -%}
    cast(date_diff('second', {{ start }}, {{ end }}) as double) / 86400
{%- endmacro %}

{# Months between two dates as days / 30.4375: smooth, so that a window has no month-length steps. #}
{% macro months_between(start, end) -%}
    cast(date_diff('day', cast({{ start }} as date), cast({{ end }} as date)) as double) / 30.4375
{%- endmacro %}

{% macro add_days(date_expression, days) -%}
    {{ date_expression }} + interval '{{ days }}' day
{%- endmacro %}

{# Var as_of as a moment, null when the data says how far it reaches. #}
{% macro declared_as_of() -%}
    cast({% if var('as_of', '') %}'{{ var('as_of') }}'{% else %}null{% endif %} as timestamp)
{%- endmacro %}

{# First day of the period; weeks start on Monday. #}
{% macro period_start(period, date_expression) -%}
    cast(date_trunc('{{ period }}', {{ date_expression }}) as date)
{%- endmacro %}
