"""Commands on the structure of exchange files: formats list, show, compare, book."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import csv
import sys
from collections import Counter
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

#: Differences of one cause shown on the screen; `--csv` writes all.
SHOWN_OF_A_CAUSE: Final = 8


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
        shown = common.table("", *((text(f"cli.formats.head.{head}", lang), _side(head)) for head in heads))
        for one in chosen:
            period = f"{one.period_from} - {one.period_to or ''}".rstrip()
            evidence = text(f"cli.formats.{'unconfirmed' if one.unconfirmed else 'confirmed'}", lang)
            _row(shown, one.id, ", ".join(one.kinds), one.version, period, str(len(one.fields)), evidence, one.source)
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
        shown = common.table("", *((text(f"cli.formats.head.{head}", lang), _side(head)) for head in heads))
        for field in chosen.fields:
            _row(shown, "  " * field.path.count("/") + field.name, *_cells(field, lang))
        period = f"{chosen.period_from} - {chosen.period_to or ''}".rstrip()
        kinds = ", ".join(chosen.kinds)
        common.out.print(
            text("cli.formats.show.head", lang, id=chosen.id, kinds=kinds, version=chosen.version, period=period, root=chosen.root),
            style="bold", markup=False,
        )  # fmt: skip
        common.out.print(text("cli.formats.show.source", lang, source=chosen.source), markup=False)
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
        heads = (text("cli.formats.head.path", lang), text("cli.formats.head.what", lang), old, new)
        shown = common.table("", *((head, "left") for head in heads))
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
    """The differences cause by cause, what is unexplained first."""
    text = messages.text
    for (cause,), rows in sorted(
        report.group_by("cause", maintain_order=True), key=lambda item: (item[0][0] is not None, -item[1].height)
    ):
        title = text("cli.formats.book.unexplained", lang) if cause is None else str(cause)
        common.out.print(f"{title} · {rows.height}", style="bold red" if cause is None else "bold", markup=False)
        heads = ("kind", "path", "what", "ours", "theirs", "reason")
        shown = common.table("", *((text(f"cli.formats.head.{head}", lang), "left") for head in heads))
        limit = rows.height if every or cause is None else SHOWN_OF_A_CAUSE
        for row in rows.head(limit).iter_rows(named=True):
            values = (value_text(row["aspect"], row[name], lang) for name in ("ours", "book"))
            _row(shown, row["kind"], row["path"], aspect_text(row["aspect"], lang), *values, row["reason"] or "")
        common.out.print(shown)
        if rows.height > limit:
            common.out.print("  " + text("cli.and_more", lang, count=rows.height - limit), markup=False)


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
    key = {"obligation": f"formats.must.{value}", "repeats": f"formats.repeats.{value}"}.get(aspect, "")
    return messages.text(key, lang) if key and messages.has(key) else value


def _side(head: str) -> str:
    return "right" if head == "elements" else "left"


def _row(shown: Table, *cells: str) -> None:
    """A row of texts: nothing in them is markup."""
    shown.add_row(*(Text(cell) for cell in cells))
