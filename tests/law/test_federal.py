"""Is the agreement held against V023 and V024 day by day, and is what differs named with file, line, days and both figures?"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.findings import with_text
from omsclaims.law.agreement import Agreement, load_agreement
from omsclaims.law.agreement.federal import Criteria, against_criteria, against_groups, federal_group, weights_on
from omsclaims.nsi import Book
from omsclaims.nsi.loader import load_book

ROOT = Path(__file__).resolve().parents[2]
CODES = ROOT.parent / "shared" / "nsi" / "codes"
YEAR = (date(2022, 1, 1), date(2022, 12, 31))
Row = tuple[str, str, str, str, str]
#: The small agreement's groups as a federal book would have them: code, conditions, weight, first and last day.
WHOLE: tuple[Row, ...] = (
    ("st02.001", "1", "0.93", "2022-01-01", ""), ("st12.012", "1", "1.85", "2022-01-01", ""),
    ("st14.001", "1", "0.84", "2022-01-01", ""), ("st29.002", "1", "1.37", "2022-01-01", "2022-03-31"),
)  # fmt: skip


def v023(*rows: Row) -> pl.DataFrame:
    """Rows of V023, loaded from a file of that form."""
    lines = [f"{usl_ok},{code},Группа,{weight},{begin},{end}" for code, usl_ok, weight, begin, end in rows]
    text = "IDUMP,K_KSG,N_KSG,KOEF_Z,DATEBEG,DATEEND\n" + "\n".join(lines) + "\n"
    loaded = load_book(text.encode(), "V023.csv")
    assert loaded.book is not None and not loaded.findings.height, loaded.findings
    return loaded.book.rows


@pytest.fixture(scope="module")
def small() -> Agreement:
    return load_agreement(ROOT / "fixtures" / "agreements" / "small")


def told(found: pl.DataFrame) -> list[tuple[object, ...]]:
    """rule, file, line, value, days, in order."""
    rows = []
    for row in found.iter_rows(named=True):
        params = json.loads(row["params"])
        rows.append((row["rule"], row["file"], row["line"], row["value"], params["begin"], params["end"]))
    return sorted(rows, key=str)


def inpatient(found: pl.DataFrame) -> pl.DataFrame:
    """What is said of inpatient groups."""
    return found.filter(pl.col("params").str.contains("ksg_inpatient"))


def rows_of(agreement: Agreement, setting: str = "ksg_inpatient") -> list[dict[str, object]]:
    return agreement.table("ksg").filter(pl.col("setting") == setting).to_dicts()


def book_of(agreement: Agreement) -> list[Row]:
    """A book that agrees with every row of the agreement."""
    usl_ok = {"ksg_inpatient": "1", "ksg_day": "2"}
    return [
        (row["code"], usl_ok[row["setting"]], f"{row['weight5'] / 100_000:.5f}", str(row["valid_from"]), str(row["valid_to"]))
        for row in agreement.table("ksg").iter_rows(named=True)
    ]


def without(rows: list[Row], code: str) -> list[Row]:
    return [row for row in rows if row[0] != code]


# ---- a small made-up book ----------------------------------------------------------------------------------------------------


def test_a_book_that_agrees_says_nothing(small: Agreement) -> None:
    assert against_groups(small, v023(*book_of(small)), YEAR).is_empty()


def test_a_group_that_v023_lacks_is_named_with_line_and_days(small: Agreement) -> None:
    book = [*without(book_of(small), "st02.001"), ("st02.001", "1", "0.93", "2022-03-01", "2022-10-31")]
    source = next(row["source"] for row in rows_of(small) if row["code"] == "st02.001")
    line = int(str(source).split(":")[1])
    assert told(against_groups(small, v023(*book), YEAR)) == [
        ("A.3", "ksg.csv", line, "st02.001", "2022-01-01", "2022-02-28"),
        ("A.3", "ksg.csv", line, "st02.001", "2022-11-01", "2022-12-31"),
    ]


def test_the_other_setting_is_no_proof(small: Agreement) -> None:
    """The same code among day hospitals is another group."""
    book = [(code, "2" if code == "st02.001" else usl_ok, *rest) for code, usl_ok, *rest in book_of(small)]
    found = against_groups(small, v023(*book), YEAR)
    assert ("A.3", "st02.001") in {(row[0], row[3]) for row in told(inpatient(found))}


def test_another_weight_is_told_with_both_figures(small: Agreement) -> None:
    """From the first of July the book has another weight."""
    book = [
        *without(book_of(small), "st02.001"), ("st02.001", "1", "0.93", "2022-01-01", "2022-06-30"),
        ("st02.001", "1", "0.95", "2022-07-01", ""),
    ]  # fmt: skip
    found = against_groups(small, v023(*book), YEAR)
    assert [(row[0], *row[3:]) for row in told(found)] == [("A.4", "st02.001", "2022-07-01", "2022-12-31")]
    for lang, words in (("ru", "в соглашении 0.93, в V023 0.95"), ("en", "the agreement has 0.93, V023 has 0.95")):
        assert words in with_text(found, lang)["text"][0]


def test_a_federal_group_that_the_agreement_lacks(small: Agreement) -> None:
    book = [*book_of(small), ("st77.001", "1", "4.5", "2022-05-01", "")]
    found = against_groups(small, v023(*book), YEAR)
    assert told(found) == [("A.5", "ksg.csv", None, "st77.001", "2022-05-01", "2022-12-31")]
    assert "4.5" in with_text(found, "en")["text"][0]


def test_subgroups_are_allowed_and_stand_for_their_group(small: Agreement) -> None:
    """st12.012 may be divided into st12.012.1 and so on, with weights of its own."""
    table = small.table("ksg")
    divided = table.with_columns(
        code=pl.when(pl.col("code") == "st12.012").then(pl.lit("st12.012.1")).otherwise("code"),
        weight5=pl.when(pl.col("code") == "st12.012").then(pl.lit(1)).otherwise("weight5").cast(pl.Int64),
    )
    assert against_groups(small.with_table("ksg", divided), v023(*book_of(small)), YEAR).is_empty()
    alone = small.with_table("ksg", divided)
    found = against_groups(alone, v023(*without(book_of(small), "st12.012")), YEAR)
    assert [(row[0], row[3]) for row in told(found)] == [("A.3", "st12.012.1")]


@pytest.mark.parametrize(
    ("code", "group"), [("st19.094", "st19.094"), ("st19.094.1", "st19.094"), ("st19.0941", None), ("st19", None), ("st19.094.1.2", None)]
)  # fmt: skip
def test_what_a_code_is_a_subgroup_of(code: str, group: str | None) -> None:
    assert federal_group(code, ["st19.094", "st27.001"]) == group


def test_days_after_the_newest_year_of_the_book_are_not_compared(small: Agreement) -> None:
    """Rows of 2021 are open, but the book of 2022 is another one."""
    book = [(code, usl_ok, "9.99", "2021-01-01", "") for code, usl_ok, *_ in book_of(small)]
    found = against_groups(small, v023(*book), YEAR)
    assert {(row[0], row[4], row[5]) for row in told(found)} == {("A.6", "2022-01-01", "2022-12-31")}
    assert set(against_groups(small, v023(*book), YEAR)["file"]) == {"ksg.csv"}
    # Published in 2022 it does speak of that year.
    assert set(against_groups(small, v023(*book), YEAR, date(2022, 1, 14))["rule"]) >= {"A.4"}


def test_days_before_the_first_row_are_not_compared(small: Agreement) -> None:
    book = [(code, usl_ok, weight, max(begin, "2022-02-01"), end) for code, usl_ok, weight, begin, end in book_of(small)]
    found = against_groups(small, v023(*book), YEAR)
    assert {(row[0], row[4], row[5]) for row in told(inpatient(found))} == {("A.6", "2022-01-01", "2022-01-31")}


def test_only_the_days_asked_for(small: Agreement) -> None:
    book = v023(*without(book_of(small), "st02.001"))
    february = against_groups(small, book, (date(2022, 2, 1), date(2022, 2, 28)))
    assert [row[3:] for row in told(february)] == [("st02.001", "2022-02-01", "2022-02-28")]
    assert against_groups(small, book, (date(2023, 1, 1), date(2023, 1, 31))).is_empty()


def test_of_rows_that_meet_the_later_one_holds() -> None:
    """As the rows of 2017 stand beside those of 2018; two rows of one day are both right."""
    book = v023(
        ("1", "1", "0.5", "2017-01-01", "2018-12-31"), ("1", "1", "0.6", "2018-01-01", "2018-12-31"),
        ("2", "1", "0.7", "2018-01-01", "2018-12-31"), ("2", "1", "0.8", "2018-01-01", "2018-12-31"),
    )  # fmt: skip
    assert weights_on(book, "ksg_inpatient", date(2017, 12, 31)) == {"1": (50_000,)}
    assert weights_on(book, "ksg_inpatient", date(2018, 1, 1)) == {"1": (60_000,), "2": (70_000, 80_000)}
    assert weights_on(book, "ksg_inpatient", date(2019, 1, 1)) == weights_on(book, "ksg_day", date(2018, 1, 1)) == {}


_DATES = [date(2022, month, day) for month in (1, 2, 7, 12) for day in (1, 15, 28)] + [date(2022, 12, 31)]


@st.composite
def some_book(draw: st.DrawFn) -> list[Row]:
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        begin, end = sorted(draw(st.lists(st.sampled_from(_DATES), min_size=2, max_size=2)))
        code = draw(st.sampled_from(["st02.001", "st12.012", "st29.002", "st77.001"]))
        rows.append(
            (code, "1", draw(st.sampled_from(["0.93", "1.85", "1.5"])), str(begin), draw(st.sampled_from([str(end), ""])))
        )
    return rows


def _days(begin: date, end: date) -> Iterator[date]:
    while begin <= end:
        yield begin
        begin += timedelta(days=1)


@settings(max_examples=25, deadline=None)
@given(rows=some_book())
def test_spans_are_what_each_day_says(small: Agreement, rows: list[Row]) -> None:
    """Against a plain walk over every day of the year."""
    expected: set[tuple[str, str, str, date]] = set()
    first = min(date.fromisoformat(begin) for *_, begin, _ in rows)
    own = rows_of(small)
    for day in _days(*YEAR):
        if day < first:
            expected.add(("A.6", "V023", "", day))
            continue
        here = [row for row in rows if date.fromisoformat(row[3]) <= day and (not row[4] or day <= date.fromisoformat(row[4]))]
        newest = {code: max(row[3] for row in here if row[0] == code) for code, *_ in here}
        weights = {code: {float(row[2]) for row in here if row[0] == code and row[3] == begin} for code, begin in newest.items()}
        held = [row for row in own if row["valid_from"] <= day <= row["valid_to"]]  # type: ignore[operator]
        for row in held:
            code, weight = str(row["code"]), int(str(row["weight5"])) / 100_000
            if code not in weights:
                expected.add(("A.3", code, str(row["source"]), day))
            elif weight not in weights[code]:
                expected.add(("A.4", code, str(row["source"]), day))
        expected |= {("A.5", code, "", day) for code in weights.keys() - {row["code"] for row in held}}
    found = set()
    for rule, file, line, value, begin, end in told(inpatient(against_groups(small, v023(*rows), YEAR))):
        place = f"{file}:{line}" if line else ""
        found |= {(rule, value, place, day) for day in _days(date.fromisoformat(str(begin)), date.fromisoformat(str(end)))}
    assert found == expected


# ---- written cases ---------------------------------------------------------------------------------------------------------------

CASES: Final = yaml.safe_load((ROOT / "fixtures" / "law" / "federal.yaml").read_text(encoding="utf-8"))
_FIRST, _LAST = date(2024, 1, 1), date(2024, 12, 31)


def written(small: Agreement, rows: list[list[Any]]) -> Agreement:
    """The small agreement for 2024 with the groups of a written case."""
    like = small.table("ksg").row(0, named=True)
    made = []
    for line, (code, weight, *days) in enumerate(rows, 2):
        begin, end = days or (_FIRST, _LAST)
        units = int(Decimal(str(weight)).scaleb(5))
        own = {"code": code, "weight5": units, "valid_from": begin, "valid_to": end, "source": f"ksg.csv:{line}"}
        made.append({**like, "setting": "ksg_inpatient", **own})
    head = small.head.model_copy(update={"year": 2024, "valid_from": _FIRST, "valid_to": _LAST})
    table = pl.DataFrame(made, schema=small.table("ksg").schema)
    return replace(small, head=head).with_table("ksg", table)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_written_case(case: dict[str, Any], small: Agreement) -> None:
    rows = [(code, "1", str(weight), str(begin), str(*end)) for code, weight, begin, *end in case["v023"]]
    first, last = case.get("days", [_FIRST, _LAST])
    found = against_groups(written(small, case["agreement"]), v023(*rows), (first, last))
    told_of = [
        [row["rule"], row["value"], params["begin"], params["end"], *([params["weight"], params["federal"]] if row["rule"] == "A.4" else [])]
        for row in found.iter_rows(named=True)
        for params in [json.loads(row["params"])]
    ]  # fmt: skip
    assert told_of == [[str(one) for one in expected] for expected in case["found"]]


def test_the_written_cases_name_every_rule() -> None:
    assert {expected[0] for case in CASES for expected in case["found"]} == {"A.3", "A.4", "A.5", "A.6"}
    assert sum(not case["found"] for case in CASES) >= 5


# ---- criteria ----------------------------------------------------------------------------------------------------------------


def test_a_criterion_that_v024_lacks_is_a_remark() -> None:
    text = "IDDKK,DKKNAME,DATEBEG,DATEEND\nsh0001,Схема,20220101,\nsh0002,Схема,20220101,20220331\n"
    book = load_book(text.encode(), "V024.csv").book
    assert book is not None
    rows = pl.DataFrame(
        {"number": ["1", "2", "3", "4", "5"], "criterion": ["sh0001", "sh0002", "sh0002", "sh0009", None]},
        schema={"number": pl.String, "criterion": pl.String},
    )
    found = against_criteria([Criteria("KSG.ST.GROUPER", *YEAR, rows)], book.rows, (date(2021, 1, 1), date(2023, 1, 1)))
    assert [(row[0], *row[3:]) for row in told(found)] == [
        ("A.7", "sh0002", "2022-04-01", "2022-12-31"), ("A.7", "sh0009", "2022-01-01", "2022-12-31"),
    ]  # fmt: skip
    params = {row["value"]: json.loads(row["params"]) for row in found.to_dicts()}
    assert (params["sh0002"]["number"], params["sh0002"]["rows"]) == (2, 2)
    assert set(found["file"]) == {"KSG.ST.GROUPER"}
    assert "строк 2, первая № 2" in with_text(found, "ru")["text"][0]


# ---- the official books ------------------------------------------------------------------------------------------------------


def official(name: str) -> Book:
    path = CODES / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"../shared is not here: no {name}")
    loaded = load_book(path)
    assert loaded.book is not None and not loaded.findings.height
    return loaded.book


def plainly(name: str) -> list[dict[str, str]]:
    with (CODES / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_whole_of_both_books_loads() -> None:
    for name, key in (("V023", "K_KSG"), ("V024", "IDDKK")):
        book = official(name)
        rows = plainly(name)
        assert book.rows.height == len(rows) > 2_000
        codes, begins = sorted(row[key] for row in rows), sorted(row["DATEBEG"] for row in rows)
        assert sorted(book.rows["code"]) == codes
        assert sorted(f"{day:%Y%m%d}" for day in book.rows["valid_from"]) == begins


#: A group, conditions of care (V006), a day, and KOEF_Z of the row of that year in the file: read there by hand.
WORKED = (
    ("100", "1", date(2017, 12, 31), "5.82"),
    ("100", "1", date(2018, 1, 1), "1.54"),  # the number went to another disease; the row of 2017 ends with 2018, too
    ("st19.004", "1", date(2019, 12, 31), "2.45"),
    ("st19.004", "1", date(2020, 1, 1), "3.05"),
    ("st15.008", "1", date(2020, 12, 31), "1.61"),
    ("st15.008", "1", date(2021, 1, 1), "1.43"),
    ("st17.002", "1", date(2021, 12, 31), "15.63"),
    ("st02.001", "1", date(2022, 1, 1), "0.93"),
    ("ds19.034", "2", date(2020, 12, 31), "7.77"),
    ("ds19.033", "2", date(2022, 3, 15), "2.44"),
)


@pytest.mark.parametrize(("code", "usl_ok", "day", "figure"), WORKED)
def test_the_weight_of_a_year_and_code(code: str, usl_ok: str, day: date, figure: str) -> None:
    book = official("V023")
    asked = f"{day:%Y%m%d}"
    here = [
        row for row in plainly("V023")
        if (row["K_KSG"], row["IDUMP"]) == (code, usl_ok) and row["DATEBEG"] <= asked and (row["DATEEND"] or "9") >= asked
    ]  # fmt: skip
    newest = max(row["DATEBEG"] for row in here)
    weights = {row["KOEF_Z"] for row in here if row["DATEBEG"] == newest}
    assert weights == {figure}
    setting = "ksg_inpatient" if usl_ok == "1" else "ksg_day"
    found = weights_on(book.rows, setting, day)[code]
    assert found == (round(float(figure) * 100_000),)


@pytest.mark.parametrize(
    ("code", "day"), [("ds19.034", date(2021, 1, 1)), ("ds19.037", date(2022, 1, 1)), ("1", date(2019, 1, 1))]
)
def test_a_group_of_another_year_is_not_there(code: str, day: date) -> None:
    book = official("V023")
    assert code not in {**weights_on(book.rows, "ksg_inpatient", day), **weights_on(book.rows, "ksg_day", day)}


@pytest.mark.parametrize("year", range(2017, 2023))
def test_groups_of_each_year_are_counted_as_in_the_file(year: int) -> None:
    book, day = official("V023"), f"{year}0601"
    for usl_ok, setting in (("1", "ksg_inpatient"), ("2", "ksg_day")):
        rows = [
            row["K_KSG"] for row in plainly("V023")
            if row["IDUMP"] == usl_ok and row["DATEBEG"] <= day and (row["DATEEND"] or "9") >= day
        ]  # fmt: skip
        assert set(weights_on(book.rows, setting, date(year, 6, 1))) == set(rows)
