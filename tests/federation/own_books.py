"""One insurer of the federation with books of its own: it knows what the fund's files tell it and what its own bank states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from omsclaims import bank, insurer, journal
from omsclaims.cli.store import read_register
from omsclaims.periods import Month
from omsclaims.workspace import Workspace
from tests.federation.banks import Moved, statement

BEGIN = date(2022, 1, 1)
WHO = "simulation"


@dataclass
class Insurer:
    """An insurer: its code, the territory it works in, the folder of the made-up territory, its workspace."""

    smo: str
    territory: str
    made: Path
    folder: Path
    balance: int = 0  # at its bank

    def open(self) -> None:
        """A workspace with what it knows from its own papers: opening, bank accounts, applications for advances."""
        Workspace.create(self.folder, self.territory, "insurer", BEGIN, WHO, payments="actual", smo=self.smo)
        registers = {
            name: read_register(next((self.made / "registers").glob(f"{name}.*")), "en")
            for name in ("reg_opening", "reg_bank", "reg_advance", "reg_insurer", "reg_clinic")
        }
        own = f"insurer:{self.smo}/"
        registers["reg_opening"] = registers["reg_opening"].filter(pl.col("account").str.starts_with(own))
        registers["reg_advance"] = registers["reg_advance"].filter(pl.col("payer") == self.smo)
        with Workspace.writing(self.folder) as ws:
            for name, table in registers.items():
                ws.store_register(name, table, BEGIN)
            ws.record("prepare", BEGIN, WHO, None, {"source": "federation"})

    def order(self, month: Month, kind: str, day: date) -> pl.DataFrame:
        """Orders to its bank by its own books."""
        with Workspace.writing(self.folder) as ws:
            return bank.order(ws, month, [kind], day, day, WHO, cover=kind == "final").orders

    def notice(self, path: Path, day: date) -> None:
        """Takes the fund's notice of what it gives before the month is closed."""
        with Workspace.writing(self.folder) as ws:
            told = insurer.take_notice(ws, path, day, WHO)
        assert told.outcome == "new" and told.findings.is_empty(), told.findings.select("rule", "params").rows()

    def load(self, moved: list[Moved], path: Path, day: date) -> None:
        """Takes the statement of its bank."""
        account = moved[0].payer[0]
        self.balance = statement(path, {account: self.balance}, moved)[account]
        with Workspace.writing(self.folder) as ws:
            done = bank.load(ws, path, day, WHO)
        assert done.findings.is_empty(), done.findings.select("rule", "value", "params").rows()

    def close(self, month: Month, papers: Path, day: date) -> None:
        """Takes the fund's notice and list of a month, and closes it by its own books."""
        with Workspace.writing(self.folder) as ws:
            told = insurer.take_notice(ws, papers / "insurers" / f"notice-{self.smo}.json", day, WHO)
            assert told.outcome in ("new", "replaced"), told.findings.select("rule", "params").rows()
            closed = insurer.take_settlement(ws, papers / "insurers" / f"settlement-{self.smo}.json", day, WHO)
            assert closed.outcome == "new", closed.findings.select("rule", "params").rows()

    def compared(self, papers: Path) -> list[tuple[str, int]]:
        """Every act of a month that the fund drew up with it or with its clinics: number, lines in which its own says otherwise."""
        found, drawn = list[tuple[str, int]](), insurer.Drawn()
        with Workspace.open(self.folder) as ws:
            of_month = papers / "acts"
            for path in [of_month / f"121-{self.smo}.json", *sorted(of_month.glob(f"132-{self.smo}-*.json"))]:
                made = insurer.compare(ws, path, drawn)
                found.append((path.stem, made.rows.height + made.findings.height))
        return found

    def balances(self) -> dict[str, int]:
        """Account -> kopecks of its own journal."""
        with Workspace.open(self.folder) as ws:
            return dict(journal.balances(ws).iter_rows())
