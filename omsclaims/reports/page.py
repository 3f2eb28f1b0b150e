"""What happened in the month, on one page? Totals, identities, flow of money, refusals, clinics as HTML (law.md 4-5, 10-11).

No script, no outside address: the page can be printed, mailed and opened years later. Nothing in it names a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

import polars as pl
from markupsafe import Markup

from omsclaims.checks import official
from omsclaims.periods import Month
from omsclaims.reports import charts, listing
from omsclaims.reports.acts import party
from omsclaims.reports.sheets import month_name, show_date
from omsclaims.reports.templates import number, render, roubles, t
from omsclaims.settlement import Identity

Tables = Mapping[str, pl.DataFrame]

#: The extra frame of the page: a row is a package that came in this month.
PACKAGES: Final[dict[str, pl.DataType]] = {
    "package": pl.String(), "mo": pl.String(), "file_kind": pl.String(), "state": pl.String(), "cases": pl.Int64(),
    "sumv_kop": pl.Int64(), "reasons": pl.String(),
}  # fmt: skip

#: Groups of links, in the order of the page.
GROUPS: Final = ("acts", "answers", "protocols", "territories", "other")
_TOP_RULES: Final = 20
_FLOW_CLINICS: Final = 9
_SCHEME: Final = ":"


class Surroundings(Protocol):
    """What the page takes from the context of the run."""

    @property
    def month(self) -> Month:
        """The month."""
        ...

    @property
    def as_of(self) -> date:
        """The day whose knowledge was used."""
        ...

    @property
    def territory(self) -> str:
        """The fund's two-digit code."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the page: `group` of GROUPS, text, relative path with `/`."""

    group: str
    text: str
    href: str

    def __post_init__(self) -> None:
        if _SCHEME in self.href or self.href.startswith("/") or self.group not in GROUPS:
            raise ValueError(f"a link of the page is a relative path: {self.href}")


def _sum(table: pl.DataFrame | None, column: str) -> int:
    return 0 if table is None or not table.height else int(table[column].sum() or 0)


def _names(table: pl.DataFrame | None, code: str, on: date) -> dict[str, str]:
    """code -> name in force on a date; where none is, the latest."""
    if table is None:
        return {}
    holds = ((pl.col("valid_from").is_null()) | (pl.col("valid_from") <= on)).cast(pl.Int8)
    rows = table.filter(pl.col("name").is_not_null()).sort(code, holds, "valid_from", "name", nulls_last=False)
    return dict(rows.select(code, "name").iter_rows())


def month_page(
    tables: Tables,
    identities: Sequence[Identity],
    links: Sequence[Link],
    context: Surroundings,
    lang: str,
    digest: str | None = None,
    unconfirmed: Sequence[str] = (),
) -> str:
    """The page of the month as HTML.

    tables      contract tables by name: cases, decisions, priced, identified, act_121, act_132, territory_bills, plan_lines (or
                reg_plan), reg_clinic, reg_insurer; `packages` (columns PACKAGES), `findings` and `executions` (rows of the check
                books). What is absent is left out
    identities  settlement.identities
    links       acts, answers and other files by relative path
    digest      digest of the month, for the foot of the page
    unconfirmed a sentence for each parameter used that is not confirmed
    """
    last = context.month.last
    clinics = _names(tables.get("reg_clinic"), "mo", last)
    insurers = _names(tables.get("reg_insurer"), "smo", last)
    by_clinic = _by(tables, "code_mo", clinics)
    by_kind = _by_kind(tables, lang)
    grouped = [(group, [link for link in links if link.group == group]) for group in GROUPS]
    return render(
        "month.html.j2", lang,
        month=month_name(context.month.year, context.month.month, lang), territory=context.territory,
        as_of=show_date(context.as_of, lang), digest=digest, tiles=_tiles(tables, identities, lang),
        identities=[
            {"text": item.text(lang), "left": _side(item.left, item, lang), "right": _side(item.right, item, lang)}
            | {"holds": item.holds}
            for item in identities
        ],
        flow=_flow(tables, clinics, insurers, lang), sums=_sums(tables), grounds=_grounds(tables), rules=_rules(tables, lang),
        clinics=by_clinic, clinic_chart=_chart(by_clinic, "chart.clinics", lang), kinds=by_kind,
        kind_chart=_chart(by_kind, "chart.kinds", lang), insurers=_insurers(tables, insurers),
        payments=_payments(tables, insurers, lang),
        territories=_rows(tables, "territory_bills", "territory"), volumes=_volumes(tables, context.month, lang),
        rows_of_books=_rows_of_books(tables, lang), refused_packages=_refused_packages(tables, clinics),
        links=[(group, found) for group, found in grouped if found], unconfirmed=list(unconfirmed),
    )  # fmt: skip


