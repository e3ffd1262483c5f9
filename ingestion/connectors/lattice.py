"""Lattice, Talent API v1: the performance system.

Nothing in it can be filtered by date, so lists are read whole; reviews are read cycle by cycle, the recent cycles on
every run and the settled ones once a week.
"""

from __future__ import annotations

from ingestion.streams import Column, Stream

VENDOR = "lattice"

_CREATED = Column("created_at", "timestamp", path="createdAt", description="When the record was created in Lattice.")
_UPDATED = Column("updated_at", "timestamp", path="updatedAt", description="When the record last changed in Lattice.")
_CYCLE = Column("review_cycle_id", path="reviewCycle.id", required=True, description="Review cycle it belongs to.")
_NO_FILTER = "Lattice has no filter on updated time."
_BY_CYCLE = (
    "Lattice has no filter on updated time; cycles open or ended within 60 days are read on every run, others weekly."
)

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="users",
        path="/users",
        full_reason=_NO_FILTER,
        sweep=True,
        params={"status": "NULL"},
        columns=(
            Column("id", token="user", required=True, description="Lattice user, as a token."),
            Column("email", token="email", description="Work e-mail, as a token."),
            Column("external_user_id", path="externalUserId", token="employee", description="HRIS id, as a token."),
            Column("status", description="ACTIVE, INVITED, CREATED or DEACTIVATED; leavers are read too."),
            Column("title", description="Current job title."),
            Column("manager_id", path="manager.id", token="user", description="Current manager, as a token."),
            Column("start_date", "date", path="startDate", description="First day at the firm."),
            _CREATED,
            _UPDATED,
        ),
        scope="users",
        description="One row per Lattice user, leavers included.",
    ),
    Stream(
        name="review_cycles",
        path="/reviewCycles",
        full_reason=_NO_FILTER,
        sweep=True,
        columns=(
            Column("id", required=True, description="Lattice id of the review cycle."),
            Column("name", description="Name of the cycle."),
            Column(
                "stage",
                enum=("Draft", "PreLaunch", "Launching", "PeerSelection", "CollectingReviews", "Calibration", "Ended"),
                description="Where the cycle stands.",
            ),
            Column(
                "peer_selection_started_at",
                "timestamp",
                path="peerSelectionStartedAt",
                description="When peers could be chosen.",
            ),
            Column("reviews_started_at", "timestamp", path="reviewsStartedAt", description="When writing began."),
            Column("reviews_ended_at", "timestamp", path="reviewsEndedAt", description="When writing ended."),
            Column(
                "calibration_enabled",
                "bool",
                path="calibrationEnabled",
                description="True when ratings are calibrated.",
            ),
            Column(
                "calibration_ended_at", "timestamp", path="calibrationEndedAt", description="When calibration ended."
            ),
            _CREATED,
            _UPDATED,
        ),
        scope="reviewCycles",
        description="One row per review cycle.",
    ),
    Stream(
        name="reviewees",
        path="/reviewCycle/{review_cycle_id}/reviewees",
        full_reason=_BY_CYCLE,
        sweep=True,
        columns=(
            Column("id", token="reviewee", required=True, description="Person in a cycle, as a token."),
            Column("user_id", path="user.id", token="user", required=True, description="Lattice user, as a token."),
            _CYCLE,
            Column(
                "weighted_score_manual", "double", path="weightedScore.manual", description="Overall score set by hand."
            ),
            Column(
                "weighted_score_auto",
                "double",
                path="weightedScore.autoCalculated",
                description="Overall score as calculated.",
            ),
            Column("closed_at", "timestamp", path="closedAt", description="When this person's reviews were closed."),
            Column(
                "responses_released_at",
                "timestamp",
                path="responsesReleasedAt",
                description="When the person could read them.",
            ),
            _CREATED,
            _UPDATED,
        ),
        scope="reviewCycles",
        description="One row per cycle and reviewed person.",
    ),
    Stream(
        name="reviews",
        path="/reviewCycle/{review_cycle_id}/reviews",
        full_reason=_BY_CYCLE,
        sweep=True,
        columns=(
            Column("id", required=True, description="Lattice id of the answer."),
            _CYCLE,
            Column(
                "reviewee_id",
                path="reviewee.id",
                token="reviewee",
                required=True,
                description="Person in the cycle, as a token.",
            ),
            Column(
                "reviewer_id",
                path="reviewer.id",
                token="user",
                description="Author, as a token; null for anonymous peers.",
            ),
            Column("question_id", path="question.id", description="Question that was answered."),
            Column("question_revision_id", path="questionRevision.id", description="Wording that was answered."),
            Column(
                "review_type",
                path="reviewType",
                required=True,
                enum=("manager", "downward", "self", "peer", "upward", "direct_report"),
                description="Relation of author to person, in lower case.",
            ),
            Column("rating", "double", path="response.rating", description="Rating given; null for comment questions."),
            Column("rating_string", path="response.ratingString", description="Label of the rating."),
            Column(
                "calibrated_rating", "double", path="calibratedResponse.rating", description="Rating after calibration."
            ),
            Column(
                "calibrated_rating_string",
                path="calibratedResponse.ratingString",
                description="Label after calibration.",
            ),
            Column("calibration_ended", "bool", path="calibrationEnded", description="True once calibration is final."),
            Column("submitted_at", "timestamp", path="submittedAt", description="When the review was submitted."),
            Column("declined_at", "timestamp", path="declinedAt", description="When the author declined to write it."),
            Column(
                "response_updated_at", "timestamp", path="response.updatedAt", description="Last edit of the answer."
            ),
        ),
        scope="reviews",
        description="One row per reviewed person, author and question; comments are not read.",
    ),
    Stream(
        name="questions",
        path="/question/{question_id}",
        full_reason="Lattice has no list of questions; each is read by the id its reviews carry.",
        columns=(
            Column("id", required=True, description="Lattice id of the question or of one revision of it."),
            Column("body", description="Text of the question."),
            Column(
                "has_free_form_text", "bool", path="hasFreeFormText", description="True when a comment can be written."
            ),
            Column("scale_min", "double", description="Lowest value of the rating scale."),
            Column("scale_max", "double", description="Highest value of the rating scale."),
            Column("scale_labels", description="Labels of the scale from low to high, joined with `|`."),
        ),
        scope="questions",
        description="One row per question and revision that a review answers.",
    ),
)
