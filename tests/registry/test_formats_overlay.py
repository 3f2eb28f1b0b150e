from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import messages
from omsclaims.registry import formats, parsing, source, strict, writer
from omsclaims.registry.formats import OverlayError
from omsclaims.registry.formats.overlay import COLUMNS, as_line
from omsclaims.registry.result import Target

from .documents import document, leaves

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "agreements" / "small" / "formats"
USL = "ZAP/Z_SL/SL/USL"
TIP = "ZAP/Z_SL/SANK/S_TIP"
E_TIP = "ZAP/Z_SL/EXPERTISE/E_TIP"


def line(op: str, path: str, form: str = "T", length: str = "5", **cells: str) -> dict[str, str]:
    """A line of an overlay."""
    base = dict.fromkeys(COLUMNS, "") | {"must": "N", "repeats": "0", "meaning_en": "something", "meaning_ru": "нечто"}
    return base | {"op": op, "path": path, "form": form, "length": length, "decimals": "0" if form == "N" else ""} | cells


def problems(*lines: dict[str, str], edition: str = "H_3.2") -> list[tuple[int, str]]:
    """Line and code of what is wrong with an overlay."""
    with pytest.raises(OverlayError) as caught:
        formats.overlaid(formats.get(edition), lines, "75", "H_3.2.csv")
    for lang in messages.LANGUAGES:
        for problem in caught.value.problems:
            assert problem.text(lang).startswith(f"H_3.2.csv:{problem.line}: ") and "{" not in problem.text(lang)
        assert caught.value.text_in(lang).count("\n") == len(caught.value.problems) - 1
    return [(problem.line, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize("format_id", formats.format_ids())
def test_an_overlay_without_lines_changes_nothing(format_id: str) -> None:
    edition = formats.get(format_id)
    made = formats.overlaid(edition, [], "75")
    assert made.fields == edition.fields and made.parents == edition.parents and made.copies == edition.copies
    assert made.id == f"{format_id}+75" and made.overlay == "75" and made.version == edition.version


def test_the_example_of_the_fixtures() -> None:
    """The additions that one fund made to its answers (formats.md 10): columns, a table, a looser obligation."""
    edition = formats.get("RESULT_H_3.2")
    overlays = formats.load_overlays(FOLDER, "75")
    made = overlays.over(edition)
    assert made.id == "RESULT_H_3.2+75" and overlays.over(formats.get("H_3.2")).id == "H_3.2"
    assert set(made.by_path) - set(edition.by_path) == {
        "ZAP/Z_SL/SLUCH_Z_ID", "ZAP/Z_SL/SLUCH_Z_ID_MAIN", "ZAP/Z_SL/SL/SUM_MP", f"{USL}/PS_VOLUME", f"{USL}/BSP", f"{USL}/NOT_VR",
        "ZAP/Z_SL/EXPERTISE", "ZAP/Z_SL/EXPERTISE/E_CODE", "ZAP/Z_SL/EXPERTISE/E_TIP", "ZAP/Z_SL/EXPERTISE/E_DATE",
        "ZAP/Z_SL/EXPERTISE/E_COM",
    }  # fmt: skip
    assert made.parents["expertise"] == "z_sl" and "expertise" in made.every_table
    assert "expertise" not in formats.canonical_tables() and "sum_mp" not in formats.canonical_columns("sl")
    assert made.columns("expertise") == {
        "_row": pl.Int64(), "_parent": pl.Int64(), "e_code": pl.String(), "e_tip": pl.Int64(), "e_date": pl.Date(), "e_com": pl.String(),
    }  # fmt: skip
    assert made.columns("sl") == {**formats.canonical_columns("sl"), "sum_mp": pl.Int64()}
    assert (made.scale("sl", "sum_mp"), made.scale("usl", "ps_volume"), made.scale("sl", "koef_z")) == (2, 2, 5)
    assert edition.by_path["ZAP/Z_SL/SL/PODR"].must == "O" and made.by_path["ZAP/Z_SL/SL/PODR"].must == "N"
    with pytest.raises(KeyError):
        edition.columns("expertise")


def test_find_format_puts_the_overlay_in() -> None:
    overlays = formats.load_overlays(FOLDER, "75")
    assert formats.find_format("RESULT_H", "3.2", "2022-03", overlays).format.id == "RESULT_H_3.2+75"
    choice = formats.find_format("RESULT_T", "3.1", "2022-03", overlays)
    assert choice.format.id == "RESULT_T_3.1" and choice.exact


def test_a_region_without_a_folder_adds_nothing(tmp_path: Path) -> None:
    overlays = formats.load_overlays(tmp_path / "none", "75")
    assert not overlays.editions and overlays.over(formats.get("H_3.2")) is formats.get("H_3.2")


WRONG = [
    ("op", [line("insert", "ZAP/X")]),
    ("exists", [line("add", "ZAP/N_ZAP")]),
    ("not_there", [line("change", "ZAP/X")]),
    ("not_there", [line("remove", "ZAP/X")]),
    ("parent", [line("add", "ZAP/NONE/X")]),
    ("parent", [line("add", "ZAP/N_ZAP/X")]),
    ("after", [line("add", "ZAP/X", after="ZAP/Z_SL/LPU")]),
    ("after", [line("add", "ZAP/X", after="ZAP/NONE")]),
    ("choice", [line("add", "ZAP/X", "Q")]),
    ("choice", [line("add", "ZAP/X", must="Y")]),
    ("choice", [line("add", "ZAP/X", repeats="yes")]),
    ("number", [line("add", "ZAP/X", length="five")]),
    ("length", [line("add", "ZAP/X", length="")]),
    ("length", [line("add", "ZAP/X", "N", "19")]),
    ("length", [line("add", "ZAP/X", "N", "2", decimals="2")]),
    ("length", [line("add", "ZAP/X", decimals="2")]),
    ("length", [line("add", "ZAP/X", "S", "5")]),
    ("values", [line("add", "ZAP/X", "D", "10", values="1")]),
    ("values", [line("add", "ZAP/X", "N", "1", values="a;b")]),
    ("meaning", [line("add", "ZAP/X", meaning_ru="")]),
    ("removes", [line("remove", "ZAP/Z_SL/SL")]),
    ("removes", [line("remove", "ZAP/Z_SL/IDCASE")]),
    ("place", [line("add", f"{USL}/X", table="x@zap")]),
    ("twin", [line("add", f"{USL}/X", table="x+y")]),
    ("table_taken", [line("add", "ZAP/Z_SL/X", repeats="1", table="sl")]),
    ("column_taken", [line("add", "ZAP/X", "N", "8", column="n_zap")]),
    ("owner", [line("add", "ZAP/Z_SL/X", repeats="1", table="cons")]),
    ("people", [line("add", "ZAP/PACIENT/X", repeats="1")]),
    ("type", [line("add", "ZAP/Z_SL/X", column="extr")]),
    ("keeps", [line("change", "ZAP/PACIENT", "S", "", must="O")]),
    ("keeps", [line("change", "ZAP/Z_SL/SL/DS0", length="10", repeats="1")]),
    ("keeps", [line("change", "ZAP/Z_SL/SL/DS2", length="10")]),
    ("keeps", [line("change", "ZAP/Z_SL/SL/DS1", length="10", column="diagnosis")]),
    ("structure", [line("change", "ZAP/Z_SL/SL/KSG_KPG", length="10")]),
    ("structure", [line("change", "ZAP/N_ZAP", "S", "")]),
    ("type", [line("change", "ZAP/Z_SL/SL/PODR", length="10")]),
    ("decimals", [line("change", f"{USL}/KOL_USL", "N", "8", decimals="4")]),
]


@pytest.mark.parametrize(("code", "lines"), WRONG)
def test_what_is_wrong_is_told_with_file_and_line(code: str, lines: list[dict[str, str]]) -> None:
    good = line("add", "SCHET/OK")
    assert problems(good, *lines) == [(3, code)]


def test_everything_wrong_is_told_at_once() -> None:
    lines = [line("add", "ZAP/N_ZAP"), line("add", "SCHET/OK"), line("change", "NONE"), line("add", "ZAP/X", "Q")]
    assert problems(*lines) == [(2, "exists"), (4, "not_there"), (5, "choice")]


def test_files_that_are_no_overlays(tmp_path: Path) -> None:
    (tmp_path / "H_9.9.csv").write_text(",".join(COLUMNS))
    (tmp_path / "H_3.1.csv").write_text("path,form\n")
    (tmp_path / "T_3.1.csv").write_bytes(",".join(COLUMNS).encode() + "\nadd,,ZAP/X,T,5,,N,0,,,,,,s,нечто\n".encode("cp1251"))
    (tmp_path / "C_3.1.csv").write_text(",".join(COLUMNS) + "\nadd,,ZAP/X,T\n")
    with pytest.raises(OverlayError) as caught:
        formats.load_overlays(tmp_path, "75")
    assert [(problem.file, problem.line, problem.code) for problem in caught.value.problems] == [
        ("C_3.1.csv", 2, "cells"), ("H_3.1.csv", 1, "columns"), ("H_9.9.csv", 1, "edition"), ("T_3.1.csv", 2, "not_utf8"),
    ]  # fmt: skip
    assert "H_3.2" in caught.value.text_in("ru")


def test_every_text_of_a_problem_is_of_one_that_is_tested() -> None:
    told = {code for code, _ in WRONG} | {"edition", "columns", "cells", "not_utf8"}
    assert {f"overlay.{code}" for code in told} == {key for key in messages.catalogue() if key.startswith("overlay.")}


def test_lines_of_a_file_count_as_in_the_file(tmp_path: Path) -> None:
    """A cell with a line break does not shift the numbers."""
    path = tmp_path / "H_3.2.csv"
    with path.open("w", encoding="utf-8", newline="") as opened:
        made = csv.DictWriter(opened, COLUMNS, lineterminator="\n")
        made.writeheader()
        made.writerow(line("add", "SCHET/OK", meaning_en="two\nlines"))
        made.writerow(line("add", "ZAP/N_ZAP"))
    with pytest.raises(OverlayError) as caught:
        formats.load_overlays(tmp_path, "75")
    assert [problem.line for problem in caught.value.problems] == [4]


def test_a_derived_edition_is_an_overlay_of_its_base() -> None:
    """The same layout: the differences of H 3.2 put over H 3.1 give H 3.2."""
    folder = Path(formats.__file__).parent
    lines = list(csv.DictReader((folder / "X_3.1_2020-04.csv").read_text(encoding="utf-8").splitlines()))
    assert formats.overlaid(formats.get("X_3.1_2019"), lines).fields == formats.get("X_3.1_2020-04").fields


def test_lines_and_fields_are_the_same_thing() -> None:
    edition = formats.get("RD_1.0")
    lines = {field.path: as_line(field) for field in edition.fields}
    assert lines["ZAP/SLUCH"]["table"] == "z_sl+sl@zap" and lines["ZAP/SLUCH/DS2"]["table"] == "ds2@sl"
    assert lines["ZAP/SLUCH/DS1"]["table"] == "sl"


@pytest.mark.parametrize("seed", range(4))
def test_documents_with_regional_elements_survive(seed: int) -> None:
    """What the overlay adds is read into its columns and written back; without it the same elements are unknown and kept."""
    edition = formats.load_overlays(FOLDER, "75").over(formats.get("RESULT_H_3.2"))
    made = document(
        edition, full=seed % 2 == 0, chance=None if seed % 2 == 0 else 0.6, seed=seed, overrides={TIP: "12", E_TIP: "12"}
    )
    refusal, head = source.inspect(made)
    assert refusal is None
    read = strict.read(made, Target(edition, True, "x", "x", head))
    assert set(read.findings["rule"]) <= {"S.915", "S.916"}
    assert read.tables["expertise"].schema == edition.columns("expertise")
    assert read.tables["expertise"].height == made.count(b"<EXPERTISE>")
    assert read.tables["sl"]["sum_mp"].drop_nulls().len() == made.count(b"<SUM_MP>")
    same = [(path, text.lstrip("0")) for path, text in leaves(made)]
    assert [(path, text.lstrip("0")) for path, text in leaves(writer.write_xml(read.tables, edition))] == same
    plain = parsing.read_xml(made, "x", "x", kind="RESULT_H", period="2022-03")
    assert "S.901" in set(plain.findings["rule"]) and plain.tables["extra"].height > 0


def test_a_copy_is_a_column_of_ours() -> None:
    """SL_ID of SLUCH times is filled from IDCASE: a region cannot put another element into that column."""
    added = line("add", "ZAP/SLUCH/X", column="sl_id", table="sl")
    assert problems(added, edition="RD_2.1") == [(2, "column_taken")]


def test_an_element_of_another_type_gets_a_column_of_its_own() -> None:
    """A region whose department codes are texts."""
    made = formats.overlaid(formats.get("H_3.2"), [line("change", "ZAP/Z_SL/SL/PODR", length="10", column="podr_text")], "75")
    assert made.by_path["ZAP/Z_SL/SL/PODR"].column == "podr_text" and made.columns("sl")["podr_text"] == pl.String()


PATHS = st.sampled_from(
    [
        "ZAP",
        "ZAP/X",
        "ZAP/X/Y",
        "ZAP/PACIENT",
        "ZAP/SLUCH",
        "ZAP/SLUCH/DS1",
        "ZAP/SLUCH/DS2",
        "ZAP/SLUCH/USL",
        "ZAP/SLUCH/X",
        "X",
        "",
    ]
)
LINES = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "change", "remove", "x"]), "after": st.one_of(st.just(""), PATHS), "path": PATHS,
        "form": st.sampled_from(["T", "N", "D", "S", ""]), "length": st.sampled_from(["", "1", "10", "99", "x"]),
        "decimals": st.sampled_from(["", "0", "2"]), "must": st.sampled_from(["O", "N", ""]), "repeats": st.sampled_from(["0", "1", ""]),
        "book": st.just(""), "values": st.sampled_from(["", "1;2", "a"]), "min_length": st.sampled_from(["", "1"]),
        "table": st.sampled_from(["", "sl", "z_sl", "usl", "x", "@sl", "x@z_sl", "x+y", "z_sl+sl", "@", "+", "x+y@zap"]),
        "column": st.sampled_from(["", "ds1", "x", "sl_id"]), "meaning_en": st.just("m"), "meaning_ru": st.sampled_from(["м", ""]),
    }
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=6))
def test_any_lines_give_an_edition_that_holds_together_or_are_refused(lines: list[dict[str, str]]) -> None:
    edition = formats.get("RD_2.1")
    try:
        made = formats.overlaid(edition, lines, "x")
    except OverlayError as error:
        assert error.problems and error.text_in("ru")
        return
    parts = {path: path.split("/") for path in edition.by_path}
    kept = {
        path
        for path, names in parts.items()
        if all(edition.by_path["/".join(names[: n + 1])].must == "O" for n in range(len(names)))
    }
    assert kept <= set(made.by_path)
    assert all(made.by_path[path].table == field.table for path, field in edition.by_path.items() if path in made.by_path)
    places = [(field.table, field.column) for field in made.fields if field.column]
    assert len(places) == len(set(places))
    assert all(made.columns(table) for table in made.every_table)
