"""Personal patterns are found as people write them, and ordinary texts of a recruiting system are left alone."""

from __future__ import annotations

import pytest

from expectations.patterns import PATTERNS
from ingestion.sandbox.names import FIRST_NAMES

FOUND = {
    "email": [
        "wanda.quagmire@example.com",
        "Interview: wanda+jobs@mail.example.co.uk (60m)",
        "<jürgen@bücher.example>",
    ],
    "phone": [
        "+44 20 7946 0958",
        "+49 (0)30 901820",
        "+1-202-555-0143",
        "(202) 555-0143",
        "202.555.0143",
        "0044 20 7946 0958",
        "call 030 90 18 20 now",
        "+41791234567",
    ],
    "person_name": [
        "Chat with Petra Example",
        "Interview - Robert J. Example",
        "Example, Wanda",
        "Frau Example-Muster",
        "Dr. Example (onsite)",
        "Ana-Maria Example",
        "Sofia van Example",
        "José Ibáñez",
    ],
    "not_a_token": ["48211", "wanda", "", "0123456789ABCDEF0123456789ABCDEF", "0123456789abcdef0123456789abcdef0"],
}

LEFT_ALONE = {
    "email": ["@ the office", "Pair coding @60m", "a@b", "REQ-100 @ Berlin.", "C++@scale"],
    "phone": [
        "2024-01-05",
        "2026-11-23 09:15:00+00:00",
        "9f1c2a77-6a0e-4a51-9f3e-1f5ef2a3b0c1",
        "12345678-1234-5678-1234-567812345678",
        "4051234005",
        "REQ-202-555-0143",
        "Round 1 of 4, 60 min",
        "1.5 - 2.5",
        "0.123456789",
        "fewer than 25 reviewed hires (n = 1,204)",
    ],
    "person_name": [
        "Pair Coding (60m)",
        "Hiring Manager Screen",
        "Will Discuss Offer",
        "Grace Period",
        "Chat with Engineering Manager",
        "LinkedIn Recruiter",
        "System Design",
        "Values Interview with Product Team",
        "structured_behavioural",
        "Bell & McCaffrey 2002",
        "Junior Software Engineer",
    ],
    "not_a_token": ["0123456789abcdef0123456789abcdef"],
}


@pytest.mark.parametrize(("pattern", "text"), [(name, text) for name, texts in FOUND.items() for text in texts])
def test_a_personal_pattern_is_found(pattern: str, text: str) -> None:
    assert PATTERNS[pattern].search(text)


@pytest.mark.parametrize(("pattern", "text"), [(name, text) for name, texts in LEFT_ALONE.items() for text in texts])
def test_an_ordinary_text_is_left_alone(pattern: str, text: str) -> None:
    assert not PATTERNS[pattern].search(text)


def test_every_pattern_is_tried_both_ways() -> None:
    assert set(FOUND) == set(LEFT_ALONE) == set(PATTERNS)


def test_most_names_of_a_company_of_many_countries_are_found() -> None:
    found = [name for name in FIRST_NAMES if PATTERNS["person_name"].search(f"Values chat - {name} Example")]
    assert len(found) / len(FIRST_NAMES) > 0.9
