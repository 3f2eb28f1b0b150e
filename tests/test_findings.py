"""Do findings keep their place, their order and their silence about persons?"""

from __future__ import annotations

import polars as pl
import pytest

from omsclaims import findings
from omsclaims.findings import Finding


def test_a_finding_becomes_a_row_and_a_sentence() -> None:
    finding = Finding("W.2", package="HM750901T75_220301", params={"month": "2022-03"})
    table = findings.frame([finding])
    assert table.columns == list(findings.SCHEMA)
    assert table["params"].to_list() == ['{"month":"2022-03"}']
    assert finding.text("en") == "The reporting month 2022-03 is closed; the package is not taken."
    assert findings.with_text(table, "ru")["text"].to_list() == ["Отчётный месяц 2022-03 закрыт, пакет не принят."]


def test_lists_are_put_in_one_order() -> None:
    one = findings.frame([Finding("W.1", package="B"), Finding("W.1", package="A", n_zap=2)])
    two = findings.frame([Finding("W.1", package="A", n_zap=1)])
    there, back = findings.concat([one, two]), findings.concat([two, one])
    assert there.equals(back)
    assert there.select("package", "n_zap").rows() == [("A", 1), ("A", 2), ("B", None)]
    assert findings.concat([]).height == 0


def test_columns_are_made_to_fit_and_foreign_ones_refused() -> None:
    made = findings.conform(pl.DataFrame({"rule": ["x"], "n_zap": pl.Series([1], dtype=pl.Int32)}))
    assert made.schema["n_zap"] == pl.Int64
    assert made["package"].to_list() == [None]
    with pytest.raises(ValueError, match="surname"):
        findings.conform(pl.DataFrame({"surname": ["x"]}))


@pytest.mark.parametrize(("value", "masked"), [(None, None), ("", "***"), ("ИИ", "***"), ("Иванов", "И***в")])
def test_personal_values_are_masked(value: str | None, masked: str | None) -> None:
    assert findings.mask(value) == masked
