"""What a technical report must hold, as data: the items per legal frame, where each comes from, and what the law says.

Items follow 29 CFR 1607.15B, the most complete checklist there is; statements of law carry their source, the day they
were checked and whether the primary text was read. Nothing here is legal advice.
"""

from __future__ import annotations

from dataclasses import dataclass

SIGNED = "signed."
"""How the keys of evidence begin that only a person can give."""
LEGAL_TEXT_AS_OF = "2026-11-23"
"""Day on which the statements of law below were last checked; printed on every report."""

RUN = "Run: qoh run"
NO_FAIRNESS = "Connect demographics to get `validity.validity_fairness`"


@dataclass(frozen=True)
class Part:
    """One thing an item needs: any of `keys` serves; `remedy` says what to run or supply."""

    keys: tuple[str, ...]
    what: str
    remedy: str


@dataclass(frozen=True)
class Item:
    """An item of the checklist; `shows` are exhibits that help and are not demanded."""

    number: str
    title: str
    asks: str
    is_essential: bool
    is_text_read: bool
    parts: tuple[Part, ...]
    shows: tuple[str, ...] = ()


@dataclass(frozen=True)
class Principle:
    """A statement of a professional standard, with what is evidence for it and the items where it stands."""

    statement: str
    keys: tuple[str, ...]
    items: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """What the law or a standard says, with source and day checked; `is_text_read`: the cited source was read."""

    text: str
    source: str
    is_text_read: bool
    checked_on: str = LEGAL_TEXT_AS_OF


@dataclass(frozen=True)
class Frame:
    """A legal frame: which items and principles are asked, and what is said of the law."""

    key: str
    title: str
    notice: str
    items: tuple[Item, ...]
    principles: tuple[Principle, ...]
    statements: tuple[Statement, ...]
    has_results: bool = True


def _table(key: str, what: str, remedy: str = RUN) -> Part:
    return Part((key,), what, remedy)


def _signed(path: str, what: str) -> Part:
    return Part((SIGNED + path,), what, f"Fill in `{path}` of the signed-off file")


def _either(table: str, path: str, what: str) -> Part:
    return Part((table, SIGNED + path), what, f"{NO_FAIRNESS}, or say why there is none in `{path}` of the file")


CONTACT = Item(
    "12",
    "Contact person",
    "Who answers questions about the study.",
    True,
    False,
    (
        _signed("contact.name", "name or function"),
        _signed("contact.address", "postal address"),
        _signed("contact.telephone", "telephone number"),
    ),
)

