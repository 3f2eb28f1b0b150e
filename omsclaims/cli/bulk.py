"""Commands for files larger than memory, and for many of them: convert to Parquet, and compile ahead."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from omsclaims import findings, messages
from omsclaims.cli import common, words
from omsclaims.findings import Finding
from omsclaims.registry.archive import Member, open_archive
from omsclaims.registry.limits import Limits


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    text = messages.text

    @words.command(app, "convert", lang)
    def convert(
        files: Annotated[list[Path], typer.Argument(help=text("cli.arg.files", lang))],
        out_dir: Annotated[Path, typer.Option("--to", help=text("cli.convert.to", lang))],
        threads: Annotated[int, typer.Option("--threads", min=1, max=64, help=text("cli.convert.threads", lang))] = 2,
        limits: Annotated[Path | None, typer.Option("--limits", help=text("cli.option.limits", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        # Not above: whoever warms up, or asks for help, needs no Arrow.
        from omsclaims.registry import stream
        from omsclaims.registry.archive import MemberError

        worst, allowed = common.CLEAN, common.limits_of(limits)
        for path in common.existing_files(files, lang):
            members, found = _members(path, allowed)
            for member in members:
                stem = PurePosixPath(member.name).stem
                target = out_dir / stem
                if target.exists():
                    common.err.print(text("cli.convert.exists", lang, folder=target), style="bold red", markup=False)
                    worst = max(worst, common.USAGE)
                    continue
                try:
                    done = stream.to_parquet(member.open, target, threads, limits=allowed, file_stem=stem, package=path.stem)
                except MemberError as error:
                    found.append(error.finding(path.stem))
                    continue
                records = max((done.rows.get(name, 0) for name in ("zap", "person", "pr")), default=0)
                edition = "-" if done.format is None else done.format.id
                common.out.print(
                    text(
                        "cli.convert.done", lang, file=stem, records=records, format=edition, findings=done.findings, out=target
                    ),
                    markup=False,
                )
                unreadable = not done.rules.isdisjoint(common.UNREADABLE_RULES)
                worst = max(worst, common.UNREADABLE if unreadable else common.FINDINGS if done.findings else common.CLEAN)
            if found:
                common.print_findings(findings.frame(found), lang)
                worst = common.UNREADABLE
        raise typer.Exit(worst)

    @words.command(app, "warmup", lang)
    def warmup(
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        # Not above: no other command of this file needs the kernels of the tariffs.
        from omsclaims.registry import compiling
        from omsclaims.tariffs import warm

        lacking = [kernel for kernel in warm.kernels() if not compiling.is_kept(kernel)]
        now = compiling.prepare() or bool(lacking)
        warm.prepare()
        common.out.print(text("cli.warmup.done" if now else "cli.warmup.was", lang))


def _members(path: Path, limits: Limits | None) -> tuple[tuple[Member, ...], list[Finding]]:
    """The XML files of a package, or the XML file itself; what may not be opened is a finding."""
    if path.suffix.lower() == ".xml":
        return (Member.of_path(path),), []
    archive = open_archive(path, limits, package=path.stem, verify=False)
    return tuple(one for one in archive.members if one.name.lower().endswith(".xml")), list(archive.findings)
