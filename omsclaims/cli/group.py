"""Command on the КСГ grouper: group."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from omsclaims import findings, messages, month
from omsclaims.cli import common, words
from omsclaims.cli.files import _with_books
from omsclaims.registry import names, reader
from omsclaims.tariffs.grouper import Grouper, cases_of, compile_grouper
from omsclaims.tariffs.grouper import path as paths
from omsclaims.tariffs.grouper.book import SETTINGS
from omsclaims.tariffs.grouper.cases import ages
from omsclaims.tariffs.grouper.grouping import group, groupers_of, prices_by_weight, problems
from omsclaims.tariffs.grouper.listing import cases_of_list
from omsclaims.workspace import Workspace

#: Cases that are told with their path on the screen.
SHOWN: Final = 10
#: Columns of the file of `--out`.
WRITTEN: Final = (
    "package", "n_zap", "idcase", "sl_id", "payment_kind", "ds1", "billed", "ksg", "same", "decided", "why", "fits", "sources",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """Cases to be grouped, where each stands (sl_key, case_key, sl_id, package, n_zap, idcase), and what was found on the way."""

    cases: pl.DataFrame
    places: pl.DataFrame
    found: pl.DataFrame


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the command."""
    text = messages.text

    @words.command(app, "group", lang)
    def group_command(
        file: Annotated[Path, typer.Argument(help=text("cli.group.file", lang))],
        book_files: Annotated[list[Path] | None, typer.Option("--books", help=text("cli.group.books", lang))] = None,
        workspace: Annotated[Path | None, typer.Option("--workspace", help=text("cli.group.workspace", lang))] = None,
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.group.out", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if (book_files is None) == (workspace is None):
            raise typer.BadParameter(text("cli.group.which", lang))
        if out_file is not None and out_file.suffix.lower() != ".csv":
            raise typer.BadParameter(text("cli.group.bad_out", lang, value=out_file.name))
        common.existing_files([file], lang)
        asked = read_cases(file, lang)
        if workspace is not None:
            groupers = of_workspace(workspace, asked.cases, common.parse_as_of(as_of, lang))
        else:
            groupers = groupers_of(_with_books(book_files or [], lang))
        if not groupers:
            raise typer.BadParameter(text("cli.group.no_books", lang))
        made = group(asked.cases, groupers, prices_by_weight(groupers))
        found = findings.concat([asked.found, problems(asked.cases, made["grouped"], asked.places, groupers)])
        rows = told(asked, made, lang)
        if out_file is not None:
            rows.select(WRITTEN).write_csv(out_file)
        show(rows, made, lang)
        common.print_unconfirmed(made["grouped"]["sources"].unique().to_list(), lang)
        common.print_findings(found, lang)
        differs = rows.filter(pl.col("same") == "no").height
        raise typer.Exit(common.FINDINGS if differs or found.height else common.CLEAN)


def read_cases(file: Path, lang: str) -> Asked:
    """The КСГ cases of a package or of a list of cases (CSV)."""
    if file.suffix.lower() == ".csv":
        cases, wrong = cases_of_list(pl.read_csv(file, infer_schema=False))
        places = cases.select(
            "sl_key", "case_key", sl_id=pl.col("sl_key").cast(pl.String), package=pl.lit(file.stem),
            n_zap=pl.col("sl_key"), idcase=pl.when(pl.col("case_key") > 0).then("case_key"),
        )  # fmt: skip
        return Asked(cases, places, findings.frame(wrong))
    read = reader.read_package(file)
    if not read.tables:
        common.print_findings(read.findings, lang)
        raise typer.Exit(common.UNREADABLE)
    if names.parse_name(read.name) is None:
        raise typer.BadParameter(messages.text("cli.group.name", lang, value=read.name))
    tables = month.assemble([month.Package(read.name, read.tables, read.findings)])
    cases = cases_of(tables, people_of(tables))
    of_case = tables["cases"].select("case_key", "package", "n_zap", "idcase")
    places = tables["sl"].select(pl.col("_row").alias("sl_key"), "case_key", "sl_id").join(of_case, on="case_key", how="left")
    return Asked(cases, places, findings.empty())


def people_of(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """case_key, w, age_years, age_days of the cases of packages, from their files of persons: on the day of admission."""
    persons = (
        tables["person"].select("package", "id_pac", "w", "dr").unique(["package", "id_pac"], keep="first", maintain_order=True)
    )
    cases = tables["cases"].select("case_key", "package", "id_pac", "date_z_1")
    known = cases.join(persons, on=["package", "id_pac"], how="left", maintain_order="left")
    return known.select("case_key", "w", **ages(pl.col("dr"), pl.col("date_z_1")))


def of_workspace(folder: Path, cases: pl.DataFrame, as_of: date) -> list[Grouper]:
    """The workbooks of a workspace for the years in which the cases ended, as known on a day."""
    years = cases["day"].dt.year().unique().drop_nulls().to_list()
    found = []
    with Workspace.open(folder) as store:
        library = store.library()
        for setting in SETTINGS:
            for reign in library.reigns(f"KSG.{setting}.GROUPER", as_of):
                if reign.edition.holds_from.year in years:
                    groups = library.edition_on(f"KSG.{setting}.GROUPS", reign.first, as_of)
                    if groups is not None:
                        found.append(
                            compile_grouper(
                                library.open(reign.edition), library.open(groups), holds_to=_last(reign.first, reign.last)
                            )
                        )
    return found


def _last(first: date, last: date | None) -> date:
    """Last day of an edition: that of its year, or the day before the next one begins."""
    end = date(first.year, 12, 31)
    return end if last is None else min(last, end)


def told(asked: Asked, made: Mapping[str, pl.DataFrame], lang: str) -> pl.DataFrame:
    """Each case with its place, whether the billed group is the computed one (yes | no | -), the reason in words, what fits."""
    fits = made["group_candidates"].group_by("sl_key", maintain_order=True).agg(fits=pl.col("ksg").str.join(" "))
    rows = made["grouped"].join(asked.places.drop("case_key"), on="sl_key", how="left", maintain_order="left")
    rows = rows.join(asked.cases.select("sl_key", "ds1"), on="sl_key", how="left", maintain_order="left")
    rows = rows.join(fits, on="sl_key", how="left", maintain_order="left")
    equal = pl.when(pl.col("billed").is_null() | pl.col("ksg").is_null()).then(pl.lit("-"))
    why = pl.Series("why", [paths.decided(row, lang) for row in rows.iter_rows(named=True)], dtype=pl.String)
    return rows.with_columns(why, same=equal.when(pl.col("billed") == pl.col("ksg")).then(pl.lit("yes")).otherwise(pl.lit("no")))


def show(rows: pl.DataFrame, made: Mapping[str, pl.DataFrame], lang: str) -> None:
    """Totals, and the cases that differ (where nothing was billed: all) with their path."""
    text = messages.text
    counts = dict(rows["same"].value_counts().iter_rows())
    grouped = rows["ksg"].count()
    common.out.print(
        text("cli.group.total", lang, cases=rows.height, grouped=grouped, equal=counts.get("yes", 0), differ=counts.get("no", 0)),
        markup=False,
    )
    common.out.print(text("cli.group.by_weight", lang), markup=False)
    asked = rows.filter((pl.col("same") == "no") | pl.col("billed").is_null())
    for row in asked.head(SHOWN).iter_rows(named=True):
        place = common.place({"file": row["package"], "element": None, "line": None, "idserv": None, **_where(row)}, lang)
        billed = row["billed"] or "-"
        common.out.print(
            text("cli.group.case", lang, place=place, ds1=row["ds1"], billed=billed, ksg=row["ksg"] or "-"), markup=False
        )
        candidates = made["group_candidates"].filter(pl.col("sl_key") == row["sl_key"])
        for line in paths.lines(row, candidates, lang):
            common.out.print(f"    {line}", markup=False)
    if asked.height > SHOWN:
        common.out.print("  " + text("cli.and_more", lang, count=asked.height - SHOWN), markup=False)


def _where(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("n_zap", "idcase", "sl_id")}
