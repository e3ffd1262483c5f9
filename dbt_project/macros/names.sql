{# Schemas carry exactly the names the project gives them: no target prefix, one warehouse a firm. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}

{# The restricted zone is a file of its own: an attached database on DuckDB, a database with its own grants elsewhere. #}
{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {{ (custom_database_name or target.database) | trim }}
{%- endmacro %}
