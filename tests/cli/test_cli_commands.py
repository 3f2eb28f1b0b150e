"""Does every command of the README do what it says, in both languages, with the exit code it promises?"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lxml import etree

from omsclaims import cli, messages
from omsclaims.cli import common
from omsclaims.workspace import Workspace

from .cli_samples import DAY, chain, clean_packages, pack, run, unpack
from .conftest import MONTH, Desk

README = Path(__file__).resolve().parents[2] / "README.md"
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def test_the_months_of_the_readme(small: Path, tmp_path: Path) -> None:
    """`Your own month`, command by command as it stands there, then again, then what an economist does next."""
    block = README.read_text(encoding="utf-8").split("## Your own month")[1].split("```")[1]
    commands = [line.removeprefix("omsclaims ") for line in block.split("\n") if line.startswith("omsclaims ")]
    assert [line.split()[0] for line in commands] == ["init", "nsi", "register", "agreement", "ingest", "run", "status"]
    folder = tmp_path / "fund75"
    said = {}
    for line in commands:
        words = [word.replace("demo/territory", str(small)).replace("fund75", str(folder)) for word in line.split()]
        said[words[0]] = run(*words, lang="en")
        assert said[words[0]].code in (0, 1), said[words[0]].text
    assert "territory 75, role fund" in said["init"].text
    assert re.search(r"Book V019, edition .+: \d+ rows\.", said["nsi"].text)
    assert re.search(r"Register reg_insured: \d+ rows\.", said["register"].text)
    assert "The tariff agreement for 2022 is loaded" in said["agreement"].text
    assert "│ accepted" in said["ingest"].text
    assert f"{MONTH} is closed. Digest" in said["run"].text
    page = re.search(r"Page of the month: (.+)", said["run"].text)
    assert page and Path(page[1]).exists()
    digest = DIGEST.search(said["run"].text)
    assert digest
    assert f"{digest[0][:12]}" in said["status"].text
    assert "whole." in said["status"].text

    # The second run changes nothing, prints the digest, and leaves no trace in the chain.
    before, files = chain(folder), sorted(folder.rglob("*"))
    for lang, words in (
        ("en", "identical to the closing, nothing changed"),
        ("ru", "расчёт совпал с закрытым, ничего не изменено"),
    ):
        again = run("run", MONTH, "--workspace", folder, "--as-of", "2022-03-14", lang=lang)
        assert again.code == said["run"].code
        assert words in again.text
        assert digest[0] in again.text
    assert (chain(folder), sorted(folder.rglob("*"))) == (before, files)


def test_a_closed_month_is_opened_changed_and_replaced(desk: Desk) -> None:
    folder, package = desk.folder, desk.base.name
    pack(desk.inbox, desk.base)
    assert run("ingest", desk.inbox, "--workspace", folder, "--as-of", DAY, "--threads", 1).code == 0
    first = run("run", MONTH, "--workspace", folder, "--as-of", DAY)
    digest = DIGEST.search(first.text)
    assert digest

    # Open again: not without a reason; then a package is withdrawn, and the month differs.
    refused = run("reopen", MONTH, "--workspace", folder)
    assert refused.code == 2
    assert "REASON is missing" in refused.text or "--why is missing" in refused.text
    blank = run("reopen", MONTH, "--workspace", folder, "--why", "  ", lang="ru")
    assert blank.code == 2
    assert f"Чтобы открыть {MONTH}, назовите причину: --why ПРИЧИНА" in blank.text
    closed = run("withdraw", package, "--workspace", folder)
    assert closed.code == 2
    assert f"omsclaims reopen {MONTH} --why REASON" in closed.text
    assert run("reopen", MONTH, "--workspace", folder, "--why", "a package was sent by mistake").code == 0
    assert run("reopen", MONTH, "--workspace", folder, "--why", "again").code == 2  # it is open
    gone = run("withdraw", package, "--workspace", folder, "--why", "sent by mistake", lang="ru")
    assert gone.code == 0
    assert f"Пакет {package} ({MONTH}) отозван." in gone.text
    third = run("run", MONTH, "--workspace", folder, "--as-of", DAY)
    assert f"{MONTH} is closed" in third.text
    assert DIGEST.search(third.text)[0] != digest[0]  # type: ignore[index]
    assert chain(folder)[-3:] == [
        ("reopen", "a package was sent by mistake"),
        ("withdraw", "sent by mistake"),
        ("close", None),
    ]

    # A changed input is shown before anything is replaced.
    with Workspace.writing(folder) as store:
        register = store.registers()[0]["reg_licence"]
        store.store_register("reg_licence", register.clear(), common.parse_as_of(DAY, "en"))
    differs = run("run", MONTH, "--workspace", folder, "--as-of", DAY, lang="ru")
    assert differs.code == 1
    assert "ничего не заменено" in differs.text
    assert "регистр reg_licence: изменён" in differs.text
    assert run("run", MONTH, "--workspace", folder, "--as-of", DAY, "--replace").code == 2  # no reason
    replaced = run("run", MONTH, "--workspace", folder, "--as-of", DAY, "--replace", "--why", "licences corrected")
    assert f"{MONTH} is closed" in replaced.text
    assert [why for kind, why in chain(folder)][-2:] == ["licences corrected", "licences corrected"]

    status = run("status", "--workspace", folder, lang="ru").text
    row = next(line for line in status.split("\n") if line.startswith(MONTH))
    assert [cell.strip() for cell in row.split("│")][3] == "1"  # withdrawn
    assert "цепочка цела" in status


def test_check_of_a_clean_package(desk: Desk) -> None:
    said = run("check", desk.good)
    assert said.code == 0
    assert f"{desk.good.stem}: {unpack(desk.good).main.count('<Z_SL>')} cases, 0 findings" in said.text
    assert "Rules not executed" in said.text  # a protocol never hides what was not looked at
    assert "C220" in said.text
    assert run("check", desk.good, "--json").out == ""


def spoiled(desk: Desk) -> Path:
    return pack(desk.inbox, desk.base.changed(f"<SUMV>{desk.base.between('SUMV')}<", "<SUMV>1.00<"))


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_check_with_findings_as_text_json_and_protocols(desk: Desk, lang: str) -> None:
    path, folder = spoiled(desk), desk.inbox / "protocols"
    said = run("check", path, "--protocol", folder, lang=lang)
    assert said.code == 1
    idcase = desk.base.between("IDCASE")
    assert f"{path.stem}, N_ZAP 1, IDCASE {idcase}, ZAP/Z_SL/SUMV" in said.text
    assert messages.text("rule.C095.title", lang) in said.text
    assert messages.text("rule.C095.todo", lang) in said.text
    as_json = [json.loads(line) for line in run("check", path, "--json", lang=lang).out.splitlines()]
    assert {"C095", "S.916"} <= {line["rule"] for line in as_json}
    one = next(line for line in as_json if line["rule"] == "C095")
    assert (one["package"], one["idcase"], one["element"]) == (path.stem, int(idcase), "ZAP/Z_SL/SUMV")
    written = {made.suffix.lower(): made for made in folder.iterdir()}
    assert set(written) == {".xml", ".xlsx", ".html", ".jsonl"}
    flk = etree.parse(str(written[".xml"]), etree.XMLParser(resolve_entities=False)).getroot()
    assert flk.tag == "FLK_P"
    assert flk.findtext("FNAME_I") == path.stem
    assert len(flk.findall("PR")) == len(as_json)
    assert written[".jsonl"].read_text(encoding="utf-8").count("\n") == len(as_json)
    assert idcase in written[".html"].read_text(encoding="utf-8")
    assert zipfile.is_zipfile(written[".xlsx"])


def test_check_of_a_bare_xml_says_what_it_could_not_look_at(desk: Desk) -> None:
    path = desk.inbox / f"{desk.base.name}.xml"
    path.write_bytes(desk.base.members()[path.name])
    for lang, what in (("ru", "проверки персональных данных пропущены"), ("en", "checks of persons are left out")):
        said = run("check", path, lang=lang)
        assert said.code == 1
        assert "S.820" in said.text
        assert what in said.text


def test_read_and_write_round_trip(desk: Desk) -> None:
    tables, back = desk.inbox / "tables", desk.inbox / "back" / f"{desk.base.name}.zip"
    back.parent.mkdir()
    path = pack(desk.inbox, desk.base)
    said = run("read", path, "--out", tables)
    assert said.code == 0, said.text
    assert {"file.parquet", "zap.parquet", "z_sl.parquet", "sl.parquet", "person.parquet", "FORMAT"} <= {
        made.name for made in tables.iterdir()
    }
    assert pl.read_parquet(tables / "z_sl.parquet")["sumv"].sum() == round(float(desk.base.between("SUMMAV")) * 100)
    said = run("write", tables, "--out", back, lang="ru")
    assert said.code == 0, said.text
    assert f"Записан {back}." in said.text
    for name, data in desk.base.members().items():
        with zipfile.ZipFile(back) as archive:
            assert elements(archive.read(name)) == elements(data)
    # As bare XML, too; and a folder that `read` did not make is named.
    bare = back.with_suffix(".xml")
    assert run("write", tables, "--out", bare).code == 0
    assert elements(bare.read_bytes()) == elements(desk.base.members()[f"{desk.base.name}.xml"])
    said = run("write", desk.inbox, "--out", bare, lang="en")
    assert said.code == 2
    assert "was not made by the command read" in said.text


def elements(data: bytes) -> list[tuple[str, str]]:
    """(path, text) of every element, in order."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False))
    tree = root.getroottree()
    return [(tree.getelementpath(one), (one.text or "").strip()) for one in root.iter()]


