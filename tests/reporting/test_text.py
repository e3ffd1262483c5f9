from __future__ import annotations

import re

from reporting.text import answer
from validity.publication import shown


def test_a_line_a_technique_with_validity_interval_n_and_verdict(frames) -> None:
    estimates = shown(frames["validity.technique_estimates"])
    lines = answer(frames | {"validity.technique_estimates": estimates}).splitlines()
    table = [line for line in lines if re.match(r"  (Hiring|Pair|Reference|Structured|System|Unstructured|Work)", line)]
    assert len(table) == 7
    assert any(re.search(r"Structured behavioural +\.\d\d +\[.*\] +\d+  predicts", line) for line in table)
    assert any("no evidence yet (could only have seen r ≥ ." in line for line in table)
    assert max(len(line) for line in table) <= 120


def test_the_data_quality_summary_follows(frames) -> None:
    text = answer(frames)
    assert re.search(r"\n  96% \[93, 97\] +of 409 +Hires found in the HR system\.", text)
    assert re.search(r"Hires behind it\n  Hired +409\n  Found in the HR system +391 +96%\n", text)


def test_nothing_loaded_is_said_plainly() -> None:
    assert answer({}) == (
        "No interview scores have reached the warehouse yet, so there is nothing to compare with performance."
    )
