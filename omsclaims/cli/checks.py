"""Commands on the rules of control: checks list, show, coverage."""

# Annotations are evaluated where they stand: the help texts in them are chosen when the commands are made.

import re
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from omsclaims import messages
from omsclaims.checks import catalogue, regional
from omsclaims.checks.catalogue import Rule
from omsclaims.cli import common, coverage, words

#: Values of a parameter that are shown on one line.
WIDE: Final = 110


def add_to(app: typer.Typer, lang: str) -> None:
    """Adds the commands of this family."""
    group = words.group(lang, "cli.checks.help")
    app.add_typer(group, name="checks")
    _add_list(group, lang)
    _add_show(group, lang)
    coverage.add_to(group, lang)


def _add_list(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "list", lang, "checks.list")
    def checks_list(
        of_pass: Annotated[str | None, typer.Option("--pass", help=text("cli.checks.list.pass", lang))] = None,
        of_group: Annotated[str | None, typer.Option("--group", help=text("cli.checks.list.group", lang))] = None,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        declared = catalogue.rules().values()
        groups = sorted({rule.group for rule in declared})
        if of_pass is not None and of_pass not in catalogue.PASSES:
            raise typer.BadParameter(text("cli.checks.no_pass", lang, value=of_pass, known=", ".join(catalogue.PASSES)))
        if of_group is not None and of_group not in groups:
            raise typer.BadParameter(text("cli.checks.no_group", lang, value=of_group, known=", ".join(groups)))
        chosen = [
            rule for rule in declared if of_pass in (None, *rule.passes) and of_group in (None, rule.group)
        ]  # fmt: skip
        heads = ("rule", "title", "pass", "scope", "ground", "state", "reference")
        shown = Table(show_edge=False, pad_edge=False)
        for head in heads:
            shown.add_column(text(f"cli.checks.col.{head}", lang), no_wrap=head == "rule", overflow="fold")
        for rule in chosen:
            shown.add_row(*(Text(cell) for cell in _row(rule, lang)))
        common.out.print(shown)
        off = sum(not rule.enabled for rule in chosen)
        common.out.print(text("cli.checks.list.done", lang, rules=len(chosen), off=off), markup=False)


def _row(rule: Rule, lang: str) -> tuple[str, ...]:
    """The cells of a rule in the list."""
    text = messages.text
    return (
        rule.id, text(f"rule.{rule.id}.title", lang), ", ".join(text(f"cli.checks.pass.{one}", lang) for one in rule.passes),
        text(f"cli.checks.scope.{rule.scope}", lang), rule.code or "-",
        text("cli.checks.on" if rule.enabled else "cli.checks.off", lang), rule.reference,
    )  # fmt: skip


def _add_show(group: typer.Typer, lang: str) -> None:
    text = messages.text

    @words.command(group, "show", lang, "checks.show")
    def checks_show(
        rule_id: Annotated[str, typer.Argument(help=text("cli.checks.show.rule", lang))],
        lang: Annotated[str, typer.Option("--lang", help=text("cli.option.lang", lang))] = lang,
    ) -> None:
        rule = catalogue.rules().get(rule_id.upper())
        if rule is None:
            raise typer.BadParameter(text("cli.checks.no_rule", lang, value=rule_id))
        common.out.print(f"{rule.id} {text(f'rule.{rule.id}.title', lang)}", style="bold", markup=False)
        for label, value in _about(rule, lang):
            common.out.print(f"  {text(f'cli.checks.about.{label}', lang)}: {value}", markup=False)
        for line in _parameters(rule, lang):
            common.out.print(line, markup=False)
        for line in _regional_books(rule, lang):
            common.out.print(line, markup=False)


def _about(rule: Rule, lang: str) -> list[tuple[str, str]]:
    """What the catalogue says of a rule, label by label; what it says nothing of is left out."""
    text = messages.text
    open_end = text("cli.checks.open", lang)
    dates = f"{rule.since or open_end} - {rule.until or open_end}" if rule.since or rule.until else ""
    state = text("cli.checks.on" if rule.enabled else "cli.checks.off", lang)
    if not rule.enabled:
        state += f" ({text(f'rule.{rule.id}.off', lang)})"
    grounds = rule.code
    if rule.old_code and rule.old_code != rule.code:
        grounds = text("cli.checks.grounds", lang, code=rule.code, old=rule.old_code, since=catalogue.NEW_CODES_SINCE)
    about = [
        ("text", re.sub(r"\{[a-z0-9_]+\}", "...", messages.catalogue()[f"rule.{rule.id}.text"][lang])),
        ("todo", text(f"rule.{rule.id}.todo", lang)), ("group", rule.group),
        ("pass", ", ".join(text(f"cli.checks.pass.{one}", lang) for one in rule.passes)),
        ("scope", text(f"cli.checks.scope.{rule.scope}", lang)), ("ground", grounds or text("cli.checks.no_ground", lang)),
        ("element", rule.element), ("kinds", ", ".join(rule.kinds)), ("state", state), ("dates", dates),
        ("reference", rule.reference), ("same_as", ", ".join(rule.same_as)), ("covers", ", ".join(rule.covers)),
        ("found_by", ", ".join(rule.found_by)), ("books", ", ".join(rule.books)), ("tables", ", ".join(rule.tables)),
        ("cascade", text(f"cli.checks.cascade.{rule.cascade}", lang) if rule.cascade else ""),
    ]  # fmt: skip
    return [(label, value) for label, value in about if value]


def _parameters(rule: Rule, lang: str) -> list[str]:
    """Every value of every parameter with the date of care from which it holds."""
    lines = []
    for name, values in rule.parameters.by_name.items():
        for dated in values:
            said = str(dated.value)
            said = said if len(said) <= WIDE else said[: WIDE - 3] + "..."
            lines.append("  " + messages.text("cli.checks.parameter", lang, name=name, since=dated.since, value=said))
    return lines


def _regional_books(rule: Rule, lang: str) -> list[str]:
    """Columns of the books that the region itself keeps."""
    lines = []
    for name in rule.books:
        layout = regional.layouts().get(name)
        if layout is not None:
            lines.append("  " + messages.text("cli.checks.book", lang, name=name, meaning=layout.meaning(lang)))
            lines += [f"    {column.name} ({column.kind}): {column.meaning(lang)}" for column in layout.columns]
    return lines
