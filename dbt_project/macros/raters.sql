{# The reviewer of a row, one id a person over all systems. An unknown reviewer is one person per hire: never shared
   between hires. #}
{% macro rater_id(review_connection, hire) -%}
    case
        when reviewer_employee_id is not null
            then 'employee|' || reviewer_employee_connection_id || '|' || reviewer_employee_id
        when reviewer_id is not null then 'reviewer|' || {{ review_connection }} || '|' || reviewer_id
        else 'unknown|' || {{ hire }}
    end
{%- endmacro %}

{# Whether a rater is one of these interviewers: null (unknown) without a match unless the rater and all of them are
   known as employees. Unknown never counts as independent. #}
{% macro was_interviewer(is_match, rater_employee_id, all_linked) -%}
    case
        when {{ is_match }} then true
        when {{ rater_employee_id }} is not null and {{ all_linked }} then false
    end
{%- endmacro %}
