"""What does the screen say at the end of a run? Packages, cases, roubles, refusals, balances, identities (law.md 10.4, 10.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from omsclaims.reports import listing
from omsclaims.reports.templates import number, roubles, t
from omsclaims.settlement import Identity

Tables = Mapping[str, pl.DataFrame]
_TOP = 12


def summary(tables: Tables, identities: Sequence[Identity], lang: str) -> list[RenderableType]:
    """What to print, in order: totals, refusals by kind, territories, balances, identities. Data are plain text, never markup.

    tables  as for reports.page.month_page; what is absent is left out
    """
    shown: list[RenderableType] = [_totals(tables, lang)]
    for table in (_refusals(tables, lang), _territories(tables, lang), _balances(tables, lang), _identities(identities, lang)):
        if table.row_count:
            shown += [Text(""), table]
    return shown


def as_group(tables: Tables, identities: Sequence[Identity], lang: str) -> Group:
    """`summary` as one renderable."""
    return Group(*summary(tables, identities, lang))


def _table(title: str, *columns: tuple[str, bool]) -> Table:
    """A table without lines; numbers to the right and never broken."""
    made = Table(title=Text(title, style="bold"), title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, right in columns:
        made.add_column(Text(name, style="dim"), justify="right" if right else "left", no_wrap=right)
    return made


def _sum(table: pl.DataFrame | None, column: str) -> int:
    return 0 if table is None or not table.height else int(table[column].sum() or 0)


def _totals(tables: Tables, lang: str) -> Table:
    """Packages, cases and roubles of the month."""
    decisions, packages, act = tables.get("decisions"), tables.get("packages"), tables.get("act_132")
    made = _table(t("summary.title", lang), ("", False), (t("cases", lang), True), (t("act.column.roubles", lang), True))

    def row(key: str, count: int | None, kopecks: int | None) -> None:
        count_text = "" if count is None else number(count, lang)
        made.add_row(Text(t(key, lang)), Text(count_text), Text("" if kopecks is None else roubles(kopecks, lang)))

    if packages is not None:
        row("summary.packages", packages.height, None)
        row("summary.packages_refused", packages.filter(pl.col("state") == "refused").height, None)
    if decisions is not None:
        refused = decisions.filter(pl.col("oplata") == 2).height
        row("billed", decisions.height, _sum(decisions, "sumv_kop"))
        row("accepted", decisions.height - refused, _sum(decisions, "sump_kop"))
        row("refused", refused, _sum(decisions, "sank_it_kop"))
    if act is not None:
        row("tile.paid", None, _sum(act, "transferred_kop"))
        row("tile.debt", None, _sum(act, "end_kop"))
    return made


def _refusals(tables: Tables, lang: str) -> Table:
    """Refusals by rule, the most money first."""
    columns = ((t("rule", lang), False), (t("ground", lang), False), (t("what", lang), False))
    made = _table(t("page.refusals", lang), *columns, (t("cases", lang), True), (t("act.column.roubles", lang), True))
    decisions = tables.get("decisions")
    if decisions is None:
        return made
    ranked = (
        decisions.filter(pl.col("ground_rule").is_not_null()).group_by("ground_rule", "ground_code")
        .agg(pl.len().alias("cases"), pl.col("sank_it_kop").sum().alias("kop"))
        .sort("kop", "ground_rule", "ground_code", descending=[True, False, False])
    )  # fmt: skip
    for row in ranked.head(_TOP).iter_rows(named=True):
        texts = (row["ground_rule"], row["ground_code"] or "", listing.title(row["ground_rule"], lang))
        made.add_row(*(Text(str(text)) for text in texts), Text(number(row["cases"], lang)), Text(roubles(row["kop"], lang)))
    rest = ranked.slice(_TOP)
    if rest.height:
        texts = (t("summary.rest", lang, n=rest.height), "", "")
        made.add_row(
            *(Text(text) for text in texts), Text(number(_sum(rest, "cases"), lang)), Text(roubles(_sum(rest, "kop"), lang))
        )
    return made


def _territories(tables: Tables, lang: str) -> Table:
    """What other territories owe."""
    columns = ((t("page.territory", lang), False), (t("page.file", lang), False))
    made = _table(t("page.territories", lang), *columns, (t("cases", lang), True), (t("act.column.roubles", lang), True))
    bills = tables.get("territory_bills")
    if bills is None or not bills.height:
        return made
    for row in bills.sort("territory").iter_rows(named=True):
        cells = (Text(row["territory"]), Text(row["file_name"] or ""))
        made.add_row(*cells, Text(number(row["cases"], lang)), Text(roubles(row["amount_kop"], lang)))
    sums = (number(_sum(bills, "cases"), lang), roubles(_sum(bills, "amount_kop"), lang))
    made.add_row(Text(t("total", lang), style="bold"), Text(""), *(Text(text, style="bold") for text in sums))
    return made


def _balances(tables: Tables, lang: str) -> Table:
    """Balances of the ledger by kind of party and purpose, and their sum."""
    made = _table(t("summary.balances", lang), (t("summary.account", lang), False), (t("act.column.roubles", lang), True))
    balances = tables.get("balances")
    if balances is None or not balances.height:
        return made
    # A region has hundreds of accounts: the screen shows them by kind of party and purpose, the ledger and the acts one by one.
    kind = pl.col("account").str.replace("^([a-z_]+):[^/]*/", "${1}/").str.extract("^([^/]*/[^/]*)").fill_null(pl.col("account"))
    rows = balances.group_by(kind.alias("name")).agg(pl.col("amount_kop").sum()).sort("name")
    for name, kopecks in rows.iter_rows():
        if kopecks:
            made.add_row(Text(name), Text(roubles(kopecks, lang)))
    made.add_row(Text(t("total", lang), style="bold"), Text(roubles(_sum(balances, "amount_kop"), lang), style="bold"))
    return made


def _identities(identities: Sequence[Identity], lang: str) -> Table:
    """The equations with both sides and a mark."""
    columns = ((t("page.left", lang), True), (t("page.right", lang), True), ("", False))
    made = _table(t("page.identities", lang), (t("page.identity", lang), False), *columns)
    for item in identities:
        write = roubles if item.unit == "money" else number
        mark = Text("✓", style="green") if item.holds else Text("✗", style="bold red")
        made.add_row(Text(item.text(lang)), Text(write(item.left, lang)), Text(write(item.right, lang)), mark)
    return made