@pytest.mark.parametrize(
    ("command", "ru", "en"),
    [
        (("run", "2022-13"), "«2022-13» — не отчётный месяц. Пишите ГГГГ-ММ", "'2022-13' is not a reporting month. Write YYYY-MM"),
        (("run", "март"), "«март» — не отчётный месяц", "'март' is not a reporting month"),
        (("run", "2022-03", "--as-of", "31.03.2022"), "«31.03.2022» — не дата. Пишите ГГГГ-ММ-ДД", "'31.03.2022' is not a date. Write YYYY-MM-DD"),
        (("run", "2022-05"), "За 2022-05 нет принятых пакетов", "There is no accepted package of 2022-05"),
        (("reopen", "2022-02", "--why", "x"), "Месяц 2022-02 не закрыт", "The month 2022-02 is not closed"),
        (("withdraw", "HM1"), "Принятого пакета HM1 в рабочей области нет", "The workspace holds no accepted package HM1"),
        (("explain", "7"), "Случая 7 в закрытых месяцах нет", "No closed month holds the case 7"),
        (("run",), "не указано: МЕСЯЦ", "MONTH is missing"),
        (("run", "2022-03", "2022-04"), "лишнее в команде: 2022-04", "too much in the command: 2022-04"),
        (("run", "2022-03", "--wy"), "нет такого параметра: --wy", "there is no option --wy"),
        (("rum", "2022-03"), "нет такой команды: rum. Может быть, 'run'?", "there is no command rum. Did you mean 'run'?"),
        (("frobnicate",), "нет такой команды: frobnicate", "there is no command frobnicate"),
        (("demo", "--cases", "many"), "--cases: нужно целое число", "--cases: a whole number is needed"),
        (("demo", "--cases", "5"), "--cases: нужно число не меньше 200", "--cases: a number not below 200 is needed"),
    ],
)  # fmt: skip
def test_wrong_usage_is_a_sentence(desk: Desk, command: tuple[str, ...], ru: str, en: str) -> None:
    where = ("--workspace", desk.folder) if command[0] in ("run", "reopen", "withdraw", "explain") else ()
    for lang, sentence in (("ru", ru), ("en", en)):
        said = run(command[0], *where, *command[1:], lang=lang)
        assert said.code == 2, said.text
        assert sentence in said.text, said.text
        assert said.out == ""  # what went wrong goes to the error stream
        assert "Traceback" not in said.text


