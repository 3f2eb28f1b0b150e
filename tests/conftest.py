"""Territories made up once for all tests that need a whole month; and how two processes share the tests (`make test`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from omsclaims import closing, intake
from omsclaims.cli import common, demo
from omsclaims.periods import Month
from omsclaims.synthetic import territory
from omsclaims.workspace import Workspace

if TYPE_CHECKING:
    from xdist.scheduler import LoadGroupScheduling

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


@pytest.hookimpl(tryfirst=True)  # before the groups become parts of the names
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In one of several processes: what needs the closed territory stays together, and whole months come first.

    The closed territory takes longest of all to make, so it is made in one process only; what takes long at the end would be
    waited for. A run in one process keeps the order of the files.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        if "closed" in _fixtures(item):
            item.add_marker(pytest.mark.xdist_group("closed"))
    items.sort(key=lambda item: 0 if "closed" in _fixtures(item) else 1 if "make_territory" in _fixtures(item) else 2)


def _fixtures(item: pytest.Item) -> list[str]:
    """Names of all fixtures that a test needs, through others too."""
    return getattr(item, "fixturenames", [])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadGroupScheduling | None:
    """With --dist loadgroup: a group goes to one process, and of all other tests those of one file, in the order given."""
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadGroupScheduling

    class ByGroupOrFile(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            scope: str = super()._split_scope(nodeid)
            return scope if scope != nodeid else nodeid.partition("::")[0]

    config.option.loadscopereorder = False
    return ByGroupOrFile(config, log)
