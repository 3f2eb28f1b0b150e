"""Eight kills, one of each command; `make kills` does two hundred."""

from __future__ import annotations

import random
from pathlib import Path

from tests.kills import harness


def test_a_killed_command_leaves_all_or_nothing_and_is_completed_by_the_same_again(tmp_path: Path) -> None:
    rng = random.Random(1)
    harness.prepare(tmp_path)
    scenes = harness.scenes(tmp_path)
    for scene in harness.drawn(scenes, len(scenes), rng):
        usual = harness.undisturbed(scene, tmp_path)
        tally = harness.Tally()
        harness.kill_once(scene, usual, rng, tmp_path / "killed", tally)
        assert tally.problems == [], scene.name
        assert (tally.kills, tally.equal, tally.proven, tally.doubled, tally.unsaid) == (1, 1, 1, 0, 0), scene.name
