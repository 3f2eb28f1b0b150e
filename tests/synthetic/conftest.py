"""One territory for many tests: built once."""

from __future__ import annotations

import csv

import pytest

from omsclaims.registry.reader import read_package
from omsclaims.synthetic import territory
from tests.synthetic.synthetic_made import CASES, Made


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("territory")
    summary = territory.build(folder, CASES)
    with (folder / "planted.csv").open(encoding="utf-8", newline="") as stream:
        planted = list(csv.DictReader(stream))
    refused = {row["package"] for row in planted if not row["n_zap"] and row["rule"].startswith(("S.8", "S.915", "S.916"))}
    paths = sorted((folder / "packages").glob("*/*.zip"))
    packages = {path.stem: read_package(path) for path in paths if path.stem not in refused}
    return Made(folder, summary, planted, packages)
