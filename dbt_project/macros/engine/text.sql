{# Lower case, punctuation as single blanks, one blank at each end: so rules can use blanks as word borders. Letters of
   every alphabet stay. Patterns in seeds use only literals, ( ) | ? + * . [ ] because every engine reads those alike. #}
{% macro normalise_name(expression) -%}
    ' ' || trim({{ replace_all("lower(" ~ expression ~ ")", '[-_/(),.:;&+|#"!?* ]+', ' ') }}) || ' '
{%- endmacro %}

{# Every match replaced: most engines do that by themselves, DuckDB and PostgreSQL want the flag. #}
{% macro replace_all(expression, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_all')(expression, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replace_all(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}')
{%- endmacro %}

{% macro duckdb__replace_all(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro postgres__replace_all(expression, pattern, replacement) -%}
    regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{# Whether a seed's pattern occurs in a normalised name, as whole words. #}
{% macro matches_rule(normalised, pattern) -%}
    regexp_matches({{ normalised }}, ' (' || {{ pattern }} || ') ')
{%- endmacro %}
