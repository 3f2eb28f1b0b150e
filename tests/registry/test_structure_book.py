from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from datetime import date
from functools import cache

import pytest

from omsclaims import messages
from omsclaims.nsi.loader import read_records
from omsclaims.registry import formats, structure_book
from omsclaims.registry.formats import comparing
from omsclaims.registry.formats.overlay import as_line
from omsclaims.registry.structure_book import Difference, StructureBook

from .documents import shared

DAY = date(2020, 6, 1)

#: A small book of ours: the head of file A, told as the package tells it.
ROWS = """
A_0100/00010 ZL_LIST A О S - 01.01.2019 -
A_0100/00100 ZL_LIST/ZGLV A О S - 01.01.2019 -
A_0100/00200 ZL_LIST/SCHET A О S - 01.01.2019 -
A_0100/00300 ZL_LIST/ZAP A ОМ S - 01.01.2019 -
A_0200/00400 ZL_LIST/ZGLV/VERSION A О T 5 01.01.2019 -
A_0200/00500 ZL_LIST/ZGLV/DATA A О D 10 01.01.2019 -
A_0200/00600 ZL_LIST/ZGLV/OKATO_OMS A У T 5 01.01.2019 31.12.2019
A_0200/00601 ZL_LIST/ZGLV/OKATO_OMS A О T 5 01.01.2020 -
A_0300/00700 ZL_LIST/SCHET/MONTH A О N 2 01.01.2019 -
A_0300/00800 ZL_LIST/SCHET/YEAR A О N 4 01.01.2019 -
A_0300/00900 ZL_LIST/SCHET/SUMMAV A О N 15.2 01.01.2019 -
A_0300/01000 ZL_LIST/SCHET/NEW A НМ T 7 01.01.2019 -
Z_0100/00100 OTHER/X Z О T 5 01.01.2019 -
"""


def package(rows: str = ROWS, description: str = "значение «3.1»") -> bytes:
    """Rows as an official package."""
    names = ("IDZAP", "ID_EL", "TYPE_D", "TYPE_E", "FORM_E", "MXLEN_E", "DATEBEG", "DATEEND")
    body = ""
    for row in rows.strip().splitlines():
        cells = "".join(f"<{name}>{'' if cell == '-' else cell}</{name}>" for name, cell in zip(names, row.split(), strict=True))
        body += f"<zap>{cells}<NAME_E>имя</NAME_E><DESC_E>{description if '/VERSION' in row else ''}</DESC_E></zap>\n"
    head = "<zglv><type>DESCR</type><version>9.9</version><date>01.01.2020</date></zglv>"
    return f'<?xml version="1.0" encoding="utf-8"?><packet>{head}{body}</packet>'.encode()


def loaded(data: bytes) -> StructureBook:
    """The book, which must be loadable."""
    result = structure_book.load(data, "Q018.xml")
    assert result.book is not None and result.findings.height == 0
    return result.book


def told(book: StructureBook) -> set[tuple[str, str, str, str]]:
    return {(one.path, one.aspect, one.ours, one.book) for one in structure_book.differences(book) if one.kind == "A"}


def test_book_becomes_a_format_table() -> None:
    book = loaded(package())
    assert book.kinds == ("A", "Z") and book.days("A") == (date(2019, 1, 1), date(2020, 1, 1)) and "9.9" in book.edition
    made = book.format_of("A", date(2019, 5, 1))
    assert [field.path for field in made.fields] == [
        "ZGLV", "ZGLV/VERSION", "ZGLV/DATA", "ZGLV/OKATO_OMS", "SCHET", "SCHET/MONTH", "SCHET/YEAR", "SCHET/SUMMAV", "SCHET/NEW", "ZAP",
    ]  # fmt: skip
    assert made.root == "ZL_LIST" and made.version == "3.1" and made.by_path["ZGLV/OKATO_OMS"].must == "U"
    assert book.format_of("A", DAY).by_path["ZGLV/OKATO_OMS"].must == "O"
    # 15.2 of the book: 15 digits before the point.
    assert made.by_path["SCHET/SUMMAV"].type_text == "N(17.2)" and made.by_path["ZAP"].repeats
    # Elements that we know go where ours go, others under a name of their own.
    assert (made.by_path["SCHET/SUMMAV"].table, made.by_path["SCHET/SUMMAV"].column) == ("file", "summav")
    assert (made.by_path["SCHET/NEW"].table, made.by_path["SCHET/NEW"].owner) == ("new", "file")
    assert made.parents == {"new": "file", "zap": "file"}
    with pytest.raises(KeyError):
        book.format_of("H", DAY)
    with pytest.raises(KeyError):
        book.format_of("A", date(2018, 1, 1))