def test_an_option_without_its_value() -> None:
    for lang, sentence in (("ru", "параметру --why нужно значение"), ("en", "the option --why needs a value")):
        said = run("--lang", lang, "run", "2022-03", "--why", lang=None)
        assert said.code == 2
        assert sentence in said.text


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_init_refuses_what_it_cannot_make(tmp_path: Path, lang: str) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("mine")
    for words, ru, en in (
        (("--territory", "00"), "Территории с кодом «00» нет в справочнике F010", "The book F010 has no territory '00'"),
        (("--territory", "75", "--role", "clinic"), "Роль «clinic» неизвестна", "The role 'clinic' is unknown"),
        ((), "не указано: --territory", "--territory is missing"),
    ):
        said = run("init", tmp_path / "new", *words, lang=lang)
        assert said.code == 2
        assert (ru if lang == "ru" else en) in said.text
        assert not (tmp_path / "new").exists()
    said = run("init", full, "--territory", "75", lang=lang)
    assert said.code == 2
    assert {"ru": "не пуста", "en": "is not empty"}[lang] in said.text
    assert [path.name for path in full.iterdir()] == ["letter.txt"]
    assert run("init", tmp_path / "insurer", "--territory", "75", "--role", "insurer", lang=lang).code == 0
    assert (tmp_path / "insurer").stat().st_mode & 0o077 == 0


