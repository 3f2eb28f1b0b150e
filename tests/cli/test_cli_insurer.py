"""An insurer's books by command: its files taken, its acts held against the fund's, its year ended; both languages, exit codes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from omsclaims import journal
from omsclaims.periods import Month
from omsclaims.workspace import Workspace
from tests.settlement import settlement_samples as samples
from tests.test_insurer import BILLS, SMO, Fund

from .cli_samples import chain, run
from .conftest import MONTH, Desk

DAY = "2022-07-01"
MARCH, APRIL = Month(2022, 3), Month(2022, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "insurer"
    assert run("init", made, "--territory", "75", "--role", "insurer", "--smo", SMO, "--as-of", "2022-03-01").code == 0
    return made


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "fund").mkdir()
    return Fund(tmp_path / "fund").closes(MARCH, BILLS)


def files(place: Path) -> tuple[Path, Path]:
    return place / f"settlement-{SMO}.json", place / f"notice-{SMO}.json"


def contract_ended(folder: Path, till: date) -> None:
    """The register of contracts names the last day of the insurer's."""
    row = {"smo": SMO, "number": "1", "since": date(2022, 1, 1), "till": till}
    with Workspace.writing(folder) as ws:
        ws.store_register("reg_contract", samples.rows("reg_contract", row), date(2022, 7, 1))


def balance(folder: Path, pot: str) -> int:
    with Workspace.open(folder) as ws:
        return dict(journal.balances(ws).iter_rows()).get(f"insurer:{SMO}/{pot}", 0)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_month_is_taken_and_compared(folder: Path, place: Path, lang: str) -> None:
    said = run("insurer", "take", *files(place), "--workspace", folder, "--as-of", DAY, lang=lang)  # the notice goes first
    assert said.code == 0, said.text
    assert said.text.count({"ru": "принято за 2022-03", "en": "taken for 2022-03"}[lang]) == 2
    assert "reserves.split" not in said.text  # nothing was saved: the table was not asked
    events = chain(folder)
    again = run("insurer", "take", *files(place), "--workspace", folder, "--as-of", DAY, lang=lang)
    assert again.code == 0 and again.text.count({"ru": "ничего не изменено", "en": "nothing changed"}[lang]) == 2
    assert chain(folder) == events
    acts = [place / f"121-{SMO}.json", place / f"132-{SMO}-750901.json"]
    agreed = run("insurer", "compare", *acts, "--workspace", folder, lang=lang)
    assert agreed.code == 0
    assert agreed.text.count({"ru": "обе стороны говорят одно и то же", "en": "both sides say the same"}[lang]) == 2
    said_act = json.loads(acts[0].read_text())
    said_act["lines"] |= {"spent_kop": 80_100, "end_kop": 18_900, "end_payment_kop": 14_900}
    acts[0].write_text(json.dumps(said_act))
    differs = run("insurer", "compare", acts[0], "--workspace", folder, lang=lang)
    assert differs.code == 1
    assert {"ru": "строки, которые расходятся", "en": "lines that differ"}[lang] in differs.text
    assert {"ru": "801,00", "en": "801.00"}[lang] in differs.text and {"ru": "800,00", "en": "800.00"}[lang] in differs.text


def test_outputs_name_the_values_of_the_law_that_nobody_has_seen(folder: Path, place: Path) -> None:
    """From 2012 the split and the limits of the reserves are known to the trade only."""
    words = "reserves.spare_limit_months"
    assert words in run("insurer", "take", *files(place), "--workspace", folder, "--as-of", DAY).text
    assert words in run("insurer", "compare", place / f"121-{SMO}.json", "--workspace", folder).text
    made = run(
        "insurer",
        "receive",
        "50.00",
        "--source",
        "recovered_damages",
        "--document",
        "d-1",
        "--on",
        "2022-04-05",
        "--workspace",
        folder,
        "--as-of",
        DAY,
    )
    assert made.code == 0 and "reserves.split" in made.text
    contract_ended(folder, date(2022, 3, 31))
    ended = run("insurer", "early-end", "2022-03-31", "--on", "2022-04-14", "--workspace", folder, "--as-of", DAY)
    assert ended.code == 0 and "reserves.contract_year_starts" in ended.text


def test_other_money_and_the_end_of_a_contract(folder: Path, place: Path) -> None:
    take = ("insurer", "take", *files(place), "--workspace", folder, "--as-of", DAY)
    assert run(*take).code == 0
    at = ("--workspace", folder, "--as-of", DAY)
    receive = (
        "insurer",
        "receive",
        "100.00",
        "--source",
        "recovered_damages",
        "--document",
        "court-7",
        "--on",
        "2022-04-05",
        *at,
    )
    assert "Booked: 3 posting(s)." in run(*receive).text
    assert "booked already" in run(*receive).text
    assert balance(folder, "payment_reserve") == 100_000 - 1_000 - 4_000 - 80_000 + 8_000
    assert balance(folder, "own_money") == 1_000 + 2_000
    for lang, words in (("ru", "столько нет"), ("en", "does not hold as much")):
        refused = run("insurer", "spend", "0.01", "--document", "m-1", "--on", "2022-04-06", *at, lang=lang)
        assert refused.code == 1 and "IY.4" in refused.text and words in refused.text and "→" in refused.text
    assert run("insurer", "receive", "1.00", "--source", "fine", "--clinic", "750901", "--document", "f-1", *at).code == 1
    events = chain(folder)
    for words, rule in ((("2022-04-30",), "IY.8"), (("2022-03-31", "--on", "2022-03-30"), "IY.6")):
        refused = run("insurer", "early-end", *words, *at)
        assert refused.code == 1 and rule in refused.text
    assert run("insurer", "year-end", "2022-03-31", "--on", "2022-04-08", *at).text.count("IY.6") == 1
    for till, said in ((None, "2022-12-31"), (date(2022, 4, 30), "2022-04-30")):  # no contract named; one that goes on
        if till is not None:
            contract_ended(folder, till)
            events = chain(folder)
        lasting = run("insurer", "early-end", "2022-03-31", "--on", "2022-04-08", *at)
        assert lasting.code == 1 and "IY.6" in lasting.text and said in lasting.text
        assert chain(folder) == events
    contract_ended(folder, date(2022, 3, 31))
    early = run("insurer", "early-end", "2022-03-31", "--on", "2022-04-08", *at)
    assert early.code == 0 and "Booked: 4 posting(s)." in early.text
    assert "Last day of the term: 2022-04-14." in early.text  # 01.04 is the first working day, 14.04 the tenth
    assert (balance(folder, "payment_reserve"), balance(folder, "spare_reserve"), balance(folder, "own_money")) == (0, 0, 3_000)
    closed = run("insurer", "early-end", "2022-03-31", "--on", "2022-04-08", *at, lang="ru")
    assert closed.code == 1 and "IY.3" in closed.text and "Договор закрыт" in closed.text


