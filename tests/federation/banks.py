"""What does the bank do? It reads orders as the program wrote them, carries them out, and states it as banks do (1C exchange text)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from omsclaims.money import format_amount
from omsclaims.registry import bank_file


@dataclass(frozen=True)
class Moved:
    """Money that moved: number and day of the order, the day it moved, kopecks, from whom to whom (account, name), what for."""

    number: str
    ordered: date
    day: date
    amount_kop: int
    payer: tuple[str, str]
    receiver: tuple[str, str]
    purpose: str = "по договору"


def carried_out(path: Path, day: date) -> list[Moved]:
    """Orders of an exchange text as the bank carries them out."""
    read = bank_file.read_1c(path)
    assert read.usable, read.findings.select("rule", "element", "value").rows()
    return [
        Moved(
            row["number"], row["date"], day, row["amount_kop"], (row["payer_account"], row["payer_name"] or "-"),
            (row["receiver_account"], row["receiver_name"] or "-"), row["purpose"] or "-",
        )
        for row in read.lines.iter_rows(named=True)
    ]  # fmt: skip


def statement(path: Path, openings: Mapping[str, int], moved: Iterable[Moved]) -> dict[str, int]:
    """Writes the statement of some accounts (account -> balance before); returns their balances afterwards."""
    rows, closings = list(moved), {}
    lines = [bank_file.FIRST_LINE, "ВерсияФормата=1.03", "Кодировка=Windows"]
    for account, opening in sorted(openings.items()):
        went = sum(one.amount_kop for one in rows if one.payer[0] == account)
        came = sum(one.amount_kop for one in rows if one.receiver[0] == account)
        closings[account] = opening + came - went
        lines += [
            "СекцияРасчСчет", f"РасчСчет={account}", f"НачальныйОстаток={format_amount(opening)}", f"ВсегоПоступило={format_amount(came)}",
            f"ВсегоСписано={format_amount(went)}", f"КонечныйОстаток={format_amount(closings[account])}", "КонецРасчСчет",
        ]  # fmt: skip
    for one in rows:
        day = f"{one.day:%d.%m.%Y}"
        lines += [
            "СекцияДокумент=Платежное поручение", f"Номер={one.number}", f"Дата={one.ordered:%d.%m.%Y}",
            f"Сумма={format_amount(one.amount_kop)}", f"ПлательщикСчет={one.payer[0]}", f"Плательщик={one.payer[1]}",
            f"ДатаСписано={day}", f"ПолучательСчет={one.receiver[0]}", f"Получатель={one.receiver[1]}", f"ДатаПоступило={day}",
            f"НазначениеПлатежа={one.purpose}", "КонецДокумента",
        ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\r\n".join([*lines, bank_file.LAST_LINE, ""]).encode("cp1251"))
    return closings