def test_every_kind_of_difference_is_told() -> None:
    found = told(loaded(package()))
    assert ("SCHET/NEW", "missing_here", "", "T(7) N*") in found
    assert ("SCHET/NSCHET", "missing_there", "T(15) O", "") in found
    assert ("ZGLV/OKATO_OMS", "obligation", "O", "U") in found
    assert ("SCHET/MONTH", "order", "SCHET/YEAR", "") in found or ("SCHET/YEAR", "order", "", "SCHET/MONTH") in found
    assert not any(path == "SCHET/SUMMAV" for path, *_ in found)
    changed = package(ROWS.replace("YEAR A О N 4", "YEAR A ОМ T 9").replace("SUMMAV A О N 15.2", "SUMMAV A О N 14.3"))
    found = told(loaded(changed))
    assert ("SCHET/YEAR", "type", "N(4)", "T(9)") in found and ("SCHET/YEAR", "repeats", "one", "many") in found
    assert ("SCHET/SUMMAV", "decimals", "2", "3") in found and not any(one[:2] == ("SCHET/SUMMAV", "length") for one in found)
    assert ("SCHET/SUMMAV", "length", "N(17.2)", "N(15.2)") in told(loaded(package(ROWS.replace("15.2", "13.2"))))


def test_what_holds_on_several_days_is_told_once() -> None:
    differences = structure_book.differences(loaded(package()))
    new = [one for one in differences if one.path == "SCHET/NEW"]
    assert [(one.since, one.editions, one.row) for one in new] == [
        ((date(2019, 1, 1), date(2020, 1, 1)), ("A_3.1",), "A_0300/01000"),
    ]
    okato = [one for one in differences if one.path == "ZGLV/OKATO_OMS"]
    assert [one.since for one in okato] == [(date(2019, 1, 1),)]


def test_kinds_and_versions_that_we_do_not_have_are_told() -> None:
    differences = structure_book.differences(loaded(package(description="значение «8.0»")))
    assert [(one.kind, one.book) for one in differences if one.aspect == "kind"] == [("Z", "OTHER: 1")]
    assert {(one.ours, one.book) for one in differences if one.aspect == "version"} == {("3.1", "8.0")}


def test_a_difference_that_nobody_explained_is_shown_as_such() -> None:
    report = structure_book.report(loaded(package()), "en")
    (row,) = report.filter(path="SCHET/NEW").to_dicts()
    assert row["reason"] is None and row["cause"] is None and row["since"] == "2019-01-01, 2020-01-01"


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("N.002", ("ZL_LIST/ZGLV/DATA A", "- A")),
        ("N.002", ("DATA A О", "DATA - О")),
        ("N.003", ("D 10 01.01.2019", "D 10 31.02.2019")),
        ("N.003", ("D 10 01.01.2019 -", "D 10 01.01.2019 01.01.2018")),
        ("N.003", ("D 10 01.01.2019 -", "D 10 01.01.2019 soon")),
        ("N.004", ("01.01.2019 31.12.2019", "01.01.2019 01.02.2020")),
        ("N.006", ("N 15.2", "N many")),
        ("N.006", ("T 7", "T 7.2")),
        ("N.006", ("ZGLV A О S -", "ZGLV A О S 5")),
        ("N.007", ("DATA A О", "DATA A Ж")),
        ("N.007", ("DATA A О", "DATA A ОХ")),
        ("N.007", ("DATA A О D", "DATA A О Q")),
        ("N.007", ("ZL_LIST/ZGLV/DATA", "=cmd|/ZGLV/DATA")),
        ("N.007", ("A_0200/00500", "=A_0200/00500")),
        ("N.007", ("DATA A О", "DATA @A О")),
        ("N.008", ("ZL_LIST/ZGLV/DATA", "ZL_LIST/NONE/DATA")),
        ("N.008", ("ZL_LIST/ZGLV/DATA", "ZL_LIST/ZGLV/VERSION/DATA")),
    ],
)  # fmt: skip
def test_a_book_with_a_broken_record_is_refused_whole(rule: str, change: tuple[str, str]) -> None:
    assert change[0] in ROWS
    result = structure_book.load(package(ROWS.replace(*change)), "Q018.xml")
    assert result.book is None and set(result.findings["rule"]) == {rule}
    for lang in messages.LANGUAGES:
        for part in ("title", "text", "todo"):
            assert messages.has(f"rule.{rule}.{part}")
            assert messages.text(f"rule.{rule}.{part}", lang)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not a book", b"<packet/>", package()[:-30], package().replace(b"<packet>", b"<!DOCTYPE x><packet>"),
        package().replace(b"TYPE_E", b"TYPE_X"),
    ],
)  # fmt: skip
def test_what_is_no_book_is_refused(data: bytes) -> None:
    result = structure_book.load(data, "Q018.xml")
    assert result.book is None and result.findings["rule"].to_list() == ["N.001"]


