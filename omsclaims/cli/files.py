"""Commands on files alone, without a workspace: check, read, write, rewrite."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from omsclaims import checks, findings, intake, messages
from omsclaims.checks import official
from omsclaims.cli import common, words
from omsclaims.nsi import Books, built_in_books
from omsclaims.registry import formats, names, protocol, reader, writer
from omsclaims.registry.limits import Limits


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    text = messages.text
    lang_default = lang

    @words.command(app, "check", lang)
    def check(
        files: Annotated[list[Path], typer.Argument(help=text("cli.arg.files", lang))],
        as_json: Annotated[bool, typer.Option("--json", help=text("cli.check.json", lang))] = False,
        protocol_dir: Annotated[Path | None, typer.Option("--protocol", help=text("cli.check.protocol", lang))] = None,
        xlsx: Annotated[Path | None, typer.Option("--xlsx", help=text("cli.check.xlsx", lang))] = None,
        html: Annotated[Path | None, typer.Option("--html", help=text("cli.check.html", lang))] = None,
        jsonl: Annotated[Path | None, typer.Option("--jsonl", help=text("cli.check.jsonl", lang))] = None,
        flk: Annotated[Path | None, typer.Option("--flk", help=text("cli.check.flk", lang))] = None,
        book_files: Annotated[list[Path] | None, typer.Option("--books", help=text("cli.check.books", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        limits: Annotated[Path | None, typer.Option("--limits", help=text("cli.option.limits", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day, allowed = common.parse_as_of(as_of, lang), common.limits_of(limits)
        worst = common.CLEAN
        paths = common.existing_files(files, lang)
        if flk is not None and len(paths) > 1:
            raise typer.BadParameter(text("cli.check.flk_one", lang, count=len(paths)))
        chosen = _with_books(book_files or [], lang)
        together: list[pl.DataFrame] = []
        billed: list[pl.DataFrame] = []
        rows_of_books: list[pl.DataFrame] = []
        for path in paths:
            read, found, _, executions = intake.check_package(path, chosen, day, to_the_end=True, limits=allowed)
            together.append(found)
            rows_of_books.append(executions)
            billed.append(_billed(read))
            if as_json:
                for line in protocol.findings_json_lines(found, lang):
                    print(line)
            else:
                _show(read, found, chosen, lang)
                _show_rows(executions, lang)
            if protocol_dir is not None:
                write_protocols(protocol_dir, read.name, found, lang, billed[-1], executions)
            if flk is not None:
                flk.write_bytes(_flk(read.name, found, lang)[1])
            worst = max(worst, _code(found))
        forms = {"xlsx": xlsx, "html": html, "jsonl": jsonl}
        listed = _Lists(findings.concat(together), pl.concat(billed), official.summed(rows_of_books))
        _write_lists(listed, ", ".join(path.stem for path in paths), forms, lang)
        raise typer.Exit(worst)

    @words.command(app, "read", lang)
    def read(
        file: Annotated[Path, typer.Argument(help=text("cli.arg.file", lang))],
        out_dir: Annotated[Path, typer.Option("--out", help=text("cli.read.out", lang))],
        limits: Annotated[Path | None, typer.Option("--limits", help=text("cli.option.limits", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if file.is_dir():
            raise typer.BadParameter(text("cli.one_file", lang, path=file))
        common.existing_files([file], lang)
        package = reader.read_package(file, limits=common.limits_of(limits))
        common.print_findings(package.findings, lang)
        if not package.tables:
            raise typer.Exit(common.UNREADABLE)
        out_dir.mkdir(parents=True, exist_ok=True)
        for name, table in sorted(package.tables.items()):
            if table.height or name in ("file", "zap", "patient", "z_sl", "sl", "usl"):
                table.write_parquet(out_dir / f"{name}.parquet")
        (out_dir / "FORMAT").write_text("\n".join([package.name, *package.format_ids]) + "\n", encoding="utf-8")
        common.out.print(text("cli.read.done", lang, out=out_dir, rows=sum(table.height for table in package.tables.values())))
        raise typer.Exit(_code(package.findings))

    @words.command(app, "write", lang)
    def write(
        folder: Annotated[Path, typer.Argument(help=text("cli.write.folder", lang))],
        out_file: Annotated[Path, typer.Option("--out", help=text("cli.write.out", lang))],
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        described = folder / "FORMAT"
        if not described.exists():
            raise typer.BadParameter(text("cli.write.no_format", lang, path=described))
        _, *editions = described.read_text(encoding="utf-8").split()
        tables = {path.stem: pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
        chosen = [formats.get(edition) for edition in editions]
        if len(chosen) > 1 and out_file.suffix.lower() in {".zip", ".oms"}:
            writer.write_package(out_file, tables, chosen[0], tables, chosen[1])
        elif out_file.suffix.lower() in {".zip", ".oms"}:
            writer.write_package(out_file, tables, chosen[0])
        else:
            out_file.write_bytes(writer.write_xml(tables, chosen[0]))
        for edition in chosen:
            common.print_findings(writer.unwritable(tables, edition, out_file.stem), lang)
        common.out.print(text("cli.write.done", lang_default, out=out_file))

    @words.command(app, "rewrite", lang)
    def rewrite(
        file: Annotated[Path, typer.Argument(help=text("cli.arg.file", lang))],
        out_file: Annotated[Path, typer.Option("--out", help=text("cli.rewrite.out", lang))],
        limits: Annotated[Path | None, typer.Option("--limits", help=text("cli.option.limits", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if file.is_dir():
            raise typer.BadParameter(text("cli.one_file", lang, path=file))
        common.existing_files([file], lang)
        raise typer.Exit(_rewrite(file, out_file, common.limits_of(limits), lang))


def _code(found: pl.DataFrame) -> int:
    """Exit code of a list of findings."""
    if set(found["rule"].unique().to_list()) & common.UNREADABLE_RULES:
        return common.UNREADABLE
    return common.FINDINGS if found.height else common.CLEAN


def _with_books(paths: list[Path], lang: str) -> Books:
    """The built-in books and those of the files named; what is wrong with a file is told, the others still hold."""
    books = built_in_books()
    if not paths:
        return books
    from omsclaims.nsi import loader  # not above: a check with the built-in books does not wait for it

    for path in common.named_files(paths, (".xml", ".zip", ".csv", ".xlsx"), "*", "cli.nothing_to_load", lang):
        for loaded in loader.load_books(path):
            common.print_findings(loaded.findings, lang)
            if loaded.book is not None:
                books = books.with_books({loaded.book.name: loaded.book})
    return books


def _show_rows(executions: pl.DataFrame, lang: str) -> None:
    """How many rows of the check books were executed, and which were not, by reason."""
    for line in official.told(executions, lang):
        common.out.print(line, style="yellow", markup=False)


@dataclass(frozen=True)
class _Lists:
    """What goes into the lists of several packages."""

    findings: pl.DataFrame
    billed: pl.DataFrame
    executions: pl.DataFrame


def _show(read: reader.PackageRead, found: pl.DataFrame, books: Books, lang: str) -> None:
    cases = read.tables["z_sl"].height if read.tables else 0
    common.out.print(
        messages.text("cli.check.head", lang, package=read.name, cases=cases, findings=found.height), style="bold", markup=False
    )
    common.print_findings(found, lang)
    for edition in (read.format, read.person_format):
        if edition is not None and edition.unconfirmed:
            common.out.print(messages.text("cli.check.unconfirmed", lang, format=edition.id), style="yellow", markup=False)
    if read.tables:
        skipped = [one for one in checks.executed_registry(read.tables, books) if one.reason]
        if skipped:
            rules = "; ".join(f"{one.rule} ({checks.reason_text(one.reason, lang)})" for one in skipped)
            common.out.print(messages.text("cli.check.skipped", lang, rules=rules), style="yellow", markup=False)


def _billed(read: reader.PackageRead) -> pl.DataFrame:
    """What was billed for the cases of a package: package, z_row, sumv_kop."""
    cases = read.tables["z_sl"] if read.tables else formats.empty_table("z_sl")
    return cases.select(pl.lit(read.name).alias("package"), pl.col("_row").alias("z_row"), pl.col("sumv").alias("sumv_kop"))


def _flk(package: str, found: pl.DataFrame, lang: str) -> tuple[str, bytes]:
    """The protocol that the sender of a package gets, its name first: FLK_P, for a file R or D the journal Y."""
    between = names.parse_interterritorial(package)
    if between is not None and between.kind in "RD":
        return protocol.journal(found, package, lang)
    return f"V{package}", protocol.flk_protocol(found, package, f"V{package}", lang)


def _write_lists(lists: _Lists, heading: str, forms: dict[str, Path | None], lang: str) -> None:
    """The findings of all files in the forms that were asked for."""
    found = lists.findings
    if forms["jsonl"] is not None:
        forms["jsonl"].write_text("".join(f"{line}\n" for line in protocol.findings_json_lines(found, lang)), encoding="utf-8")
    if forms["xlsx"] is None and forms["html"] is None:
        return
    from omsclaims.reports import flk  # not above: a check without lists needs neither HTML nor XLSX

    if forms["xlsx"] is not None:
        forms["xlsx"].write_bytes(flk.findings_xlsx(found, heading, lang, billed=lists.billed, executions=lists.executions))
    if forms["html"] is not None:
        page = flk.findings_html(found, heading, lang, billed=lists.billed, executions=lists.executions)
        forms["html"].write_text(page, encoding="utf-8")


def _rewrite(file: Path, out_file: Path, limits: Limits | None, lang: str) -> int:
    """Writes a file anew and shows what that changed. Returns the exit code."""
    from omsclaims.registry import compare
    from omsclaims.registry.rewrite import rewrite

    made = rewrite(file, out_file, limits)
    if made is None:
        common.err.print(messages.text("cli.rewrite.unreadable", lang, path=file), style="bold red", markup=False)
        return common.UNREADABLE
    common.print_findings(made.findings, lang)
    for (name,), part in made.changes.partition_by("file", as_dict=True, maintain_order=True).items():
        for row in compare.counted(part.drop("file")).iter_rows(named=True):
            shown = {key: "–" if row[key] is None else row[key] for key in ("path", "count", "record", "before", "after")}
            kind = messages.text(f"registry.change.{row['kind']}", lang)
            common.out.print(messages.text("cli.rewrite.change", lang, file=name, kind=kind, **shown), markup=False)
    key = "done" if made.changes.height else "nothing"
    common.out.print(messages.text(f"cli.rewrite.{key}", lang, out=out_file, count=made.changes.height), markup=False)
    if made.same:
        common.out.print(messages.text("cli.rewrite.same", lang), markup=False)
    return common.CLEAN if made.same and not made.findings.height else common.FINDINGS


def write_protocols(
    folder: Path, package: str, found: pl.DataFrame, lang: str, billed: pl.DataFrame | None = None,
    executions: pl.DataFrame | None = None,
) -> list[Path]:  # fmt: skip
    """The protocol of a package as FLK_P (or journal Y), XLSX, HTML and JSON lines. Returns the paths written."""
    from omsclaims.reports import flk  # not above: a check without protocols needs neither HTML nor XLSX

    folder.mkdir(parents=True, exist_ok=True)
    name, data = _flk(package, found, lang)
    made = {
        folder / f"{name}.XML": data,
        folder / f"{name}.xlsx": flk.findings_xlsx(found, package, lang, billed=billed, executions=executions),
        folder / f"{name}.html": flk.findings_html(found, package, lang, billed=billed, executions=executions).encode(),
        folder / f"{name}.jsonl": "".join(f"{line}\n" for line in protocol.findings_json_lines(found, lang)).encode(),
    }
    for path, content in made.items():
        path.write_bytes(content)
    return list(made)


__all__ = ["add_to", "findings", "write_protocols"]
