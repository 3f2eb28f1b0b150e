"""Two reporting periods, two editions of a book: intake and the run of each month use their own, whatever was loaded since."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from omsclaims import checks, closing, intake
from omsclaims.cli import common, demo
from omsclaims.nsi import Books
from omsclaims.nsi.loader import load_book
from omsclaims.workspace import Workspace
from tests.conftest import SHARED, MakeTerritory

FEBRUARY, MARCH = demo.MONTHS


def two_editions() -> tuple[bytes, bytes]:
    """The published Q023, and one made of it: published in March 2022, without its first rule and with a new one."""
    path = SHARED / "nsi" / "packages" / "Q023.xml"
    if not path.is_file():
        pytest.skip(f"../shared is not here: {path}")
    old = path.read_bytes()
    new = old.replace(b"<version>2.35</version>", b"<version>2.36</version>").replace(b"<date>12.02.2021<", b"<date>05.03.2022<")
    first, second = new.index(b"<zap>"), new.index(b"</zap>") + len(b"</zap>")
    rule = new[first:second]
    code = rule[rule.index(b"<ID_TEST>") + 9 : rule.index(b"</ID_TEST>")]
    assert old.count(code) == 1
    return old, new[:first] + rule.replace(code, b"003K.75.9999") + new[second:]


@pytest.fixture
def folder(make_territory: MakeTerritory, tmp_path: Path) -> tuple[Path, Path]:
    made = make_territory(200, 1)
    demo.prepare(made, tmp_path / "ws")
    with Workspace.writing(tmp_path / "ws") as store:
        for data in two_editions():
            loaded = load_book(data, "Q023.xml").book
            assert loaded is not None
            assert store.store_book(loaded, demo.AS_OF).stored
    return made, tmp_path / "ws"


def test_two_months_use_two_editions(folder: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    made, workspace = folder
    seen: set[tuple[str, str | None, int]] = set()
    check = checks.check_registry

    def spy(tables: dict, books: Books, *more: object, **named: object) -> object:  # type: ignore[type-arg]
        head = tables["file"].row(0, named=True)
        book = books.require("Q023")
        seen.add((f"{head['year']}-{int(head['month']):02d}", book.version, int("003K.75.9999" in book.rows["code"])))
        return check(tables, books, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(checks, "check_registry", spy)
    files = common.existing_files([made / "packages" / str(month) for month in demo.MONTHS], "en")
    with Workspace.writing(workspace) as store:  # the packages of both months with one command
        intake.ingest(store, files, demo.AS_OF, "tester")
    # A package of another month than its name says would be checked by the month of its bill.
    assert {one for one in seen if one[0] in ("2022-02", "2022-03")} == {("2022-02", "2.35", 0), ("2022-03", "2.36", 1)}
    runs = {}
    for month in demo.MONTHS:
        with Workspace.writing(workspace) as store:
            context, sources = closing.load_context(store, month, demo.AS_OF)
            runs[month] = (context.books.require("Q023").version, sources["book:Q023"])
            closing.close(store, month, demo.AS_OF, "tester", lang="en")
    assert [runs[month][0] for month in demo.MONTHS] == ["2.35", "2.36"]
    with Workspace.open(workspace) as store:
        used = [store.run(str(month)) for month in demo.MONTHS]
        assert [run.inputs["sources"]["book:Q023"] for run in used if run is not None] == [
            runs[month][1] for month in demo.MONTHS
        ]


def test_a_later_edition_never_changes_an_earlier_month(folder: tuple[Path, Path]) -> None:
    made, workspace = folder
    files = common.existing_files([made / "packages" / str(FEBRUARY)], "en")
    with Workspace.writing(workspace) as store:
        intake.ingest(store, files, demo.AS_OF, "tester")
        before = closing.close(store, FEBRUARY, demo.AS_OF, "tester", lang="en")
    later = demo.AS_OF + timedelta(days=30)
    loaded = load_book(two_editions()[1], "Q023.xml").book
    assert loaded is not None
    for version, since in (("2.37", date(2022, 5, 5)), ("2.34", date(2022, 2, 20))):
        with Workspace.writing(workspace) as store:
            store.store_book(replace(loaded, version=version, edition=version, holds_from=since), later)
            again = closing.close(store, FEBRUARY, demo.AS_OF, "tester", lang="en")
            assert (again.outcome, again.digest, again.differences) == ("identical", before.digest, [])
    # As of a day on which the edition of February is known, the month would be another run, and says what differs.
    with Workspace.writing(workspace) as store:
        again = closing.close(store, FEBRUARY, later, "tester", lang="en")
        assert ("sources", "book:Q023", "changed") in again.differences
