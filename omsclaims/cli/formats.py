"""Commands on the structure of exchange files: formats list, show, compare, book."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import csv
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer
from rich.table import Table
from rich.text import Text

from omsclaims import messages
from omsclaims.cli import common, words
from omsclaims.registry import formats, structure_book
from omsclaims.registry.formats import Field, Format, OverlayError, comparing

#: Differences of one reason shown on the screen; `--all` shows all, `--csv` writes all.
SHOWN_OF_A_REASON: Final = 8


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.formats.help")
    app.add_typer(group, name="formats")
    _add_list(group, lang)
    _add_show(group, lang)
    _add_compare(group, lang)
    _add_book(group, lang)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "formats.list")
    def formats_list(
        kind: Annotated[str | None, typer.Option("--kind", help=text("cli.formats.list.kind", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        chosen = [one for one in map(formats.get, formats.format_ids()) if kind is None or kind in one.kinds]
        if not chosen:
            raise typer.BadParameter(text("cli.formats.no_kind", lang, kind=kind))
        heads = ("edition", "kind", "version", "period", "elements", "evidence", "source")
        shown = _table(heads, lang, "edition")
        for one in chosen:
            period = f"{one.period_from} - {one.period_to or ''}".rstrip()
            evidence = text(f"cli.formats.{'unconfirmed' if one.unconfirmed else 'confirmed'}", lang)
            _row(shown, one.id, ", ".join(one.kinds), one.version, period, str(len(one.fields)), evidence, _source(one, lang))
        common.out.print(shown)
        unsure = sum(one.unconfirmed for one in chosen)
        common.out.print(text("cli.formats.list.done", lang, editions=len(chosen), unconfirmed=unsure), markup=False)


def _add_show(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "show", lang, "formats.show")
    def formats_show(
        edition: Annotated[str, typer.Argument(help=text("cli.formats.show.edition", lang))],
        overlay: Annotated[Path | None, typer.Option("--overlay", help=text("cli.formats.show.overlay", lang))] = None,
        as_csv: Annotated[bool, typer.Option("--csv", help=text("cli.formats.show.csv", lang))] = False,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        chosen = edition_of(edition, lang)
        if overlay is not None:
            chosen = _with_overlay(chosen, overlay, lang)
        heads = ("element", "obligation", "type", "values", "book", "goes_to", "meaning")
        if as_csv:
            made = csv.writer(sys.stdout, lineterminator="\n")
            made.writerow(heads)
            made.writerows((field.path, *_cells(field, lang)) for field in chosen.fields)
            return
        shown = _table(heads, lang, "element")
        for field in chosen.fields:
            _row(shown, "  " * field.path.count("/") + field.name, *_cells(field, lang))
        period = f"{chosen.period_from} - {chosen.period_to or ''}".rstrip()
        kinds = ", ".join(chosen.kinds)
        head = {"id": chosen.id, "kinds": kinds, "version": chosen.version, "period": period, "root": chosen.root}
        common.out.print(text("cli.formats.show.head", lang, **head), style="bold", markup=False)
        common.out.print(text("cli.formats.show.source", lang, source=_source(chosen, lang)), markup=False)
        if chosen.unconfirmed:
            common.out.print(text("cli.formats.show.unconfirmed", lang), style="yellow", markup=False)
        common.out.print(shown)


def _add_compare(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "compare", lang, "formats.compare")
    def formats_compare(
        old: Annotated[str, typer.Argument(help=text("cli.formats.compare.old", lang))],
        new: Annotated[str, typer.Argument(help=text("cli.formats.compare.new", lang))],
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        before, after = edition_of(old, lang), edition_of(new, lang)
        found = comparing.changes(before, after)
        if not found:
            common.out.print(text("cli.formats.compare.same", lang, old=old, new=new), markup=False)
            return
        shown = _table(("path", "what", "old", "new"), lang, "path", {"old": old, "new": new})
        for one in found:
            _row(
                shown,
                one.path,
                aspect_text(one.aspect, lang),
                *(value_text(one.aspect, value, lang) for value in (one.old, one.new)),
            )
        common.out.print(shown)
        counts = Counter(one.aspect if one.aspect in ("added", "removed", "moved") else "changed" for one in found)
        changed = len({one.path for one in found} - {one.path for one in found if one.aspect in ("added", "removed")})
        common.out.print(
            text("cli.formats.compare.done", lang, added=counts["added"], removed=counts["removed"], changed=changed),
            markup=False,
        )


def _add_book(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "book", lang, "formats.book")
    def formats_book(
        file: Annotated[Path, typer.Argument(help=text("cli.formats.book.file", lang))],
        csv_file: Annotated[Path | None, typer.Option("--csv", help=text("cli.formats.book.csv", lang))] = None,
        every: Annotated[bool, typer.Option("--all", help=text("cli.formats.book.all", lang))] = False,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if not file.is_file():
            raise typer.BadParameter(text("cli.no_file", lang, path=file))
        loaded = structure_book.load(file)
        if loaded.book is None:
            common.print_findings(loaded.findings, lang)
            raise typer.Exit(common.UNREADABLE)
        report = structure_book.report(loaded.book, lang)
        unexplained = report.filter(pl.col("reason").is_null()).height
        if csv_file is not None:
            report.write_csv(csv_file)
        _show_report(report, lang, every)
        others = ", ".join(structure_book.not_described(loaded.book))
        common.out.print(text("cli.formats.book.others", lang, editions=others), markup=False)
        if csv_file is not None:
            common.out.print(text("cli.formats.book.written", lang, path=csv_file), markup=False)
        head = text("cli.formats.book.done", lang, book=loaded.book.edition, differences=report.height, unexplained=unexplained)
        common.out.print(head, style="bold red" if unexplained else "bold", markup=False)
        raise typer.Exit(common.FINDINGS if unexplained else common.CLEAN)


def _show_report(report: pl.DataFrame, lang: str, every: bool) -> None:
    """The differences cause by cause and reason by reason, what is unexplained first; equal ones of several kinds in one row."""
    groups = report.group_by("cause", maintain_order=True)
    for (cause,), rows in sorted(groups, key=lambda group: (group[0][0] is not None, -group[1].height)):
        title = messages.text("cli.formats.book.unexplained", lang) if cause is None else str(cause)
        common.out.print(f"{title} · {rows.height}", style="bold red" if cause is None else "bold", markup=False)
        for (reason,), same in rows.group_by("reason", maintain_order=True):
            if reason is not None:
                common.out.print(f"  {reason}", style="cyan", markup=False)
            _show_differences(same, lang, same.height if every or cause is None else SHOWN_OF_A_REASON)


def _show_differences(rows: pl.DataFrame, lang: str, limit: int) -> None:
    """The differences of one reason."""
    heads = ("kind", "path", "what", "ours", "theirs")
    shown = _table(heads, lang, "path")
    told = rows.group_by("path", "aspect", "ours", "book", maintain_order=True).agg(pl.col("kind").str.join(" "))
    for row in told.head(limit).iter_rows(named=True):
        values = (value_text(row["aspect"], row[name], lang) for name in ("ours", "book"))
        _row(shown, row["kind"], row["path"], aspect_text(row["aspect"], lang), *values)
    common.out.print(shown)
    if told.height > limit:
        common.out.print("  " + messages.text("cli.and_more", lang, count=told.height - limit), markup=False)


def edition_of(name: str, lang: str) -> Format:
    """The edition that a user names. Raises BadParameter with the names that come near."""
    if name not in formats.format_ids():
        near = get_close_matches(name.upper(), formats.format_ids(), n=6, cutoff=0.4)
        raise typer.BadParameter(messages.text("cli.formats.no_edition", lang, name=name, near=", ".join(near) or "-"))
    return formats.get(name)


def _with_overlay(edition: Format, path: Path, lang: str) -> Format:
    """The edition with the overlay of a file put in."""
    if not path.is_file():
        raise typer.BadParameter(messages.text("cli.no_file", lang, path=path))
    try:
        return formats.overlaid(edition, formats.read_overlay(path), path.parent.name or "overlay", path.name)
    except OverlayError as error:
        raise typer.BadParameter("\n" + error.text_in(lang)) from error


def _cells(field: Field, lang: str) -> tuple[str, ...]:
    """An element for people: obligation, type, values, book, where it goes, meaning."""
    must = messages.text(f"formats.must.{field.must}", lang) + ("*" if field.repeats else "")
    place = f"{field.table}.{field.column}" if field.column else field.table + (f" + {field.twin}" if field.twin else "")
    meaning = field.meaning_ru if lang == "ru" else field.meaning_en
    return must, field.type_text, ", ".join(field.values), field.book, place, meaning


def aspect_text(aspect: str, lang: str) -> str:
    """What differs, in words."""
    return messages.text(f"formats.aspect.{aspect}", lang)


def value_text(aspect: str, value: str, lang: str) -> str:
    """How one side has it, in words: letters of obligation and repeats are spelled out."""
    if aspect in ("added", "removed", "missing_here", "missing_there") and value:
        what, _, must = value.rpartition(" ")
        return f"{what}, {messages.text(f'formats.must.{must[0]}', lang)}{must[1:]}"
    key = {"obligation": f"formats.must.{value}", "repeats": f"formats.repeats.{value}"}.get(aspect, "")
    return messages.text(key, lang) if key and messages.has(key) else value


def _source(edition: Format, lang: str) -> str:
    return edition.source_ru if lang == "ru" else edition.source


def _table(names: Sequence[str], lang: str, whole: str, headings: Mapping[str, str] | None = None) -> Table:
    """A table with headings of the catalogue (or those given); the column `whole` is never broken into lines."""
    given = headings or {}
    made = common.table(
        "", *((given.get(name) or messages.text(f"cli.formats.head.{name}", lang), _side(name)) for name in names)
    )
    made.columns[list(names).index(whole)].no_wrap = True
    return made


def _side(head: str) -> str:
    return "right" if head == "elements" else "left"


def _row(shown: Table, *cells: str) -> None:
    """A row of texts: nothing in them is markup."""
    shown.add_row(*(Text(cell) for cell in cells))
