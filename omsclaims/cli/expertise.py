"""Commands of expertise: sample, template, load, export, appeals, results, chain (law.md 10)."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from omsclaims import closing, expertise, expertise_chain, explain, explain_expertise, messages, money
from omsclaims.cli import common, words
from omsclaims.law import federal_parameters
from omsclaims.reports import doubts
from omsclaims.settlement.expertise.appeals import note_terms, overdue
from omsclaims.settlement.expertise.sampling import KINDS, LISTS, WITHIN, Draw
from omsclaims.workspace import Workspace


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.expertise.help")
    app.add_typer(group, name="expertise")
    _add_sample(group, lang)
    _add_acts(group, lang)
    _add_appeals(group, lang)
    _add_results(group, lang)
    _add_chain(group, lang)


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
            law = closing.load_context(store, of, day)[0].law
            inside = within or str(law.value("expertise.sample_inner", of.last))
            wanted = Draw("mee" if kind == "mee" else "ekmp", seed, insurer, "mo" if inside == "mo" else "payer")
            drawn = expertise.draw(store, of, wanted, day, common.who_am_i(), law.asked or ())
        show_sample(drawn, lang)
        sources = doubts.of_decisions(drawn.sources, keep=("expertise.",))
        common.print_unconfirmed(sources, lang)
        if xlsx is not None:
            from omsclaims.reports import expertise as report  # not above: a sample on the screen needs no workbook

            xlsx.write_bytes(report.sample_xlsx(drawn.rows, drawn.strata, lang, doubts.lines(sources, lang)))
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


def _add_acts(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "template", lang, "expertise.template")
    def template(
        out: Annotated[Path, typer.Argument(help=text("cli.expertise.template.out", lang))],
        sample: Annotated[str | None, typer.Option("--sample", help=text("cli.expertise.template.sample", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        from omsclaims.registry import expertise_file
        from omsclaims.reports import expertise as report

        rows, sources = pl.DataFrame(schema=expertise_file.RAW), list[str]()
        if sample is not None:
            with Workspace.open(workspace) as store:
                rows = expertise.sample_as_raw(store, expertise.sample_of(store, sample))
                sources = doubts.of_decisions(expertise.sources_of_sample(store, sample), keep=("expertise.",))
        out.write_bytes(report.acts_xlsx(rows, lang, 0 if sample else report.FREE_ROWS, doubts.lines(sources, lang)))
        common.out.print(text("cli.expertise.written", lang, path=out), markup=False)

    @words.command(app, "load", lang, "expertise.load")
    def load(
        files: Annotated[list[Path], typer.Argument(help=text("cli.expertise.load.files", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        paths = common.named_files(files, (".xml", ".xlsx"), "*", "cli.nothing_to_load", lang)
        with Workspace.writing(workspace) as store:
            done = expertise.load_acts(store, paths, day, common.who_am_i())
        show_loaded(done, lang)
        common.print_unconfirmed([source for one in done for source in one.sources], lang)
        raise typer.Exit(loaded_code(done))

    @words.command(app, "export", lang, "expertise.export")
    def export(
        out: Annotated[Path, typer.Argument(help=text("cli.expertise.export.out", lang))],
        month: Annotated[str | None, typer.Option("--month", help=text("cli.expertise.export.month", lang))] = None,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        of = None if month is None else str(common.parse_month(month, lang))
        with Workspace.open(workspace) as store:
            acts = expertise.acts_of(store, of)
            rows = expertise.raw_acts(store, acts)
        if out.suffix.lower() == ".xlsx":
            from omsclaims.reports import expertise as report

            out.write_bytes(report.acts_xlsx(rows, lang))
        else:
            from omsclaims.registry import expertise_file

            out.write_bytes(expertise_file.write_xml(rows, out.stem, common.parse_as_of(as_of, lang)))
        count = acts.select("payer", "num_act").n_unique() if acts.height else 0
        common.out.print(text("cli.expertise.export.done", lang, path=out, acts=count, rows=rows.height), markup=False)


def show_loaded(done: list[expertise.Loaded], lang: str) -> None:
    """What became of the acts of each file, and why those that stayed out did."""
    text = messages.text
    for one in done:
        counts = {state: sum(outcome == state for outcome in one.outcomes.values()) for state in expertise.OUTCOMES}
        common.out.print(text("cli.expertise.load.done", lang, file=one.path.name, **counts), style="bold", markup=False)
        for month in sorted(one.rows["settle_month"].unique().to_list()):
            acts = one.rows.filter(pl.col("settle_month") == month).select("payer", "num_act").n_unique()
            common.out.print(text("cli.expertise.load.month", lang, month=month, acts=acts), markup=False)
        common.print_findings(one.findings, lang)


def loaded_code(done: list[expertise.Loaded]) -> int:
    """Exit code: 3 when a file could not be read, 1 when anything was found, else 0."""
    rules = {rule for one in done for rule in one.findings["rule"].to_list()}
    if rules & {*common.UNREADABLE_RULES, "E.1"}:
        return common.UNREADABLE
    return common.FINDINGS if rules else common.CLEAN


def _add_appeals(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "appeal", lang, "expertise.appeal")
    def appeal(
        files: Annotated[list[Path], typer.Argument(help=text("cli.expertise.appeal.files", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        paths = common.named_files(files, (".csv",), "*", "cli.nothing_to_load", lang)
        with Workspace.writing(workspace) as store:
            done = expertise.load_claims(store, paths, day, common.who_am_i())
        for one in done:
            common.out.print(
                text("cli.expertise.appeal.done", lang, file=one.path.name, **one.outcomes), style="bold", markup=False
            )
            common.print_findings(one.findings, lang)
        common.print_unconfirmed([source for one in done for source in one.sources], lang)
        raise typer.Exit(common.FINDINGS if any(one.findings.height for one in done) else common.CLEAN)

    @words.command(app, "appeals", lang, "expertise.appeals")
    def appeals(
        late: Annotated[bool, typer.Option("--overdue", help=text("cli.expertise.appeals.overdue", lang))] = False,
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        as_of: Annotated[str | None, typer.Option("--as-of", help=text("cli.option.as_of", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        day = common.parse_as_of(as_of, lang)
        with Workspace.open(workspace) as store:
            rows = expertise.appeals_of(store)
        waiting, law = overdue(rows, day), federal_parameters().noting()
        note_terms(rows, law)
        show_appeals(waiting.drop("days") if late else rows, lang)
        common.out.print(text("cli.expertise.appeals.count", lang, count=waiting.height, day=day), markup=False)
        common.print_unconfirmed(law.asked or (), lang)
        raise typer.Exit(common.FINDINGS if waiting.height else common.CLEAN)


def show_appeals(rows: pl.DataFrame, lang: str) -> None:
    """Appeals one a line: claim, act, case, terms, state."""
    text = messages.text
    heads = ("claim", "mo", "num_act", "case", "claimed_on", "claim_by", "decide_by", "state", "decided_on")
    shown = common.table(
        text("cli.expertise.appeals.title", lang), *((text(f"cli.expertise.col.{name}", lang), "left") for name in heads)
    )
    for row in rows.iter_rows(named=True):
        case = f"{row['package']}/{row['n_zap']}/{row['idcase']}"
        days = [row["claimed_on"], row["claim_by"], row["decide_by"]]
        state = text(f"expertise.appeal.{row['state']}", lang)
        shown.add_row(row["claim"], row["mo"], row["num_act"], case, *map(str, days), state, str(row["decided_on"] or "-"))
    common.out.print(shown)


def _add_results(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "results", lang, "expertise.results")
    def results(
        month: Annotated[str, typer.Argument(help=text("cli.expertise.results.month", lang))],
        out_dir: Annotated[Path, typer.Option("--out", help=text("cli.expertise.results.out", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        from omsclaims.reports import expertise as report

        of = common.parse_month(month, lang)
        with Workspace.open(workspace) as store:
            rows = expertise.deductions_of(store, of)
            made = expertise.write_results(store, of, out_dir)
            months = {str(of), *rows["month"].to_list()}
            sources = doubts.of_decisions(closing.parameters_of(store, months), keep=("expertise.",))
        listed = out_dir / f"expertise-{of}.xlsx"
        listed.write_bytes(report.deductions_xlsx(rows, str(of), lang, doubts.lines(sources, lang)))
        for kind in ("mee", "ekmp"):
            own = rows.filter(pl.col("kind") == kind)
            figures = {
                "cases": own.select("month", "package", "n_zap", "idcase").n_unique() if own.height else 0,
                "withheld": money.show_amount(int(own["change_kop"].sum()), lang),
                "fines": money.show_amount(int(own["fine_change_kop"].sum()), lang),
            }
            common.out.print(
                text("cli.expertise.results.kind", lang, kind=text(f"expertise.kind.{kind}", lang), **figures), markup=False
            )
        common.out.print(
            text("cli.expertise.results.done", lang, folder=out_dir, packages=len(made), list=listed.name), markup=False
        )
        common.print_unconfirmed(sources, lang)


def _add_chain(app: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(app, "chain", lang, "expertise.chain")
    def chain(
        case: Annotated[str, typer.Argument(help=text("cli.expertise.chain.case", lang))],
        workspace: Annotated[Path, typer.Option("--workspace", help=text("cli.option.workspace", lang))] = Path("."),
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        with Workspace.open(workspace) as store:
            found = explain.find(store, case)
            if not found:
                raise typer.BadParameter(text("cli.explain.none", lang, case=case))
            if len(found) > 1:
                common.out.print(text("cli.explain.many", lang, case=case))
                for one in found:
                    common.out.print(f"  {one.name}  ({one.month})", markup=False)
                raise typer.Exit(common.USAGE)
            one = found[0]
            law, name = federal_parameters().noting(), (one.month, one.package, one.n_zap, one.idcase)
            shown = list(explain_expertise.chain_lines(store, *name, lang, detailed=True, law=law))
            months = {each.month for each in expertise_chain.chain_of(store, *name, law)}
            decided = doubts.of_decisions(closing.parameters_of(store, months))
            for line in shown or [text("cli.expertise.chain.once", lang, name=one.name, month=one.month)]:
                common.out.print(line, markup=False)
            common.print_unconfirmed([*decided, *(law.asked or ())], lang)
