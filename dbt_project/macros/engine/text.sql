{# Lower case, punctuation as single blanks, one blank at each end: so rules can use blanks as word borders. Letters of
   every alphabet stay. Brackets, long dashes and white space go first and one by one: engines escape them unlike in a class. Patterns in seeds use only literals, ( ) | ? + * . [ ] because every engine reads those alike. #}
{% macro normalise_name(expression) -%}
    {%- set odd = '[]{}<>–—−\t\n\r\u00a0' -%}
    {%- set plain = "translate(lower(" ~ expression ~ "), '" ~ odd ~ "', '" ~ ' ' * odd | length ~ "')" -%}
    ' ' || trim({{ replace_all(plain, '[-_/(),.:;&+|#"!?* ]+', ' ') }}) || ' '
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

{# Whether a text names a year of this century or the last. #}
{% macro names_a_year(expression) -%}
    regexp_matches({{ expression }}, '(^|[^0-9])(19|20)[0-9][0-9]($|[^0-9])')
{%- endmacro %}

{# Block 0 to 255 of a key: the first byte of its MD5. Every engine and every build puts the same key into the same
   block, and keys fall into blocks as if at random. #}
{% macro block_of(key) -%}
    {{ to_bigint('16 * (' ~ _hex_digit(key, 1) ~ ' - 1) + ' ~ _hex_digit(key, 2) ~ ' - 1') }}
{%- endmacro %}

{# Value of a hexadecimal digit of the MD5, plus one; MD5 is bytes on BigQuery, text elsewhere. #}
{% macro _hex_digit(key, place) -%}
    {%- set bigquery = target is defined and target.type == 'bigquery' -%}
    {%- set digest = 'to_hex(md5(' ~ key ~ '))' if bigquery else 'md5(' ~ key ~ ')' -%}
    {%- set digit = 'substr(' ~ digest ~ ', ' ~ place ~ ', 1)' -%}
    {%- if bigquery -%}
        strpos('0123456789abcdef', {{ digit }})
    {%- else -%}
        position({{ digit }} in '0123456789abcdef')
    {%- endif -%}
{%- endmacro %}

{# Texts of a group in alphabetical order, in one text. #}
{% macro joined_in_order(expression, separator) -%}
    {%- set engine = target.type if target is defined else 'duckdb' -%}
    {%- if engine == 'snowflake' -%}
        listagg({{ expression }}, '{{ separator }}') within group (order by {{ expression }})
    {%- elif engine in ('spark', 'databricks') -%}
        array_join(sort_array(collect_list({{ expression }})), '{{ separator }}')
    {%- else -%}
        string_agg({{ expression }}, '{{ separator }}' order by {{ expression }})
    {%- endif -%}
{%- endmacro %}
