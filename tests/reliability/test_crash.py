"""Three kills in a row, one in each phase, and one normal run: as if nothing had happened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingestion.sandbox import running_sandbox

from .crash import Kill, kill_run, problems_after, readable, undisturbed
from .homes import Home


@pytest.mark.slow
def test_a_home_killed_in_sync_build_and_publish_heals_with_one_run(tmp_path: Path) -> None:
    """Single kills at random moments: `python -m tests.reliability.crash --trials 25`, with the same comparison."""
    with running_sandbox(size="tiny", seed=3) as sandbox:
        quiet = Home(tmp_path / "quiet")
        expected = undisturbed(quiet, sandbox.env, tmp_path / "quiet.log")
        home = Home(tmp_path / "killed")
        shutil.copytree(quiet.path / "keys", home.path / "keys")
        hits = []
        for phase, share, whole_group in (("sync", 0.6, True), ("dbt build", 0.7, False), ("publish", 0.5, True)):
            kill = Kill(phase, share * expected.seconds[phase], whole_group)
            hits.append(kill_run(home, sandbox.env, tmp_path / "killed.log", kill).hit)
            assert readable(home, [expected.published]) == []
        home.run(sandbox.env)
    assert not any(hit.startswith("nothing") for hit in hits), hits
    assert problems_after(home, expected) == []
