"""Commands of expertise: sample, template, load, export, appeals, results, chain (law.md 10)."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from omsclaims import closing, expertise, messages
from omsclaims.cli import common, words
from omsclaims.settlement.expertise.sampling import KINDS, LISTS, WITHIN, Draw
from omsclaims.workspace import Workspace


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.expertise.help")
    app.add_typer(group, name="expertise")
    _add_sample(group, lang)


def _add_sample(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "sample", lang, "expertise.sample")
    def sample(
        month: Annotated[str, typer.Argument(help=text("cli.expertise.month", lang))],
        kind: Annotated[str, typer.Option("--kind", help=text("cli.expertise.kind", lang))],
        seed: Annotated[int, typer.Option("--seed", help=text("cli.expertise.seed", lang))],
        insurer: Annotated[str | None, typer.Option("--insurer", help=text("cli.expertise.insurer", lang))] = None,
        within: Annotated[str | None, typer.Option("--within", help=text("cli.expertise.within", lang))] = None,
        xlsx: Annotated[Path | None, typer.Option("--xlsx", help=text("cli.expertise.xlsx", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of, day = common.parse_month(month, lang), common.parse_as_of(as_of, lang)
        if kind not in KINDS:
            raise typer.BadParameter(text("cli.expertise.bad_kind", lang, value=kind))
        if within is not None and within not in WITHIN:
            raise typer.BadParameter(text("cli.expertise.bad_within", lang, value=within))
        with Workspace.writing(workspace) as store:
            inside = within or str(closing.load_context(store, of, day)[0].law.value("expertise.sample_inner", of.last))
            wanted = Draw("mee" if kind == "mee" else "ekmp", seed, insurer, "mo" if inside == "mo" else "payer")
            drawn = expertise.draw(store, of, wanted, day, common.who_am_i())
        show_sample(drawn, lang)
        if xlsx is not None:
            from omsclaims.reports import expertise as report  # not above: a sample on the screen needs no workbook

            xlsx.write_bytes(report.sample_xlsx(drawn.rows, drawn.strata, lang))
            common.out.print(text("cli.expertise.written", lang, path=xlsx), markup=False)
        raise typer.Exit(common.FINDINGS if drawn.findings.height else common.CLEAN)


def show_sample(drawn: expertise.Drawn, lang: str) -> None:
    """The sample at a glance: each condition of care with its norm, the targeted lists, the digest."""
    text = messages.text
    common.out.print(text(f"cli.expertise.sample.{drawn.outcome}", lang, sample=drawn.sample, digest=drawn.digest), style="bold")
    shown = common.table(
        text("cli.expertise.sample.planned", lang),
        (text("cli.expertise.col.usl_ok", lang), "left"), (text("cli.expertise.col.strata", lang), "right"),
        (text("cli.col.cases", lang), "right"), (text("cli.expertise.col.share", lang), "right"),
        (text("cli.expertise.col.drawn", lang), "right"),
    )  # fmt: skip
    by_condition = drawn.strata.group_by("usl_ok").agg(
        strata=pl.len(), cases=pl.col("cases").sum(), share6=pl.col("share6").first(), drawn=pl.col("drawn").sum()
    )
    for usl_ok, strata, cases, share6, taken in by_condition.sort("usl_ok").iter_rows():
        share = f"{share6 // 10_000}.{share6 % 10_000 // 100:02d} %"
        shown.add_row(text(f"expertise.usl_ok.{usl_ok}", lang), str(strata), str(cases), share, str(taken))
    common.out.print(shown)
    counts = dict(drawn.rows.group_by("list").len().iter_rows())
    for name in LISTS[1:]:
        if name in counts:
            common.out.print(
                text("cli.expertise.sample.list", lang, name=text(f"expertise.list.{name}", lang), cases=counts[name])
            )
    common.print_findings(drawn.findings, lang)
