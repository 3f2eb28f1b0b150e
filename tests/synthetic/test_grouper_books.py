"""Do the territory's workbooks load, give each kind of treatment its group, and agree with the engine's grouper?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims.nsi import Books, loader
from omsclaims.synthetic import books as made_books
from omsclaims.synthetic import catalogue, deal, grouper_books
from omsclaims.synthetic.catalogue import Template
from omsclaims.synthetic.grouper_books import Seen
from omsclaims.tariffs.grouper import Grouper, candidates
from omsclaims.tariffs.grouper import cases as of_cases
from omsclaims.tariffs.grouper.grouping import group, groupers_of, prices_by_weight

_KINDS = {True: "ksg_inpatient", False: "ksg_day"}
_LONGEST = 14


@pytest.fixture(scope="module")
def groupers(tmp_path_factory: pytest.TempPathFactory) -> list[Grouper]:
    """The workbooks as a user loads them."""
    folder = tmp_path_factory.mktemp("books")
    made_books.write_books(folder)
    found = {}
    for path in sorted(folder.glob("KSG.*.csv")):
        loaded = loader.load_book(path)
        assert loaded.book is not None and not loaded.findings.height, path
        found[loaded.book.name] = loaded.book
    assert {book.holds_from for book in found.values()} == {date(2022, 1, 1)}
    return groupers_of(Books(found))


def _table(cases: list[Seen], days: list[date] | None = None) -> pl.DataFrame:
    """Cases as the engine's grouper takes them."""
    on = days or [date(2022, 3, 15)] * len(cases)
    rows = [
        (
            number, number, _KINDS[one.inpatient], day, None, one.ds1, sorted(one.ds2), sorted(one.ds3), sorted(one.services),
            sorted(one.criteria), one.fractions, one.sex, one.years, one.age_days, one.days, 101, True,
        )
        for number, (one, day) in enumerate(zip(cases, on, strict=True))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=of_cases.SCHEMA, orient="row")


def _treatments() -> Iterator[tuple[Template, str]]:
    """Every kind of treatment by groups with the kind of its clinics."""
    for kind, templates in (
        ("ksg_inpatient", (*catalogue.INPATIENT, catalogue.NEWBORN)), ("ksg_day", catalogue.DAY),
        ("onco", (*catalogue.ONCO_INPATIENT, *catalogue.ONCO_DAY)),
    ):  # fmt: skip
        yield from ((template, kind) for template in templates)


def _seen(template: Template, ds1: str, days: int, ds2: tuple[str, ...]) -> Seen:
    surgical = catalogue.KSG[template.code].surgical
    service = grouper_books.operation(template.profil) if surgical else f"B01.{template.profil:03d}.006"
    criteria = [catalogue.CRITERIA[template.code]] if template.code in catalogue.CRITERIA else []
    age = template.ages[0]
    return Seen(
        template.code.startswith("st"), ds1, ds2, ("R50.9",), (service,), criteria, template.sex or catalogue.MALE, age,
        5 if template is catalogue.NEWBORN else age * 366 + 40, days,
    )  # fmt: skip


def _fits(template: Template, days: int) -> bool:
    """Two groups of surgery of the same tumours differ by the days."""
    return {"st19.038": days <= 3, "st19.014": days >= 4}.get(template.code, True)


def test_what_is_billed_is_what_the_rows_give_in_every_clinic() -> None:
    asked = 0
    for template, kind in _treatments():
        assert template.code in {line.ksg for line in grouper_books.lines()}
        for ds1 in template.diagnoses:
            for days in filter(lambda days, one=template: _fits(one, days), range(1, _LONGEST + 1)):
                for ds2 in ((), ("E66.8", "I69.1")):
                    case = _seen(template, ds1, days, ds2)
                    for mo in catalogue.PROVIDERS[kind]:
                        for result in (1, 2, 5, 7):
                            rslt = result + (100 if case.inpatient else 200)
                            asked += 1
                            found = grouper_books.computed(case, lambda code: deal.ksg_price(code, mo, rslt, days))  # noqa: B023
                            assert found == template.code, (template, mo, days, rslt)
    assert asked > 50_000


