"""Was found what was planted, and nothing else? Holds a run of the made-up territory against its declared truth.

`planted.csv` names every finding that must appear - the defect and its consequences - and `truth.csv` the money that must come
out; both are made by `omsclaims.synthetic` without the engine's checks and tariffs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from omsclaims import intake, messages, money
from omsclaims.workspace import Workspace

#: What makes a planted row and a finding the same: place, rule and ground.
KEY: Final = ("month", "package", "n_zap", "idcase", "sl_id", "idserv", "rule", "code", "element")
_MONEY: Final = ("cases", "billed_kop", "refused_kop", "accepted_kop")


@dataclass(frozen=True)
class Comparison:
    """Planted against found, both directions, and the money against its independent calculation."""

    planted: pl.DataFrame
    found: pl.DataFrame
    missing: pl.DataFrame
    surplus: pl.DataFrame
    money_differences: list[str]
    months: Sequence[str]
    totals: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether nothing is missing, nothing is surplus and no kopeck differs."""
        return not (self.missing.height or self.surplus.height or self.money_differences)

    def by_rule(self) -> pl.DataFrame:
        """Counts by month and rule: planted, found, missing, surplus."""
        parts = {"planted": self.planted, "found": self.found, "missing": self.missing, "surplus": self.surplus}
        counts = [
            rows.group_by("month", "rule").len().select("month", "rule", pl.lit(name).alias("part"), "len")
            for name, rows in parts.items()
        ]
        wide = pl.concat(counts).pivot(on="part", index=["month", "rule"], values="len")
        for name in parts:
            if name not in wide.columns:
                wide = wide.with_columns(pl.lit(0).alias(name))
        return wide.with_columns(pl.col(list(parts)).fill_null(0)).sort("month", "rule")


def found_in(workspace: Workspace, month: str) -> pl.DataFrame:
    """All findings of a closed month: of control, and of the packages refused whole at intake."""
    parts = [workspace.run_table(month, "findings")]
    parts.extend(intake.stored_findings(workspace, row) for row in workspace.packages(month) if row.state == "refused")
    return pl.concat(parts).with_columns(month=pl.lit(month))


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows reduced to KEY as text, each with its number among equal ones, so that counts are compared, too."""
    texts = rows.select(pl.col(column).cast(pl.String).fill_null("").alias(column) for column in KEY)
    return texts.with_columns(times=pl.int_range(pl.len()).over(KEY)).sort(*KEY, "times")


def compare(made: Path, folder: Path, months: Sequence[str]) -> Comparison:
    """Holds the closed `months` of a workspace against the territory in `made` (planted.csv, truth.csv)."""
    planted = pl.read_csv(made / "planted.csv", infer_schema=False).filter(pl.col("month").is_in(list(months)))
    with Workspace.open(folder) as workspace:
        found = pl.concat([found_in(workspace, month) for month in months])
        differences, totals = _money(made, workspace, months)
    left, right = _keyed(planted), _keyed(found)
    keys = [*KEY, "times"]
    return Comparison(
        left, right, left.join(right, on=keys, how="anti"), right.join(left, on=keys, how="anti"), differences, months, totals
    )


def _money(made: Path, workspace: Workspace, months: Sequence[str]) -> tuple[list[str], dict[str, dict[str, int]]]:
    """Differences of payments (payer x clinic) and bills to territories from truth.csv, and the totals by month."""
    truth = pl.read_csv(made / "truth.csv", schema_overrides=dict.fromkeys(("payer", "mo", "territory"), pl.String))
    differences: list[str] = []
    totals: dict[str, dict[str, int]] = {}
    for month in months:
        payments = workspace.ledger_table("payments", month).select(
            "payer",
            "mo",
            "cases",
            "billed_kop",
            pl.sum_horizontal("withheld_mek_kop", "withheld_mee_kop", "withheld_ekmp_kop").alias("refused_kop"),
            "accepted_kop",
        )
        expected = truth.filter((pl.col("month") == month) & (pl.col("grain") == "payment")).select("payer", "mo", *_MONEY)
        both = (
            expected.join(payments, on=["payer", "mo"], how="full", suffix="_found", coalesce=True)
            .fill_null(0)
            .sort("payer", "mo")
        )
        for row in both.iter_rows(named=True):
            for column in _MONEY:
                if row[column] != row[f"{column}_found"]:
                    differences.append(f"{month} {row['payer']}/{row['mo']} {column}: {row[column]} {row[f'{column}_found']}")
        bills = dict(workspace.ledger_table("territory_bills", month).select("territory", "amount_kop").iter_rows())
        owed = dict(
            truth.filter((pl.col("month") == month) & (pl.col("grain") == "territory"))
            .select("territory", "accepted_kop")
            .iter_rows()
        )
        for territory in sorted(set(bills) | set(owed)):
            if bills.get(territory, 0) != owed.get(territory, 0):
                differences.append(f"{month} {territory}: {owed.get(territory, 0)} {bills.get(territory, 0)}")
        totals[month] = {column: int(payments[column].sum()) for column in _MONEY}
    return differences, totals


def lines(comparison: Comparison, lang: str, details: int = 5) -> Iterator[str]:
    """The comparison for people: a line a month, then the rules that differ with examples."""
    text = messages.text
    yield text("truth.head", lang)
    counts = comparison.by_rule()
    for month in comparison.months:
        own = counts.filter(pl.col("month") == month)
        sums = {name: int(own[name].sum()) for name in ("planted", "found", "missing", "surplus")}
        clean = not (sums["missing"] or sums["surplus"])
        yield "  " + text("truth.agrees" if clean else "truth.differs", lang, month=month, **sums)
        for row in own.filter((pl.col("missing") > 0) | (pl.col("surplus") > 0)).iter_rows(named=True):
            yield text("truth.rule", lang, **row)
            for part in (comparison.missing, comparison.surplus):
                for example in (
                    part.filter((pl.col("month") == month) & (pl.col("rule") == row["rule"])).head(details).iter_rows()
                ):
                    yield text("truth.example", lang, place=" ".join(map(str, example)))
        money_off = [line for line in comparison.money_differences if line.startswith(month)]
        if money_off:
            for line in money_off[: 4 * details]:
                yield "  " + text("truth.money_differs", lang, month=month, line=line)
        else:
            shown = {
                name.removesuffix("_kop"): money.show_amount(value, lang) for name, value in comparison.totals[month].items()
            }
            yield "  " + text("truth.money_agrees", lang, month=month, **shown)
