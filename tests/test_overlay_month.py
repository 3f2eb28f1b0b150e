"""A region adds an element to its files: packages that have it are taken in without a word, and the answer has it, too."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import polars as pl

from omsclaims import closing, intake
from omsclaims.cli import common, demo
from omsclaims.registry.formats import load_overlays
from omsclaims.workspace import Workspace
from tests.conftest import MakeTerritory

LINES = """op,after,path,form,length,decimals,must,repeats,book,values,min_length,table,column,meaning_en,meaning_ru
add,ZAP/Z_SL/IDCASE,ZAP/Z_SL/EVENING_TIME,N,1,0,N,0,,0;1,,,,evening visit,вечерний приём
add,ZAP/Z_SL/SL/SUM_M,ZAP/Z_SL/SL/OURS,S,,,N,1,,,,,,additions of the region,добавки региона
add,,ZAP/Z_SL/SL/OURS/CODE,T,5,,O,0,,,,,,code,код
"""


def changed(path: Path, target: Path) -> None:
    """Writes the package with the region's elements in its first case."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in source.namelist():
            data = source.read(name)
            if name.startswith("H"):
                data = data.replace(b"</IDCASE>", b"</IDCASE><EVENING_TIME>1</EVENING_TIME>", 1)
                data = data.replace(b"</SUM_M>", b"</SUM_M><OURS><CODE>a</CODE></OURS><OURS><CODE>b</CODE></OURS>", 1)
            made.writestr(zipfile.ZipInfo(name), data)


def test_a_month_with_elements_of_a_region(make_territory: MakeTerritory, tmp_path: Path) -> None:
    made = tmp_path / "made"
    shutil.copytree(make_territory(300, 21), made)
    for edition in ("H_3.1", "H_3.2", "RESULT_H_3.1", "RESULT_H_3.2"):
        file = made / "agreement" / "formats" / f"{edition}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(LINES, encoding="utf-8")
    folder = tmp_path / "ws"
    demo.prepare(made, folder)
    month = demo.MONTHS[0]
    files = common.existing_files([made / "packages" / str(month)], "en")
    with Workspace.writing(folder) as store:
        taken = intake.ingest(store, files, demo.AS_OF, "tester")
    name = next(one.package for one in taken if one.state == "accepted" and one.package.startswith("H"))
    with Workspace.writing(folder) as store:
        intake.withdraw(store, name, demo.AS_OF, "tester", "sent again")
    source = next(path for path in files if path.stem == name)
    again = tmp_path / source.name
    before = next(one.findings for one in taken if one.package == name)
    changed(source, again)
    with Workspace.writing(folder) as store:
        (done,) = intake.ingest(store, [again], demo.AS_OF, "tester")
    assert done.state == "accepted"
    assert done.findings.filter(pl.col("rule") == "S.901").height == before.filter(pl.col("rule") == "S.901").height

    with Workspace.writing(folder) as store:
        row = next(one for one in store.packages(str(month)) if one.package == name and one.state == "accepted")
        assert "+75" in row.formats.split(",")[0]
        tables = store.package_tables(row)
        closed = closing.close(store, month, demo.AS_OF, "tester", lang="ru")
    assert tables["z_sl"]["evening_time"].drop_nulls().to_list() == [1]
    assert tables["ours"]["code"].to_list() == ["a", "b"]
    answer = next(one for one in closed.documents if one.kind == "answer" and one.name == name)
    with zipfile.ZipFile(folder / answer.path) as archive:
        main = next(archive.read(one) for one in archive.namelist() if not one.startswith("L"))
    assert main.count(b"<EVENING_TIME>1</EVENING_TIME>") == 1
    assert b"<OURS><CODE>a</CODE></OURS><OURS><CODE>b</CODE></OURS>" in main
    assert load_overlays(made / "agreement" / "formats", "75").editions.keys() >= {
        "H_3.1",
        "H_3.2",
        "RESULT_H_3.1",
        "RESULT_H_3.2",
    }