TECHNICAL_REPORT: tuple[Item, ...] = (
    Item(
        "1",
        "Users, places and dates of the study",
        "Who used the procedures where, when the data were collected, and the time between predictor and criterion.",
        True,
        True,
        (
            _signed("study.users", "users"),
            _signed("study.places", "places"),
            _table("dates", "dates of the study"),
            _table("gap", "time between score and rating"),
        ),
    ),
    Item(
        "2",
        "Problem and setting",
        "Purpose and circumstances of the study; procedures and cut-offs in use.",
        False,
        True,
        (
            _signed("study.problem", "purpose and circumstances"),
            _signed("study.existing_procedures", "procedures and cut-offs in use"),
        ),
    ),
    Item(
        "3",
        "Job analysis or review of job information",
        "How the work was analysed, what was found, and why jobs may be studied together.",
        True,
        True,
        (
            _signed("job_analysis.method", "method"),
            _signed("job_analysis.findings", "findings"),
            _signed("job_analysis.grouping", "why the jobs of a family belong together"),
        ),
    ),
    Item(
        "4",
        "Job titles and codes",
        "Titles of the jobs, and their codes in the systems that know them.",
        False,
        True,
        (_signed("jobs", "titles and codes"),),
        ("jobs_of_hires",),
    ),
    Item(
        "5",
        "Criterion measures",
        "Basis, form, instructions and collection of the performance rating; steps against bias and contamination.",
        True,
        False,
        (
            _table("criterion_definition", "definition of the criterion"),
            _table("criterion_scales", "form of the rating"),
            _table("contamination", "contamination counted"),
            _signed("criterion.basis", "why this rating stands for performance"),
            _signed("criterion.instructions", "instructions to raters"),
            _signed("criterion.steps_against_bias", "steps against bias"),
        ),
        ("review_coverage",),
    ),
    Item(
        "6",
        "Sample",
        "How the sample was found, its composition by group, and how it compares with the applicants.",
        True,
        False,
        (
            _table("coverage", "how hires became the sample"),
            _table("applicants", "comparison with the applicants"),
            _signed("sample.identification", "how the sample was identified"),
            _either("selection_rates", "sample.composition_by_group", "composition by group"),
        ),
    ),
    Item(
        "7",
        "Selection procedures",
        "Description of every procedure; reliability and how it was estimated.",
        True,
        False,
        (
            _table("procedures", "procedures in use"),
            _table("reliability", "reliability of the criterion and how it was estimated"),
            Part(
                ("predictor_reliability", SIGNED + "procedures.reliability"),
                "reliability of the procedures and how it was estimated",
                "Have two interviewers score the same interview, or say in `procedures.reliability` of the file what "
                "is known",
            ),
            _signed("procedures.administration", "how the procedures are given"),
            _signed("procedures.descriptions", "description of every technique"),
        ),
        ("attributes",),
    ),
    Item(
        "8",
        "Techniques and results",
        "Method; n, means, standard deviations and ranges of procedures and criterion, by group too; direction, size "
        "and significance of every relation; adjusted coefficients only beside unadjusted ones.",
        True,
        False,
        (
            _table("results", "a result of at least one technique", "Wait for more reviewed hires, then run: qoh run"),
            _table("scores", "n, means, standard deviations and ranges of the scores"),
            _table("criterion", "n, means, standard deviations and ranges of the criterion"),
            _signed(
                "results.by_group", "numbers, means, standard deviations and ranges by group, or why there are none"
            ),
        ),
        (
            *("by_group", "independent", "methods", "corrections", "sensitivity", "diagnostics", "warnings"),
            "attribute_results",
        ),
    ),
    Item(
        "9",
        "Alternative procedures",
        "Which other procedures were looked for, what was found, and why they were not used.",
        True,
        False,
        (
            _signed("alternatives.looked_for", "what was looked for"),
            _signed("alternatives.findings", "what was found and decided"),
        ),
    ),
    Item(
        "10",
        "Uses and applications",
        "How the procedures are used (cut-offs, ranking, weights), the evidence for that use, and its utility.",
        True,
        False,
        (
            _signed("uses.use", "how the procedures are used"),
            _signed("uses.cut_scores", "cut-offs"),
            _signed("uses.evidence_for_use", "evidence for this use"),
            _signed("uses.utility", "utility"),
            _signed("uses.review_by", "day by which the study is looked at again"),
        ),
        ("expectancy", "incremental", "precision"),
    ),
    Item(
        "11",
        "Source data",
        "Which data the study rests on, raters included, kept so that persons can be removed.",
        False,
        False,
        (_table("lineage", "loads behind the numbers"), _signed("source_data.kept_where", "where the data are kept")),
        ("tables",),
    ),
    CONTACT,
    Item(
        "13",
        "Accuracy and completeness",
        "Steps taken so that data, analysis and report are accurate and complete.",
        True,
        False,
        (
            _table("checks", "outcomes of the checks"),
            _table("reproduction", "how the numbers can be made again"),
            _signed("accuracy.steps", "steps taken by people"),
        ),
    ),
)
"""29 CFR 1607.15B. Items 1–4 were compared with the text, 5–13 are from general knowledge."""

