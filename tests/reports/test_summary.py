"""The summary at the end of a run: the figures, in both languages, and data that never become markup."""

from __future__ import annotations

import io

import polars as pl
import pytest
from rich.console import Console

from omsclaims import messages
from omsclaims.reports.summary import as_group, summary
from omsclaims.settlement import Identity
from omsclaims.settlement import identities as month_identities
from tests.reports import reports_data as data


def printed(lang: str, tables: dict[str, pl.DataFrame] | None = None, identities: list[Identity] | None = None) -> str:
    found = data.month() if tables is None else tables
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(as_group(found, month_identities(found) if identities is None else identities, lang))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_totals_and_refusals() -> None:
    text = printed("en")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "Packages 6" in lines
    assert "Billed 13 629,690.42" in lines
    assert "Refused 3 224,045.67" in lines
    assert any(line.startswith("C180 1.8.1") and line.endswith("1 210,000.00") for line in lines)
    assert any(line.startswith("38 R7538220001 5 270,700.21") for line in lines)
    assert text.count("✓") == 14
    assert "✗" not in text


@pytest.mark.parametrize("lang", messages.LANGUAGES)
def test_what_does_not_hold_is_marked(lang: str) -> None:
    assert "✗" in printed(lang, identities=[Identity("accepted_payments", 1, 2)])


def test_markup_in_data_stays_text() -> None:
    tables = data.month()
    tables["balances"] = data.frame(
        "balances", [{"account": "[red]x[/red]", "amount_kop": 5}, {"account": "z", "amount_kop": -5}]
    )
    assert "[red]x[/red]" in printed("ru", tables)


def test_many_accounts_are_added_up() -> None:
    tables = data.month()
    rows = [{"account": f"clinic:{n}/debt/{n}", "amount_kop": n} for n in range(60)]
    tables["balances"] = data.frame("balances", [*rows, *({"account": "clinic:1/debt/x", "amount_kop": 7} for _ in range(1))])
    text = printed("ru", tables)
    assert "clinic/debt " in text
    assert "clinic:1" not in text
    assert "17,77" in text  # 0 + 1 + ... + 59 and 7 kopecks


def test_nothing_at_hand() -> None:
    assert len(summary({}, [], "ru")) == 1
