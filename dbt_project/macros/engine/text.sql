{# Lower case, punctuation as single blanks, one blank at each end: so rules can use blanks as word borders. Letters of
   every alphabet stay. Patterns in seeds use only literals, ( ) | ? + * . [ ] because every engine reads those alike. #}
{% macro normalise_name(expression) -%}
    ' ' || trim(regexp_replace(lower({{ expression }}), '[-_/(),.:;&+|#"!?* ]+', ' ', 'g')) || ' '
{%- endmacro %}

{# Whether a seed's pattern occurs in a normalised name, as whole words. #}
{% macro matches_rule(normalised, pattern) -%}
    regexp_matches({{ normalised }}, ' (' || {{ pattern }} || ') ')
{%- endmacro %}