def test_the_rows_load_and_hold_for_the_year(groupers: list[Grouper]) -> None:
    assert [(one.kind, one.holds_from, one.holds_to) for one in groupers] == [
        (kind, date(2022, 1, 1), date(2022, 12, 31)) for kind in _KINDS.values()
    ]
    for one in groupers:
        assert not one.problems
        begin = "st" if one.kind == "ksg_inpatient" else "ds"
        assert one.rows.height == sum(line.ksg.startswith(begin) for line in grouper_books.lines())
        assert set(one.groups) == {code for code in catalogue.KSG if code.startswith(begin)}
        weights = dict(one.table.select("group", "weight5").iter_rows())
        assert weights == {code: deal.units5(catalogue.KSG[code].weight) for code in one.groups}
        assert one.table["wage_share4"].null_count() == 0


def test_the_first_and_the_last_day_of_the_year_are_grouped(groupers: list[Grouper]) -> None:
    days = [date(2021, 12, 31), date(2022, 1, 1), date(2022, 12, 31), date(2023, 1, 1)]
    case = _seen(catalogue.INPATIENT[0], catalogue.INPATIENT[0].diagnoses[0], 5, ())
    found = group(_table([case] * 4, days), groupers, prices_by_weight(groupers))["grouped"]
    assert found["decided"].to_list() == ["outside", "only", "only", "outside"]
    assert found["ksg"].to_list() == [None, "st02.001", "st02.001", None]


def test_price_decides_and_no_rule_of_2026(groupers: list[Grouper]) -> None:
    birth, bladder = (next(one for one in catalogue.INPATIENT if one.code == code) for code in ("st02.003", "st32.001"))
    cases = [_seen(birth, "O80.0", 4, ()), _seen(bladder, "K80.1", 6, ())]
    found = group(_table(cases), groupers, prices_by_weight(groupers))
    assert found["grouped"]["ksg"].to_list() == ["st02.003", "st32.001"]
    assert found["grouped"]["candidates"].to_list() == [2, 2]
    assert found["grouped"]["rules"].to_list() == ["", ""]
    assert found["group_candidates"]["ksg"].to_list() == ["st02.001", "st02.003", "st27.003", "st32.001"]


_DIAGNOSES = sorted(
    {line.ds1 for line in grouper_books.lines() if len(line.ds1) > 2 and "-" not in line.ds1} | {"M99.9", "I60", "I69.9", "Z00.0"}
)
_SERVICES = sorted({line.service for line in grouper_books.lines() if line.service} | {"B01.001.006"})
_CRITERIA = ["stt1", "sh0052", "fr01-05", "fr06-07"]


@st.composite
def any_case(draw: st.DrawFn) -> Seen:
    """A case of anything that the rows ask about, with days and ages on their boundaries."""
    age_days = draw(st.sampled_from([0, 28, 29, 400, 6_500, 6_600, 20_000]))
    return Seen(
        draw(st.booleans()), draw(st.sampled_from(_DIAGNOSES)), draw(st.lists(st.sampled_from(["I69.1", "E66.8"]), unique=True)),
        [], draw(st.lists(st.sampled_from(_SERVICES), unique=True, max_size=2)),
        draw(st.lists(st.sampled_from(_CRITERIA), unique=True)), draw(st.sampled_from([1, 2])), age_days // 365, age_days,
        draw(st.sampled_from([1, 3, 4, 10, 11, 20, 21, 30, 31])), draw(st.sampled_from([None, 0, 1, 5, 6])),
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(cases=st.lists(any_case(), min_size=1, max_size=60))
def test_both_groupers_find_the_same_groups(groupers: list[Grouper], cases: list[Seen]) -> None:
    table = _table(cases)
    for grouper in groupers:
        mine = table.filter(pl.col("payment_kind") == grouper.kind)
        found = candidates(mine, grouper).select("sl_key", "ksg").rows()
        expected = [
            (number, ksg)
            for number, case in enumerate(cases)
            if _KINDS[case.inpatient] == grouper.kind
            for ksg in sorted(grouper_books.candidates(case))
        ]
        assert sorted(found) == expected


def test_a_birthday_ends_childhood(groupers: list[Grouper]) -> None:
    """st12.011 is for children: 17 years and 364 days, not the day of the eighteenth birthday."""
    admission = date(2022, 3, 1)
    for born, expected in ((date(2004, 3, 2), {"st12.011"}), (date(2004, 3, 1), set())):
        years = admission.year - born.year - ((admission.month, admission.day) < (born.month, born.day))
        case = Seen(True, "J06.9", (), (), (), (), 1, years, (admission - born) // timedelta(days=1), 4)
        assert grouper_books.candidates(case) == expected
        assert set(candidates(_table([case]), groupers[0])["ksg"]) == expected
