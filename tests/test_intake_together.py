"""Packages that are checked together: each gets what it gets alone, in whatever company."""

from __future__ import annotations

import zipfile
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from omsclaims import intake, nsi
from omsclaims.cli import common, demo
from omsclaims.law.agreement import load_agreement
from omsclaims.nsi import Library, loader
from omsclaims.registry import reader
from omsclaims.registry.bundle import Bundle
from tests.conftest import MakeTerritory

PACKAGES = Path(__file__).resolve().parents[2] / "shared" / "nsi" / "packages"
BOOKS = ("Q015", "Q016", "Q022", "Q023")


@pytest.fixture(scope="module", params=["built-in books", "check books"])
def books(request: pytest.FixtureRequest) -> nsi.Books:
    known = dict(nsi.built_in_books().by_name)
    if request.param == "check books":
        if not PACKAGES.exists():
            pytest.skip(f"the published check books are not there: {PACKAGES}")
        for name in BOOKS:
            loaded = loader.load_book(PACKAGES / f"{name}.xml").book
            assert loaded is not None
            known[name] = loaded
    return nsi.Books(known)


@pytest.fixture(scope="module")
def reads(make_territory: MakeTerritory, tmp_path_factory: pytest.TempPathFactory) -> list[reader.PackageRead]:
    """The packages of both months of a territory in which every rule is broken somewhere, and some that are odd."""
    made = make_territory(1_500, 1)
    files = common.existing_files([made / "packages" / str(month) for month in demo.MONTHS], "en")
    odd = tmp_path_factory.mktemp("odd")
    sound = next(path for path in files if path.stem.startswith("H"))
    renamed = odd / f"{sound.stem[:-1]}9.zip"  # its header bears another name
    with zipfile.ZipFile(sound) as source, zipfile.ZipFile(renamed, "w") as target:
        for name in source.namelist():
            target.writestr(name.replace(sound.stem[1:], renamed.stem[1:]), source.read(name))
    broken = odd / sound.name.replace("T75_", "T76_")
    broken.write_bytes(sound.read_bytes()[:1000])
    return [reader.read_package(path) for path in (*files, sound, renamed, broken)]


def test_in_company_as_alone(reads: list[reader.PackageRead], books: nsi.Books, make_territory: MakeTerritory) -> None:
    control = load_agreement(make_territory(1_500, 1) / "agreement").head.control
    together = intake.check_packages([(read, control) for read in reads], books, demo.AS_OF, to_the_end=True)
    assert len(together) == len(reads) > 10
    assert sum(one.findings.height for one in together) > 200
    for read, one in list(zip(reads, together, strict=True))[-1::-3]:
        (alone,) = intake.check_packages([(read, control)], books, demo.AS_OF, to_the_end=True)
        assert one.read is read
        assert one.refused == alone.refused, read.name
        assert_frame_equal(one.findings, alone.findings)
        assert_frame_equal(one.executions, alone.executions)


def test_what_is_alike_is_checked_at_once(
    reads: list[reader.PackageRead], books: nsi.Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the test above would compare each package with itself."""
    asked: list[int] = []
    of = Bundle.of
    monkeypatch.setattr(Bundle, "of", lambda packages, parents: asked.append(len(packages)) or of(packages, parents))
    intake.check_packages([(read, None) for read in reads], books, demo.AS_OF)
    assert max(asked) > 3
    assert len(asked) < sum(asked) / 2


def test_a_library_gives_each_month_its_books(reads: list[reader.PackageRead]) -> None:
    months = []

    class Spy(Library):
        def books(self, month, as_of):  # type: ignore[no-untyped-def]
            months.append(str(month))
            return nsi.built_in_books()

    intake.check_packages([(read, None) for read in reads], Spy(()), demo.AS_OF)
    assert {str(month) for month in demo.MONTHS} <= set(months)


def test_rows_of_a_bundle() -> None:
    def package(cases: int) -> dict[str, pl.DataFrame]:
        rows = pl.DataFrame({"_row": range(cases), "_parent": range(cases)}, schema={"_row": pl.Int64, "_parent": pl.Int64})
        raw = {"table": ["sl"], "_row": [cases - 1], "column": ["kd"], "raw": ["x"], "kind": [None]}
        return {
            "file": pl.DataFrame({"_row": [0]}, schema={"_row": pl.Int64}), "zap": rows.with_columns(_parent=pl.lit(0)),
            "z_sl": rows, "sl": rows, "person": rows.clear(),
            "exceptions": pl.DataFrame(raw, schema_overrides={"_row": pl.Int64, "kind": pl.String}),
        }  # fmt: skip

    bundle = Bundle.of([("A", package(2)), ("B", package(1)), ("C", package(3))], {"zap": "file", "z_sl": "zap", "sl": "z_sl"})
    assert bundle.tables["sl"]["_row"].to_list() == bundle.tables["sl"]["_parent"].to_list() == [0, 1, 2, 3, 4, 5]
    assert bundle.tables["zap"]["_parent"].to_list() == [0, 0, 1, 2, 2, 2]
    assert bundle.tables["z_sl"]["package"].to_list() == ["A", "A", "B", "C", "C", "C"]
    assert bundle.tables["exceptions"]["_row"].to_list() == [1, 2, 5]
    assert bundle.ordinals("sl").tolist() == [0, 0, 1, 2, 2, 2]
    assert bundle.ordinals("person").tolist() == bundle.ordinals("usl").tolist() == []
    found = pl.DataFrame({"package": ["C", "A", "C"], "z_row": [5, 1, None], "sl_row": [3, 0, None]})
    parts = bundle.parted(found)
    assert [part.rows() for part in parts] == [[("A", 1, 0)], [], [("C", 2, 0), ("C", None, None)]]