def test_a_zip_is_read_too() -> None:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("Q018.xml", package())
    assert loaded(kept.getvalue()).rows == loaded(package()).rows


# --- explanations ---------------------------------------------------------------------------------------------------------


def test_explanations_are_complete_sentences_with_a_cause() -> None:
    causes = {key.removeprefix("formats.cause.") for key in messages.catalogue() if key.startswith("formats.cause.")}
    for one in structure_book.explanations():
        assert one.cause in causes and one.reason_en and one.reason_ru, one.line
        assert messages.has(f"formats.aspect.{one.aspect}"), one.line
        assert one.kinds == ("*",) or all(len(kind) <= 2 for kind in one.kinds)
        if "*" in one.path:  # a wildcard says exactly what ours and the book must be
            assert one.ours and one.book, one.line
    assert {one.cause for one in structure_book.explanations()} == causes


def test_an_explanation_fits_what_it_names_alone() -> None:
    length = next(one for one in structure_book.explanations() if one.cause == "notation" and one.ours == "N(15.2)")
    fitting = Difference("H", "SCHET/SUMMAV", "length", "N(15.2)", "N(17.2)")
    assert length.fits(fitting) and fitting.explanation == length
    for other in (
        Difference("A", "SCHET/SUMMAV", "length", "N(15.2)", "N(17.2)"), Difference("H", "SCHET/SUMMAV", "decimals", "N(15.2)", "N(17.2)"),
        Difference("H", "SCHET/SUMMAV", "length", "N(15.2)", "N(16.2)"), Difference("H", "SCHET/SUMMAV", "length", "N(14.2)", "N(17.2)"),
    ):  # fmt: skip
        assert not length.fits(other) and other.explanation is None


# --- the official book ------------------------------------------------------------------------------------------------------


@cache
def official() -> StructureBook:
    return loaded(shared("nsi", "packages", "Q018.xml").read_bytes())


def test_the_official_book_loads() -> None:
    book = official()
    # 1187 records, 6 of them of a root.
    assert len(book.rows) == 1181 and Counter(row.kind for row in book.rows)["A"] == 45
    assert set(book.kinds) == {"H", "T", "C", "X", "L", "R", "D", "A", "V", "Y", "PL"}
    assert book.format_of("X", DAY).by_path["ZAP/Z_SL/SL/DS1"].must == "U"
    assert book.format_of("X", date(2019, 6, 1)).by_path["ZAP/Z_SL/SL/DS1"].must == "O"
    assert "PERS/DOCORG" not in book.format_of("L", date(2019, 6, 1)).by_path


def test_every_difference_to_the_official_book_is_explained() -> None:
    unexplained = [one for one in structure_book.differences(official()) if one.explanation is None]
    assert unexplained == []


def test_every_explanation_is_needed() -> None:
    used = {one.explanation.line for one in structure_book.differences(official()) if one.explanation}
    assert used == {one.line for one in structure_book.explanations()}


def test_editions_without_a_schema_that_the_book_confirms_differ_in_nothing_else() -> None:
    """A 3.1, R and D 3.1, FLK_P and Y rest on the book: all that differs is looked at here, one by one."""
    found: Counter[tuple[str, str, str]] = Counter()
    for one in structure_book.differences(official()):
        for name in set(one.editions) & {"A_3.1", "FLK_P", "Y"}:
            found[name, one.aspect, one.explanation.cause if one.explanation else ""] += 1
    assert found == {
        ("A_3.1", "repeats", "book"): 1, ("A_3.1", "repeats", "fund"): 1, ("A_3.1", "missing_there", "book"): 1,
        ("A_3.1", "obligation", "optional"): 4, ("FLK_P", "length", "book"): 2, ("FLK_P", "missing_there", "later"): 3,
        ("FLK_P", "type", "later"): 1, ("Y", "type", "later"): 1,
    }  # fmt: skip
    both = [one for one in structure_book.differences(official()) if {"RD_3.1", "RD_3.2"} & set(one.editions)]
    assert all(set(one.editions) == {"RD_3.1", "RD_3.2"} for one in both)


