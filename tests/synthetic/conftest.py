"""One territory for many tests: built once."""

from __future__ import annotations

import csv

import pytest

from omsclaims.registry.formats import load_overlays
from omsclaims.registry.reader import read_package
from omsclaims.synthetic import territory
from tests.synthetic.synthetic_made import CASES, WHOLE, Made


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("territory")
    summary = territory.build(folder, CASES)
    with (folder / "planted.csv").open(encoding="utf-8", newline="") as stream:
        planted = list(csv.DictReader(stream))
    refused = {row["package"] for row in planted if not row["n_zap"] and row["rule"].startswith(WHOLE)}
    paths = sorted((folder / "packages").glob("*/*.zip"))
    overlays = load_overlays(folder / "agreement" / "formats", "75")
    packages = {path.stem: read_package(path, overlays=overlays) for path in paths if path.stem not in refused}
    return Made(folder, summary, planted, packages)
