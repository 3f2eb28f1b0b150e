"""Does every output that used an unconfirmed value of the law say so? All commands and all papers of a month, one by one.

Two months of a small territory are worked through under a law in which nothing is confirmed: whatever a step asks the law for it
must name. What a step asks for is written down where it is asked (`Parameters.use`), not where it is told. A command or a kind of
paper that stands in no list here fails.
"""

from __future__ import annotations

import ast
import csv
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import openpyxl
import polars as pl
import pytest

from omsclaims import closing, documents, expertise, month
from omsclaims.cli import common, demo, months
from omsclaims.law import UNCONFIRMED, Parameters, Used, federal_parameters
from omsclaims.registry import formats
from omsclaims.registry.reader import read_package
from omsclaims.registry.writer import write_package
from omsclaims.reports import doubts
from omsclaims.tariffs.grouper import rules as grouper_rules
from omsclaims.workspace import Workspace
from tests.between_samples import answer
from tests.law.test_parameters import NAMED

from .cli_samples import DAY, run

ROOT: Final = Path(__file__).resolve().parents[2]
#: Phase of a run in which it only tells what follows.
SCREEN: Final = "screen"
FEBRUARY, MARCH = "2022-02", "2022-03"
SAMPLE: Final = f"mee-{FEBRUARY}-7-mo"

# ---------------------------------------------------------------- the lists

