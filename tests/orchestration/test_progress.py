"""Long work says that it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestration import progress


def test_items_are_passed_on_and_counted_aloud_now_and_then() -> None:
    heard: list[Any] = []
    with progress.listening(heard.append):
        assert list(progress.counted_aloud("abc", "models done", every=0)) == ["a", "b", "c"]
        assert heard == ["  1 models done", "  2 models done", "  3 models done"]
        assert list(progress.counted_aloud("abc", "models done", every=60)) == ["a", "b", "c"]
    assert len(heard) == 3


def test_what_is_told_reaches_the_terminal_and_a_tools_chatter_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "tool.log"
    with progress.listening(print), progress.own_terminal(log):
        print("chatter")
        progress.tell("dbt build …")
        print("more chatter")
    assert capsys.readouterr().out == "dbt build …\n"
    assert log.read_text() == "chatter\nmore chatter\n"
