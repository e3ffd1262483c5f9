{# Rows of a raw table with `deleted_at`, derived from the id sweeps.

   A row is deleted when the last COMPLETE sweep of its connection and stream began after the row was last loaded and did not
   see it; an incomplete sweep proves nothing, and a row that is seen or loaded again exists again. `deleted_at` is the end of
   the first sweep that missed it. Columns of the raw table keep their names. #}
{% macro with_tombstones(vendor, stream, key='id') %}
    select
        records.*,
        case
            when
                last_sweep.started_at > {{ load_time('records._dlt_load_id') }}
                and (seen.last_seen_at is null or seen.last_seen_at < last_sweep.started_at)
                then
                    case
                        when seen.first_missed_at > {{ load_time('records._dlt_load_id') }} then seen.first_missed_at
                        else last_sweep.completed_at
                    end
        end as deleted_at
    from {{ source('raw_' ~ vendor, stream) }} as records
    left join (
        select
            connection_id,
            max(started_at) as started_at,
            max(completed_at) as completed_at
        from {{ ref('stg_pipeline__sweeps') }}
        where vendor = '{{ vendor }}' and stream = '{{ stream }}'
        group by connection_id
    ) as last_sweep
        on records.connection_id = last_sweep.connection_id
    left join (
        select
            ids.connection_id,
            ids.id,
            max({{ utc('ids.swept_at') }}) as last_seen_at,
            min(later.completed_at) as first_missed_at
        from {{ source('raw_' ~ vendor, stream ~ '__ids') }} as ids
        left join {{ ref('stg_pipeline__sweeps') }} as later
            on
                ids.connection_id = later.connection_id
                and later.vendor = '{{ vendor }}'
                and later.stream = '{{ stream }}'
                and later.started_at > {{ utc('ids.swept_at') }}
        group by ids.connection_id, ids.id
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
