"""Every golden vector, to its own tolerance: published numbers and reference software against the library.

`GOLDEN_DIR` names a folder of JSON files; unset, the cases that live in the project are run. A case is dispatched by
its file's family (`v01` …) and by which keys its input and expectation have, never by its id or a value.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.validity.golden import corrections, fairness, psychometrics, selection

HERE = Path(__file__).parent / "golden" / "cases"
FOLDER = Path(os.environ.get("GOLDEN_DIR") or HERE)
FAMILIES = selection.FAMILIES | psychometrics.FAMILIES | corrections.FAMILIES | fairness.FAMILIES
NOT_COVERED = {"v11": "regression discontinuity", "v21": "many-facet Rasch"}
KNOWN = FAMILIES.keys() | NOT_COVERED.keys()


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.json"))


def family_of(path: Path) -> str:
    return path.stem[:3]


def cases() -> list[Any]:
    """One parameter a case: its file's family, the case, its name."""
    found = []
    for path in files():
        if family_of(path) not in KNOWN:
            continue  # the test of the folder fails on it
        for number, case in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            found.append(pytest.param(family_of(path), case, id=f"{path.stem}-{case.get('id', number)}"))
    return found


def differences(expected: Any, found: Any, tol: float, where: str = "", printed: bool = False) -> Iterator[str]:
    """Every figure that is missing or off, as a sentence."""
    if isinstance(expected, Mapping):
        for key, value in expected.items():
            inside = f"{where}.{key}".lstrip(".")
            if not isinstance(found, Mapping) or key not in found:
                if not _is_remark(value, printed or "published" in key):
                    yield f"{inside}: not computed"
                continue
            yield from differences(value, found[key], tol, inside, printed or "published" in key)
    elif isinstance(expected, list):
        if not isinstance(found, list | tuple) or len(found) != len(expected):
            yield f"{where}: {found!r}, expected {len(expected)} values"
            return
        for number, (a, b) in enumerate(zip(expected, found, strict=True)):
            yield from differences(a, b, tol, f"{where}[{number}]", printed)
    elif not _same(expected, found, tol, printed):
        yield f"{where}: {found!r}, expected {expected!r} (tolerance {tol})"


def _is_remark(value: Any, printed: bool) -> bool:
    """A published figure given as a sentence, or not given."""
    return printed and (value is None or isinstance(value, str))


def _same(expected: Any, found: Any, tol: float, printed: bool) -> bool:
    if _is_remark(expected, printed):
        return True
    if expected is None:
        return found is None or (isinstance(found, float) and math.isnan(found))
    if isinstance(expected, bool | str):
        return bool(found == expected)
    if found is None or isinstance(found, str) or not math.isfinite(float(found)):
        return False
    allowed = tol * max(1.0, abs(expected))
    if printed:
        allowed = max(allowed, 0.5001 * _last_digit(expected))
    return abs(float(found) - expected) <= allowed


def _last_digit(number: float) -> float:
    """One unit of the last digit that a printed number has."""
    return float(Decimal(1).scaleb(int(Decimal(repr(number)).as_tuple().exponent)))


def test_the_folder_has_cases_and_every_family_has_code() -> None:
    assert cases(), f"no golden vector in {FOLDER}"
    assert all(re.fullmatch(r"v\d\d", family) for family in KNOWN)
    strangers = [path.name for path in files() if family_of(path) not in KNOWN]
    assert not strangers, f"no family with code begins the name of {', '.join(strangers)}; known: {sorted(KNOWN)}"


@pytest.mark.parametrize(("family", "case"), cases())
def test_golden_vector(family: str, case: Mapping[str, Any]) -> None:
    if family in NOT_COVERED:
        pytest.skip(f"{family}: {NOT_COVERED[family]} is not part of the library")
    found = FAMILIES[family](case["input"], case["expected"], FOLDER, **_said(family, case))
    wrong = list(differences(case["expected"], found, float(case["tol"])))
    assert not wrong, "\n".join(wrong)


def _said(family: str, case: Mapping[str, Any]) -> dict[str, Any]:
    """Direct and indirect bivariate restriction share every key; `method` tells (docs/decisions/golden-dispatch.md)."""
    return {"method": case.get("method")} if family == "v07" else {}


def test_a_wrong_figure_a_missing_one_and_a_wrong_length_are_each_found() -> None:
    expected = {"a": 1.0, "b": [1.0, 2.0], "published": {"c": 0.17}, "d": None}
    assert list(differences(expected, {"a": 1.0, "b": [1.0, 2.0], "published": {"c": 0.1657}, "d": None}, 1e-6)) == []
    off = {"a": 1.1, "b": [1.0], "published": {"c": 0.2}, "d": 3.0}
    assert len(list(differences(expected, off, 1e-6))) == 4
    assert list(differences({"a": 1.0}, {}, 1e-6)) == ["a: not computed"]
