"""Several groups of one stay: what each is paid, why, and what explain says (fixtures/tariffs/stays.yaml; law.md 8.5, 8.6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from omsclaims import findings, messages
from omsclaims.law.agreement import Agreement
from omsclaims.tariffs import explain, ksg, price, stays, whatif
from omsclaims.tariffs.grouper.rules import rules

from .tariff_cases import agreement, context, priced, stay, tables
from .test_explain import calculated
from .test_pricing import cases, kopecks, scaled


def small(more: list[str]) -> Agreement:
    """The agreement of the fixtures with groups that cost as st02.001 does."""
    of = agreement("small")
    groups = of.table("ksg")
    pattern = groups.filter(pl.col("code") == "st02.001")
    made = [pattern.with_columns(code=pl.lit(code), source=pl.lit(f"ksg.csv:{100 + at}")) for at, code in enumerate(more)]
    return of.with_table("ksg", pl.concat([groups, *made])) if made else of


def read() -> list[dict[str, Any]]:
    """All written stays."""
    return [case for param in cases("stays") for case in param.values]


def stay_of(case: dict[str, Any]) -> dict[str, Any]:
    """A written stay as a case of `tables`."""
    return {
        "kind": case.get("kind", "ksg_inpatient"), "lpu": "750001", "rslt": case.get("rslt", 101), "sl": scaled(case["sl"]),
    }  # fmt: skip


def named(part: str) -> dict[str, Any]:
    """The written stay whose name has these words."""
    found = [case for case in read() if part in case["name"]]
    assert len(found) == 1, part
    return stay_of(found[0])


@pytest.fixture(params=cases("stays"))
def written(request: pytest.FixtureRequest) -> dict[str, Any]:
    case: dict[str, Any] = request.param
    return case


def test_prices_as_an_economist_writes_them(written: dict[str, Any]) -> None:
    of = small(written.get("more", []))
    alone = stay("st02.001", 10)
    out = price(tables([stay_of(written), alone]), context(of))
    rows = out["priced_sl"].to_dicts()
    assert [finding["rule"] for finding in out["findings"].to_dicts()] == written.get("findings", [])
    expected = [None if text is None else kopecks(text) for text in written["prices"]]
    full = [None if text is None else kopecks(text) for text in written.get("full", written["prices"])]
    single = kopecks("24322.6 x 0.93 x (0.2 + 0.8 x 0.9)")
    assert [row["price_kop"] for row in rows] == [*expected, single]
    assert [row["full_price_kop"] for row in rows] == [*full, single]
    assert [row["beside"] for row in rows] == [*written["beside"], "only"]
    assert [row["interrupted"] for row in rows] == [*written["interrupted"], None]
    if "formulas" in written:
        assert [row["formula"] for row in rows] == [*written["formulas"], "ksg_add"]
    total = None if None in expected else sum(one for one in expected if one is not None)
    assert out["priced"]["price_kop"].to_list() == [total, single]
    dearest = [row["group"] for row in rows if row["beside"] == "dearest"]
    beside = [None if row["beside"] in ("only", "dearest", "unknown") else dearest[0] for row in rows]
    assert [row["beside_group"] for row in rows] == beside


def test_sources_name_the_rule_that_decided(written: dict[str, Any]) -> None:
    rows, _ = priced(small(written.get("more", [])), stay_of(written))
    for row in rows:
        parts = row["sources"].split(";")
        named = [part for part in parts if part.startswith("grouper:")]
        if row["beside"] == "dearest":
            # A transfer that interrupts the dearest is a source of the dearest, too.
            assert named == (["grouper:other_class@2022-01-01"] if row is rows[0] and "other_class" in written["beside"] else [])
        else:
            of_reason = {"none": ["grouper:beside"], "unknown": []}
            assert named == of_reason.get(row["beside"], [f"grouper:{row['beside']}@2022-01-01"])
        assert len(set(parts)) == len(parts), parts


def test_explain_says_why(written: dict[str, Any]) -> None:
    of = small(written.get("more", []))
    for row in priced(of, stay_of(written))[0]:
        english, russian = explain(row, "en", of), explain(row, "ru", of)
        assert len(english) == len(russian)
        text = "\n".join(english)
        if row["beside"] == "none":
            assert f"not paid beside {row['beside_group']}, the dearest group of the stay" in text
            assert all(f"no: {messages.text(f'grouper.rule.{name}', 'en')}" in text for name in rules().beside)
            assert english[1].startswith("formula: 0: the group is not paid beside a dearer one")
            assert "list of groups paid beside another, grouper:beside" in text
            # What it would have cost stands there with its numbers; of dialysis, what is paid.
            assert calculated(english)
        elif row["beside"] == "unknown":
            assert "nobody can say which of its groups are paid" in text and "no price" in text
        elif row["beside"] == "dearest":
            assert "the dearest group of the stay: it is paid" in text
        else:
            assert f"paid beside {row['beside_group']}, the dearest group of the stay: " in text
            unconfirmed = rules().beside[row["beside"]].sure == "unconfirmed"
            of_list = next(line for line in english if f"grouper:{row['beside']}@" in line)
            assert of_list.endswith(messages.text("law.unconfirmed_mark", "en")) == unconfirmed


def test_a_row_of_a_month_closed_before_says_nothing_of_its_stay() -> None:
    row = priced(agreement("small"), stay("st02.001", 10))[0][0]
    before = {name: value for name, value in row.items() if name not in ("beside", "beside_group")}
    assert explain(before, "ru") == explain(row, "ru")


def test_only_stays_with_several_groups_are_priced_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[int]] = []
    whole = stays.price_ksg

    def counted(sl: pl.DataFrame, *rest: Any) -> ksg.Part:
        asked.append(sl["sl_key"].to_list())
        return whole(sl, *rest)

    monkeypatch.setattr(stays, "price_ksg", counted)
    monkeypatch.setattr(stays, "paid_groups", lambda *_: pytest.fail("asked for a stay with one group"))
    priced(agreement("small"), stay("st02.001", 10), stay("st12.012", 2), {"kind": "visit", "lpu": "750001", "sl": [{}, {}]})
    assert asked == []
    monkeypatch.undo()
    monkeypatch.setattr(stays, "price_ksg", counted)
    same, moved = named("the cheaper is not paid"), named("interrupted by the transfer")
    priced(agreement("small"), stay("st02.001", 10), same, moved)
    assert asked == [[31]]


def test_order_of_rows_and_other_cases_do_not_show() -> None:
    every = [stay_of(case) for case in read() if not case.get("more")]
    month = tables([*every, stay("st02.001", 10)])
    of = context(agreement("small"))
    there = price(month, of)
    back = price({name: table.reverse() for name, table in month.items()}, of)
    for name in ("priced_sl", "priced"):
        assert_frame_equal(there[name], back[name])
    for number, one in enumerate(every, 1):
        alone = price(tables([one]), of)["priced_sl"].drop("sl_key", "case_key")
        part = there["priced_sl"].filter(pl.col("case_key") == number).drop("sl_key", "case_key")
        assert_frame_equal(part, alone)


def test_no_share_for_a_transfer_is_a_finding_and_not_a_price() -> None:
    of = agreement("small")
    shares = of.table("interrupted").with_columns(
        reason_from=pl.when(pl.col("reason_from") == 1).then(3).otherwise("reason_from").cast(pl.Int64)
    )
    moved = named("interrupted by the transfer")
    rows, found = priced(of.with_table("interrupted", shares), moved)
    assert [(one["rule"], one["value"], one["sl_id"]) for one in found] == [("P.1", "2/10", "1")]
    assert [row["price_kop"] is None for row in rows] == [True, False]
    assert [row["beside"] for row in rows] == ["other_class", "dearest"]


def test_each_step_is_rounded_of_an_interrupted_and_of_an_unpaid_group() -> None:
    of = agreement("small")
    rounding = of.table("rounding").with_columns(mode=pl.lit("each_step"), step_kop=pl.lit(100, dtype=pl.Int64))
    stepped = of.with_table("rounding", rounding)
    for name, formulas in (("interrupted by the transfer", ["ksg_add_group_steps", "ksg_add_steps"]), ("the cheaper is not paid", ["ksg_add_steps_unpaid", "ksg_add_steps"])):  # fmt: skip
        rows, found = priced(stepped, named(name))
        assert found == [] and [row["formula"] for row in rows] == formulas
        assert all(row["price_kop"] % 100 == 0 for row in rows)
        for row in rows:
            assert calculated(explain(row, "en", stepped))


# ---------------------------------------------------------------- what-if


def _repriced(of: Agreement, other: Agreement, *of_cases: dict[str, Any]) -> tuple[whatif.Repriced, pl.DataFrame]:
    """The stay priced again under another agreement, and by a full run."""
    month, was = tables(of_cases), context(of)
    made = price(month, was)
    found = whatif.reprice({**month, "priced_sl": made["priced_sl"], "priced": made["priced"]}, was, other, was.law)
    full = price(month, replace(was, agreement=other))
    assert_frame_equal(found.priced_sl, full["priced_sl"])
    assert_frame_equal(found.priced, full["priced"])
    return found, full["priced_sl"]


def test_another_group_may_become_the_dearest() -> None:
    """Only the row of the cheaper group changes; the price of the other one of the stay changes with it, and no other stay."""
    of = agreement("small")
    dearer = of.with_table(
        "ksg", of.table("ksg").with_columns(weight5=pl.when(pl.col("code") == "st14.001").then(900_000).otherwise("weight5"))
    )
    days = {"date_1": date(2022, 3, 1), "date_2": date(2022, 3, 8)}
    two = {
        "kind": "ksg_inpatient", "lpu": "750001", "rslt": 101,
        "sl": [{"n_ksg": "st12.012", "ds1": "K29.3", **days}, {"n_ksg": "st14.001", "ds1": "K80.1", **days}],
    }  # fmt: skip
    found, full = _repriced(of, dearer, two, stay("st12.012", 10))
    assert found.before["beside"].to_list() == ["dearest", "none"] and full["beside"].to_list() == ["none", "dearest", "only"]
    assert found.rows == 2


def test_a_share_that_only_compared_the_groups_is_a_source() -> None:
    """Three days before a transfer: the share of a short stay decides which group is the dearest, and no price has it."""
    of = agreement("small")
    shares = of.table("interrupted").with_columns(share5=pl.when(pl.col("reason_from") == 8).then(100_000).otherwise("share5"))
    third = named("transferred on the third day")
    found, full = _repriced(of, of.with_table("interrupted", shares), third)
    assert found.before["beside"].to_list() == ["other_class", "dearest"]
    assert full["beside"].to_list() == ["dearest", "other_class"]


def test_findings_have_their_texts() -> None:
    unknown = named("leaves the whole stay")
    out = price(tables([unknown]), context(agreement("small")))
    for lang in messages.LANGUAGES:
        assert findings.with_text(out["findings"], lang)["text"].to_list()
