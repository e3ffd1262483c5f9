{# Rows of a dropped file's table that still hold.

   The newest version declared full replaces every version of its file before it: a row that was corrected away does not
   come back, whatever deltas (which only add and change) follow. Both tables are read, so a version whose register entry
   is not there yet replaces nothing. #}
{% macro current_rows(table) %}(
        select records.*
        from {{ source('raw_files', table) }} as records
        inner join (
            select
                connection_id,
                source_file,
                drop_sha256,
                row_number() over (
                    partition by connection_id, source_file order by max(_dlt_load_id) desc, drop_sha256 asc
                ) as age
            from {{ source('raw_files', table) }}
            group by connection_id, source_file, drop_sha256
        ) as versions
            on
                records.connection_id = versions.connection_id
                and records.source_file = versions.source_file
                and records.drop_sha256 = versions.drop_sha256
        left join {{ source('raw_files', 'drops') }} as register
            on
                records.connection_id = register.connection_id
                and records.source_file = register.source_file
                and records.drop_sha256 = register.sha256
                and register.status = 'loaded'
        left join (
            select
                connection_id,
                source_file,
                max(loaded_at) as loaded_at
            from {{ source('raw_files', 'drops') }}
            where status = 'loaded' and mode = 'full'
            group by connection_id, source_file
        ) as newest_full
            on
                records.connection_id = newest_full.connection_id
                and records.source_file = newest_full.source_file
        where versions.age = 1 or newest_full.loaded_at is null or register.loaded_at >= newest_full.loaded_at
    ) as current_records{% endmacro %}
