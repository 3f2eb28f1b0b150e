"""Commands that fill a workspace: init, register, ingest, withdraw, status."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import os
import re
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from omsclaims import contract, findings, intake, messages, money
from omsclaims.cli import common, words
from omsclaims.cli.books import say_later
from omsclaims.nsi import BUILT_IN, built_in_books
from omsclaims.workspace import PAYMENT_MODES, Workspace

#: Threads of reading packages, unless told otherwise.
THREADS: Final = max(1, os.cpu_count() or 1)
#: Findings of one rule shown at intake for packages that are taken in; `check` shows more.
SHOWN_OF_TAKEN: Final = 3


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    text = messages.text

    @words.command(app, "init", lang)
    def init(
        folder: Annotated[Path, typer.Argument(help=text("cli.init.dir", lang))],
        territory: Annotated[str, typer.Option("--territory", help=text("cli.init.territory", lang))],
        role: Annotated[str, typer.Option("--role", help=text("cli.init.role", lang))] = "fund",
        smo: Annotated[str | None, typer.Option("--smo", help=text("cli.init.smo", lang))] = None,
        payments: Annotated[str, typer.Option("--payments", help=text("cli.init.payments", lang))] = "planned",
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if role not in ("fund", "insurer"):
            raise typer.BadParameter(text("cli.bad_role", lang, value=role))
        if smo is not None and (role != "insurer" or re.fullmatch(r"[0-9]{5}", smo, re.ASCII) is None):
            raise typer.BadParameter(text("cli.bad_smo", lang, value=smo))
        if payments not in PAYMENT_MODES:
            raise typer.BadParameter(text("cli.bad_payments", lang, value=payments))
        day = common.parse_as_of(as_of, lang)
        known = built_in_books().require("F010").on(day)["code"].to_list()
        if territory not in known:
            raise typer.BadParameter(text("cli.bad_territory", lang, value=territory))
        Workspace.create(folder, territory, role, day, common.who_am_i(), payments, smo)
        common.out.print(text("cli.init.done", lang, folder=folder, territory=territory, role=role))

    _add_registers(app, lang)
    _add_packages(app, lang)


def _add_registers(app: typer.Typer, lang: str) -> None:
    text = messages.text
    register = words.group(lang, "cli.register.help")
    app.add_typer(register, name="register")

    @words.command(register, "load", lang, "register.load")
    def register_load(
        paths: Annotated[list[Path], typer.Argument(help=text("cli.register.load.paths", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.writing(workspace) as store:
            for path in _all_files(paths, (".parquet", ".csv"), lang):
                table = read_register(path, lang)
                before = store.register_digest(path.stem)
                digest = store.store_register(path.stem, table, day)
                payload = {"register": path.stem, "digest": digest, "rows": table.height}
                if digest != before:
                    store.record("register load", day, common.who_am_i(), None, payload)
                common.out.print(text("cli.register.loaded", lang, name=path.stem, rows=table.height))


def _all_files(paths: list[Path], suffixes: tuple[str, ...], lang: str) -> list[Path]:
    """Files named, and the files of named folders that have one of the suffixes."""
    return common.named_files(paths, suffixes, "*", "cli.nothing_to_load", lang)


def read_register(path: Path, lang: str) -> pl.DataFrame:
    """A register file as its contract table. Raises BadParameter naming file, column and what is wrong."""
    table = contract.TABLES.get(path.stem)
    if table is None or not path.stem.startswith("reg_"):
        known = ", ".join(sorted(name for name in contract.TABLES if name.startswith("reg_")))
        raise typer.BadParameter(messages.text("cli.register.unknown", lang, name=path.stem, known=known))
    schema = table.schema()
    raw = pl.read_parquet(path) if path.suffix.lower() == ".parquet" else pl.read_csv(path, infer_schema=False)
    missing = [column for column in schema if column not in raw.columns]
    if missing:
        raise typer.BadParameter(messages.text("cli.register.columns", lang, path=path, columns=", ".join(missing)))
    try:
        typed = [_typed(name, kind, raw.schema[name]).alias(name) for name, kind in schema.items()]
        register = raw.select(typed)
    except pl.exceptions.PolarsError as error:
        raise typer.BadParameter(
            messages.text("cli.register.types", lang, path=path, reason=str(error).split("\n")[0])
        ) from error

    problems = contract.register_problems(path.stem, register)
    if problems:
        said = "; ".join(messages.text(f"cli.register.{kind}", lang, row=row, column=column) for row, column, kind in problems)
        raise typer.BadParameter(messages.text("cli.register.rows", lang, path=path, problems=said))
    return register


def _typed(name: str, kind: pl.DataType, found: pl.DataType) -> pl.Expr:
    """A column of a register as the contract has it; a CSV has only texts, and an empty text is no value."""
    column = pl.col(name)
    if found != pl.String or kind == pl.String:
        return column.cast(kind)
    if kind == pl.Date:
        return column.str.to_date("%Y-%m-%d", strict=True)
    return column == "true" if kind == pl.Boolean else column.str.to_integer(dtype=pl.Int64, strict=True)


def _add_packages(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "ingest", lang)
    def ingest(
        files: Annotated[list[Path], typer.Argument(help=text("cli.arg.files", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        threads: Annotated[int, typer.Option("--threads", min=1, help=text("cli.option.threads", lang))] = THREADS,
        limits: Annotated[Path | None, typer.Option("--limits", help=text("cli.option.limits", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        chosen, allowed = common.existing_files(files, lang), common.limits_of(limits)
        with Workspace.writing(workspace) as store, common.progress_bar(text("cli.ingest.progress", lang), len(chosen)) as bar:
            task = bar.task_ids[0]
            done = intake.ingest(
                store,
                chosen,
                day,
                common.who_am_i(),
                threads,
                lambda _, count, __: bar.update(task, completed=count),
                limits=allowed,
            )
            library = store.library()
        show_intake(done, lang)
        say_later(library, day, lang)
        raise typer.Exit(intake_code(done))

    @words.command(app, "withdraw", lang)
    def withdraw(
        package: Annotated[str, typer.Argument(help=text("cli.withdraw.package", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        why: Annotated[str | None, typer.Option("--why", help=text("cli.option.why", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.writing(workspace) as store:
            row = intake.withdraw(store, package, common.parse_as_of(as_of, lang), common.who_am_i(), why)
        common.out.print(text("cli.withdraw.done", lang, package=row.package, month=row.month))

    @words.command(app, "status", lang)
    def status(
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.open(workspace) as store:
            show_status(store, lang)


def show_intake(done: list[intake.Intake], lang: str) -> None:
    """What became of each file: a table, then the reasons of what was refused."""
    text = messages.text
    shown = common.table(
        text("cli.ingest.title", lang),
        (text("cli.col.package", lang), "left"),
        (text("cli.col.month", lang), "left"),
        (text("cli.col.state", lang), "left"),
        (text("cli.col.cases", lang), "right"),
        (text("cli.col.billed", lang), "right"),
        (text("cli.col.findings", lang), "right"),
    )
    for one in done:
        shown.add_row(
            one.package,
            one.month or "-",
            text(f"cli.state.{one.state}", lang),
            str(one.cases),
            money.show_amount(one.sumv_kop, lang),
            str(one.findings.height),
        )
    common.out.print(shown)
    refused = findings.concat(one.findings for one in done if one.state == "refused")
    if refused.height:
        common.out.print(text("cli.ingest.refused", lang), style="bold", markup=False)
        common.print_findings(refused, lang)
    taken = findings.concat(one.findings for one in done if one.state == "accepted")
    if taken.height:
        common.out.print(text("cli.ingest.found", lang), style="bold", markup=False)
        common.print_findings(taken, lang, shown=SHOWN_OF_TAKEN)
        common.out.print(text("cli.ingest.more", lang), markup=False)


def intake_code(done: list[intake.Intake]) -> int:
    """Exit code: 3 when a file could not be read, 1 when anything was found, else 0."""
    rules = {rule for one in done if one.state == "refused" for rule in one.findings["rule"].unique().to_list()}
    if rules & common.UNREADABLE_RULES:
        return common.UNREADABLE
    return common.FINDINGS if any(one.findings.height for one in done) else common.CLEAN


def show_status(store: Workspace, lang: str) -> None:
    """The workspace at a glance: months with packages and closings, books, registers, the audit chain."""
    text = messages.text
    common.out.print(
        text("cli.status.head", lang, folder=store.folder, territory=store.meta("territory"), role=store.meta("role"))
    )
    rows = store.packages()
    months = common.table(
        text("cli.status.months", lang),
        (text("cli.col.month", lang), "left"),
        (text("cli.state.accepted", lang), "right"),
        (text("cli.state.refused", lang), "right"),
        (text("cli.state.withdrawn", lang), "right"),
        (text("cli.col.cases", lang), "right"),
        (text("cli.col.billed", lang), "right"),
        (text("cli.col.closed", lang), "left"),
    )
    for month in sorted({row.month for row in rows}):
        own = [row for row in rows if row.month == month]
        accepted = [row for row in own if row.state == "accepted"]
        run = store.run(month)
        closed = (
            text("cli.status.closed", lang, who=run.closed_by, on=run.as_of, digest=run.digest[:12])
            if run
            else text("cli.status.open", lang)
        )
        counts = [str(sum(row.state == state for row in own)) for state in ("accepted", "refused", "withdrawn")]
        cases, billed = sum(row.cases for row in accepted), sum(row.sumv_kop for row in accepted)
        months.add_row(month, *counts, str(cases), money.show_amount(billed, lang), closed)
    common.out.print(months)
    books = sorted({(one.book, one.edition) for one in store.library().editions if one.source != BUILT_IN})
    common.out.print(
        text("cli.status.books", lang, books=", ".join(f"{name} {edition}" for name, edition in books) or "-"), markup=False
    )
    tables, digests = store.registers()
    common.out.print(
        text(
            "cli.status.registers", lang, registers=", ".join(f"{name} {tables[name].height}" for name in sorted(digests)) or "-"
        )
    )
    breaks = store.chain_breaks()
    key = "cli.status.chain_broken" if breaks else "cli.status.chain_whole"
    common.out.print(text(key, lang, events=store.next_seq() - 1, breaks=", ".join(map(str, breaks))))
    common.out.print(text("cli.verify.at", lang, **store.head()), markup=False)
