"""Do the papers of expertise show what they must, as texts and exact amounts? (231n; law.md 10.)"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import polars as pl
import pytest

from omsclaims import messages
from omsclaims.registry.expertise_file import RAW, workbook_fields
from omsclaims.reports.expertise import (
    acts_xlsx,
    all_sanctions,
    decided,
    deductions_xlsx,
    sample_xlsx,
    share_text,
    standard_text,
)
from tests.settlement import settlement_samples as samples


def sheets(data: bytes) -> list[list[list[Any]]]:
    """Cells of every sheet."""
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [[[cell.value for cell in row] for row in page.iter_rows()] for page in book.worksheets]


def deduction(**changes: Any) -> dict[str, Any]:
    return {
        "month": "2022-02", "package": "P", "n_zap": 1, "idcase": 7, "case_key": 0, "payer": "75901", "mo": "750901", "by": "75901",
        "kind": "mee", "num_act": "=A-1", "date_act": date(2022, 3, 20), "s_tip": 50, "code": "2.10", "kod": 240, "origin": "act",
        "s_code": "x", "rt_kop": 100_001, "k_no5": 50_000, "rp4": 55_103_000, "k_sh5": 50_000, "non_payment_kop": 50_001,
        "full_fine_kop": 275_515, "state": "stands", "s_sum": 50_001, "fine_kop": 275_515, "change_kop": 50_001,
        "fine_change_kop": 275_515, **changes,
    }  # fmt: skip


@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_deductions_show_the_figures_that_made_the_money(lang: str) -> None:
    rows = samples.rows("deductions", deduction(), deduction(num_act="B", code=None, k_no5=None, k_sh5=None, rp4=None, state="clean",
                        s_sum=0, fine_kop=0, change_kop=-300, fine_change_kop=0, non_payment_kop=None, full_fine_kop=None))  # fmt: skip
    data = deductions_xlsx(rows, "2022-03", lang)
    assert data == deductions_xlsx(rows, "2022-03", lang)
    (page,) = sheets(data)
    act = next(row for row in page if "=A-1" in row)  # a text, never a formula
    assert {"0.5", "5510.30"} <= {cell for cell in act if isinstance(cell, str)}
    assert [cell for cell in act if isinstance(cell, float)] == [1000.01, 500.01, 2755.15, 500.01, 2755.15, 500.01, 2755.15]
    assert page[-1][-4:] == [500.01, 2755.15, 497.01, 2755.15]


def test_a_sample_and_its_strata() -> None:
    row = {
        "sample": "mee-2022-02-7-mo", "month": "2022-02", "kind": "mee", "seed": 7, "within": "mo", "list": "readmission",
        "usl_ok": 1, "inner": "750901", "place": 1, "payer": "75901", "mo": "750901", "package": "P", "n_zap": 1, "idcase": 7,
        "case_key": 0, "because": "P/6 +7", "s_tip": 52,
    }  # fmt: skip
    strata = {"sample": "mee-2022-02-7-mo", "usl_ok": 3, "inner": "750901", "cases": 400, "share6": 5_000, "drawn": 2}
    cases, shares = sheets(sample_xlsx(samples.rows("expertise_sample", row), samples.rows("expertise_strata", strata), "ru"))
    assert ["повторная госпитализация", "стационар", "750901", "75901", "P", 1, 7, "P/6 +7", 52] in cases
    assert ["амбулаторно", "750901", 400, "0.5000 %", 2] in shares


def test_a_template_holds_texts_only() -> None:
    rows = pl.DataFrame([dict.fromkeys(RAW) | {"row": 1, "mo": "075090", "idcase": 7, "code": "2.10"}], schema=RAW)
    data = acts_xlsx(rows, "en", free_rows=3)
    acts, how = sheets(data)
    assert acts[1] == [field.tag for field in workbook_fields()]
    filled = dict(zip(acts[1], acts[2], strict=True))
    assert (filled["CODE_MO"], filled["ID"], filled["OSN"]) == ("075090", "7", "2.10")
    assert len(acts) == 6 and how
    formats = {
        cell.number_format for row in openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].iter_rows(min_row=3) for cell in row
    }
    assert formats == {"@"}


@pytest.mark.parametrize(
    ("share", "text"), [(None, ""), (0, "0"), (100_000, "1"), (300_000, "3"), (50_000, "0.5"), (12_345, "0.12345")]
)
def test_shares_are_written_as_people_write_them(share: int | None, text: str) -> None:
    assert share_text(share) == text


def test_standards_keep_their_decimals() -> None:
    assert (standard_text(55_103_000), standard_text(55_103_050)) == ("5510.30", "5510.3050")


@pytest.mark.parametrize(
    ("sumv", "mek", "taken", "oplata", "expected"),
    [
        (1000, 0, [], 1, (1, 0, 1000)), (1000, 0, [0], 1, (1, 0, 1000)), (1000, 0, [300], 1, (3, 300, 700)),
        (1000, 0, [300, 700], 1, (2, 1000, 0)), (1000, 200, [300], 3, (3, 500, 500)), (1000, 1000, [0], 2, (2, 1000, 0)),
        (0, 0, [0], 1, (1, 0, 0)), (0, 0, [], 2, (2, 0, 0)),
    ],
)  # fmt: skip
def test_a_decision_with_what_expertise_took(
    sumv: int, mek: int, taken: list[int], oplata: int, expected: tuple[int, ...]
) -> None:
    decision = {"case_key": 0, "sumv_kop": sumv, "sank_it_kop": mek, "sump_kop": sumv - mek, "oplata": oplata}
    rows = samples.rows("deductions", *(deduction(s_sum=amount, s_code=str(n)) for n, amount in enumerate(taken)))
    made = decided(samples.rows("decisions", decision), rows)
    assert made.select("oplata", "sank_it_kop", "sump_kop").row(0) == expected


def test_an_act_that_found_nothing_has_no_sanction() -> None:
    own = samples.rows("sanctions", {"case_key": 0, "s_code": "m", "s_sum": 0, "s_tip": 1, "s_osn": 205})
    rows = samples.rows("deductions", deduction(), deduction(code=None, kod=None, s_code="y", s_sum=0))
    made = all_sanctions(own, rows)
    assert made.select("s_code", "s_tip", "s_osn", "s_ist").rows() == [("m", 1, 205, None), ("x", 50, 240, 1)]
