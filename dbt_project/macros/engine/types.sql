{# Every engine difference of the project is in macros/engine; models never write what only one engine understands. #}

{# A timestamp with time zone as the same moment in UTC without one: all `_at` columns above raw. #}
{% macro utc(expression) -%}
    cast({{ expression }} at time zone 'UTC' as timestamp)
{%- endmacro %}

{# The firm's calendar day of a UTC moment. #}
{% macro local_date(expression) -%}
    {%- set zone = var('timezone', '') or env_var('QOH_TIMEZONE', 'UTC') -%}
    {%- if zone == 'UTC' -%}
        cast({{ expression }} as date)
    {%- else -%}
        cast({{ expression }} at time zone 'UTC' at time zone '{{ zone }}' as date)
    {%- endif -%}
{%- endmacro %}

{# The last second of a calendar day of the firm, as a UTC moment; days of 23 or 25 hours end rightly too. #}
{% macro end_of_local_day(date_expression) -%}
    {%- set zone = var('timezone', '') or env_var('QOH_TIMEZONE', 'UTC') -%}
    {%- set next_midnight = "cast(cast(" ~ add_days(date_expression, 1) ~ " as date) as timestamp)" -%}
    {%- if zone != 'UTC' -%}
        {%- set next_midnight = "cast(" ~ next_midnight ~ " at time zone '" ~ zone ~ "' at time zone 'UTC' as timestamp)" -%}
    {%- endif -%}
    {{ next_midnight }} - interval '1' second
{%- endmacro %}

{% macro to_string(expression) -%}
    cast({{ expression }} as varchar)
{%- endmacro %}

{% macro to_double(expression) -%}
    cast({{ expression }} as double)
{%- endmacro %}

{% macro to_bigint(expression) -%}
    cast({{ expression }} as bigint)
{%- endmacro %}

{# dlt's load id is the epoch second at which the load began. #}
{% macro load_time(expression) -%}
    cast(to_timestamp(cast({{ expression }} as double)) at time zone 'UTC' as timestamp)
{%- endmacro %}