#: Kinds of papers of a month: what each must name. ALL - everything that the month asked for; MONEY - that, and of prices what the
#: cases of its payer (and clinic) used; DECISIONS - what was asked for up to the decisions, and of prices what its cases used;
#: XML - an official file, which cannot: what it stands on is named by the run and on the page; NOTHING - it asks for nothing.
PAPERS: Final = {
    "page": "ALL", "acts_register": "ALL", "act_121": "MONEY", "act_132": "MONEY", "act_file": "XML", "insurer": "XML",
    "mek": "DECISIONS", "flk": "XML", "answer": "XML", "territory": "XML", "findings": "NOTHING",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A command line, {ws} and the like filled in.

    files   papers that it writes, each of which must name what the step asked for
    closed  months whose decisions its figures are made of: it must name what they asked for and what their prices name, too
    priced  months whose prices alone it shows
    loaded  its figures are what acts of expertise take: it must name what these were accepted by
    asks    whether the law is asked for anything at all: a step that no longer does proves nothing
    lang    the language; None: once in each
    unused  names that are asked for together with others and that its figures do not stand on
    """

    command: str
    words: str = ""
    files: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    asks: bool = True
    lang: str | None = None
    unused: frozenset[str] = frozenset()
    priced: tuple[str, ...] = ()
    loaded: bool = False


def silent(command: str, words: str = "", lang: str | None = "en") -> Step:
    """A step that asks the law for nothing."""
    return Step(command, words, asks=False, lang=lang)


#: Federal figures that are read together: the made-up territory has no small places of its own and no performance part.
OF_OTHER_CLINICS: Final = frozenset({"capitation.place_coefficients", "capitation.performance"})
_WS: Final = "--workspace {ws} --as-of {day}"
#: Figures of chapter XIII stand on what is published, not in the statements.
OF_DISCLOSURE: Final = frozenset(f"disclosure.{name}" for name in ("refresh_working_days", "media_a_year", "kept_years"))


def days_of(room: str) -> frozenset[str]:
    """Days of the yearly acts with other funds or with clinics outside the Federation: a year asks for both, a paper has one."""
    return frozenset(f"{room}.reconcile_{name}" for name in ("from", "to", "send", "return"))


#: Everything in the order of work. {step} is a folder of the step's own.
STEPS: Final = (
    silent("init", "{step}/new --territory 75 --as-of {day}"),
    silent("nsi load", "{made}/books --workspace {ws} --as-of {day}"),
    silent("nsi list", _WS), silent("nsi show", "V009 101 --on 2022-02-01 --workspace {ws}"),
    silent("register load", "{extra} " + _WS),
    Step("agreement check", "{made}/agreement"), Step("agreement load", "{made}/agreement " + _WS, lang="ru"),
    silent("agreement show", "{made}/agreement"), silent("agreement diff", "{made}/agreement {made}/agreement"),
    Step("agreement diff", "{small} {law_overlay}"),
    silent("ingest", "{made}/packages/2022-02 --threads 1 " + _WS),
    Step("run", f"{FEBRUARY} " + _WS, lang="ru"),
    Step("expertise sample", f"{FEBRUARY} --kind mee --seed 7 --xlsx {{step}}/sample.xlsx " + _WS, ("sample.xlsx",), (FEBRUARY,)),
    Step("expertise template", f"{{step}}/acts.xlsx --sample {SAMPLE} --workspace {{ws}}", ("acts.xlsx",), (FEBRUARY,), asks=False),
    Step("expertise load", "{acts} " + _WS, lang="en"),
    silent("expertise export", "{step}/out.xml " + _WS),
    Step("expertise appeal", "{claims} " + _WS, lang="ru"), Step("expertise appeals", _WS),
    silent("ingest", "{made}/packages/2022-03 --threads 1 " + _WS),
    Step("run", f"{MARCH} " + _WS, lang="en"),
    Step("expertise results", f"{MARCH} --out {{step}} --workspace {{ws}}", (f"expertise-{MARCH}.xlsx",), (FEBRUARY, MARCH), asks=False, loaded=True),
    Step("expertise chain", "{case} --workspace {ws}", closed=(FEBRUARY,)), Step("explain", "{case} --workspace {ws}", closed=(FEBRUARY,)),
    silent("status", "--workspace {ws}"),
    Step("plan check", "2022 " + _WS, asks=False), Step("plan report", f"{MARCH} " + _WS, closed=(FEBRUARY, MARCH), asks=False),
    Step("plan report", f"{MARCH} --out {{step}}/p.xlsx " + _WS, ("p.xlsx",), (FEBRUARY, MARCH), asks=False),
    Step("plan report", f"{MARCH} --out {{step}}/p.html " + _WS, ("p.html",), (FEBRUARY, MARCH), asks=False),
    Step("norms", f"{FEBRUARY}..{MARCH} --month {MARCH} " + _WS, closed=(FEBRUARY, MARCH)),
    Step("norms", f"{FEBRUARY} --out {{step}}/n.xlsx " + _WS, ("n.xlsx",), (FEBRUARY,)),
    Step("norms", f"{FEBRUARY} --out {{step}}/n.html " + _WS, ("n.html",), (FEBRUARY,)),
    Step("norms", f"{FEBRUARY} --out {{step}}/n.csv " + _WS, closed=(FEBRUARY,)),
    Step("tariff cost", "{costing} --out {step}/c.xlsx", ("c.xlsx",)),
    Step("capitation", f"{MARCH} " + _WS, unused=OF_OTHER_CLINICS),
    Step("capitation", f"{MARCH} --out {{step}}/c.xlsx " + _WS, ("c.xlsx",), unused=OF_OTHER_CLINICS),
    Step("capitation", f"{MARCH} --clinic {{clinic}} " + _WS, unused=OF_OTHER_CLINICS),
    silent("group", "{package} --workspace {ws} --as-of {day}"),
    Step("whatif", f"{{overlay}} --month {MARCH} " + _WS, priced=(MARCH,)), Step("whatif", f"{{overlay}} --month {MARCH} --out {{step}}/w.xlsx " + _WS, ("w.xlsx",), priced=(MARCH,)),
    Step("whatif", f"{{overlay}} --month {MARCH} --out {{step}}/w.html " + _WS, ("w.html",), priced=(MARCH,)),
    silent("voucher list", _WS), Step("voucher overdue", "--late " + _WS), silent("voucher waiting", _WS), silent("voucher quota", _WS),
    Step("insured check", _WS), Step("insured apportion", f"{MARCH} --out {{step}}/list.csv " + _WS),
    Step("territory send", f"{FEBRUARY} --out {{step}} " + _WS, closed=(FEBRUARY,), asks=False, lang="en"),
    Step("territory take", "{answer} " + _WS, closed=(FEBRUARY, MARCH), lang="en"),
    Step("territory correct", "{bill} --items 1/1 --out {step} " + _WS, closed=(FEBRUARY, MARCH), asks=False, lang="ru"),
    Step("territory concede", "{bill} --why test " + _WS, closed=(FEBRUARY, MARCH), asks=False, lang="en"),
    Step("territory list", _WS, closed=(FEBRUARY, MARCH)),
    Step("territory write-off", "{bill} --why test " + _WS, closed=(FEBRUARY, MARCH), asks=False, lang="ru"),
    Step("territory take", "{home_bill} " + _WS, closed=(FEBRUARY, MARCH), lang="ru"),
    Step("territory answer", "R0375220009 --out {step} " + _WS, lang="en"),
    Step("territory pay", "R0375220009 " + _WS, asks=False, lang="ru"), Step("territory due", _WS),
    Step("territory return", "{bill} " + _WS, lang="en"), Step("territory net", "{bill} --against {bill} --why test " + _WS, lang="ru"),
    Step("abroad take", "{outside} " + _WS, lang="en"), silent("abroad pay", "HM750908T75_220201 " + _WS), Step("abroad act", "2022 --workspace {ws}"),
    Step("accident list", _WS), Step("accident report", _WS, ("{ws}/restricted/accidents/*.xlsx",), (FEBRUARY, MARCH), asks=False),
    Step("ledger balances", "--workspace {ws}", closed=(FEBRUARY, MARCH), asks=False, loaded=True),
    Step("ledger entries", "insurer:75901/payment_reserve --workspace {ws}", closed=(FEBRUARY, MARCH), asks=False, loaded=True),
    Step("ledger export", "{step} --workspace {ws}", ("ledger.xlsx",), (FEBRUARY, MARCH), asks=False, loaded=True),
    Step("statements", "{ws} {step} --as-of {day}", ("statements.html", "statements.xlsx"), (FEBRUARY, MARCH), loaded=True, unused=OF_DISCLOSURE),
    Step("act draw", f"{MARCH} " + _WS, closed=(FEBRUARY, MARCH)), Step("act draw", f"{FEBRUARY} " + _WS, closed=(FEBRUARY, MARCH), lang="en"),
    Step("act draw", "2022 " + _WS, ("{ws}/reports/acts-2022/149*.xlsx",), (FEBRUARY, MARCH), lang="ru", unused=days_of("abroad")),
    Step("act draw", "2022 " + _WS, ("{ws}/reports/acts-2022/176*.xlsx",), (FEBRUARY, MARCH), lang="en", unused=days_of("territories")),
    silent("act send", "121/2022-02/75901 --workspace {ws} --as-of 2022-04-20"),
    Step("act compare", "{ws}/reports/2022-02/acts/121-75901.json --workspace {ws}", closed=(FEBRUARY, MARCH), asks=False),
    silent("act dispute", "{ws}/reports/2022-02/acts/121-75901.json --workspace {ws} --as-of 2022-04-20"),
    silent("act agree", "121/2022-02/75901 --why test --workspace {ws} --as-of 2022-04-20"),
    silent("act sign", "121/2022-02/75901 --workspace {ws} --as-of 2022-04-20"), silent("act list", "--workspace {ws}"),
    Step("act protocol", "121/2022-02/75901 --out {step}/p.xlsx --workspace {ws}", ("p.xlsx",), (FEBRUARY,), asks=False),
    silent("pay list", "--workspace {ws}"),
    silent("check", "{package}"), silent("read", "{package} --out {step}/tables"), silent("write", "{tables} --out {step}/new.zip"),
    silent("rewrite", "{package} --out {step}/new.zip"), silent("convert", "{package} --to {step}/parquet"), silent("warmup"),
    silent("formats list"), silent("formats show", "H_3.2"), silent("checks list"), silent("checks show", "C072"),
    silent("insured load", "{people} --workspace {spare} --as-of {day}"),
    silent("ledger book", "{events} --workspace {spare} --as-of {day}"),
    silent("ledger correct", "{posting} --why test --workspace {spare} --as-of {day}"),
    silent("reopen", f"{MARCH} --why test --workspace {{spare}}"),
    silent("withdraw", "{package_name} --workspace {spare} --why test"),
)  # fmt: skip
#: Commands that are not run here, and why they can use nothing of the law: their file imports neither law nor closings.
OF_BOOKS_ALONE: Final = {
    "verify": "proof", "backup": "proof", "restore": "proof",
    "nsi diff": "books", "formats compare": "formats", "formats book": "formats", "checks coverage": "coverage",
}  # fmt: skip
#: Run by other tests: the demo prints what `run` prints (`show_closing`); payments need a workspace that the bank pays
#: (tests/test_bank.py and tests/test_financing.py hold that they name what they asked the law for), an insurer's books a workspace of an insurer
#: (tests/cli/test_cli_insurer.py holds the same of them).
OTHERWISE: Final = (
    "demo", "pay orders", "pay load", "pay cancel", "ledger finance",
    "insurer take", "insurer compare", "insurer receive", "insurer spend", "insurer year-end", "insurer early-end",
)  # fmt: skip


def test_every_command_stands_in_a_list() -> None:
    listed = {step.command for step in STEPS} | OF_BOOKS_ALONE.keys() | set(OTHERWISE)
    assert listed == set(common.ORDER_OF_WORK)


@pytest.mark.parametrize("command", OF_BOOKS_ALONE)
def test_commands_on_books_alone_know_no_law(command: str) -> None:
    code = (ROOT / "omsclaims" / "cli" / f"{OF_BOOKS_ALONE[command]}.py").read_text(encoding="utf-8")
    imported = {node.module or "" for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)}
    named = {alias.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert not {"closing", "law", "federal_parameters"} & named
    assert not any(module.startswith("omsclaims.law") for module in imported)


# ---------------------------------------------------------------- under a law in which nothing is confirmed


@dataclass
class Spy:
    """Names of parameters that were asked for, by what was being done."""

    asked: dict[str, set[str]] = field(default_factory=dict)
    phase: str = "decisions"

    def take(self) -> set[str]:
        """All that was asked for since the last time."""
        found = set().union(*self.asked.values()) if self.asked else set()
        self.asked, self.phase = {}, "decisions"
        return found


@dataclass(frozen=True)
class Done:
    """A step that was run: what it printed and wrote, what it asked for, what it had to name."""

    step: Step
    lang: str
    code: int
    text: str
    files: dict[str, str]
    asked: set[str]
    must: set[str]


@dataclass
class Worked:
    """The territory after all steps."""

    folder: Path
    done: list[Done]
    phases: dict[str, dict[str, set[str]]]  # month -> phase -> names
    prices: dict[str, set[str]]  # month -> names in the sources of its prices


@pytest.fixture(scope="module")
def worked(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worked]:
    """All steps, run under a law in which nothing is confirmed."""
    with pytest.MonkeyPatch.context() as patch:
        spy = _watched(patch)
        base = tmp_path_factory.mktemp("unconfirmed")
        yield _work(small, base, spy)


def _watched(patch: pytest.MonkeyPatch) -> Spy:
    """Makes every value unconfirmed and writes down which are asked for."""
    spy = Spy()
    known = federal_parameters().by_name
    for name, parameter in known.items():
        values = tuple(value.model_copy(update={"sure": UNCONFIRMED}) for value in parameter.values)
        patch.setitem(known, name, parameter.model_copy(update={"values": values}))
    tables = grouper_rules.rules()
    unsure = {
        name: {key: row.model_copy(update={"sure": UNCONFIRMED}) for key, row in getattr(tables, name).items()}
        for name in ("exceptions", "priorities", "beside")
    }
    doubtful = tables.model_copy(update=unsure)
    patch.setattr(grouper_rules, "rules", lambda: doubtful)
    use = Parameters.use

    def watched(self: Parameters, name: str, on: date) -> Used:
        found = use(self, name, on)
        spy.asked.setdefault(spy.phase, set()).add(name)
        return found

    patch.setattr(Parameters, "use", watched)
    for room, function, phase in ((month, "deduct", "money"), (documents, "write", "papers"), (months, "show_terms", SCREEN)):
        patch.setattr(room, function, _in_phase(getattr(room, function), spy, phase))
    return spy


def _in_phase(function: Any, spy: Spy, phase: str) -> Any:
    def called(*given: Any, **named: Any) -> Any:
        spy.phase = phase
        return function(*given, **named)

    return called


def _work(small: Path, base: Path, spy: Spy) -> Worked:
    folder = base / "ws"
    names = _prepared(small, base, folder)
    worked = Worked(folder, [], {}, {})
    for number, step in enumerate(STEPS):
        for lang in ("ru", "en") if step.lang is None else (step.lang,):
            names |= _made_on_the_way(step, small, base, folder)
            names["step"] = base / f"{number}-{lang}"
            names["step"].mkdir()
            spy.take()
            words = [word.format(**names) for word in step.words.split()]
            said = run(*step.command.split(), *words, lang=lang)
            if step.command == "run":
                worked.phases[words[0]] = {phase: set(found) for phase, found in spy.asked.items()}
                worked.prices[words[0]] = _named_by_prices(folder, words[0])
            asked = spy.take()
            must = (asked - step.unused).union(*(worked.phases[name]["decisions"] for name in step.closed))
            # An explanation names what the prices of its own case used, not those of the month.
            must = must.union(
                *(worked.prices[name] for name in (*step.priced, *(() if step.command == "explain" else step.closed)))
            )
            if step.loaded:
                must |= accepted_by(worked)
            files = {path.name: text_of(path) for name in step.files for path in _found(names["step"], name.format(**names))}
            worked.done.append(Done(step, lang, said.code, said.text, files, asked, must))
    return worked


def _prepared(small: Path, base: Path, folder: Path) -> dict[str, Any]:
    """The workspace before the first step, and the files that steps are given."""
    demo.prepare(small, folder)
    spare = base / "spare"
    package = next(path for path in sorted((small / "packages" / MARCH).glob("HM*.zip")))
    extra = base / "extra"
    extra.mkdir()
    (extra / "reg_unchosen.csv").write_text("enp,working,since\n9000000000000001,true,2022-02-10\n", encoding="utf-8")
    enp = pl.read_parquet(small / "registers" / "reg_insured.parquet")["enp"].drop_nulls()[0]
    (extra / "reg_accident.csv").write_text(
        "notice,received_on,decided_on,enp,fam,im,ot,dr,document,accident_on,care_from,care_to,ds1,mo,sent_on,reported_on\n"
        f"N1,2022-04-08,2022-04-01,{enp},,,,1980-01-01,,2022-02-01,2022-02-01,2022-02-02,S72.0,750901,2022-04-08,\n",
        encoding="utf-8",
    )
    (base / "rise.yaml").write_text(
        "title: more\nagreement:\n  - {table: base_rates, where: {setting: ksg_inpatient}, multiply: {rate: 1.01}}\n",
        encoding="utf-8",
    )
    (base / "law.yaml").write_text(
        "title: law\nlaw:\n  - {name: tariffs.short_stay_days, since: 2022-01-01, value: 4}\n", encoding="utf-8"
    )
    (base / "people.xml").write_text(
        "<PERS_LIST><PERS><ENP>7551230870000015</ENP><W>2</W><DR>1980-05-15</DR><VPOLIS>3</VPOLIS><SMO>75901</SMO>"
        "<DBEG>2015-01-01</DBEG><PLACE>city</PLACE></PERS></PERS_LIST>",
        encoding="utf-8",
    )
    (base / "events.csv").write_text(
        "event,date,document,amount,territory\nterritory_refund,2022-04-05,pp-1,7.00,38\n", encoding="utf-8"
    )
    with (small / "registers" / "reg_clinic.csv").open(encoding="utf-8") as stream:
        clinic = next(csv.DictReader(stream))["mo"]
    return {
        "ws": folder, "made": small, "day": DAY, "extra": extra, "overlay": base / "rise.yaml",
        "law_overlay": base / "law.yaml", "small": ROOT / "fixtures" / "agreements" / "small", "people": base / "people.xml",
        "costing": ROOT / "fixtures" / "costing" / "clinic", "package": package, "package_name": package.stem, "spare": spare,
        "tables": base / "tables", "clinic": clinic, "acts": base / "acts.xlsx", "claims": base / "claims.csv", "case": "",
        "events": base / "events.csv",
        "outside": ROOT / "fixtures" / "packages" / "HM750908T75_220201.zip",
    }  # fmt: skip


def _made_on_the_way(step: Step, made: Path, base: Path, folder: Path) -> dict[str, Any]:
    """Files and names that a step needs of those before it."""
    if step.command == "expertise load":
        _fill_in(next(base.glob("*-en/acts.xlsx")), base / "acts.xlsx")
    elif step.command == "expertise appeal":
        with Workspace.open(folder) as store:
            act = expertise.acts_of(store, None).filter(pl.col("num_act") == "A-1").row(0, named=True)
        claim = ["C-1", act["mo"], act["payer"], "A-1", "2022-04-01", "upheld", "2022-04-08", "R-1"]
        heads = "claim,mo,payer,num_act,claimed_on,outcome,decided_on,decision"
        (base / "claims.csv").write_text(f"{heads}\n{','.join(claim)}\n", encoding="utf-8")
    elif step.command in ("expertise chain", "explain"):
        with Workspace.open(folder) as store:
            cases = store.run_table(FEBRUARY, "cases_view").filter(pl.col("oplata") == 2).sort("package", "n_zap", "idcase")
        return {"case": "{package}/{n_zap}/{idcase}".format(**cases.row(0, named=True))}
    elif step.command == "write":
        shutil.copytree(next(base.glob("*-en/tables")), base / "tables")
    elif step.command == "territory take":
        return {**_answered(next(base.glob("*-en/*/R*.oms")).parents[1], base), "home_bill": _of_another_fund(made, base)}
    elif step.command == "ledger correct":
        with Workspace.open(base / "spare") as store:
            postings = store.ledger_table("postings", FEBRUARY).filter(pl.col("rule") == "bill").sort("posting_id")
        return {"posting": postings["posting_id"][0]}
    elif step.command == "insured load":
        shutil.copytree(folder, base / "spare")
    return {}


def _answered(sent: Path, base: Path) -> dict[str, Any]:
    """An answer to the bill with the most items that was sent, with two items questioned; and the name of the bill."""
    bill = max(sorted(sent.glob("*/R*.oms")), key=lambda path: path.stat().st_size)
    name = f"A{bill.stem[3:5]}{bill.stem[1:3]}220001"
    data = answer(bill.read_bytes(), name, date.fromisoformat(DAY), {1: (100, 204), 2: (100, 204)})
    (base / f"{name}.oms").write_bytes(data)
    return {"answer": base / f"{name}.oms", "bill": bill.stem}


def _of_another_fund(territory: Path, base: Path) -> Path:
    """A bill of fund 03 to ours: the one that the made-up territory has, without its case of no money."""
    name = "R0375220009"
    given = next(territory.rglob("R0375220001.*"))
    made = dict(read_package(given.read_bytes(), name=f"{given.stem}.oms").tables)
    made["z_sl"] = made["z_sl"].filter(pl.col("sumv") > 0)
    made["zap"] = made["zap"].filter(pl.col("_row").is_in(made["z_sl"]["_parent"].implode()))
    made["patient"] = made["patient"].filter(pl.col("_parent").is_in(made["z_sl"]["_parent"].implode()))
    total = int(made["z_sl"]["sumv"].sum())
    made["z_sl"] = made["z_sl"].with_columns(sump=pl.col("sumv"))
    made["file"] = made["file"].with_columns(summav=pl.lit(total), summap=pl.lit(total))
    kept = {table: rows for table, rows in made.items() if table not in ("exceptions", "extra")}
    write_package(base / f"{name}.oms", kept, formats.get("RD_3.2"), name=name)
    return base / f"{name}.oms"


def _fill_in(form: Path, target: Path) -> None:
    """Two acts of the template: one with a ground, one that found nothing; the other rows are left out."""
    book = openpyxl.load_workbook(form)
    rows = book.worksheets[0]
    heads = {str(cell.value): cell.column for cell in rows[2]}
    rows.delete_rows(5, rows.max_row)
    for number, code in ((3, "2.16.1"), (4, None)):
        for name, value in (("S_DATE", "2022-03-15"), ("S_ZAKL", f"A-{number - 2}"), ("OSN", code)):
            rows.cell(number, heads[name]).value = value
    book.save(target)


def _found(folder: Path, name: str) -> list[Path]:
    """The papers of a name, which may be a pattern or lie elsewhere; at least one."""
    path = Path(name)
    found = sorted(path.parent.glob(path.name)) if path.is_absolute() else sorted(folder.glob(name))
    assert found, f"{name} was not written"
    return found


def text_of(path: Path) -> str:
    """All texts of a paper."""
    if path.suffix != ".xlsx":
        return path.read_text(encoding="utf-8")
    book = openpyxl.load_workbook(path, read_only=True)
    cells = (cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
    return "\n".join(str(cell) for cell in cells if cell is not None)


def accepted_by(worked: Worked) -> set[str]:
    """What the acts of expertise were accepted by when they were loaded: what they take stands on it."""
    return next(done.asked for done in worked.done if done.step.command == "expertise load")


def _named_by_prices(folder: Path, of: str) -> set[str]:
    with Workspace.open(folder) as store:
        sources = store.run_table(of, "priced_sl")["sources"].drop_nulls().unique()
    return {name for text in sources for name in _names_of(text)}


def _unnamed(names: set[str], text: str) -> list[str]:
    return sorted(name for name in names if name not in text)


# ---------------------------------------------------------------- what is held against the lists

STEPS_IN_BOTH: Final = [(step, lang) for step in STEPS for lang in (("ru", "en") if step.lang is None else (step.lang,))]


@pytest.mark.parametrize(
    "place", range(len(STEPS_IN_BOTH)), ids=[f"{step.command}-{lang}-{at}" for at, (step, lang) in enumerate(STEPS_IN_BOTH)]
)
def test_a_command_names_what_it_used(worked: Worked, place: int) -> None:
    done = worked.done[place]
    assert (done.step, done.lang) == STEPS_IN_BOTH[place]
    codes = (0, 1, 3) if done.step.command == "ingest" else (0, 1)  # the made-up months have files that cannot be read
    assert done.code in codes, done.text[:1000]
    assert bool(done.asked) == done.step.asks, (done.asked, done.text[:1000])
    # What is written on paper is named there; a screen that only says where the paper lies need not repeat it.
    for where, text in (done.files or {"the screen": done.text}).items():
        assert not _unnamed(done.must, text), where


def _names_of(sources: str) -> list[str]:
    """Names of the law and of the grouper in the sources of a price; the list of groups paid beside another stands for its rows."""
    found = re.findall(r"law:([a-z_0-9.]+)@|(grouper:[a-z_0-9]+)@", sources)
    whole = "grouper:beside" in sources.split(";")
    return [one or other for one, other in found] + [f"grouper:{name}" for name in grouper_rules.rules().beside if whole]


_NAMES: Final = pl.col("sources").map_elements(_names_of, return_dtype=pl.List(pl.String))


def papers(worked: Worked, of: str) -> list[tuple[str, Path]]:
    """Kind and place of the papers of a month."""
    with Workspace.open(worked.folder) as store:
        rows = store.rows("SELECT kind, path FROM documents WHERE month = ? ORDER BY path", [of])
    return [(kind, worked.folder / path) for kind, path in rows]


@pytest.mark.parametrize("of", [FEBRUARY, MARCH])
def test_a_paper_of_a_month_names_what_it_used(worked: Worked, of: str) -> None:
    asked = worked.phases[of]
    everything = _on_paper(asked) | (accepted_by(worked) if of == MARCH else set())
    assert {"control.coefficient_date", "norms.one_coefficient"} <= everything
    with Workspace.open(worked.folder) as store:
        prices = store.run_table(of, "priced_sl").select("case_key", names=_NAMES)
        view = store.run_table(of, "cases_view").select("case_key", "package", "code_mo")
        insurers = store.run_table(of, "identified").select("case_key", own=pl.col("status") == "own", smo="smo")
    rows = prices.explode("names").drop_nulls().unique().join(view, on="case_key").join(insurers, on="case_key")
    of_rows = rows.with_columns(payer=pl.when("own").then("smo").otherwise(pl.lit("75")))
    seen = set()
    for kind, path in papers(worked, of):
        what = PAPERS[kind]  # a kind that does not stand in the list fails here
        seen.add(kind)
        if what in ("XML", "NOTHING"):
            continue
        text, must, own = text_of(path), everything, of_rows
        if what == "DECISIONS":
            must = asked["decisions"]
            own = of_rows.filter(pl.col("package") == path.stem.removeprefix("MEK-"))
        elif what == "MONEY":
            payer, *mo = path.stem.split("-")[1:]
            own = of_rows.filter((pl.col("payer") == payer) & (pl.lit(not mo) | (pl.col("code_mo") == (mo or [""])[0])))
        used = set(own["names"].to_list())
        assert not _unnamed(must | used, text), path.name
        if what != "ALL":  # no more than was used: a parameter of prices that none of its cases needed is not named
            assert not {name for name in set(of_rows["names"]) - used if name in text}, path.name
    assert seen >= PAPERS.keys() - {"findings"}
    said = next(done.text for done in worked.done if done.step.command == "run" and done.step.words.startswith(of))
    assert not _unnamed(everything | asked[SCREEN] | set(of_rows["names"]), said), "the run names what the XML files stand on"


def _on_paper(asked: dict[str, set[str]]) -> set[str]:
    """What a run asked for up to its papers: the terms that it tells on the screen alone come after them."""
    return set().union(*(names for phase, names in asked.items() if phase != SCREEN))


def test_a_closing_keeps_what_it_asked_for(worked: Worked) -> None:
    for of in (FEBRUARY, MARCH):
        with Workspace.open(worked.folder) as store:
            kept = closing.parameters_of(store, [of])
        named = {source.removeprefix("law:").partition("@")[0] for source in kept}
        assert _on_paper(worked.phases[of]) <= named
        assert worked.phases[of]["decisions"] <= {one.removeprefix("law:").partition("@")[0] for one in doubts.of_decisions(kept)}


def test_every_parameter_is_asked_for(worked: Worked) -> None:
    """By the months and commands of this file, or by a function that another test runs: none stands in a file for nothing."""
    asked = set().union(*(done.asked for done in worked.done), *(names for of in worked.phases.values() for names in of.values()))
    with Workspace.open(worked.folder) as store:
        for of in (FEBRUARY, MARCH):
            asked |= {source.removeprefix("law:").partition("@")[0] for source in closing.parameters_of(store, [of])}
    known = set(federal_parameters().by_name)
    assert not known - asked - NAMED.keys(), "parameters that nothing asks for"
    assert NAMED.keys() <= known