@pytest.mark.parametrize(
    ("words", "ru", "en"),
    [
        (("receive", "1,5", "--source", "osago", "--document", "d"), "не сумма", "no amount"),
        (("receive", "1.00", "--source", "lottery", "--document", "d"), "бывает recovered_damages", "one of recovered_damages"),
        (("receive", "1.00", "--source", "fine", "--document", "d"), "назовите клинику", "name the clinic"),
        (
            ("receive", "1.00", "--source", "osago", "--document", "d", "--smo", "75902"),
            "назовите страховщика",
            "name the insurer",
        ),
        (("take", "nothing.json"), "nothing.json", "nothing.json"),
    ],
)
def test_wrong_words(folder: Path, words: tuple[str, ...], ru: str, en: str) -> None:
    events = chain(folder)
    for lang, sentence in (("ru", ru), ("en", en)):
        said = run("insurer", *words, "--workspace", folder, "--as-of", DAY, lang=lang)
        assert said.code == 2 and sentence in said.text, said.text
    assert chain(folder) == events


def test_a_workspace_of_an_insurer_names_it(tmp_path: Path, place: Path) -> None:
    for words in (("--role", "insurer", "--smo", "759"), ("--smo", SMO)):
        for lang, sentence in (("ru", "код страховщика из пяти цифр"), ("en", "code of five digits")):
            said = run("init", tmp_path / "new", "--territory", "75", *words, lang=lang)
            assert said.code == 2 and sentence in said.text
    assert not (tmp_path / "new").exists()
    assert run("init", tmp_path / "fund75", "--territory", "75", "--as-of", "2022-03-01").code == 0
    refused = run("insurer", "take", *files(place), "--workspace", tmp_path / "fund75", "--as-of", DAY)
    assert refused.code == 2 and "--role insurer --smo" in refused.text


def test_a_fund_ends_the_year_of_an_insurer_that_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "fund75"
    assert run("init", folder, "--territory", "75", "--as-of", "2022-03-01").code == 0
    said = run("insurer", "year-end", "2022-12-31", "--workspace", folder, "--as-of", "2023-01-12")
    assert said.code == 2 and "--smo" in said.text
    said = run("insurer", "year-end", "2022-12-31", "--smo", SMO, "--workspace", folder, "--as-of", "2023-01-12")
    assert said.code == 1 and "IY.8" in said.text  # December is not closed


def test_a_real_closing_goes_through_to_every_insurer(desk: Desk, tmp_path: Path) -> None:
    """A fund's month from packages; each insurer takes its files and finds no line that differs; every workspace is proven."""
    assert run(
        "ingest", desk.made / "packages" / MONTH, "--workspace", desk.folder, "--as-of", "2022-03-14", "--threads", 1
    ).code in (0, 1)
    assert run("run", MONTH, "--workspace", desk.folder, "--as-of", "2022-03-14").code in (0, 1)
    told, acts = (desk.folder / "reports" / MONTH / part for part in ("insurers", "acts"))
    with Workspace.open(desk.folder) as ws:
        opening = ws.register("reg_opening")
    smos = sorted(path.stem.split("-")[1] for path in told.glob("notice-*.json"))
    assert smos == ["75901", "75902", "75903"]
    for smo in smos:
        own = tmp_path / smo
        assert run("init", own, "--territory", "75", "--role", "insurer", "--smo", smo, "--as-of", "2022-03-14").code == 0
        named = opening.filter(pl.col("account").str.starts_with(f"insurer:{smo}/"))
        named.write_csv(tmp_path / "reg_opening.csv")
        assert run("register", "load", tmp_path / "reg_opening.csv", "--workspace", own, "--as-of", "2022-03-14").code == 0
        taken = run("insurer", "take", *told.glob(f"*-{smo}.json"), "--workspace", own, "--as-of", "2022-03-14")
        assert taken.code == 0, taken.text
        files = [acts / f"121-{smo}.json", *sorted(acts.glob(f"132-{smo}-*.json"))]
        agreed = run("insurer", "compare", *files, "--workspace", own)
        assert agreed.code == 0, agreed.text
        assert agreed.text.count("both sides say the same") == len(files) > 5
        ours = own / "reports" / MONTH / "acts"
        assert all((ours / path.name).read_bytes() == path.read_bytes() for path in files)
        proof = run("verify", own)
        assert proof.code == 0, proof.text
    assert run("verify", desk.folder).code == 0
