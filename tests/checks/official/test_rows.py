"""Rows of the check books: typed, corrected where a slip is stated, and the four books of the state as a whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import fields, replace
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from omsclaims import messages, nsi
from omsclaims.checks.official import rows as official
from omsclaims.checks.official.grammar import ConditionError, parse_allowed, parse_condition, pretty
from omsclaims.checks.official.rows import CheckRow, Correction, check_rows, corrections, fingerprint, unsaid
from omsclaims.checks.official.syntax import Among, Compare, Filled, Name, Value
from omsclaims.findings import with_text
from omsclaims.nsi.loader import load_book

PACKAGES = Path(__file__).resolve().parents[4] / "shared" / "nsi" / "packages"
BOOKS = ("Q015", "Q016", "Q022", "Q023")
COLUMNS = ("type_d", "id_el", "nsi_obj", "nsi_el", "usl_test", "val_el", "min_len", "max_len", "mask_val", "comment", "desc_test")


def book(*rows: dict[str, object], name: str = "Q015") -> nsi.Book:
    """An edition of a check book of made-up rows."""
    raw = [
        {
            "code": "003F.00.9990",
            "valid_from": date(2019, 11, 1),
            "valid_to": None,
            "id_el": "ZL_LIST/ZAP/Z_SL/SL/WEI",
            "type_d": "H",
        }
        | {"row": number, **row}
        for number, row in enumerate(rows, 1)
    ]
    frame = pl.DataFrame(
        [{column: row.get(column) for column in ("code", "valid_from", "valid_to", *COLUMNS, "row")} for row in raw],
        schema={
            "code": pl.String,
            "valid_from": pl.Date,
            "valid_to": pl.Date,
            **dict.fromkeys(COLUMNS, pl.String),
            "row": pl.Int64,
        },
    )
    return nsi.Book(name, "1 of 2020-01-01", frame, published=date(2020, 1, 1))


def one(**row: object) -> CheckRow:
    (made,) = check_rows(book(row))
    return made


def problem(row: CheckRow) -> tuple[str, str | None, dict[str, object]]:
    """The one finding about a row; its sentences are whole in both languages."""
    frame = official.problems([row])
    assert frame.height == 1
    found = frame.row(0, named=True)
    for lang in messages.LANGUAGES:
        text = with_text(frame, lang)["text"][0]
        assert "{" not in text and " - " not in text and row.id in text
        assert messages.text(f"rule.{found['rule']}.todo", lang) and messages.text(f"rule.{found['rule']}.title", lang)
    return found["rule"], found["value"], json.loads(found["params"])


# ---------------------------------------------------------------- one row


def test_a_row_is_typed() -> None:
    row = one(
        code="004F.75.9990", type_d="T;C;H", nsi_obj="v999", nsi_el="Code", usl_test="\xa0KD=7 ", val_el="{1,\xa02}", min_len="1",
        max_len="20", mask_val="X9", comment="words", desc_test="more words", valid_to=date(2020, 12, 31),
    )  # fmt: skip
    assert (row.book, row.ordinal, row.issued) == ("Q015", 1, date(2020, 1, 1))
    assert (row.category, row.region) == ("004F", "75")
    assert (row.family, row.element, row.path, row.target) == (
        "main",
        ("ZAP", "Z_SL", "SL", "WEI"),
        "ZAP/Z_SL/SL/WEI",
        Name(("WEI",)),
    )
    assert row.kinds == ("C", "H", "T")
    assert (row.book_name, row.book_column) == ("V999", "Code")
    assert (row.min_length, row.max_length, row.mask) == (1, 20, "X9")
    assert (row.valid_from, row.valid_to) == (date(2019, 11, 1), date(2020, 12, 31))
    assert row.condition_tree == Compare(Name(("KD",)), "=", Value("7"))
    assert row.allowed_tree == Among(Name(("WEI",)), ("1", "2"))
    assert row.demands and not row.corrected and not row.reserved and row.presence is None and row.problems == ()


def test_an_empty_row_asks_for_nothing() -> None:
    row = one(code="006F.00.9990", nsi_obj="_", nsi_el="_")
    assert (row.book_name, row.condition, row.allowed, row.min_length, row.mask) == ("", "", "", None, "")
    assert row.condition_tree is None and row.allowed_tree is None and not row.demands and row.errors() == ()


@pytest.mark.parametrize(
    ("path", "family", "element"),
    [
        ("PERS_LIST/PERS/DR", "person", ("PERS", "DR")),
        ("ZL_LIST/ZGLV/DATA", "main", ("ZGLV", "DATA")),
        ("ZL_LIST", "main", ()),
        ("ZAP/Z_SL/LPU", "main", ("ZAP", "Z_SL", "LPU")),
    ],
)
def test_paths_from_the_root_or_from_its_children(path: str, family: str, element: tuple[str, ...]) -> None:
    row = one(id_el=path)
    assert (row.family, row.element, row.problems) == (family, element, ())


@pytest.mark.parametrize("path", ["LIST/ZAP/Z_SL/LPU", "LPU", "ZL_LIST//LPU", ""])
def test_a_path_that_leads_nowhere(path: str) -> None:
    row = one(id_el=path)
    assert (row.element, row.target) == ((), None)
    assert problem(row) == ("Q.102", path, {"book": "Q015", "row": 1, "id": row.id, "column": "ID_EL"})


def test_a_length_that_is_no_number() -> None:
    row = one(min_len="3", max_len="десять")
    assert (row.min_length, row.max_length) == (3, None)
    assert problem(row) == ("Q.101", "десять", {"book": "Q015", "row": 1, "id": row.id, "column": "MAX_LEN"})


def test_an_id_that_is_none() -> None:
    assert problem(one(code="3F.1"))[:2] == ("Q.103", "3F.1")


def test_a_validity_of_the_year_six() -> None:
    row = one(valid_from=date(6, 7, 12))
    assert problem(row)[:2] == ("Q.104", "0006-07-12")
    assert one(valid_from=nsi.SINCE_EVER).problems == ()


def test_one_broken_row_leaves_the_others_alone() -> None:
    rows = check_rows(book({"min_len": "?"}, {"id_el": "?", "usl_test": "?"}, {"usl_test": "KD=7"}))
    assert [len(row.problems) for row in rows] == [1, 1, 0]
    assert [bool(row.errors()) for row in rows] == [False, True, False]
    assert [row.ordinal for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("comment", "presence"),
    [
        ("", "present"),
        ("элемент должен отсутствовать при выполнении условия", "absent"),
        ("Элемент  ДОЛЖЕН отсутсвовать", "absent"),
        ("элемент WEI должен отстутствовать в файле", "absent"),
        ("элемент не должен присутствовать", "absent"),
        ("проверка должна осуществляться", "present"),
    ],
)
def test_whether_the_element_must_be_there(comment: str, presence: str) -> None:
    row = one(comment=comment, usl_test="KD=7")
    assert row.presence == presence
    assert row.absent_wanted == (presence == "absent")
    assert one(code="006F.00.9990", comment=comment).presence is None


def test_what_must_be_filled_must_be_there() -> None:
    row = one(code="003K.83.9990", val_el="WEI не пусто")
    assert (row.presence, row.allowed_tree) == ("present", Filled(Name(("WEI",))))
    assert one(code="003K.83.9990", val_el="HEI не пусто").presence is None
    assert one(code="003K.83.9990", val_el="?").presence is None


@pytest.mark.parametrize(
    ("text", "reserved"), [("Не предусмотрено", True), (" не  предусмотрена", True), ("Предусмотрено", False), ("", False)]
)
def test_reserved_rows(text: str, reserved: bool) -> None:
    assert one(desc_test=text).reserved is reserved


def test_what_does_not_parse_is_raised_where_it_is_asked_for() -> None:
    row = one(usl_test="KD==7", val_el="<")
    with pytest.raises(ConditionError):
        _ = row.condition_tree
    assert [(part, error.position) for part, error in row.errors()] == [("condition", 3), ("allowed", 1)]


# ---------------------------------------------------------------- corrections


def test_a_correction_holds_for_the_text_it_was_made_for(monkeypatch: pytest.MonkeyPatch) -> None:
    slip = {"code": "006F.00.9990", "id_el": "ZL_LIST/ZAP/Z_SL/SL/DATE_1", "val_el": "DATE_1<=DATE_1", "comment": " a   b "}
    reads = fingerprint(slip | {"comment": "a b"})
    stated = Correction(
        why="itself", reads=reads, allowed="DATE_1<=DATE_2", condition="", presence="either", min_length=3, book=""
    )
    monkeypatch.setattr(official, "corrections", lambda: {("Q015", "006F.00.9990"): stated})
    row = one(**slip)
    assert (row.correction, row.corrected, row.problems) == (stated, True, ())
    assert (row.allowed, row.min_length) == ("DATE_1<=DATE_2", 3)
    (other,) = check_rows(book(slip, name="Q022"))
    assert not other.corrected and other.allowed == "DATE_1<=DATE_1"
    changed = one(**slip | {"val_el": "DATE_1<DATE_2"})
    assert not changed.corrected and changed.allowed == "DATE_1<DATE_2"
    rule, value, params = problem(changed)
    assert (rule, params["id"]) == ("Q.105", "006F.00.9990")
    assert value == fingerprint(slip | {"val_el": "DATE_1<DATE_2"}) != reads


@pytest.mark.parametrize(("presence", "wanted"), [("present", "present"), ("absent", "absent"), ("either", None)])
def test_a_correction_says_whether_the_element_must_be_there(presence: str, wanted: str | None) -> None:
    row = replace(one(), correction=Correction(why="itself", reads="", presence=presence))  # type: ignore[arg-type]
    assert row.presence == wanted


def test_corrections_and_needs_are_whole() -> None:
    told = set(messages.catalogue())
    assert len(corrections()) > 200
    for (name, row), correction in corrections().items():
        assert name in BOOKS and re.fullmatch(r"\d{3}[FK]\.\d{2}\.\d{4}", row)
        assert f"official.why.{correction.why}" in told, row
        assert re.fullmatch(r"[0-9a-f]{10}", correction.reads), row
        assert any(getattr(correction, one.name) is not None for one in fields(correction) if one.name not in ("why", "reads")), (
            row
        )
        target = Name(("X",))
        for text, parse in ((correction.condition, parse_condition), (correction.allowed, parse_allowed)):
            if text:
                tree = parse(text, target)
                assert parse_condition(pretty(tree), target) == tree
    for (name, row), need in unsaid().items():
        assert name in BOOKS and f"official.need.{need}" in told
        assert (name, row) not in corrections()
    reasons = {f"official.why.{one.why}" for one in corrections().values()} | {
        f"official.need.{one}" for one in unsaid().values()
    }
    assert reasons == {key for key in told if key.startswith(("official.why.", "official.need."))}


# ---------------------------------------------------------------- the books of the state


@cache
def official_rows(name: str) -> tuple[CheckRow, ...]:
    """Rows of the edition in ../shared."""
    if not PACKAGES.is_dir():
        pytest.skip("../shared is not here: the official check books are not part of the project")
    loaded = load_book(PACKAGES / f"{name}.xml")
    assert loaded.book is not None and loaded.book.left_out == ()
    return tuple(check_rows(loaded.book))


def in_force(name: str) -> list[CheckRow]:
    return [row for row in official_rows(name) if row.valid_to is None]


def way(row: CheckRow) -> str:
    """What becomes of a row by the language alone."""
    if row.reserved:
        return "reserved"
    if (row.book, row.id) in unsaid():
        return "unsaid"
    return "corrected" if row.corrected else "as it stands"


COUNTS = {
    "Q015": {"as it stands": 690, "corrected": 31, "unsaid": 29},
    "Q016": {"reserved": 186, "as it stands": 25, "corrected": 49, "unsaid": 31},
    "Q022": {"as it stands": 21, "corrected": 29, "unsaid": 12},
    "Q023": {"reserved": 2, "as it stands": 15, "corrected": 90, "unsaid": 157},
}
#: Rows in force whose condition or allowed values do not parse even with the corrections: prose, sums, other tables.
PROSE = {
    "Q015": "006F.00.0110 .0370 .1040 .1050 .1060 .1070 .1080 .1090 .1350",
    "Q016": "",
    "Q022": "002F.36.0005 .0006 .0007 003F.16.0020 .0050 .0060 .0160 005F.16.0010 .0020",
    "Q023": """001K.25.0001 001K.53.0001 .0002 001K.59.0020 001K.85.0001 .0002 .0006 002F.01.0002 002K.06.3001 .3002 .3056
        002K.66.7001 .7002 .7003 .7004 002K.75.0001 .0004 .0005 003F.20.0051 003F.52.5010 003K.02.0001 .0003 .0004 .0005
        003K.24.0002 .0003 .0004 003K.25.0001 003K.36.0001 .0002 .0005 003K.41.0040 .0041 003K.48.0003 003K.50.0060 .0070 .0080
        .0081 .0082 003K.52.5020 003K.66.7001 003K.78.0004 .0008 .0010 .0012 .0016 .0018 003K.83.0021 005F.01.0001 005F.15.0002
        .0003 .0004 .0005 .0006 .0007 .0009 .0010 .0011 005F.48.0003""",
}


def ids(text: str) -> set[str]:
    """Ids of a list in which those of one category and region are shortened to their number."""
    found: list[str] = []
    for word in text.split():
        found.append(word if not word.startswith(".") else found[-1][:7] + word)
    return set(found)


@pytest.mark.parametrize("name", BOOKS)
def test_the_rows_in_force_of_the_official_books(name: str) -> None:
    rows = in_force(name)
    assert Counter(way(row) for row in rows) == COUNTS[name]
    assert {row.id for row in rows if row.errors() and not row.reserved} == ids(PROSE[name])
    for row in rows:
        if way(row) in ("as it stands", "corrected"):
            assert row.errors() == () and row.demands, row.id
        assert not {one.rule for one in row.problems} & {"Q.101", "Q.103", "Q.105"}, row.id


@pytest.mark.parametrize("name", BOOKS)
def test_rows_that_have_ended_are_read_as_well(name: str) -> None:
    """Registries of former periods are checked by the rows of their time."""
    for row in official_rows(name):
        assert row.reserved or row.errors() == () or (name, row.id) in unsaid(), row.id


@pytest.mark.parametrize("name", BOOKS)
def test_every_stated_reading_is_of_a_row_that_is_there(name: str) -> None:
    there = {row.id for row in official_rows(name)}
    assert {row for of, row in (*corrections(), *unsaid()) if of == name} <= there


@pytest.mark.parametrize("name", BOOKS)
def test_the_trees_of_the_official_books_read_back(name: str) -> None:
    for row in official_rows(name):
        if row.errors():
            continue
        for tree in (row.condition_tree, row.allowed_tree):
            assert tree is None or parse_condition(pretty(tree), row.target) == tree, row.id


def test_the_federal_book_needs_few_predicates() -> None:
    """At least 85 % of the rows in force are said by the book or by a stated correction; the aim is 92 %."""
    rows = in_force("Q015")
    assert len(rows) == 750
    assert sum(way(row) in ("as it stands", "corrected") for row in rows) / len(rows) > 0.96


def test_rows_of_presence_know_what_they_want() -> None:
    wanted = Counter(row.presence for row in in_force("Q015") if row.category == "003F")
    assert wanted == {"present": 240, "absent": 74}
    assert {row.presence for row in in_force("Q015") if row.category not in ("003F", "006F")} == {None}
    assert [row.id for row in in_force("Q015") if row.category == "006F" and row.presence] == ["006F.00.0390"]


def test_a_new_edition_outdates_the_corrections_of_rows_that_it_changes() -> None:
    loaded = load_book(PACKAGES / "Q015.xml") if PACKAGES.is_dir() else pytest.skip("../shared is not here: no check books")
    assert loaded.book is not None
    later = loaded.book.rows.with_columns(
        val_el=pl.when(pl.col("code") == "006F.00.0450").then(pl.lit("CODE_MES2<>CODE_MES1")).otherwise("val_el")
    )
    rows = {row.id: row for row in check_rows(replace(loaded.book, rows=later))}
    assert [one.rule for one in rows["006F.00.0450"].problems] == ["Q.105"]
    assert pretty(rows["006F.00.0450"].allowed_tree or pytest.fail("nothing is allowed")) == "CODE_MES2 <> CODE_MES1"
    assert sum(row.corrected for row in rows.values()) == sum(of == "Q015" for of, _ in corrections()) - 1