def test_books_registers_and_agreements_that_cannot_be_loaded(desk: Desk) -> None:
    """Which file, what is wrong; what was loaded before stays."""
    before = run("status", "--workspace", desk.folder).text
    folder = desk.inbox / "bad"
    folder.mkdir()
    (folder / "reg_nothing.csv").write_text("a\n1\n")
    (folder / "reg_plan.csv").write_text("a\n1\n")
    (folder / "reg_clinic.csv").write_text("mo,name,valid_from,valid_to\n750901,A,2020-01-01,\n../x,B,2020-01-01,\n")
    (folder / "reg_insurer.csv").write_text("smo,name,okato,valid_from,valid_to\n75901,,76000,2020-01-01,\n")
    (folder / "reg_licence.csv").write_text("mo,usl_ok,profil,valid_from,valid_to\n750901,1,16,01.01.2020,\n")
    for name, ru, en in (
        ("reg_nothing.csv", "Регистра reg_nothing нет. Известны: reg_", "There is no register reg_nothing. Known: reg_"),
        ("reg_plan.csv", "нет столбцов", "lacks the columns"),
        ("reg_clinic.csv", "в строке 2 в столбце mo не код", "row 2 has no code in the column mo"),
        ("reg_insurer.csv", "в строке 1 пуст столбец name", "row 1 has no value in the column name"),
        ("reg_licence.csv", "не читаются", "cannot be read"),
    ):
        for lang, words in (("ru", ru), ("en", en)):
            said = run("register", "load", folder / name, "--workspace", desk.folder, lang=lang)
            assert said.code == 2, said.text
            assert words in said.text
    for lang, words in (("ru", "файла agreement.yaml нет в папке"), ("en", "there is no agreement.yaml in the folder")):
        said = run("agreement", "load", folder, "--workspace", desk.folder, lang=lang)
        assert said.code == 3
        assert words in said.text
        assert str(folder) in said.text
    nothing = desk.inbox / "nothing"
    nothing.mkdir()
    for family in ("nsi", "register"):
        said = run(family, "load", nothing, "--workspace", desk.folder, lang="ru")
        assert said.code == 2
        assert f"В папке {nothing} нет файлов" in said.text
    (folder / "book.csv").write_bytes(b"\xff\xfe nonsense")
    said = run("nsi", "load", folder / "book.csv", "--workspace", desk.folder, lang="ru")
    assert said.code in (1, 3)
    assert "book" in said.text
    assert run("status", "--workspace", desk.folder).text == before