def _side(value: int, item: Identity, lang: str) -> str:
    return roubles(value, lang) if item.unit == "money" else number(value, lang)


def _rows(tables: Tables, name: str, *order: str) -> list[dict[str, Any]]:
    table = tables.get(name)
    return [] if table is None else table.sort(*order).to_dicts()


def _tiles(tables: Tables, identities: Sequence[Identity], lang: str) -> list[dict[str, str]]:
    """The headline figures: name, big, more, tone."""
    decisions, packages = tables.get("decisions"), tables.get("packages")
    refused = decisions.filter(pl.col("oplata") == 2).height if decisions is not None else 0
    cases = decisions.height if decisions is not None else 0
    tiles: list[dict[str, str]] = []

    def tile(key: str, big: str, more: str = "", tone: str = "") -> None:
        tiles.append({"name": t(f"tile.{key}", lang), "big": big, "more": more, "tone": tone})

    if packages is not None:
        back = packages.filter(pl.col("state") == "refused").height
        tile("packages", number(packages.height, lang), t("tile.packages.more", lang, n=number(back, lang)))
    billed, accepted = _sum(decisions, "sumv_kop"), _sum(decisions, "sump_kop")
    withheld = _sum(decisions, "sank_it_kop")
    tile("cases", number(cases, lang), t("tile.cases.more", lang, n=number(refused, lang)))
    tile("billed", roubles(billed, lang), t("roubles", lang))
    tile("accepted", roubles(accepted, lang), _share(accepted, billed, lang), "good")
    tile("refused", roubles(withheld, lang), _share(withheld, billed, lang), "bad")
    act_132, act_121 = tables.get("act_132"), tables.get("act_121")
    if act_132 is not None:
        tile("paid", roubles(_sum(act_132, "transferred_kop"), lang), t("tile.paid.more", lang), "good")
        tile("debt", roubles(_sum(act_132, "end_kop"), lang), t("tile.debt.more", lang))
    if act_121 is not None:
        tile("insurers", roubles(_sum(act_121, "end_kop"), lang), t("tile.insurers.more", lang))
    bills = tables.get("territory_bills")
    if bills is not None:
        more = t("tile.owed.more", lang, n=number(bills.height, lang), cases=number(_sum(bills, "cases"), lang))
        tile("owed", roubles(_sum(bills, "amount_kop"), lang), more, "amber")
    if identities:
        good = sum(item.holds for item in identities)
        tone = "good" if good == len(identities) else "bad"
        tile("identities", f"{good} / {len(identities)}", t(f"tile.identities.{tone}", lang), tone)
    return tiles


def _sums(tables: Tables) -> dict[str, int]:
    """Billed, refused, accepted, owed by other territories: the line under the flow."""
    decisions = tables.get("decisions")
    return {
        "billed": _sum(decisions, "sumv_kop"), "refused": _sum(decisions, "sank_it_kop"), "accepted": _sum(decisions, "sump_kop"),
        "owed": _sum(tables.get("territory_bills"), "amount_kop"),
    }  # fmt: skip


def _share(part: int, whole: int, lang: str) -> str:
    """A share in percent with one decimal, for reading only; in integers, half up."""
    if whole <= 0:
        return ""
    tenths = (2 * part * 1000 + whole) // (2 * whole)
    text = f"{tenths // 10}.{tenths % 10}"
    return t("share", lang, share=text.replace(".", ",") if lang == "ru" else text)


