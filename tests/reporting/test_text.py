from __future__ import annotations

import re

from reporting.ladder import RULE
from reporting.text import answer


def test_a_line_a_technique_with_both_rungs_interval_n_and_verdict(frames) -> None:
    lines = answer(frames).splitlines()
    table = [line for line in lines if re.match(r"  (Hiring|Pair|Reference|Structured|System|Unstructured|Work)", line)]
    assert len(table) == 7
    assert any(
        re.search(r"Structured behavioural +\.24 \[\.12, \.36\] +\.39 \[\.26, \.52\] +262  supported", line)
        for line in table
    )
    assert any(re.search(r"Reference call +– +– +17  not estimable", line) for line in table)
    assert any("(fewer than 30 reviewed hires)" in line for line in lines)
    assert max(len(line) for line in lines) <= 120


def test_the_rule_of_the_words_stands_beneath(frames) -> None:
    assert RULE in " ".join(answer(frames).split())


def test_the_data_quality_summary_follows(frames) -> None:
    text = answer(frames)
    assert re.search(r"\n  96% \[93, 97\] +of 409 +Hires found in the HR system\.", text)
    assert re.search(r"Hires behind it\n  Hired +409\n  Found in the HR system +391 +96%\n", text)


def test_nothing_loaded_is_said_plainly() -> None:
    assert answer({}) == (
        "No interview scores have reached the warehouse yet, so there is nothing to compare with performance."
    )