PRINCIPLES: tuple[Principle, ...] = (
    Principle(
        "The criterion is relevant: it stands for important outcomes of the work.",
        (SIGNED + "criterion.basis", SIGNED + "job_analysis.findings"),
        ("3", "5"),
    ),
    Principle(
        "Criterion contamination is examined and limited.",
        ("contamination", "independent"),
        ("5", "8"),
    ),
    Principle(
        "Criterion deficiency is considered: what the rating does not cover.",
        (SIGNED + "criterion.deficiency",),
        ("5",),
    ),
    Principle("Bias in the criterion is considered.", (SIGNED + "criterion.steps_against_bias",), ("5",)),
    Principle("The reliability of the criterion is estimated, and how is said.", ("reliability",), ("7",)),
    Principle(
        "The sample is described and compared with those it is to speak for.", ("coverage", "applicants"), ("6",)
    ),
    Principle("Statistical power is stated: what the study could not have seen.", ("precision",), ("10",)),
    Principle("The design, predictive or concurrent, is stated with the time between measures.", ("gap",), ("1",)),
    Principle(
        "Corrected coefficients stand beside uncorrected ones, with the assumptions.",
        ("results", "corrections", "sensitivity"),
        ("8",),
    ),
    Principle("Results do not hang on a single case: r with any one hire left out.", ("diagnostics",), ("8",)),
    Principle(
        "Cross-validation: where scores are combined by fitted weights, the weights were tried on other people, or the "
        "shrinkage was estimated.",
        (SIGNED + "results.cross_validation",),
        ("8",),
    ),
    Principle("Cut scores, if any, are justified.", (SIGNED + "uses.cut_scores",), ("10",)),
    Principle(
        "Data, decisions and steps are documented so that others can repeat them.", ("lineage", "checks"), ("11", "13")
    ),
)
"""Topics of the SIOP Principles (5th ed., 2018) in our words; the wording of the document was not copied."""

LOCAL_LAW_144: tuple[Item, ...] = (
    Item(
        "A",
        "Tool and data",
        "What is used, since when, and where the data come from (historical, or test data and why).",
        True,
        True,
        (
            _signed("local_law_144.tool", "what is used"),
            _signed("local_law_144.distribution_date", "distribution date"),
            _signed("local_law_144.data_source", "source and explanation of the data"),
        ),
    ),
    Item(
        "B",
        "Selection rates and impact ratios",
        "By sex, by race/ethnicity and by both; small categories listed; people of unknown category counted.",
        True,
        True,
        tuple(
            _table(f"ll144_selection_{key}", f"selection rates {label}", f"{NO_FAIRNESS}, then run: qoh run")
            for key, label in (("sex", "by sex"), ("race", "by race/ethnicity"), ("sex_race", "by both together"))
        ),
    ),
    Item(
        "C",
        "Scoring rates and impact ratios",
        "Share of each category scored strictly above the median of everybody, per technique.",
        True,
        True,
        tuple(
            _table(f"ll144_scoring_{key}", f"scoring rates {label}", f"{NO_FAIRNESS}, then run: qoh run")
            for key, label in (("sex", "by sex"), ("race", "by race/ethnicity"), ("sex_race", "by both together"))
        ),
    ),
    Item("D", CONTACT.title, CONTACT.asks, CONTACT.is_essential, CONTACT.is_text_read, CONTACT.parts),
)

DISPUTE: tuple[Statement, ...] = (
    Statement(
        "Against: Sackett, Zhang, Berry & Lievens (2022; 2023) hold that routine correction for range restriction, "
        "above all of concurrent studies, over-corrects.",
        "doi.org/10.1037/apl0000994; doi.org/10.1017/iop.2023.24",
        True,
    ),
    Statement(
        "For: Ones & Viswesvaran (2023) hold that the correction is appropriate, of concurrent studies too.",
        "doi.org/10.1017/iop.2023.43",
        True,
    ),
)
"""Both sides of the argument about corrections; printed wherever corrected values are."""

