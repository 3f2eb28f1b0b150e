"""Commands on files alone, without a workspace: check, read, write."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from omsclaims import checks, findings, intake, messages
from omsclaims.cli import common, words
from omsclaims.nsi import built_in_books
from omsclaims.registry import formats, protocol, reader, writer


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    text = messages.text
    lang_default = lang

    @words.command(app, "check", lang)
    def check(
        files: Annotated[list[Path], typer.Argument(help=text("cli.arg.files", lang))],
        as_json: Annotated[bool, typer.Option("--json", help=text("cli.check.json", lang))] = False,
        protocol_dir: Annotated[Path | None, typer.Option("--protocol", help=text("cli.check.protocol", lang))] = None,
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        worst = common.CLEAN
        for path in common.existing_files(files, lang):
            read, found, _ = intake.check_package(path, built_in_books(), day, to_the_end=True)
            if as_json:
                for line in protocol.findings_json_lines(found, lang):
                    print(line)
            else:
                _show(read, found, lang)
            if protocol_dir is not None:
                write_protocols(protocol_dir, read.name, found, lang)
            worst = max(worst, _code(found))
        raise typer.Exit(worst)

    @words.command(app, "read", lang)
    def read(
        file: Annotated[Path, typer.Argument(help=text("cli.arg.file", lang))],
        out_dir: Annotated[Path, typer.Option("--out", help=text("cli.read.out", lang))],
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        if file.is_dir():
            raise typer.BadParameter(text("cli.one_file", lang, path=file))
        common.existing_files([file], lang)
        package = reader.read_package(file)
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
        common.out.print(text("cli.write.done", lang_default, out=out_file))


def _code(found: pl.DataFrame) -> int:
    """Exit code of a list of findings."""
    if set(found["rule"].unique().to_list()) & common.UNREADABLE_RULES:
        return common.UNREADABLE
    return common.FINDINGS if found.height else common.CLEAN


def _show(read: reader.PackageRead, found: pl.DataFrame, lang: str) -> None:
    cases = read.tables["z_sl"].height if read.tables else 0
    common.out.print(
        messages.text("cli.check.head", lang, package=read.name, cases=cases, findings=found.height), style="bold", markup=False
    )
    common.print_findings(found, lang)
    if read.tables:
        skipped = [one for one in checks.executed_registry(read.tables, built_in_books()) if one.reason]
        if skipped:
            names = "; ".join(f"{one.rule} ({checks.reason_text(one.reason, lang)})" for one in skipped)
            common.out.print(messages.text("cli.check.skipped", lang, rules=names), style="yellow", markup=False)


def write_protocols(folder: Path, package: str, found: pl.DataFrame, lang: str) -> list[Path]:
    """The protocol of a package as FLK_P XML, XLSX, HTML and JSON lines. Returns the paths written."""
    from omsclaims.reports import flk  # not above: a check without protocols needs neither HTML nor XLSX

    folder.mkdir(parents=True, exist_ok=True)
    name = f"V{package}"
    made = {
        folder / f"{name}.XML": protocol.flk_protocol(found, package, name, lang),
        folder / f"{name}.xlsx": flk.findings_xlsx(found, package, lang),
        folder / f"{name}.html": flk.findings_html(found, package, lang).encode(),
        folder / f"{name}.jsonl": ("\n".join(protocol.findings_json_lines(found, lang)) + "\n").encode(),
    }
    for path, data in made.items():
        path.write_bytes(data)
    return list(made)


__all__ = ["add_to", "findings", "write_protocols"]
