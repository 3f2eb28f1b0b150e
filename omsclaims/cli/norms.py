"""Command on the per-capita standards: norms."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.text import Text

from omsclaims import closing, findings, messages, money
from omsclaims.cli import common, words
from omsclaims.context import Context
from omsclaims.findings import Finding
from omsclaims.law import ParameterError
from omsclaims.law.agreement import partition_on
from omsclaims.periods import Month, Partition
from omsclaims.reports import doubts
from omsclaims.reports import norms as report
from omsclaims.settlement import financing
from omsclaims.tariffs import norms
from omsclaims.workspace import Workspace

#: Forms of the annex.
FORMS: Final = (".xlsx", ".html", ".csv")
#: Coefficients of `financing.csv` of an agreement have so many digits.
_CSV_DIGITS: Final = 5
_REFUSED: Final = 2  # F005: not paid


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command."""
    text = messages.text

    @words.command(app, "norms", lang)
    def norms_command(
        period: Annotated[str, typer.Argument(help=text("cli.norms.period", lang))],
        month: Annotated[str | None, typer.Option("--month", help=text("cli.norms.month", lang))] = None,
        amount: Annotated[str | None, typer.Option("--money", help=text("cli.norms.money", lang))] = None,
        people_on: Annotated[str | None, typer.Option("--people-on", help=text("cli.norms.people_on", lang))] = None,
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.norms.out", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        months = common.parse_months(period, lang)
        of = None if month is None else common.parse_month(month, lang)
        given = None if amount is None else _money(amount, lang)
        if out_file is not None and out_file.suffix.lower() not in FORMS:
            raise typer.BadParameter(text("cli.norms.bad_out", lang, value=out_file.name, forms=", ".join(FORMS)))
        day = months[0].first if people_on is None else common.parse_as_of(people_on, lang)
        with Workspace.open(workspace) as store:
            made, found = computed(store, months, of, given, day, common.parse_as_of(as_of, lang), lang)
        if out_file is None:
            show(made, lang)
        else:
            out_file.write_bytes(_written(made, out_file.suffix.lower(), lang))
            common.out.print(text("cli.norms.written", lang, path=out_file), markup=False)
            if out_file.suffix.lower() == ".csv":  # a table of an agreement has no place for it
                tell(made)
        if found.height:
            common.print_findings(found, lang)
            raise typer.Exit(common.FINDINGS)


def _money(text: str, lang: str) -> int:
    try:
        return money.parse_amount(text)
    except ValueError as error:
        raise typer.BadParameter(messages.text("cli.norms.bad_money", lang, value=text)) from error


def computed(
    store: Workspace, period: list[Month], of: Month | None, given: int | None, people_on: date, as_of: date, lang: str
) -> tuple[report.Report, pl.DataFrame]:
    """The coefficients of a period of closed months, with the standards of a month where one is asked for, and all findings."""
    lacking = [str(one) for one in period if store.run(str(one)) is None]
    if lacking:
        raise typer.BadParameter(messages.text("cli.norms.not_closed", lang, months=", ".join(lacking)))
    context, _ = closing.load_context(store, of or period[-1], as_of)
    registers, _ = store.registers()
    partition, source = partition_on(context.agreement, context.law, context.month.first)
    options, sources = options_of(context)
    members = norms.members_of(registers["reg_insured"])
    people, wrong_people = norms.count(members, partition, [people_on])
    age = context.law.use("norms.cost_age", context.month.first)
    accepted = pl.concat([_accepted(store, one, f"age_{age.value}") for one in period])
    cost, wrong_cost = norms.costs(accepted, partition)
    made = norms.coefficients(cost, people.drop("day"), len(period), partition, options, [*wrong_people, *wrong_cost])
    found = [made.findings]
    if of is not None:
        made, problems = _with_standards(made, members, partition, of, given, registers["reg_funding"])
        found.append(findings.frame(problems))
    paid = doubts.of_decisions(closing.parameters_of(store, map(str, period)))
    try:
        norm = int(context.law.use("norms.programme_norm", context.month.first).value)
    except ParameterError:
        norm = None
    groups = [group.code for group in partition.groups]
    last = financing.coefficients_on(context)
    told = doubts.lines([source, *sources, *paid, *(context.law.asked or ())], lang, context.law)
    shown = report.Report(
        made, period, people_on, of, context.territory, context.agreement.head.reference, groups, last, told, norm
    )
    return shown, findings.concat(found)


def options_of(context: Context) -> tuple[norms.Options, list[str]]:
    """How the agreement wants coefficients of insurers computed, and the parameters used."""
    wanted, on = context.agreement.head.norms, context.month.first
    found, sources = norms.Options(wanted.coefficient_digits, wanted.standard_digits), []
    if wanted.floor_for("insurers"):
        floor, age, rescaling = (
            context.law.use(f"norms.{name}", on) for name in ("floor_of_old_people", "floor_from_age", "floor_rescaling")
        )
        found = replace(found, floor=Fraction(int(floor.value), 10**_CSV_DIGITS), floor_from_age=int(age.value))
        sources = [f"law:{used.name}@{used.since}" for used in (floor, age, rescaling)]
    return replace(found, may_cost_nothing=frozenset(wanted.may_cost_nothing)), sources


def _accepted(store: Workspace, month: Month, age: str) -> pl.DataFrame:
    """Place, sex, age (`age_start` or `age_end`) and accepted money of the cases of own persons of a closed month."""
    view = store.run_table(str(month), "cases_view")
    own = view.filter((pl.col("status") == "own") & (pl.col("oplata") != _REFUSED))
    return own.select("place", "w", pl.col(age).alias("age_years"), "sump_kop")


def _with_standards(
    made: norms.Norms, members: pl.DataFrame, partition: Partition, of: Month, given: int | None, reg_funding: pl.DataFrame
) -> tuple[norms.Norms, list[Finding]]:
    """The standards of a month: its money by the funding register unless it is given, its average number of insured."""
    amount = financing.money_of_month(reg_funding, of) if given is None else given
    people, _ = norms.count(members, partition, [of.first, of.plus(1).first])
    if not people.height:
        return made, [Finding("T.6", params={"months": 1, "cost": money.format_amount(amount), "people": 0})]
    problems = [] if amount > 0 else [Finding("F.4", params={"month": str(of)})]
    return norms.with_standards(made, amount, Fraction(int(people["people"].sum()), 2)), problems


def _written(made: report.Report, form: str, lang: str) -> bytes:
    if form == ".xlsx":
        return report.workbook(made, lang)
    if form == ".html":
        return report.page(made, lang).encode()
    rows = [(norm.place, norm.group, norms.decimal(norm.kd, _CSV_DIGITS)) for norm in made.norms.norms if norm.kd is not None]
    table = pl.DataFrame(rows, schema={"place": pl.String, "group": pl.String, "kd": pl.String}, orient="row")
    return table.write_csv().encode()  # as financing.csv of an agreement


def show(made: report.Report, lang: str) -> None:
    """Cell by cell on the screen."""
    text = messages.text
    names = ("people", "cost", "kd", "last", "standard")
    heads = [(text(f"reports.norms.col.{name}", lang), "left") for name in ("place", "group")]
    shown = common.table(
        text("reports.norms.title", lang), *heads, *((text(f"reports.norms.col.{name}", lang), "right") for name in names)
    )
    table = norms.frame(made.norms, made.last)
    for row in table.iter_rows(named=True):
        cost = money.show_amount(row["cost_kop"], lang)
        cells = [str(row["people"]), cost, row["kd"] or "–", row["kd_last"] or "–", row["standard"] or "–"]
        shown.add_row(Text(row["place"]), Text(row["group"]), *cells)
    common.out.print(shown)
    tell(made)


def tell(made: report.Report) -> None:
    """What the figures stand on and nobody has seen in the text of the law."""
    for line in made.unconfirmed:
        common.out.print(line, markup=False)