@pytest.mark.parametrize("place", ["before", "after", "equals", "environment"])
def test_the_language_is_chosen(desk: Desk, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv("OMSCLAIMS_LANG", "ru")
    if place == "environment":
        assert "территория 75" in run("status", "--workspace", desk.folder, lang=None).text
        monkeypatch.setenv("OMSCLAIMS_LANG", "en")
        assert "territory 75" in run("status", "--workspace", desk.folder, lang=None).text
        return
    words = {"before": ("--lang", "en", "status"), "after": ("status", "--lang", "en"), "equals": ("status", "--lang=en")}[place]
    said = run(*words, "--workspace", desk.folder, lang=None)
    assert said.code == 0, said.text
    assert "territory 75" in said.text


def test_an_unknown_language() -> None:
    said = run("status", lang="de")
    assert said.code == 2
    assert "ru" in said.text and "en" in said.text


# ---------------------------------------------------------------- help


def commands_of(app: Any, prefix: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """(words, click command) of every command, groups included."""
    found = [(prefix, app)]
    for name, one in getattr(app, "commands", {}).items():
        found += commands_of(one, (*prefix, name))
    return found


def tree(lang: str) -> list[tuple[tuple[str, ...], Any]]:
    from typer.main import get_command

    return commands_of(get_command(cli.build(lang)))


#: Latin words that Russian help keeps: names of files, formats, commands, codes.
KEPT = re.compile(
    r"--[a-z-]+|\breg_\*|\.(xlsx|csv|html)\b|\b(omsclaims|ru|en|fund|insurer|parquet|Parquet|read|run|rewrite|convert|warmup|write|csv|xml|zip|oms|agreement\.yaml|XML|ZIP|CSV|JSON|YAML|XLSX|HTML|"
    r"norms|whatif|group|plan|report|voucher|overdue|waiting|quota|insured|apportion|accident|PERS_LIST|"
    r"FLK_P|F010|N_ZAP|IDCASE|H_3\.2|RESULT_H|Q018|formats|list|show|diff|compare|book|demo|init|nsi|load|register|agreement|ingest|withdraw|status|check|reopen|explain|R|\.oms|\.xml|\.xlsx|\.zip|"
    r"tariff|cost|costing\.yaml|checks|coverage|capitation|registry|person|case|patient|history|volumes|expertise|sample|template|export|ledger|balances|entries|correct|return|net|finance|oldest_first|pro_rata|planned|actual|YAML|appeals|appeal|results|chain|mee|ekmp|mo|payer|territory|send|take|concede|write|off|answer|pay|due|place|home|abroad|act|draw|sign|dispute|agree|protocol|ours|theirs|statements|final|advance|refund|orders|cancel|reg_bank|1CClientBankExchange|verify|backup|restore|tar|receive|spend|year|end|early|fine|recovered_damages|osago|contract_penalties)\b"
)


@pytest.mark.parametrize("words", [" ".join(words) for words, _ in tree("ru")], ids=lambda words: words or "omsclaims")
def test_help_speaks_one_language_and_names_every_option(words: str) -> None:
    made = dict(tree("ru"))[tuple(words.split())]
    russian, english = run(*words.split(), "--help", lang="ru"), run(*words.split(), "--help", lang="en")
    assert (russian.code, english.code) == (0, 0)
    for parameter in made.params:
        if parameter.param_type_name == "option":
            assert all(name in russian.out and name in english.out for name in parameter.opts), parameter.name
        assert messages.has(f"cli.meta.{parameter.name}") or parameter.is_flag, parameter.name
        if parameter.help:
            assert parameter.help.split()[0] in russian.out
        else:
            raise AssertionError(f"{words}: {parameter.name} has no help")
    # What is left of Russian help without names and the defaults has no Latin word.
    left = KEPT.sub("", re.sub(r"\[по умолчанию [^\]]*\]", "", russian.out))
    assert re.findall(r"[A-Za-z]{2,}", left) == []
    assert re.findall(r"[А-Яа-яё]{2,}", english.out) == []


def test_the_help_names_every_command_of_the_readme() -> None:
    text = README.read_text(encoding="utf-8")
    shown = set(
        re.findall(
            r"`omsclaims ([a-z]+(?: (?:load|list|show|diff|compare|book|coverage|check|report|overdue|waiting|quota|sample|template|export|appeals?|results|chain|apportion|cost|balances|entries|correct|finance|send|take|concede|write-off|answer|pay|due|return|net|act|orders|cancel|draw|sign|dispute|agree|protocol|receive|spend|year-end|early-end))?)",
            text,
        )
    )
    names = {" ".join(words) for words, made in tree("en") if not hasattr(made, "commands")}
    assert shown == names
    listed = run("--help", lang="en").out
    for name in names:
        assert re.search(rf"^  {name}  ", listed, re.MULTILINE), name
    assert set(common.ORDER_OF_WORK) == names


def test_every_command_lies_in_its_family() -> None:
    """A command that is missing in FAMILIES would be found, but only after everything is imported."""
    in_families = {name for names in cli.FAMILIES.values() for name in names}
    assert in_families == {words[0] for words, _ in tree("en") if words}
    for name in in_families:
        alone = commands_of(__import__("typer").main.get_command(cli.build("en", name)))
        assert (name,) in dict(alone)


def test_the_clean_packages_are_clean(small: Path) -> None:
    """The ground on which the tests of bad input stand."""
    for path in clean_packages(small, MONTH):
        assert run("check", path, "--as-of", DAY).code == 0, path


def test_a_demo_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    said = run("demo", "--cases", "200", "--out", tmp_path, lang="ru")
    assert said.code == 2
    assert "не пуста и сделана не демонстрацией" in said.text
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    shutil.rmtree(tmp_path)


def test_a_check_does_not_wait_for_what_it_does_not_use(desk: Desk) -> None:
    """Cold start: compiler, templates, workbooks and the made-up territory stay asleep."""
    code = (
        "import sys\n"
        "from omsclaims.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    print('code', end.code)\n"
        "print(sorted({'numba', 'jinja2', 'xlsxwriter', 'omsclaims.synthetic', 'omsclaims.closing'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(desk.good), "--lang", "en"], capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[-3:-1] == ["code 0", "[]"]


def test_an_agreement_that_departs_from_the_federal_lists_is_loaded_and_said_so(desk: Desk, tmp_path: Path) -> None:
    """The lists are those of 2026: an agreement of that year that lowers a group that may not be lowered."""
    folder = tmp_path / "agreement"
    shutil.copytree(desk.made / "agreement", folder)
    head = folder / "agreement.yaml"
    head.write_text(head.read_text(encoding="utf-8").replace("2022", "2026"), encoding="utf-8")
    for path in folder.glob("*.csv"):
        path.write_text(path.read_text(encoding="utf-8").replace("2022-", "2026-"), encoding="utf-8")
    groups = folder / "ksg.csv"
    first, *rest = groups.read_text(encoding="utf-8").splitlines()
    columns = first.split(",")
    row = dict(zip(columns, rest[0].split(","), strict=True))
    row.update(code="st13.002", setting="ksg_inpatient", uses_specificity="1", specificity="0.9")
    groups.write_text("\n".join([first, *rest, ",".join(row[column] for column in columns)]) + "\n", encoding="utf-8")
    said = run("agreement", "load", folder, "--workspace", desk.folder)
    assert said.code == 1, said.text
    assert "ksg.csv:" in said.text and "st13.002" in said.text
    assert "The tariff agreement for 2026 is loaded" in said.text
