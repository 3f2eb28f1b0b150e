"""Is every hostile file refused for its reason, in little memory? Time is measured by `python -m tests.registry.zoo`."""

from __future__ import annotations

from pathlib import Path

import pytest

from omsclaims import messages
from omsclaims.registry.result import REFUSES_PACKAGE

from . import zoo

ARCHIVES = [name for name, item in zoo.CASES.items() if not item.file.endswith(".xml")]
DOCUMENTS = [name for name, item in zoo.CASES.items() if item.file.endswith(".xml")]


@pytest.mark.parametrize("names", [ARCHIVES, DOCUMENTS], ids=["archives", "documents"])
def test_every_hostile_file_is_refused_in_little_memory(names: list[str], tmp_path: Path) -> None:
    """One process for all of a kind: its peak is that of the worst."""
    found = zoo.in_a_process([zoo.CASES[name].write(tmp_path) for name in names])
    let_through = {
        name: one["findings"][:3] for name, one in zip(names, found, strict=True) if not zoo.refused(zoo.CASES[name], one)
    }
    assert not let_through
    assert max(one["peak"] for one in found) < zoo.MOST_MEGABYTES


def test_there_are_enough_of_them() -> None:
    assert len(ARCHIVES) >= 40 and len(DOCUMENTS) >= 35
    assert {item.rule for item in zoo.CASES.values()} <= REFUSES_PACKAGE


def test_every_reason_has_a_text() -> None:
    for item in zoo.CASES.values():
        if item.rule in ("S.801", "S.804"):
            assert messages.has(f"registry.reason.{item.reason}"), item.name
        if item.rule == "S.815":
            assert messages.has(f"registry.limit.{item.reason}"), item.name


def test_the_faultless_package_of_the_builder_is_let_in(tmp_path: Path) -> None:
    """What the cases start from has no fault of its own."""
    path = tmp_path / f"{zoo.NAME}.zip"
    path.write_bytes(zoo.archive(*zoo.good()))
    assert zoo.read(path)["findings"] == []
    path.write_bytes(zoo.archive(*zoo.good(), told={"comment": b"packed on Monday"}))
    assert zoo.read(path)["findings"] == []
