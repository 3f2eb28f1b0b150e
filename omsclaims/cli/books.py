"""Commands on reference books and their editions: nsi load, list, diff, show."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from calendar import monthrange
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import polars as pl
import typer

from omsclaims import messages
from omsclaims.cli import common, words
from omsclaims.nsi import SINCE_EVER, Book, BookMissingError, Edition, Library, compare, loader
from omsclaims.periods import Month
from omsclaims.workspace import Workspace

#: Differences shown unless asked otherwise.
SHOWN_DIFFERENCES: Final = 50
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~"}


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    nsi = words.group(lang, "cli.nsi.help")
    app.add_typer(nsi, name="nsi")
    _add_load(nsi, lang)
    _add_list(nsi, lang)
    _add_diff(nsi, lang)
    _add_show(nsi, lang)


def _add_load(nsi: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(nsi, "load", lang, "nsi.load")
    def nsi_load(
        paths: Annotated[list[Path], typer.Argument(help=text("cli.nsi.load.paths", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        holds_from: Annotated[str | None, typer.Option("--from", help=text("cli.nsi.load.from", lang))] = None,
        version: Annotated[str | None, typer.Option("--edition", help=text("cli.nsi.load.edition", lang))] = None,
        replace: Annotated[bool, typer.Option("--replace", help=text("cli.nsi.load.replace", lang))] = False,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        told = loader.Told(version, _day(holds_from, lang) if holds_from else None)
        files = common.named_files(paths, loader.SUFFIXES, "*", "cli.nothing_to_load", lang)
        count: Counter[str] = Counter()
        rules: set[str] = set()
        with Workspace.writing(workspace) as store, common.progress_bar(text("cli.nsi.load.progress", lang), len(files)) as bar:
            for path in files:
                for loaded in loader.load_books(path, told=told):
                    rules |= _say(loaded.findings, lang)
                    outcome, found = _store(store, loaded.book, day, replace, lang)
                    rules |= _say(found, lang)
                    count[outcome] += 1
                bar.advance(bar.task_ids[0])
        done = {name: count[name] for name in ("stored", "known", "refused")}
        common.out.print(text("cli.nsi.load.done", lang, **done), style="bold", markup=False)
        raise typer.Exit(common.UNREADABLE if "N.001" in rules else common.FINDINGS if rules else common.CLEAN)


def _say(found: pl.DataFrame, lang: str) -> set[str]:
    """Shows findings; returns their rules."""
    if found.height:
        common.print_findings(found, lang)
    return set(found["rule"].to_list())


def _store(store: Workspace, book: Book | None, day: date, replace: bool, lang: str) -> tuple[str, pl.DataFrame]:
    """Stores a book and says so: stored, known or refused, and what was found."""
    if book is None:
        return "refused", loader.NOTHING_FOUND
    done = store.store_book(book, day, replace)
    outcome = "stored" if done.stored else "known" if done.known else "refused"
    if done.stored:
        payload = {
            "book": book.name, "edition": book.edition, "version": book.version, "published": book.published,
            "holds_from": book.holds_from, "digest": done.digest, "rows": book.rows.height, "source": book.source,
            "complete": book.complete, "left_out": len(book.left_out), "replace": replace,
        }  # fmt: skip
        store.record("nsi load", day, common.who_am_i(), None, payload)
    if outcome != "refused":
        params = {"book": book.name, "edition": book.edition, "rows": book.rows.height, "since": _since(book.holds_from, lang)}
        common.out.print(messages.text(f"cli.nsi.{outcome}", lang, **params), markup=False)
    return outcome, done.findings


def _add_list(nsi: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(nsi, "list", lang, "nsi.list")
    def nsi_list(
        book: Annotated[str | None, typer.Option("--book", help=text("cli.nsi.list.book", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            library = store.library()
            names = library.names() if book is None else [_known_book(library, book, day)]
            used = months_of_use(store, library, day)
            shown = common.table(
                text("cli.nsi.list.title", lang, day=day),
                *((text(f"cli.nsi.col.{name}", lang), "right" if name == "rows" else "left") for name in _COLUMNS),
            )
            for name in names:
                for row in _editions(library, name, day, used, lang):
                    shown.add_row(*row)
            common.out.print(shown)


_COLUMNS: Final = ("book", "edition", "published", "in_force", "learned_on", "rows", "source", "months")


def _editions(
    library: Library, book: str, as_of: date, used: dict[tuple[str, str, str], list[str]], lang: str
) -> list[tuple[str, ...]]:
    """Lines of the list: the editions of one book in the order in which they hold."""
    reigns = {reign.edition: reign for reign in library.reigns(book, as_of)}
    known = set(library.known(book, as_of))
    lines: list[tuple[str, ...]] = []
    for edition in library.all_of(book):
        reign = reigns.get(edition)
        if reign is not None:
            until = str(reign.last) if reign.last else messages.text("cli.nsi.list.next", lang)
            in_force = f"{_since(reign.first, lang)} - {until}"
        elif edition.learned_on > as_of:
            in_force = messages.text("cli.nsi.list.not_yet", lang)
        else:
            in_force = messages.text("cli.nsi.list.behind" if edition in known else "cli.nsi.list.replaced", lang)
        notes = [edition.source] + ([] if edition.complete else [messages.text("cli.nsi.list.partial", lang)])
        notes += [messages.text("cli.nsi.list.holes", lang, count=len(edition.left_out))] if edition.left_out else []
        lines.append(
            (
                book, edition.edition, str(edition.published or "-"), in_force,
                "-" if edition.learned_on == SINCE_EVER else str(edition.learned_on), str(edition.rows), ", ".join(notes),
                ", ".join(used.get((book, edition.edition, edition.digest), [])) or "-",
            )
        )  # fmt: skip
    return lines


def months_of_use(store: Workspace, library: Library, as_of: date) -> dict[tuple[str, str, str], list[str]]:
    """(book, edition, digest) -> months of the workspace that use it.

    For a closed month that is the edition it was closed with (marked `*`), for an open one the edition that a run as of the day
    would choose.
    """
    found: dict[tuple[str, str, str], list[str]] = {}
    closed = set(store.closed_months())
    for month in sorted({row.month for row in store.packages() if row.state == "accepted"} | closed):
        run = store.run(month) if month in closed else None
        for name in library.names():
            chosen = None
            if run is not None:
                digest = run.inputs.get("sources", {}).get(f"book:{name}", "")
                same = [edition for edition in library.all_of(name) if edition.digest == digest]
                before = [edition for edition in same if edition.learned_on <= run.as_of]
                chosen = next(reversed(before or same), None)
            elif _is_month(month):
                chosen = library.edition(name, Month.parse(month), as_of)
            if chosen is not None:
                key = (name, chosen.edition, chosen.digest)
                found.setdefault(key, []).append(f"{month}*" if run is not None else month)
    return found


def _is_month(text: str) -> bool:
    try:
        Month.parse(text)
    except ValueError:
        return False
    return True


def _add_diff(nsi: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(nsi, "diff", lang, "nsi.diff")
    def nsi_diff(
        what: Annotated[list[str], typer.Argument(help=text("cli.nsi.diff.what", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        limit: Annotated[int, typer.Option("--limit", min=0, help=text("cli.nsi.diff.limit", lang))] = SHOWN_DIFFERENCES,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if len(what) == 2 and all(is_file(one) for one in what):
            pairs = _of_files(Path(what[0]), Path(what[1]), lang)
        elif len(what) == 3:
            with Workspace.open(workspace) as store:
                library = store.library()
                name = _known_book(library, what[0], None)
                old, new = (library.open(_edition(library, name, text_of, lang)) for text_of in what[1:])
                pairs = [(old, new)]
        else:
            raise typer.BadParameter(text("cli.nsi.diff.usage", lang))
        differ = [_show_difference(old, new, limit, lang) for old, new in pairs]
        raise typer.Exit(common.FINDINGS if any(differ) else common.CLEAN)


def _of_files(old: Path, new: Path, lang: str) -> list[tuple[Book, Book]]:
    """The books that two files have in common. Raises BadParameter where they have none."""
    left, right = ({book.name: book for book in books_of(path, lang)} for path in (old, new))
    common_names = sorted(left.keys() & right.keys())
    if not common_names:
        names = {"left": ", ".join(sorted(left)), "right": ", ".join(sorted(right))}
        raise typer.BadParameter(messages.text("cli.nsi.diff.other_books", lang, **names))
    return [(left[name], right[name]) for name in common_names]


def _show_difference(old: Book, new: Book, limit: int, lang: str) -> int:
    """Shows what differs between two editions; returns the number of rows that differ."""
    found = compare.compare(old, new)
    head = {"book": old.name, "old": old.edition, "new": new.edition}
    if not found.total:
        common.out.print(messages.text("cli.nsi.diff.same", lang, rows=old.rows.height, **head), markup=False)
        return 0
    common.out.print(messages.text("cli.nsi.diff.head", lang, **head), style="bold", markup=False)
    lines = found.lines if limit == 0 else found.lines.filter(pl.col("n") <= limit)
    for row in lines.iter_rows(named=True):
        place = f"{row['code'] or '-'} ({_since(row['valid_from'], lang)})"
        if row["column"]:
            said = f"{row['column']}: {_quoted(row['old'])} -> {_quoted(row['new'])}"
        else:
            said = str(row["new"] if row["old"] is None else row["old"])
        common.out.print(f"  {_SIGNS[row['change']]} {place} {said}", markup=False)
    if limit and found.total > limit:
        common.out.print("  " + messages.text("cli.and_more", lang, count=found.total - limit), markup=False)
    counts = {"added": found.added, "removed": found.removed, "changed": found.changed, "total": found.total}
    common.out.print(messages.text("cli.nsi.diff.counts", lang, **counts), markup=False)
    return found.total


def _quoted(value: str | None) -> str:
    return "-" if value is None else f"«{value}»"


def _add_show(nsi: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(nsi, "show", lang, "nsi.show")
    def nsi_show(
        book: Annotated[str, typer.Argument(help=text("cli.nsi.show.book", lang))],
        code: Annotated[str, typer.Argument(help=text("cli.nsi.show.code", lang))],
        on: Annotated[str, typer.Option("--on", help=text("cli.nsi.show.on", lang))],
        chosen: Annotated[str | None, typer.Option("--edition", help=text("cli.nsi.show.edition", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = _day(on, lang)
        if is_file(book):
            books = books_of(Path(book), lang)
        else:
            with Workspace.open(workspace) as store:
                books = [_one_book(store.library(), book, day, common.parse_as_of(as_of, lang), chosen, lang)]
        found = [_show_code(one, code, day, lang) for one in books]
        if not any(found):
            for one in books:
                common.out.print(miss(one, code, day, lang), style="yellow", markup=False)
        raise typer.Exit(common.CLEAN if any(found) else common.FINDINGS)


def _one_book(library: Library, name: str, day: date, as_of: date, chosen: str | None, lang: str) -> Book:
    """The edition to look into: the one named, else that of the reporting month of the day."""
    known = _known_book(library, name, as_of)
    if chosen is not None:
        return library.open(_edition(library, known, chosen, lang))
    last_of_month = day.replace(day=monthrange(day.year, day.month)[1])
    edition = library.edition_on(known, last_of_month, as_of)
    if edition is None:
        raise BookMissingError(known, library.later(as_of).get(known))
    return library.open(edition)


def _show_code(book: Book, code: str, day: date, lang: str) -> bool:
    """Shows the rows of a code that are in force on a day; False where there are none."""
    rows = book.on(day).filter(pl.col("code") == code)
    for number, row in enumerate(rows.iter_rows(named=True), 1):
        head = {"book": book.name, "edition": book.edition, "code": code, "day": day, "n": number, "of": rows.height}
        common.out.print(messages.text("cli.nsi.show.head", lang, **head), style="bold", markup=False)
        for column, value in compare.attributes(row):
            common.out.print(f"  {column}: {value}", markup=False)
    return rows.height > 0


def miss(book: Book, code: str, day: date, lang: str) -> str:
    """Why a code is not found on a day: another validity, or no such code in the edition; and whether that proves anything."""
    nearest = book.nearest(code, day)
    head = {"book": book.name, "edition": book.edition, "code": code, "day": day}
    if nearest is None:
        said = messages.text("cli.nsi.show.unknown", lang, **head)
    else:
        first, last = nearest
        until = str(last) if last else messages.text("cli.nsi.list.next", lang)
        said = messages.text("cli.nsi.show.miss", lang, since=_since(first, lang), until=until, **head)
    return said if book.complete else f"{said} {messages.text('cli.nsi.show.partial', lang)}"


# ---------------------------------------------------------------- what the commands share


def say_later(library: Library, as_of: date, lang: str) -> None:
    """Says which books a run does without because they were learned only after its day."""
    later = library.later(as_of)
    chosen = {name for name in library.names() if library.known(name, as_of)}
    missing = [f"{name} ({day})" for name, day in later.items() if name not in chosen]
    if missing:
        shown = ", ".join(missing)
        common.out.print(messages.text("cli.nsi.later", lang, books=shown, day=as_of), style="yellow", markup=False)


def is_file(text: str) -> bool:
    """Whether a word of the command line is a file of a book and not the name of one."""
    path = Path(text)
    return path.suffix.lower() in loader.SUFFIXES and path.is_file()


def books_of(path: Path, lang: str) -> list[Book]:
    """The books of a file; what is wrong with it is shown. Exits with 3 where none can be read."""
    books = []
    for loaded in loader.load_books(path):
        _say(loaded.findings, lang)
        books += [loaded.book] if loaded.book is not None else []
    if not books:
        raise typer.Exit(common.UNREADABLE)
    return books


def _known_book(library: Library, name: str, as_of: date | None) -> str:
    """The name of a book as the workspace has it, whatever its case. Raises BookMissingError."""
    found = next((one for one in library.names() if one.upper() == name.upper()), None)
    if found is None:
        raise BookMissingError(name.upper(), None if as_of is None else library.later(as_of).get(name.upper()))
    return found


def _edition(library: Library, book: str, text: str, lang: str) -> Edition:
    """The edition a person names. Raises BadParameter with those that there are."""
    found = library.find(book, text)
    if found is None:
        editions = "; ".join(edition.edition for edition in library.all_of(book))
        raise typer.BadParameter(messages.text("cli.nsi.no_edition", lang, book=book, edition=text, editions=editions))
    return found


def _since(day: date | None, lang: str) -> str:
    """A first day for people."""
    return messages.text("cli.nsi.ever", lang) if day is None or day == SINCE_EVER else str(day)


def _day(text: str, lang: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(messages.text("cli.bad_date", lang, value=text)) from error
