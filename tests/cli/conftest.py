"""Workspaces for the tests of the command line: prepared once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from omsclaims.cli import demo

from .cli_samples import Package, clean_packages, unpack

MONTH = "2022-02"


@dataclass(frozen=True)
class Desk:
    """A workspace of one test: books, registers and agreement are loaded, no package is."""

    made: Path
    prepared: Path  # what the workspace was before this test
    folder: Path  # the workspace
    inbox: Path  # files for ingest are put here
    base: Package  # a clean package to be spoiled: it has a stay in hospital
    good: Path  # another clean package, which must always go in


@pytest.fixture(scope="session")
def small(make_territory: Callable[[int, int], Path]) -> Path:
    """A made-up territory as small as they get."""
    return make_territory(200, 2)


@pytest.fixture(scope="session")
def prepared(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace without packages. Tests copy it."""
    folder = tmp_path_factory.mktemp("prepared") / "ws"
    demo.prepare(small, folder)
    return folder


@pytest.fixture
def desk(small: Path, prepared: Path, tmp_path: Path) -> Desk:
    folder = tmp_path / "ws"
    shutil.copytree(prepared, folder)
    inbox = tmp_path / "in"
    inbox.mkdir()
    base = clean_packages(small, MONTH, lambda package: "<USL_OK>1<" in package.main and package.main.count("<ZAP>") > 2)[0]
    other = next(path for path in clean_packages(small, MONTH) if path != base)
    good = inbox / other.name
    shutil.copyfile(other, good)
    return Desk(small, prepared, folder, inbox, unpack(base), good)
