"""The exchange text of banks: read to the kopeck, written alike, and refused whole where it lies."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from omsclaims.registry import bank_file
from omsclaims.registry.bank_file import Order, read_1c, write_1c

OWN, CLINIC = "40404810100000000075", "40601810200000750901"
STATEMENT = f"""1CClientBankExchange
ВерсияФормата=1.03
Кодировка=Windows
Отправитель=Банк
СекцияРасчСчет
ДатаНачала=05.03.2022
ДатаКонца=05.03.2022
РасчСчет={OWN}
НачальныйОстаток=1000.00
ВсегоПоступило=50.05
ВсегоСписано=300.10
КонечныйОстаток=749.95
КонецРасчСчет
СекцияДокумент=Платежное поручение
Номер=7
Дата=04.03.2022
Сумма=300.10
ПлательщикСчет={OWN}
ПлательщикИНН=7501000001
Плательщик=ИНН 7501000001 Фонд
Плательщик1=Фонд
ПолучательСчет={CLINIC}
ПолучательРасчСчет={CLINIC}
ДатаСписано=05.03.2022
НазначениеПлатежа=Аванс за март = по заявке
КонецДокумента
СекцияДокумент=Банковский ордер
Номер=12
Дата=05.03.2022
Сумма=50.05
ПлательщикСчет={CLINIC}
ПолучательСчет={OWN}
ДатаПоступило=05.03.2022
КонецДокумента
КонецФайла
"""


def read(text: str, encoding: str = "cp1251") -> bank_file.BankFile:
    return read_1c(text.replace("\n", "\r\n").encode(encoding), "v.txt")


def test_payments_and_balances() -> None:
    found = read(STATEMENT)
    assert found.usable
    first, second = found.lines.to_dicts()
    assert (first["number"], first["date"], first["amount_kop"]) == ("7", date(2022, 3, 4), 30_010)
    assert (first["payer_account"], first["receiver_account"], first["payer_name"]) == (OWN, CLINIC, "ИНН 7501000001 Фонд")
    assert (first["debited_on"], first["credited_on"]) == (date(2022, 3, 5), None)
    assert first["purpose"] == "Аванс за март = по заявке"
    assert (second["amount_kop"], second["credited_on"], second["line"]) == (5_005, date(2022, 3, 5), 27)
    assert found.statements.drop("line").row(0) == (
        OWN, date(2022, 3, 5), date(2022, 3, 5), 100_000, 5_005, 30_010, 74_995,
    )  # fmt: skip


@pytest.mark.parametrize(("encoding", "named"), [("cp866", "DOS"), ("cp1251", "Windows"), ("utf-8-sig", "UTF-8")])
def test_encodings(encoding: str, named: str) -> None:
    found = read(STATEMENT.replace("Кодировка=Windows", f"Кодировка={named}"), encoding)
    assert found.usable
    assert found.lines["purpose"][0] == "Аванс за март = по заявке"


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("1CClientBankExchange", "<xml/>", "PB.9", 1),
        ("КонецФайла", "", "PB.9", 35),
        ("КонецДокумента\nСекцияДокумент=Банк", "СекцияДокумент=Банк", "PB.9", 26),
        ("Сумма=300.10", "Сумма=триста", "PB.10", 17),
        ("Сумма=300.10", "Сумма=300.105", "PB.10", 17),
        ("Сумма=300.10", "Сумма=0.00", "PB.10", 14),
        ("Сумма=300.10", "Сумма=-300.10", "PB.10", 14),
        ("Дата=04.03.2022", "Дата=31.02.2022", "PB.10", 16),
        ("Номер=7", "Номер=", "PB.10", 14),
        (f"ПолучательСчет={CLINIC}\nПолучательРасчСчет={CLINIC}", "ПолучательСчет=1", "PB.10", 22),
        ("КонечныйОстаток=749.95", "КонечныйОстаток=749.96", "PB.5", 5),
    ],
)
def test_a_file_that_cannot_be_used_says_where(old: str, new: str, rule: str, line: int) -> None:
    assert old in STATEMENT
    found = read(STATEMENT.replace(old, new, 1))
    assert not found.usable
    assert (found.findings["rule"][0], found.findings["line"][0]) == (rule, line)
    assert set(found.findings["rule"]) == {rule}


def test_no_file_and_no_text(tmp_path: Path) -> None:
    for source in (tmp_path / "absent.txt", b"", b"\x00\xff" * 300, "1CClientBankExchange\r\n".encode("utf-16")):
        assert read_1c(source).findings["rule"].to_list() == ["PB.9"]


def test_orders_are_written_as_they_are_read() -> None:
    fund = {"name": "Фонд", "inn": "7501000001", "kpp": "750101001", "account": OWN, "bik": "017601329", "bank": "Отделение"}
    clinic = {"name": "Больница «Первая»", "account": CLINIC}
    orders = [Order(1, date(2022, 3, 4), 30_010, fund, clinic, "Аванс"), Order(2, date(2022, 3, 5), 1, fund, clinic, "а" * 300)]
    data = write_1c(orders, date(2022, 3, 5), OWN)
    assert data == write_1c(list(orders), date(2022, 3, 5), OWN)
    assert data.endswith("КонецФайла\r\n".encode("cp1251"))
    found = read_1c(data)
    assert found.usable
    assert found.lines.select("number", "date", "amount_kop", "payer_account", "receiver_account").rows() == [
        ("1", date(2022, 3, 4), 30_010, OWN, CLINIC), ("2", date(2022, 3, 5), 1, OWN, CLINIC),
    ]  # fmt: skip
    assert found.lines["receiver_name"].to_list() == ["Больница «Первая»"] * 2
    assert len(found.lines["purpose"][1]) == bank_file.PURPOSE


@pytest.mark.parametrize("changes", [{"amount_kop": 0}, {"purpose": "Аванс\r\nСекцияДокумент=x"}])
def test_an_order_that_would_break_the_file_is_not_written(changes: dict[str, object]) -> None:
    said = {"number": 1, "day": date(2022, 3, 4), "amount_kop": 5, "payer": {}, "receiver": {}, "purpose": "x", **changes}
    with pytest.raises(ValueError, match=r"order|line break"):
        write_1c([Order(**said)], date(2022, 3, 4), OWN)  # type: ignore[arg-type]
