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
