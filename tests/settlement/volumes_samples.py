"""Months for the tests of volumes: from a few lines of YAML, and a whole made-up year with an independent account of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from omsclaims.context import Context
from omsclaims.law.agreement import Volumes
from omsclaims.settlement import volumes
from omsclaims.workspace import table_digest
from tests.settlement.settlement_samples import SINCE, agreement, case, context, rows

MO = "750901"
PLANNED = ("visit", "service", "ksg_inpatient", "ksg_day", "vmp")
Tables = dict[str, pl.DataFrame]


def kopecks(roubles: object) -> int:
    """500.00 as written in YAML -> 50000."""
    return int(Decimal(str(roubles)) * 100)


def made_context(
    month: str = "2022-03", as_of: date = date(2022, 5, 1), lines: Sequence[Mapping[str, Any]] = (), **options: Any
) -> Context:
    """Surroundings whose agreement plans `PLANNED` and declares the lines given."""
    made = agreement()
    common = {"valid_from": SINCE, "valid_to": date(2022, 12, 31), "reference": "test", "source": "test:1"}
    kinds = [{"file_kind": "H", "idsp": 1, "kind": kind, "plan": True, **common} for kind in PLANNED]
    made = made.with_table("payment_kinds", _frame(made.table("payment_kinds"), kinds))
    declared = [{"unit": "case", "name": row["line"], **row, **common} for row in lines]
    made = made.with_table("plan_lines", _frame(made.table("plan_lines"), declared))
    head = made.head.model_copy(update={"volumes": Volumes(**options)})
    return context(month, as_of=as_of, agreement=replace(made, head=head))


def _frame(like: pl.DataFrame, found: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in like.schema} for row in found], schema=like.schema)


def made_month(written: Mapping[str, Any]) -> tuple[Tables, Context]:
    """Tables and context of a case of fixtures/settlement/volumes.yaml; case_key is the number of the case from 1."""
    month = written.get("month", "2022-03")
    options = {name: written[name] for name in ("cumulation", "without_plan") if name in written}
    made = made_context(month, lines=written.get("lines", ()), **options)
    cases = [{"kind": "visit", "sum": 500.00, "status": "own", "data": date(2022, 4, 4), **row} for row in written["cases"]]
    keyed = list(enumerate(cases, 1))
    plan = [
        {"mo": MO, "month": month, "since": SINCE, **row, "money_kop": kopecks(row["money"]) if "money" in row else None}
        for row in written["plan"]
    ]
    before = [
        {"mo": MO, "unit": "case", "month": row["month"], "line": row["line"], "consumed_units2": row["cases"] * 100,
         "consumed_kop": kopecks(row["money"])}
        for row in written.get("before", ())
    ]  # fmt: skip
    decisions = [
        {"case_key": key, "oplata": 2 if row.get("refused") else 1,
         "sump_kop": 0 if row.get("refused") else kopecks(row.get("payable", row["sum"]))}
        for key, row in keyed
    ]  # fmt: skip
    tables = {
        "cases": rows("cases", *[case(key, sumv=kopecks(row["sum"]), data=row["data"], usl_ok=row.get("usl_ok", 3)) for key, row in keyed]),
        "identified": rows("identified", *[{"case_key": key, "status": row["status"]} for key, row in keyed]),
        "priced": rows("priced", *[{"case_key": key, "payment_kind": row["kind"]} for key, row in keyed]),
        "priced_sl": rows("priced_sl", *[{"sl_key": key, "case_key": key, "group": row.get("group"),
                                          "quantity2": kopecks(row["quantity"]) if "quantity" in row else 100} for key, row in keyed]),
        "sl": pl.DataFrame([{"_row": key, "case_key": key, "profil": row.get("profil")} for key, row in keyed],
                           schema={"_row": pl.Int64, "case_key": pl.Int64, "profil": pl.Int64}),
        "decisions": rows("decisions", *decisions),
        "reg_plan": rows("reg_plan", *[{name: row[name] for name in ("mo", "month", "line", "volume", "money_kop", "since")} for row in plan]),
        "plan_lines_before": rows("plan_lines", *before),
        "history": rows("history", *[{"month": closed} for closed in written.get("closed", ())]),
    }  # fmt: skip
    return tables, made


# ---- a year ----------------------------------------------------------------------------------------------------------------

CLINICS = ("750901", "750902", "750903")
LINES = (
    {"line": "hospital", "usl_ok": 1}, {"line": "heart", "usl_ok": 1, "profil": 29, "otherwise": "hospital"},
    {"line": "cancer", "group": "st19.*", "otherwise": "hospital"}, {"line": "clinic", "usl_ok": 3},
    {"line": "scans", "kind": "service", "unit": "quantity"},
)  # fmt: skip
#: Days on which the commission corrected the plan of 2022: in the middle of the year and after its end.
CUT, THIRTEENTH = date(2022, 6, 17), date(2023, 1, 20)


@dataclass
class Year:
    """Twelve months of cases and the plan with its corrections."""

    months: dict[str, Tables]
    reg_plan: pl.DataFrame


def made_year(seed: int, cases: int = 40) -> Year:
    """A year of three clinics: plans that suffice until June, a cut in June, a correction of December after the year."""
    rng = random.Random(seed)
    names = [f"2022-{number:02d}" for number in range(1, 13)]
    plan: list[dict[str, Any]] = []
    for month in names:
        for mo in CLINICS:
            for line in ("hospital", "heart", "clinic", "scans"):
                if (mo, line) == ("750903", "heart"):  # its cases consume the line in the place of it
                    continue
                row = {"mo": mo, "month": month, "line": line, "volume": rng.randint(2, 7), "since": date(2021, 12, 24)}
                row["money_kop"] = rng.choice([None, row["volume"] * rng.randint(30_000, 60_000)])
                plan.append(row)
                if month >= "2022-06" and rng.random() < 0.7:
                    plan.append({**row, "volume": rng.randint(0, 3), "since": CUT})
                if month == "2022-12" and rng.random() < 0.7:
                    plan.append({**row, "volume": rng.randint(0, 9), "since": THIRTEENTH})
    return Year({month: _cases_of(rng, month, cases) for month in names}, rows("reg_plan", *plan))


def _cases_of(rng: random.Random, month: str, count: int) -> Tables:
    """Cases of one month in several packages, numbered as `month.assemble` does: package by package."""
    first = date.fromisoformat(f"{month}-01")
    kept: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("cases", "identified", "priced", "priced_sl", "sl", "decisions")
    }
    packages = sorted(f"HM{mo}T75_{month[2:4]}{month[5:]}{number:02d}" for mo in CLINICS for number in (1, 2))
    days = {name: first.replace(day=rng.randint(1, 9)) for name in packages}
    for key in range(count):
        name = rng.choice(packages)
        row = (packages.index(name) << 32) + key
        kind, usl_ok, group = rng.choice([("ksg_inpatient", 1, "st29.001"), ("ksg_inpatient", 1, "st19.037"), ("vmp", 1, "498"),
                                          ("visit", 3, "97"), ("service", 3, "A06.09.005")])  # fmt: skip
        amount = rng.randint(1, 90_000)
        kept["cases"].append(case(row, package=name, data=days[name], n_zap=rng.randint(1, 20), idcase=key, sumv=amount,
                                  lpu=name[2:8], code_mo=name[2:8], usl_ok=usl_ok))  # fmt: skip
        kept["identified"].append({"case_key": row, "status": rng.choice(["own"] * 9 + ["other"])})
        kept["priced"].append({"case_key": row, "payment_kind": kind})
        kept["priced_sl"].append({"sl_key": row, "case_key": row, "group": group, "quantity2": rng.choice([100, 200, 250])})
        kept["sl"].append({"_row": row, "case_key": row, "profil": rng.choice([29, 97, 60])})
        refused = rng.random() < 0.1
        kept["decisions"].append({"case_key": row, "oplata": 2 if refused else 1, "sump_kop": 0 if refused else amount})
    sl = pl.DataFrame(kept.pop("sl"), schema={"_row": pl.Int64, "case_key": pl.Int64, "profil": pl.Int64})
    return {"sl": sl, **{name: rows(name, *found) for name, found in kept.items()}}


def settled_year(
    year: Year, cumulation: str, last_as_of: date = date(2023, 1, 15)
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """plan_items of each month and plan_lines of the year, the months closed one after another on the 10th of the next."""
    items: dict[str, pl.DataFrame] = {}
    lines = rows("plan_lines")
    for name, tables in year.months.items():
        month = int(name[5:])
        as_of = last_as_of if month == 12 else date(2022, month + 1, 10)
        made = made_context(name, as_of, LINES, cumulation=cumulation)
        work = {**tables, "reg_plan": year.reg_plan, "plan_lines_before": lines}
        items[name] = volumes.consume(work, made)["plan_items"]
        over = items[name].filter(pl.col("state") != "fits")["case_key"]
        decided = tables["decisions"].with_columns(
            oplata=pl.when(pl.col("case_key").is_in(over.implode())).then(2).otherwise("oplata")
        )
        used = volumes.line_use({**work, "plan_items": items[name], "decisions": decided}, made)
        lines = pl.concat([lines, used])
    return items, lines


def turned(year: Year, seed: int) -> Year:
    """The same year with the rows of every table in another order."""
    return Year(
        {name: {key: table.sample(fraction=1, shuffle=True, seed=seed) for key, table in tables.items()}
         for name, tables in year.months.items()},
        year.reg_plan.sample(fraction=1, shuffle=True, seed=seed),
    )  # fmt: skip


def of_clinic(year: Year, mo: str) -> Year:
    """What one clinic has of a year."""
    months = {}
    for name, tables in year.months.items():
        keys = tables["cases"].filter(pl.col("lpu") == mo)["case_key"]
        months[name] = {key: table.filter(pl.col("case_key").is_in(keys.implode())) for key, table in tables.items()}
    return Year(months, year.reg_plan.filter(pl.col("mo") == mo))


def digest_of(items: Mapping[str, pl.DataFrame], lines: pl.DataFrame) -> str:
    """One digest of a settled year."""
    return "".join(table_digest(table)[:8] for table in (*items.values(), lines))


def main() -> None:
    """Prints the digest of a year: run by the test with different numbers of threads."""
    for cumulation in ("month", "year"):
        print(digest_of(*settled_year(made_year(7, 400), cumulation)))


if __name__ == "__main__":
    main()
