"""Territories made up once for all tests that need a whole month; and how two processes share the tests (`make test`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from omsclaims import closing, intake
from omsclaims.cli import common, demo
from omsclaims.periods import Month
from omsclaims.synthetic import territory
from omsclaims.workspace import Workspace

if TYPE_CHECKING:
    from xdist.scheduler import LoadFileScheduling

# What a busy machine takes for one example proves nothing: time is measured in benchmarks/, never asserted in a test.
settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@dataclass(frozen=True)
class Closed:
    """A made-up territory and the workspace in which its two months are closed."""

    made: Path
    folder: Path
    closings: dict[str, closing.Closing]


def close_months(made: Path, folder: Path, threads: int = 1, backwards: bool = False) -> Closed:
    """Takes in and closes February and March; `backwards` hands the files over in the opposite order."""
    demo.prepare(made, folder)
    closings = {}
    for month in demo.MONTHS:
        files = common.existing_files([made / "packages" / str(month)], "en")
        with Workspace.writing(folder) as store:
            intake.ingest(store, files[::-1] if backwards else files, demo.AS_OF, "tester", threads)
        with Workspace.writing(folder) as store:
            closings[str(month)] = closing.close(store, month, demo.AS_OF, "tester", lang="ru")
    return Closed(made, folder, closings)


MakeTerritory = Callable[[int, int], Path]


@pytest.fixture(scope="session")
def make_territory(tmp_path_factory: pytest.TempPathFactory) -> MakeTerritory:
    """A function (cases, seed) -> folder of a made-up territory; each is made once."""
    known: dict[tuple[int, int], Path] = {}

    def make(cases: int, seed: int) -> Path:
        if (cases, seed) not in known:
            folder = tmp_path_factory.mktemp(f"territory-{cases}-{seed}")
            territory.build(folder, cases, seed)
            known[cases, seed] = folder
        return known[cases, seed]

    return make


@pytest.fixture(scope="session")
def closed(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> Closed:
    """The default territory of the tests, closed. Tests must not change it."""
    return close_months(make_territory(1_500, 1), tmp_path_factory.mktemp("closed") / "ws")


@pytest.fixture
def march() -> Month:
    return Month(2022, 3)


# ---------------------------------------------------------------- two processes

#: Files whose tests go to one process, because they share something that takes long to make.
TOGETHER = {
    "the closed territory": (
        "tests/cli/test_cli_accidents.py", "tests/cli/test_cli_expertise.py", "tests/cli/test_cli_explain.py",
        "tests/cli/test_cli_norms.py", "tests/cli/test_cli_plans.py", "tests/tariffs/test_whatif.py",
        "tests/test_closing_events.py", "tests/test_end_to_end.py",
        "tests/test_month.py",
    ),
    "written cases of control": ("tests/checks/test_control_order.py", "tests/checks/test_rules.py"),
}  # fmt: skip
_GROUP_OF = {file: group for group, files in TOGETHER.items() for file in files}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes the tests that close whole months come first: what takes long at the end is waited for.

    A run in one process keeps the order of the files. In both a file that asks for the closed territory must stand in TOGETHER.
    """
    for item in items:
        if "closed" in _fixtures(item) and _file_of(item.nodeid) not in TOGETHER["the closed territory"]:
            raise pytest.UsageError(f"{item.nodeid} asks for the closed territory: its file belongs into TOGETHER of conftest.py")
    if hasattr(config, "workerinput"):
        # A process of pytest-xdist has a terminal's width in COLUMNS: what commands print would be cut to it.
        os.environ.pop("COLUMNS", None)
        common.out.width = common.err.width = common._WIDTH_OF_FILES
        items.sort(key=lambda item: 0 if "closed" in _fixtures(item) else 1 if "make_territory" in _fixtures(item) else 2)


def _fixtures(item: pytest.Item) -> list[str]:
    """Names of all fixtures that a test needs, through others too."""
    return getattr(item, "fixturenames", [])


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """With --dist loadfile: the tests of a file go to one process, and those of files that stand TOGETHER, in the order given.

    The groups of pytest-xdist (--dist loadgroup) become parts of the names of tests, which pytest 9.2 does not let them.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class InGroups(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _GROUP_OF.get(_file_of(nodeid), _file_of(nodeid))

    config.option.loadscopereorder = False
    return InGroups(config, log)
