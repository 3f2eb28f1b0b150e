"""Two territories through a quarter by their real files: do all books agree to the kopeck? (short form of `make federation`)"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omsclaims.synthetic.federation import Size
from tests.federation.table import Line, lines, show
from tests.federation.year import Year, simulate

SIZE = Size(territories=2, clinics=2, cases=14, months=2)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    return simulate(tmp_path_factory.mktemp("federation"), SIZE, 5, lambda _: None, own_books=1)


def test_all_books_agree(year: Year) -> None:
    found = lines(year)
    assert [line for line in found if line.off] == []
    kinds = {line.about for line in found}
    assert {
        "fund-fund refund",
        "bill accepted",
        "act 149 end",
        "act 121",
        "act 132",
        "ledger",
        "money in = out + balances",
    } <= kinds
    # Nothing is equal because nothing was there.
    assert all(
        sum(line.left_kop for line in found if line.about == kind) > 0
        for kind in ("bill presented", "act 149 presented", "act 149 signed copies")
    )
    assert "0 differ" in show(found).splitlines()[-1]


def test_everything_happened(year: Year) -> None:
    counts = {
        name: sum(fund.counts[name] for fund in year.funds.values()) for name in ("R sent", "A sent", "payments", "refunds came")
    }
    assert 1 < counts["R sent"] <= SIZE.territories * (SIZE.territories - 1) * SIZE.months  # nobody travels there in some month
    assert counts["A sent"] >= counts["R sent"] and counts["payments"] > 0 and counts["refunds came"] > 0
    for fund in year.funds.values():
        assert fund.counts["R sent"] + fund.counts["D sent"] > 0 and fund.counts["cases"] > 0
        assert sum(1 for _ in (fund.folder / "restricted").rglob("R*.oms")) > 0


def test_a_kopeck_is_noticed() -> None:
    line = Line("fund-fund refund", "38 to 75", 100, 100)
    assert not line.off
    assert replace(line, right_kop=99).off == 1 and "1 differ" in show([line, replace(line, right_kop=99)])


def test_files_went_through_folders(year: Year) -> None:
    sent = {path.name for fund in year.funds.values() for path in Path(fund.out).glob("*/*.oms")}
    assert {name[0] for name in sent} >= {"R", "A"}
    assert all(name[1:3] != name[3:5] for name in sent)