_UNIFORM_GUIDELINES = (
    Statement(
        "The EEOC put the rescission of the interpretive parts of the Uniform Guidelines into the final-rule stage and "
        "proposed to drop their record-keeping part; the text says that other agencies' use is unaffected. No final "
        "text was found in the Federal Register: look again before relying on either state.",
        "reginfo.gov, Unified Agenda, RIN 3046-AB43 and 3046-AB45, export run 2026-07-05",
        True,
    ),
    Statement(
        "Liability for disparate impact under Title VII is statute since 1991, whatever becomes of the Guidelines.",
        "commentary (shrm.org, lawblog123); statute not read",
        False,
    ),
    Statement(
        "29 CFR 1607.15B(1)–(4): users and dates, problem and setting, job analysis, titles and codes.",
        "ecfr.io 1607.15; law.cornell.edu, 28 CFR 50.14",
        True,
    ),
    Statement(
        "29 CFR 1607.15B(5)–(13): criterion to accuracy, as listed here.",
        "general knowledge; compare with the eCFR before relying on it",
        False,
    ),
    Statement(
        "Four-fifths rule (1607.4D): a flag, read together with statistical and practical significance.",
        "general knowledge; compare with the eCFR before relying on it",
        False,
    ),
    Statement(
        "Currency of studies, significance at .05 and fairness (1607.5K, 14B).",
        "general knowledge; compare with the eCFR before relying on it",
        False,
    ),
    Statement(
        "Records are kept for one year, longer under a litigation hold (29 CFR 1602.14).",
        "general knowledge; compare with the eCFR before relying on it",
        False,
    ),
)

_PROFESSIONAL = (
    Statement(
        "The SIOP Principles (5th ed., 2018) are policy of the American Psychological Association.",
        "cambridge.org, Principles for the Validation and Use of Personnel Selection Procedures",
        True,
    ),
    Statement(
        "The topics listed under the Principles are ours in wording and selection.",
        "general knowledge; compare with the document before relying on it",
        False,
    ),
    Statement(
        "Structured interviews: job analysis, competencies, questions, scales, probes, pilot, guide, documentation.",
        "OPM, Structured Interviews: A Practical Guide (2008), docslib 7970947",
        True,
    ),
)

_NEW_YORK = (
    Statement(
        "An independent audit every year; selection or scoring rates (share above the median of the whole sample) and "
        "impact ratios by sex, race/ethnicity and all intersections.",
        "aiuc-1.com crosswalk of NYC LL 144; holisticai.com on the DCWP rules (6 RCNY 5-300 to 5-304)",
        True,
    ),
    Statement(
        "Categories below 2 % may be left out of the ratios with a reason, and are counted; so are people of unknown "
        "category. Test data only where history is insufficient, and explained.",
        "aiuc-1.com crosswalk of NYC LL 144; holisticai.com on the DCWP rules",
        True,
    ),
    Statement(
        "A public summary, and a notice ten business days before use.",
        "aiuc-1.com crosswalk of NYC LL 144; holisticai.com on the DCWP rules",
        True,
    ),
)

FRAMES: dict[str, Frame] = {
    frame.key: frame
    for frame in (
        Frame(
            "siop",
            "Criterion-validity technical report",
            "Frame: SIOP Principles. A report about techniques, not about persons; not legal advice.",
            TECHNICAL_REPORT,
            PRINCIPLES,
            (*_PROFESSIONAL, *_UNIFORM_GUIDELINES),
        ),
        Frame(
            "ugesp",
            "Criterion-validity technical report",
            "Frame: Uniform Guidelines, section 15B. A report about techniques, not about persons; not legal advice.",
            TECHNICAL_REPORT,
            (),
            _UNIFORM_GUIDELINES,
        ),
        Frame(
            "ll144",
            "Tables after New York City Local Law 144",
            "Not an independent audit. The law asks for an auditor who is independent of user and vendor.",
            LOCAL_LAW_144,
            (),
            _NEW_YORK,
            has_results=False,
        ),
    )
}
"""The frames that can be asked for."""
