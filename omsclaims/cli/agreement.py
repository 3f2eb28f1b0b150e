"""Commands on the tariff agreement: agreement load, check, show, diff."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

import polars as pl
import typer
from pydantic import ValidationError
from rich.text import Text

from omsclaims import checks, messages
from omsclaims.cli import common, words
from omsclaims.cli.agreement_books import compare, show_compared
from omsclaims.law import UNCONFIRMED, federal_parameters
from omsclaims.law.agreement import (
    FILES,
    MAIN_FILE,
    SECTIONS,
    Agreement,
    AgreementError,
    Problem,
    against_law,
    apply_overlay,
    cell_text,
    coverage,
    diff,
    frame_column,
    load_agreement,
    spec_of,
)
from omsclaims.registry.formats import OverlayError, load_overlays
from omsclaims.workspace import DATABASE, Workspace, WorkspaceError

#: Rows shown on the screen; the count always is.
SHOWN: Final = 200


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.agreement.help")
    app.add_typer(group, name="agreement")
    _add_load(group, lang)
    _add_check(group, lang)
    _add_show(group, lang)
    _add_diff(group, lang)


def _add_load(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "load", lang, "agreement.load")
    def agreement_load(
        folder: Annotated[Path, typer.Argument(help=text("cli.agreement.load.folder", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        loaded, law = _loaded(folder, lang, "cli.agreement.bad"), federal_parameters().noting()
        doubts = against_law(loaded, law)
        _print(doubts, lang)  # they stop nothing: the agreement is the commission's, but somebody should look
        with Workspace.writing(workspace) as store:
            if loaded.territory != store.meta("territory"):
                raise WorkspaceError("workspace.other_territory", found=loaded.territory, own=store.meta("territory"))
            before = store.agreement(loaded.year)[1] if loaded.year in store.agreement_years() else None
            digest = store.store_agreement(loaded.year, folder, day)
            payload = {"year": loaded.year, "territory": loaded.territory, "digest": digest}
            if digest != before:
                store.record("agreement load", day, common.who_am_i(), None, payload)
        common.out.print(text("cli.agreement.loaded", lang, year=loaded.year, title=loaded.title))
        common.print_unconfirmed(law.asked or (), lang)
        raise typer.Exit(common.FINDINGS if doubts else common.CLEAN)


def _add_check(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "check", lang, "agreement.check")
    def agreement_check(
        folder: Annotated[Path, typer.Argument(help=text("cli.agreement.folder", lang))],
        month: Annotated[str | None, typer.Option("--month", help=text("cli.agreement.check.month", lang))] = None,
        year: Annotated[int | None, typer.Option("--year", min=2011, help=text("cli.agreement.year", lang))] = None,
        book_files: Annotated[list[Path] | None, typer.Option("--books", help=text("cli.agreement.check.books", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        known_on = common.parse_as_of(as_of, lang)
        of = None if month is None else common.parse_month(month, lang)
        loaded = _loaded(_folder(folder, year), lang, "cli.agreement.unusable")
        head, law = loaded.head, federal_parameters().noting()
        days = (head.valid_from, head.valid_to) if of is None else (of.first, of.last)
        parts = {
            "open": coverage(loaded, *days),
            "notes": loaded.notes,
            "law": against_law(loaded, law),
        }
        for name, problems in parts.items():
            if problems:
                common.out.print(text(f"cli.agreement.check.{name}", lang, count=len(problems)), style="bold")
                _print(problems, lang)
        beside = compare(loaded, folder, book_files, days, known_on, lang)
        rows = sum(table.height for table in loaded.tables.values())
        count = sum(map(len, parts.values())) + show_compared(beside, loaded, days, lang)
        key = "cli.agreement.check.done" if count else "cli.agreement.check.clean"
        tables = sum(table.height > 0 for table in loaded.tables.values())
        common.out.print(text(key, lang, title=loaded.title, tables=tables, rows=rows, count=count), markup=False)
        common.print_unconfirmed(law.asked or (), lang)
        raise typer.Exit(common.FINDINGS if count else common.CLEAN)


def _add_show(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "show", lang, "agreement.show")
    def agreement_show(
        folder: Annotated[Path, typer.Argument(help=text("cli.agreement.folder", lang))] = Path("."),
        table: Annotated[str | None, typer.Option("--table", help=text("cli.agreement.show.table", lang))] = None,
        key: Annotated[str | None, typer.Option("--key", help=text("cli.agreement.show.key", lang))] = None,
        on: Annotated[str | None, typer.Option("--on", help=text("cli.agreement.show.on", lang))] = None,
        year: Annotated[int | None, typer.Option("--year", min=2011, help=text("cli.agreement.year", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = None if on is None else common.parse_as_of(on, lang)
        known = [*SECTIONS, *FILES]
        if table is not None and table not in known:
            raise typer.BadParameter(text("cli.agreement.show.bad_table", lang, value=table, known=", ".join(known)))
        loaded = _loaded(_folder(folder, year), lang, "cli.agreement.unusable")
        if table is None:
            _show_head(loaded, lang)
        else:
            _show_table(loaded, table, key, day, lang)


def _add_diff(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "diff", lang, "agreement.diff")
    def agreement_diff(
        before: Annotated[Path, typer.Argument(help=text("cli.agreement.diff.before", lang))],
        after: Annotated[Path, typer.Argument(help=text("cli.agreement.diff.after", lang))],
        out_file: Annotated[Path | None, typer.Option("--out", help=text("cli.agreement.diff.out", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        old = _loaded(_folder(before, None), lang, "cli.agreement.unusable")
        found, of_law = _differences(old, after, lang)
        if out_file is not None:
            out_file.write_bytes(found.write_csv().encode())
        for line in of_law:
            common.out.print(line, style="yellow", markup=False)
        if found.is_empty():
            common.out.print(text("cli.agreement.diff.equal", lang))
            raise typer.Exit(common.FINDINGS if of_law else common.CLEAN)
        columns = ("table", "key", "column", "before", "after", "valid_from", "source_after")
        rows = found.with_columns(pl.coalesce("source_after", "source_before").alias("source_after")).select(columns)
        _print_rows(text("cli.agreement.diff.title", lang, count=found.height), "diff", rows.iter_rows(named=True), columns, lang)
        raise typer.Exit(common.FINDINGS)


def _differences(old: Agreement, after: Path, lang: str) -> tuple[pl.DataFrame, list[str]]:
    """Differences to another folder or workspace, or to what an overlay makes of the first; federal values that it changes."""
    if after.suffix.lower() not in (".yaml", ".yml"):
        return diff(old, _loaded(_folder(after, None), lang, "cli.agreement.unusable")), []
    try:
        new, _, changes = apply_overlay(old, federal_parameters(), after)
    except AgreementError as error:
        _unusable("cli.agreement.bad_overlay", after, error.text(lang), lang)
    said = [
        messages.text("cli.agreement.diff.law", lang, name=one.key, before=one.before, after=one.after, since=one.valid_from)
        for one in changes
        if one.table == "law"
    ]
    return diff(old, new), said


# ---- what the commands share ----------------------------------------------------------------------------------------------


def _folder(path: Path, year: int | None) -> Path:
    """The folder of an agreement: the path itself, or that of the year (else of the newest) in a workspace."""
    if (path / MAIN_FILE).is_file() or not (path / DATABASE).exists():
        return path
    with Workspace.open(path) as store:
        years = store.agreement_years()
        folder, _ = store.agreement(year or (years[-1] if years else common.today().year))
    return folder


def _loaded(folder: Path, lang: str, key: str) -> Agreement:
    """The agreement of a folder with all that is read with it; where it is unusable, all problems and exit code 3."""
    try:
        loaded = load_agreement(folder, checks.rule_problem)
        load_overlays(folder / "formats", loaded.territory)  # what is wrong with it is told now, not with every package
    except AgreementError as error:
        _unusable(key, folder, error.text(lang), lang)
    except OverlayError as error:
        _unusable(key, folder, error.text_in(lang), lang)
    except (ValidationError, OSError) as error:
        _unusable(key, folder, error, lang)
    return loaded


def _unusable(key: str, folder: Path, reason: object, lang: str) -> Any:
    """Says why and leaves with the code of what cannot be read."""
    common.err.print(messages.text(key, lang, folder=folder, reason=reason), style="bold red", markup=False)
    raise typer.Exit(common.UNREADABLE)


def _print(problems: Iterable[Problem], lang: str) -> None:
    for problem in problems:
        common.out.print(problem.text(lang), style="yellow", markup=False)


def _show_head(loaded: Agreement, lang: str) -> None:
    """Who, when, options, how many rows of what; federal rules that hold in their place and are not confirmed."""
    head = loaded.head
    said = {"title": head.title, "year": head.year, "territory": head.territory, "reference": head.reference}
    dates = {"from": head.valid_from, "to": head.valid_to}
    common.out.print(messages.text("cli.agreement.show.head", lang, **said, **dates, digest=loaded.digest[:12]), markup=False)
    options = {"wage_share_default": cell_text(type(head), "wage_share_default", head.wage_share_default)}
    options["exam_age"] = head.exam_age
    for name, model in (("financing", head.financing), ("norms", head.norms), ("volumes", head.volumes)):
        listed = {} if model is None else {f"{name}.{field}": value for field, value in model.model_dump().items()}
        options |= {field: _option_text(value) for field, value in listed.items()}
    rows = [{"option": name, "value": value} for name, value in options.items()]
    _print_rows(messages.text("cli.agreement.show.options", lang), "show", rows, ("option", "value"), lang)
    tables = [
        {"table": name, "rows": loaded.table(name).height, "file": MAIN_FILE if name in SECTIONS else f"{name}.csv"}
        for name in (*SECTIONS, *FILES)
    ]
    _print_rows(messages.text("cli.agreement.show.tables", lang), "show", tables, ("table", "rows", "file"), lang)
    if not loaded.table("kslp_rules").height and loaded.table("kslp").height:
        used = federal_parameters().use("tariffs.kslp_rule", head.valid_from)
        key = "cli.agreement.show.federal_doubt" if used.sure == UNCONFIRMED else "cli.agreement.show.federal"
        common.out.print(messages.text(key, lang, name=used.name, value=used.value, reference=used.reference), markup=False)


def _option_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)


def _show_table(loaded: Agreement, name: str, key: str | None, day: date | None, lang: str) -> None:
    """Rows of a table as its file has them, with where they stand and their reference."""
    spec = spec_of(name)
    rows = loaded.table(name)
    if day is not None:
        rows = rows.filter((pl.col("valid_from") <= day) & (pl.col("valid_to") >= day))
    columns = [column for column in spec.row.model_fields if column != "reference"]
    ordered = (
        *[column for column in columns if not column.startswith("valid_")],
        "valid_from",
        "valid_to",
        "source",
        "reference",
    )
    shown = []
    for row in rows.iter_rows(named=True):
        texts = {column: cell_text(spec.row, column, row[frame_column(spec.row, column)]) for column in columns}
        if key is None or key in (texts[column] for column in spec.keys):
            shown.append({**texts, "source": row["source"], "reference": row["reference"]})
    # What is said of the whole agreement, and columns without a value, only take room.
    usual = {"valid_from": str(loaded.head.valid_from), "valid_to": str(loaded.head.valid_to), "reference": loaded.head.reference}
    wanted = tuple(column for column in ordered if any(row[column] not in ("", usual.get(column)) for row in shown))
    _print_rows(messages.text("cli.agreement.show.title", lang, name=name, count=len(shown)), "", shown, wanted, lang)


def _print_rows(
    title: str, family: str, rows: Iterable[Mapping[str, Any]], columns: tuple[str, ...], lang: str
) -> None:  # fmt: skip
    """A table on the screen; columns of the agreement's own files keep their names."""
    listed = list(rows)
    named = [messages.text(f"cli.agreement.col.{name}", lang) if family else name for name in columns]
    shown = common.table(
        title, *((name, "right" if column == "rows" else "left") for name, column in zip(named, columns, strict=True))
    )
    for row in listed[:SHOWN]:
        shown.add_row(*(Text("" if row[column] is None else str(row[column])) for column in columns))
    common.out.print(shown)
    if len(listed) > SHOWN:
        common.out.print(messages.text("cli.and_more", lang, count=len(listed) - SHOWN))
