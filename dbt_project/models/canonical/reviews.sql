with reviews as (
    {{ union_vendors('reviews', ['lattice', 'bamboohr', 'files'], [
        'connection_id', 'review_id', 'cycle_id', 'reviewee_user_id', 'reviewer_id', 'relation', 'rated_on',
        'submitted_at', 'is_calibrated', 'deleted_at'
    ]) }}
),

links as (
    select * from {{ ref('employee_links') }}
)

select
    reviews.source_vendor,
    reviews.connection_id,
    reviews.review_id,
    reviews.cycle_id,
    reviewees.employee_connection_id,
    reviewees.employee_id,
    reviews.reviewee_user_id,
    reviews.reviewer_id,
    reviewers.employee_connection_id as reviewer_employee_connection_id,
    reviewers.employee_id as reviewer_employee_id,
    reviews.relation,
    reviews.rated_on,
    reviews.submitted_at,
    reviews.is_calibrated,
    reviews.deleted_at
from reviews
left join links as reviewees
    on
        reviews.connection_id = reviewees.performance_connection_id
        and reviews.reviewee_user_id = reviewees.user_id
left join links as reviewers
    on
        reviews.connection_id = reviewers.performance_connection_id
        and reviews.reviewer_id = reviewers.user_id