def test_editions_of_other_times_are_named() -> None:
    named = structure_book.not_described(official())
    assert {"H_3.2", "X_3.1_2021-08", "RD_2.1", "A_1.0", "H_5.1"} <= set(named)
    assert not {"H_3.1", "X_3.1_2019", "X_3.1_2020-04", "RD_3.1", "L_3.2", "FLK_P"} & set(named)


# --- what the explanations claim of the check book Q015 -----------------------------------------------------------------------


@cache
def checks() -> dict[tuple[str, str, str], list[dict[str, str]]]:
    """Rows of Q015 by kind of file, path without root and category (003F presence, 004F mask)."""
    found: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in read_records(shared("nsi", "packages", "Q015.xml").read_bytes(), "Q015.xml").rows:
        for kind in row["type_d"].split(";"):
            found.setdefault((kind, row["id_el"].partition("/")[2], row["id_test"][:4]), []).append(row)
    return found


def explained_by(cause: str, **wanted: str) -> list[Difference]:
    return [
        one
        for one in structure_book.differences(official())
        if one.explanation
        and one.explanation.cause == cause
        and all(getattr(one, name) == value for name, value in wanted.items())
    ]


def test_optional_with_us_is_what_no_check_asks_for() -> None:
    """`conditional in the book, optional with us`: Q015 has no rule of presence for any of them."""
    found = explained_by("optional", ours="N", book="U")
    assert len(found) > 100
    assert [one for one in found if (one.kind, one.path, "003F") in checks()] == []


def test_digits_are_counted_before_the_point_by_the_check_book() -> None:
    """N(15.2) of the book: the mask of Q015 has 15 digits, the point and 2, wherever the two ways of counting differ."""
    found = explained_by("notation")
    assert len(found) > 50
    for one in found:
        size = re.fullmatch(r"N\((\d+)\.(\d+)\)", one.book)
        assert size, one
        longest = {int(row["max_len"]) for row in checks()[one.kind, one.path, "004F"]}
        assert longest == {int(size[1]) + 1}, one


def test_what_the_region_added_is_unknown_to_the_check_book() -> None:
    found = explained_by("regional", aspect="missing_here")
    assert len(found) > 30
    assert [one for one in found if any((one.kind, one.path, f"{number:03d}F") in checks() for number in range(1, 10))] == []
    assert all(one.row[-2:] != "00" for one in found)  # numbers between those of the state


def test_department_is_a_number_for_the_check_book() -> None:
    for kind in "HTC":
        for path in ("ZAP/Z_SL/SL/PODR", "ZAP/Z_SL/SL/USL/PODR"):
            assert {row["max_len"] for row in checks()[kind, path, "004F"]} == {"12"}


# --- comparing two editions -----------------------------------------------------------------------------------------------


def test_an_edition_differs_from_itself_in_nothing() -> None:
    for name in formats.format_ids():
        assert comparing.changes(formats.get(name), formats.get(name)) == ()


def test_changes_of_a_version() -> None:
    found = {(one.path, one.aspect, one.old, one.new) for one in comparing.changes(formats.get("H_3.1"), formats.get("H_3.2"))}
    assert ("ZAP/PACIENT/ENP", "added", "", "T(16) N") in found
    assert ("ZAP/PACIENT/SMO_OK", "removed", "T(5) U", "") in found
    assert ("ZAP/PACIENT/NPOLIS", "length", "T(20)", "T(16)") in found and ("ZAP/PACIENT/NPOLIS", "obligation", "O", "N") in found
    assert ("ZAP/Z_SL/SL/KD", "decimals", "0", "1") in found
    back = {(one.path, one.aspect, one.new, one.old) for one in comparing.changes(formats.get("H_3.2"), formats.get("H_3.1"))}
    swapped = {"added": "removed", "removed": "added"}
    assert {(path, swapped.get(aspect, aspect), old, new) for path, aspect, old, new in back} == found


def test_as_few_elements_as_can_be_are_told_as_moved() -> None:
    edition = formats.get("H_3.1")
    moved = [
        {"op": "remove", "path": "SCHET/COMENTS", "after": ""},
        structure_line("SCHET/COMENTS", after=""),
    ]
    other = formats.overlaid(edition, moved, "x")
    assert [(one.path, one.aspect, one.old, one.new) for one in comparing.changes(edition, other)] == [
        ("SCHET/COMENTS", "moved", "SCHET/SUMMAV", ""),
    ]


def structure_line(path: str, after: str) -> dict[str, str]:
    """The line that adds an element of H 3.1 again, elsewhere."""
    return {**as_line(formats.get("H_3.1").by_path[path]), "op": "add", "after": after}
