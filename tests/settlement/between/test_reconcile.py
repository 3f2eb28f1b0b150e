"""The yearly act against cases worked by hand, from both sides; any two acts line by line."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from omsclaims import contract, findings
from omsclaims.law import federal_parameters
from omsclaims.settlement import act_states
from omsclaims.settlement.between import reconcile, terms

ROOT = Path(__file__).resolve().parents[3]
CASES = yaml.safe_load((ROOT / "fixtures" / "between" / "reconcile.yaml").read_text(encoding="utf-8"))["cases"]
DAY = date(2022, 11, 10)


def kop(roubles: float) -> int:
    return round(roubles * 100)


def books(case: dict[str, Any], side: str) -> pl.DataFrame:
    """The files of a case as one side holds them, folded into movements."""
    files: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    names = {}

    def add(name: str, kind: str, about: str | None, on: date, nschet: str, rows: list[tuple[int, int, int, int]]) -> None:
        out = (kind in "RDC") == (side == "place")
        files.append(
            {"file_name": name, "kind": kind, "side": side, "direction": "out" if out else "in", "sender": "75" if kind in "RDC" else "38",
             "receiver": "38" if kind in "RDC" else "75", "nschet": nschet, "dschet": on if kind == "R" else None, "data": on, "about": about,
             "presented_kop": sum(row[2] for row in rows) if kind in "RD" else 0, "items": len(rows), "state": "taken", "seq": len(files) + 1}
        )  # fmt: skip
        items.extend(
            {
                "file_name": name,
                "n_zap": n,
                "idcase": n,
                "sumv_kop": sumv,
                "own_sank_kop": 0,
                "sump_kop": sump,
                "sank_it_kop": sank,
            }
            for n, sumv, sump, sank in rows
        )

    for number, (nschet, on, amount) in enumerate(case["bills"], 1):
        bill = names[nschet] = f"R753822{number:04d}"
        lost = [one for one in case.get("refused", []) if one[0] == nschet]
        taken = sum(kop(one[2]) for one in lost)
        parts = [(n, kop(one[2]), kop(one[2]), 0) for n, one in enumerate(lost, 1)]
        add(bill, "R", None, on, nschet, [*parts, (len(lost) + 1, kop(amount) - taken, kop(amount) - taken, 0)])
        if lost:
            add(f"A{bill[1:]}", "A", bill, on, nschet, [(n, v, 0, v) for n, v, *_ in parts])
        for n, (_, day, part, by) in enumerate(lost, 1):
            name, amount_kop = f"{bill[1:]}{n}", kop(part)
            if by == "C":
                add(f"C{name}", "C", bill, day, nschet, [(n, amount_kop, 0, amount_kop)])
                continue
            left = 0 if by == "D" else amount_kop
            add(f"D{name}", "D", bill, day, f"{nschet}-D{n}", [(n, amount_kop, left, amount_kop - left)])
            if by == "A":
                add(f"A{name}", "A", f"D{name}", day, f"{nschet}-D{n}", [(n, amount_kop, 0, amount_kop)])
    full = [contract.TABLES[name].schema() for name in ("between_files", "between_items")]
    tables = [pl.DataFrame([{c: row.get(c) for c in schema} for row in rows], schema=schema)
              for schema, rows in zip(full, (files, items), strict=True)]  # fmt: skip
    paid = [(names.get(document.split("/")[0], document.split("/")[0]) + "/" + document.partition("/")[2], on, kop(amount))
            for document, on, amount in case.get("refunds", [])]  # fmt: skip
    payments = pl.DataFrame(paid, schema=reconcile.PAYMENTS, orient="row")
    opening, opened = case.get("opening", (0, None))
    return reconcile.moves(*tables, payments, side, "38" if side == "place" else "75", kop(opening), opened)


@pytest.mark.parametrize("side", ["place", "home"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_act_of_a_year(case: dict[str, Any], side: str) -> None:
    rows = reconcile.act_149(books(case, side), *case["period"])
    expected = [(row[0], *map(kop, row[1:])) for row in case["act"]]
    assert rows.drop("dschet").rows() == expected
    assert list(act_states.sums(rows, "149").values()) == [kop(amount) for amount in case["total"]]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_both_funds_draw_up_the_same_act(case: dict[str, Any]) -> None:
    days = terms.reconciliation(2022, federal_parameters())
    ours = reconcile.yearly(books(case, "place"), "75", "38", "place", days, DAY)
    theirs = reconcile.yearly(books(case, "home"), "38", "75", "home", days, date(2022, 12, 1))
    assert (ours.number, ours.party, ours.other) == ("SV7538220001", "fund:75", "territory:38")
    assert (theirs.number, theirs.party, theirs.other) == ("SV7538220001", "territory:75", "fund:38")
    compared = reconcile.compare(ours, theirs)
    assert compared.comparable and compared.disagreements.is_empty() and compared.findings.is_empty()


def pair() -> tuple[act_states.Act, act_states.Act]:
    days = terms.reconciliation(2022, federal_parameters())
    return (
        reconcile.yearly(books(CASES[0], "place"), "75", "38", "place", days, DAY),
        reconcile.yearly(books(CASES[0], "home"), "38", "75", "home", days, DAY),
    )


def test_an_act_that_disagrees_is_told_line_by_line() -> None:
    ours, theirs = pair()
    wrong = theirs.rows.with_columns(
        refunded_kop=pl.when(pl.col("nschet") == "38-2203-0001").then(pl.col("refunded_kop") - 1).otherwise("refunded_kop"),
        end_kop=pl.when(pl.col("nschet") == "38-2203-0001").then(pl.col("end_kop") + 1).otherwise("end_kop"),
    ).filter(pl.col("nschet") != "38-2108-0001")  # fmt: skip
    other = dataclasses.replace(theirs, rows=wrong, lines=act_states.sums(wrong, "149"))
    assert act_states.problems(other).is_empty()
    compared = reconcile.compare(ours, other)
    told = compared.disagreements.select("row", "line", "ours_kop", "theirs_kop", "why").rows()
    assert told == [
        ("38-2108-0001/2021-09-14", "start_kop", 700_00, 0, "missing_there"),
        ("38-2108-0001/2021-09-14", "refunded_kop", 700_00, 0, "missing_there"),
        ("38-2203-0001/2022-04-14", "refunded_kop", 600_00, 599_99, "amount"),
        ("38-2203-0001/2022-04-14", "end_kop", 250_00, 250_01, "amount"),
    ]
    assert compared.findings["rule"].to_list() == ["AK.8"] * 4
    for lang in ("ru", "en"):
        texts = findings.with_text(compared.findings, lang)["text"].to_list()
        assert any("38-2203-0001/2022-04-14" in text and "59999" in text for text in texts) and "{" not in "".join(texts)


def test_lines_of_a_monthly_act_are_compared() -> None:
    lines = dict.fromkeys(act_states.KINDS["132"].lines, 0) | {
        "start_kop": 5,
        "billed_kop": 10,
        "transferred_kop": 3,
        "end_kop": 12,
    }
    ours = act_states.Act("132", "132/2022-03/75901/750901", date(2022, 3, 1), date(2022, 3, 31), "insurer:75901", "clinic:750901",
                          DAY, lines, act_states.no_rows("132"))  # fmt: skip
    theirs = dataclasses.replace(
        ours, party="clinic:750901", other="insurer:75901", lines=lines | {"billed_kop": 11, "end_kop": 13}
    )
    told = reconcile.compare(ours, theirs).disagreements.select("row", "line", "ours_kop", "theirs_kop").rows()
    assert told == [(None, "billed_kop", 10, 11), (None, "end_kop", 12, 13)]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"first": date(2020, 10, 1), "last": date(2021, 9, 30)}, "AK.4"), ({"about": "A3875220001"}, "AK.4"),
        ({"other": "fund:39"}, "AK.7"), ({"party": "insurer:75901"}, "AK.7"), ({"kind": "176"}, "AK.7"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(change: dict[str, Any], rule: str) -> None:
    ours, theirs = pair()
    compared = reconcile.compare(ours, dataclasses.replace(theirs, **change))
    assert not compared.comparable and compared.disagreements.is_empty()
    assert compared.findings["rule"].to_list() == [rule]
    for lang in ("ru", "en"):
        assert "{" not in findings.with_text(compared.findings, lang)["text"][0]
    assert json.loads(compared.findings["params"][0])["act"] == ours.number


_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["b1", "b2", "b3"]), st.sampled_from(["presented", "refunded", "refused"]),
        st.dates(date(2020, 9, 1), date(2023, 1, 31)), st.integers(1, 10**12),
    ), max_size=30,
)  # fmt: skip


@given(_MOVES, _MOVES)
def test_years_follow_each_other_and_every_row_adds_up(first: list[Any], second: list[Any]) -> None:
    table = pl.DataFrame(
        [(bill, bill, date(2020, 9, 1), what, on, amount) for bill, what, on, amount in [*first, *second]],
        schema=reconcile.MOVES,
        orient="row",
    )
    kind = act_states.KINDS["149"]
    before = reconcile.act_149(table, date(2020, 10, 1), date(2021, 9, 30))
    after = reconcile.act_149(table, date(2021, 10, 1), date(2022, 9, 30))
    for rows in (before, after):
        column, parts = kind.equations[0]
        assert all(row[column] == sum(sign * row[name] for name, sign in parts.items()) for row in rows.to_dicts())
    assert int(before["end_kop"].sum()) == int(after["start_kop"].sum())
    ends = {row["nschet"]: row["end_kop"] for row in before.to_dicts() if row["end_kop"]}
    assert ends == {row["nschet"]: row["start_kop"] for row in after.to_dicts() if row["start_kop"]}
