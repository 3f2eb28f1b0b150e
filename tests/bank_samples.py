"""A payer whose payments go through the bank: its workspace, and statements as banks write them. Shared by tests and kills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import contract, journal
from omsclaims.periods import Month
from omsclaims.workspace import Workspace

APRIL: Final = Month(2022, 4)
DAY, TODAY = date(2022, 4, 5), date(2022, 4, 20)
INSURER, CLINIC = "insurer:75901", "clinic:750901"
ACCOUNTS: Final = {INSURER: "1" * 20, CLINIC: "3" * 20}
#: The insurer has 1,000.00 in its payment reserve and owes the clinic 300.00 of March.
OPENING: Final = {
    f"{INSURER}/payment_reserve": 100_000, f"{INSURER}/entrusted/fund:75": -70_000, f"{INSURER}/care/{CLINIC}": -30_000,
    f"{CLINIC}/care/{INSURER}": 30_000, f"{CLINIC}/opening": -30_000, "fund:75/entrusted/insurer:75901": 70_000,
    "fund:75/opening": -70_000,
}  # fmt: skip


def register(name: str, *rows: tuple[object, ...]) -> pl.DataFrame:
    """A register of rows in the order of its columns."""
    return pl.DataFrame(rows, schema=contract.TABLES[name].schema(), orient="row")


def make_payer(folder: Path) -> Path:
    """A workspace whose payments are actual: the balances of OPENING, and the clinic applies for 120.00 in April."""
    Workspace.create(folder, "75", "fund", DAY, "tester", payments="actual")
    since = date(2022, 1, 1)
    registers: Mapping[str, list[tuple[object, ...]]] = {
        "reg_bank": [(party, party, None, None, account, None, None, None, since) for party, account in ACCOUNTS.items()],
        "reg_insurer": [("75901", "Первая", "76000", since, None)], "reg_clinic": [("750901", "Больница", since, None)],
        "reg_advance": [("2022-04", "75901", "750901", 12_000, False)],
    }  # fmt: skip
    with Workspace.writing(folder) as ws:
        for name, rows in registers.items():
            ws.store_register(name, register(name, *rows), DAY)
        ws.record("register load", DAY, "tester", None, {})
        journal.open_ledger(ws, APRIL, OPENING, "test", DAY, "tester")
    return folder


def write_statement(
    path: Path, payments: Iterable[tuple[str, int, str, str]], closing: int | None = None, purpose: str | None = None
) -> Path:
    """A statement of 6 April: number, roubles, payer, receiver (parties, or accounts that are nobody's).

    closing  what the statement says of the insurer's balance at the end, roubles; none of the accounts without it
    """
    lines = ["1CClientBankExchange", "Кодировка=Windows"]
    if closing is not None:
        account = ["СекцияРасчСчет", f"РасчСчет={ACCOUNTS[INSURER]}", "НачальныйОстаток=0.00"]
        lines += [*account, f"КонечныйОстаток={closing}.00", "КонецРасчСчет"]
    for number, roubles, payer, receiver in payments:
        lines += [
            "СекцияДокумент=Платежное поручение", f"Номер={number}", "Дата=06.04.2022", f"Сумма={roubles}.00",
            f"ПлательщикСчет={ACCOUNTS.get(payer, payer)}", f"ПолучательСчет={ACCOUNTS.get(receiver, receiver)}",
            *([] if purpose is None else [f"НазначениеПлатежа={purpose}"]), "КонецДокумента",
        ]  # fmt: skip
    path.write_bytes("\r\n".join([*lines, "КонецФайла"]).encode("cp1251"))
    return path
