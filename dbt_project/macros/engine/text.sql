{# Lower case, punctuation as single blanks, one blank at each end: so rules can use blanks as word borders. Letters of
   every alphabet stay. Patterns in seeds use only literals, ( ) | ? + * . [ ] because every engine reads those alike. #}
{% macro normalise_name(expression) -%}
    ' ' || trim({{ replace_all("lower(" ~ expression ~ ")", '[-_/(),.:;&+|#"!?* ]+', ' ') }}) || ' '
{%- endmacro %}

{# Every match replaced: most engines do that by themselves, DuckDB and PostgreSQL want the flag. #}
{% macro replace_all(expression, pattern, replacement) -%}
    {%- set needs_flag = target is not defined or target.type in ('duckdb', 'postgres') -%}
    regexp_replace({{ expression }}, '{{ pattern }}', '{{ replacement }}'{{ ", 'g'" if needs_flag }})
{%- endmacro %}

{# Whether a seed's pattern occurs in a normalised name, as whole words. #}
{% macro matches_rule(normalised, pattern) -%}
    regexp_matches({{ normalised }}, ' (' || {{ pattern }} || ') ')
{%- endmacro %}