def _by(tables: Tables, column: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Cases and roubles by a column of cases: billed, accepted, refused; the largest first."""
    if "cases" not in tables or "decisions" not in tables:
        return []
    table = (
        tables["cases"].select("case_key", column).join(tables["decisions"], on="case_key", how="inner").group_by(column)
        .agg(*_SUMS).sort(pl.col("billed"), pl.col(column), descending=[True, False])
    )  # fmt: skip
    return [
        row | {"label": names.get(row[column] or "", row[column] or "–"), "key": row[column] or ""} for row in table.to_dicts()
    ]


_SUMS: Final = (
    pl.len().alias("cases"), (pl.col("oplata") == 2).sum().alias("refused_cases"), pl.col("sumv_kop").sum().alias("billed"),
    pl.col("sump_kop").sum().alias("accepted"), pl.col("sank_it_kop").sum().alias("refused"),
)  # fmt: skip


def _by_kind(tables: Tables, lang: str) -> list[dict[str, Any]]:
    """The same by kind of payment."""
    if "priced" not in tables or "decisions" not in tables:
        return []
    table = (
        tables["decisions"].join(tables["priced"].select("case_key", "payment_kind"), on="case_key", how="left")
        .group_by("payment_kind").agg(*_SUMS).sort(pl.col("billed"), pl.col("payment_kind"), descending=[True, False])
    )  # fmt: skip
    return [row | {"label": _kind(row["payment_kind"], lang)} for row in table.to_dicts()]


def _kind(kind: str | None, lang: str) -> str:
    known = ("ksg_inpatient", "ksg_day", "visit", "episode", "call", "exam", "vmp", "service", "per_capita")
    return t(f"kind.{kind}", lang) if kind in known else str(kind) if kind else t("kind.none", lang)


def _chart(rows: list[dict[str, Any]], title: str, lang: str) -> Markup:
    found = [
        charts.Bar(row["label"], row["accepted"], row["refused"], roubles(row["billed"], lang)) for row in rows if row["billed"]
    ]  # fmt: skip
    return charts.bars(found, t(title, lang), t("accepted", lang), t("refused", lang))


def _grounds(tables: Tables) -> list[dict[str, Any]]:
    """Refusals by number of the ground, number by number: 1.4.1 before 1.10.1 (law.md 10.2)."""
    decisions = tables.get("decisions")
    if decisions is None:
        return []
    table = (
        decisions.filter(pl.col("ground_code").is_not_null()).group_by("ground_code")
        .agg(pl.len().alias("cases"), pl.col("sank_it_kop").sum().alias("refused"))
    )  # fmt: skip
    return sorted(
        table.to_dicts(), key=lambda row: [int(part) if part.isdigit() else 0 for part in row["ground_code"].split(".")]
    )


def _rules(tables: Tables, lang: str) -> list[dict[str, Any]]:
    """The rules with most money refused: findings, cases and roubles of the ground that stands."""
    found, decisions = tables.get("findings"), tables.get("decisions")
    if found is None or decisions is None:
        return []
    money = (
        decisions.filter(pl.col("ground_rule").is_not_null()).group_by(pl.col("ground_rule").alias("rule"))
        .agg(pl.len().alias("refused_cases"), pl.col("sank_it_kop").sum().alias("refused"), pl.col("ground_code").min())
    )  # fmt: skip
    counted = found.group_by("rule").agg(pl.len().alias("findings"), pl.col("code").min())
    table = counted.join(money, on="rule", how="full", coalesce=True).with_columns(
        pl.coalesce("ground_code", "code").alias("code"), pl.col("refused").fill_null(0), pl.col("findings").fill_null(0)
    )  # fmt: skip
    ranked = table.sort("refused", "findings", "rule", descending=[True, True, False]).head(_TOP_RULES)
    return [row | {"title": listing.title(row["rule"], lang)} for row in ranked.to_dicts()]


def _insurers(tables: Tables, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Act of point 121 by insurer."""
    return [row | {"name": party(row["smo"], names)} for row in _rows(tables, "act_121", "smo")]


def _payments(tables: Tables, names: Mapping[str, str], lang: str) -> list[dict[str, Any]]:
    """Acts of point 132 added up by payer."""
    act = tables.get("act_132")
    if act is None or not act.height:
        return []
    columns = ("start_kop", "billed_kop", "withheld_kop", "transferred_kop", "end_kop")
    table = (
        act.group_by("payer")
        .agg(pl.len().alias("clinics"), *(pl.col(name).sum() for name in columns))
        .sort(pl.col("payer").str.len_chars() == 2, "payer")
    )
    return [
        row | {"name": t("fund_elsewhere", lang) if len(row["payer"]) == 2 else party(row["payer"], names)}
        for row in table.to_dicts()
    ]  # fmt: skip


def _volumes(tables: Tables, month: Month, lang: str) -> list[dict[str, Any]]:
    """Plan and fact of the month by line: volumes and money of own accepted cases against the plans in force (Rules 122-123).

    What each line gave is read from plan_lines; without that table lines are kinds of payment and are counted here.
    """
    if "plan_lines" in tables:
        return [_volume_row(row, lang) for row in _line_sums(tables["plan_lines"]).to_dicts()]
    plan = tables.get("reg_plan")
    needed = ("cases", "decisions", "priced", "identified")
    if plan is None or not plan.height or any(name not in tables for name in needed):
        return []
    latest = (
        plan.filter(pl.col("month") == str(month))
        .sort("mo", "month", "line", "since")
        .unique(["mo", "month", "line"], keep="last", maintain_order=True)
    )
    rows = latest.group_by("line").agg(
        pl.col("volume").sum(), pl.when(pl.col("money_kop").null_count() == 0).then(pl.col("money_kop").sum()).alias("money_kop")
    )  # fmt: skip
    own = tables["identified"].filter(pl.col("status") == "own").select("case_key")
    fact = (
        tables["decisions"].filter(pl.col("oplata") != 2).join(own, on="case_key", how="semi")
        .join(tables["priced"].select("case_key", pl.col("payment_kind").alias("line")), on="case_key", how="inner")
        .group_by("line").agg(pl.len().alias("fact"), pl.col("sumv_kop").sum().alias("fact_kop"))
    )  # fmt: skip
    table = rows.join(fact, on="line", how="left").with_columns(pl.col("fact", "fact_kop").fill_null(0)).sort("line")
    return [_volume_row(row, lang) for row in table.to_dicts()]


def _line_sums(lines: pl.DataFrame) -> pl.DataFrame:
    """plan_lines of all clinics by line: volume and fact in whole units, money_kop (null where a row has no limit), fact_kop."""
    planned = lines.filter(pl.col("plan_volume").is_not_null())
    unlimited = pl.col("plan_kop").null_count() > 0
    plan = planned.group_by("line").agg(
        pl.col("plan_volume").sum().alias("volume"), pl.when(~unlimited).then(pl.col("plan_kop").sum()).alias("money_kop")
    )  # fmt: skip
    fact = lines.group_by("line").agg(
        (pl.col("consumed_units2").sum() // 100).alias("fact"), pl.col("consumed_kop").sum().alias("fact_kop")
    )
    return fact.join(plan, on="line", how="left").select("line", "volume", "fact", "money_kop", "fact_kop").sort("line")


def _volume_row(row: dict[str, Any], lang: str) -> dict[str, Any]:
    """A row of the table of volumes with its name and shares."""
    shares = {
        "share": _percent(row["fact"], row["volume"], lang), "money_share": _percent(row["fact_kop"], row["money_kop"], lang)
    }  # fmt: skip
    return row | {"label": _kind(row["line"], lang), **shares}


def _percent(part: int, whole: int | None, lang: str) -> str:
    if not whole or whole <= 0:
        return "–"
    tenths = (2 * part * 1000 + whole) // (2 * whole)
    text = f"{tenths // 10}.{tenths % 10}"
    return (text.replace(".", ",") if lang == "ru" else text) + "\u00a0%"


def _rows_of_books(tables: Tables, lang: str) -> list[str]:
    """Of each check book how many rows were executed on the packages of the month, and which not, by reason."""
    found = tables.get("executions")
    return [] if found is None or not found.height else official.told(found, lang)


def _refused_packages(tables: Tables, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Whole packages sent back, with the reasons."""
    packages = tables.get("packages")
    if packages is None:
        return []
    rows = packages.filter(pl.col("state") == "refused").sort("package").to_dicts()
    for row in rows:
        reasons = row["reasons"]
        row["reasons"] = "; ".join(reasons) if isinstance(reasons, list) else reasons or ""
        row["clinic"] = party(row["mo"], names)
    return rows


def _flow(tables: Tables, clinics: Mapping[str, str], insurers: Mapping[str, str], lang: str) -> Markup:
    """Where the money came from and where it went: fund -> payers -> clinics, case management, balances."""
    act_121, act_132 = tables.get("act_121"), tables.get("act_132")
    if act_121 is None or act_132 is None:
        return Markup("")
    paid = act_132.group_by("payer", "mo").agg(pl.col("transferred_kop").sum()).filter(pl.col("transferred_kop") > 0)
    ranked = paid.group_by("mo").agg(pl.col("transferred_kop").sum()).sort("transferred_kop", "mo", descending=[True, False])
    largest = ranked["mo"].to_list() if ranked.height <= _FLOW_CLINICS + 1 else ranked["mo"].head(_FLOW_CLINICS).to_list()
    sources = [charts.Node(key, t(f"flow.{key}", lang), 0) for key in ("standards", "nsz", "before")]
    targets = [charts.Node(f"mo{mo}", clinics.get(mo, mo), 2) for mo in largest]
    targets += [charts.Node("rest", t("flow.rest", lang, n=ranked.height - len(largest)), 2)]
    targets += [charts.Node(key, t(f"flow.{key}", lang), 2, "#b7a06a") for key in ("management", "left")]
    middle: list[charts.Node] = []
    links: list[charts.Flow] = []
    acts = {row["smo"]: row for row in act_121.to_dicts()}
    for place, payer in enumerate(sorted(set(acts) | set(paid["payer"].to_list()), key=lambda code: (code not in acts, code))):
        name = t("flow.fund", lang) if payer not in acts and len(payer) == 2 else insurers.get(payer, payer)
        middle.append(charts.Node(payer, name, 1, charts.BANDS[place % len(charts.BANDS)]))
        out = paid.filter(pl.col("payer") == payer).sort("mo")
        to_clinics = [charts.Flow(payer, f"mo{mo}" if mo in largest else "rest", kop) for _, mo, kop in out.iter_rows()]
        links += _merged(to_clinics) + _around(acts.get(payer), payer, int(out["transferred_kop"].sum()))
    nodes = [*sources, *middle, *targets]
    heads = [t(f"flow.head.{key}", lang) for key in ("from", "payers", "to")]
    return charts.flows(nodes, links, lambda kopecks: roubles(kopecks, lang), t("flow.title", lang), heads)


def _merged(links: list[charts.Flow]) -> list[charts.Flow]:
    """One band for each pair of boxes."""
    sums: dict[tuple[str, str], int] = {}
    for link in links:
        sums[link.source, link.target] = sums.get((link.source, link.target), 0) + link.amount
    return [charts.Flow(source, target, amount) for (source, target), amount in sums.items()]


def _around(act: Mapping[str, Any] | None, payer: str, paid: int) -> list[charts.Flow]:
    """What came to a payer and what else left it; what is missing came from earlier balances, what is over is left."""
    if act is None:
        return [charts.Flow("nsz", payer, paid)]
    # A correction of an earlier month may leave less than nothing: a band cannot show that, the balances do.
    received, nsz, managed = (max(0, int(act[name])) for name in ("by_standards_kop", "from_nsz_kop", "case_management_kop"))
    over = received + nsz - managed - paid
    return [
        charts.Flow("standards", payer, received), charts.Flow("nsz", payer, nsz),
        charts.Flow("before", payer, max(0, -over)), charts.Flow(payer, "management", managed),
        charts.Flow(payer, "left", max(0, over)),
    ]  # fmt: skip
