{# Rows of a dropped file's table that still hold.

   The newest version of a file replaces its earlier versions: a row that was corrected away does not come back. Where the
   newest version was declared a delta (it only adds and changes), earlier rows stay. Both tables are read, so a version whose
   register entry is not there yet replaces nothing. #}
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
        left join (
            select
                register.connection_id,
                register.source_file,
                register.loaded_at,
                row_number() over (
                    partition by register.connection_id, register.source_file order by register.loaded_at desc, register.sha256 asc
                ) as age,
                register.mode
            from {{ source('raw_files', 'drops') }} as register
            where register.status = 'loaded'
        ) as newest
            on
                records.connection_id = newest.connection_id
                and records.source_file = newest.source_file
                and newest.age = 1
        where versions.age = 1 or coalesce(newest.mode, 'delta') = 'delta'
    ) as current_records{% endmacro %}
