{# Quantile of an aggregate, linearly interpolated; BigQuery has percentile_cont as a window function only. #}
{% macro quantile(expression, q) -%}
    {%- if target is defined and target.type == 'bigquery' -%}
        approx_quantiles({{ expression }}, 1000)[offset({{ (q * 1000) | int }})]
    {%- else -%}
        percentile_cont({{ q }}) within group (order by {{ expression }})
    {%- endif -%}
{%- endmacro %}

{#
    Rank from below (and from above) of the order statistics that end the 95 % interval of a median: the binomial's, by the
    normal approximation with continuity correction (Conover 1999, section 3.2); 0 below six values, which have no such interval.
#}
{% macro median_rank(n) -%}
    floor(({{ n }} + 1 - 1.959963984540054 * sqrt({{ n }})) / 2)
{%- endmacro %}

{# Ends of the 95 % Wilson score interval of k successes in n (Wilson 1927); null without trials. #}
{% macro wilson_lo(k, n) -%}
    {{ _wilson(k, n, '-') }}
{%- endmacro %}

{% macro wilson_hi(k, n) -%}
    {{ _wilson(k, n, '+') }}
{%- endmacro %}

{% macro _wilson(k, n, sign) -%}
    {%- set z = 1.959963984540054 -%}
    {%- set z2 = z * z -%}
    {%- set p = '(cast(' ~ k ~ ' as double) / nullif(' ~ n ~ ', 0))' -%}
    (
        {{ p }} + {{ z2 }} / (2 * {{ n }})
        {{ sign }} {{ z }} * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + {{ z2 }} / (4 * cast({{ n }} as double) * {{ n }}))
    ) / (1 + {{ z2 }} / nullif({{ n }}, 0))
{%- endmacro %}

{# Status of a rate with n behind it; the thresholds are vars. #}
{% macro rate_status(n, condition='true') -%}
    case
        when {{ n }} < {{ var('rate_min_n') }} or not ({{ condition }}) then 'not_estimable'
        when {{ n }} < {{ var('rate_low_n') }} then 'low_n'
        else 'ok'
    end
{%- endmacro %}

{# A rate or its interval end, null where the status says not_estimable. #}
{% macro if_estimable(value, n, condition='true') -%}
    case when {{ n }} >= {{ var('rate_min_n') }} and ({{ condition }}) then {{ value }} end
{%- endmacro %}

{#
    A mean or spread to nine decimals: engines add in any order, and without this two builds of the same rows would
    differ in the last bit. Every engine rounds here (its cast to decimal), also where round() takes no double.
#}
{% macro settled(expression) -%}
    cast(cast({{ expression }} as decimal(38, 9)) as double)
{%- endmacro %}
