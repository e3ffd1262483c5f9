{# Rows of a raw table with `deleted_at`, derived from the id sweeps.

   A row is deleted when the last COMPLETE sweep of its connection and stream began after the row was last loaded and did not
   see it; an incomplete sweep proves nothing, and a row that is seen or loaded again exists again. Columns of the raw table
   keep their names. #}
{% macro with_tombstones(vendor, stream, key='id') %}
    select
        records.*,
        case
            when
                sweeps.started_at > {{ load_time('records._dlt_load_id') }}
                and (seen.last_seen_at is null or seen.last_seen_at < sweeps.started_at)
                then sweeps.completed_at
        end as deleted_at
    from {{ source('raw_' ~ vendor, stream) }} as records
    left join (
        select
            connection_id,
            {{ utc('max(started_at)') }} as started_at,
            {{ utc('max(completed_at)') }} as completed_at
        from {{ source('raw_ops', 'sweeps') }}
        where vendor = '{{ vendor }}' and stream = '{{ stream }}' and completed_at is not null
        group by connection_id
    ) as sweeps
        on records.connection_id = sweeps.connection_id
    left join (
        select
            connection_id,
            id,
            {{ utc('max(swept_at)') }} as last_seen_at
        from {{ source('raw_' ~ vendor, stream ~ '__ids') }}
        group by connection_id, id
    ) as seen
        on records.connection_id = seen.connection_id and records.{{ key }} = seen.id
{% endmacro %}

{# The same entity of several vendors under each other; every staging model lists the same columns. #}
{% macro union_vendors(entity, vendors, columns) %}
    {%- for vendor in vendors %}
    select
        '{{ vendor }}' as source_vendor,
        {{ columns | join(',\n        ') }}
    from {{ ref('stg_' ~ vendor ~ '__' ~ entity) }}
    {% if not loop.last %}union all{% endif %}
    {%- endfor %}
{% endmacro %}
