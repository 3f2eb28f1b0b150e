"""What must come out? Planted findings with their places, cases refused, volumes that run out, money by payer and clinic.

Worked out from what was planted and from the register, without the engine: `planted.csv` and `truth.csv` are what a run of the
month
is held against.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from omsclaims.synthetic import catalogue, deal
from omsclaims.synthetic.care import Tables
from omsclaims.synthetic.files import BadPackage, MonthFiles
from omsclaims.synthetic.people import People, nulled
from omsclaims.synthetic.planting import Expect, Row

COLUMNS: Final = (
    "planted_id", "month", "package", "n_zap", "idcase", "sl_id", "idserv", "rule", "code", "element", "role", "because",
    "refused", "note",
)  # fmt: skip
TRUTH_COLUMNS: Final = (
    "month",
    "grain",
    "payer",
    "mo",
    "territory",
    "package",
    "cases",
    "billed_kop",
    "refused_kop",
    "accepted_kop",
)
#: Lines of the plan by kind of care; the plan of a clinic and month is this many times what it treated, unless it is scarce.
_AMPLE: Final = 2


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A row of reg_plan: clinic, month, line, volume in cases, money in kopecks or none."""

    mo: str
    month: str
    line: str
    volume: int
    money_kop: int | None


def judged(z: pl.DataFrame, rows: Iterable[Row], people: People) -> pl.DataFrame:
    """Z with `refused` (some planted row of the case or of its package has a ground), `payer` and `territory` of the case."""
    known = [row for row in rows if row.expect.code]
    refused = sorted({row.case for row in known if row.case is not None})
    whole = sorted({row.package for row in known if row.case is None and row.package is not None})
    person = z["person"].to_numpy()
    day = z["date_z_2"].to_numpy().astype("datetime64[D]")
    unknown = [row.case for row in rows if row.expect.rule == "C009"]
    insurer = people.smo_on(person, day)
    own = people.own[person] & ~np.isin(z["case"].to_numpy(), np.array(unknown, dtype=np.int64))
    payer = np.where(own, insurer, catalogue.TERRITORY)
    territory = nulled(people.home[person], people.own[person])
    return z.with_columns(
        (pl.col("case").is_in(refused) | pl.col("package").is_in(whole)).alias("refused"), pl.Series("own", own),
        pl.Series("payer", payer.tolist(), dtype=pl.String),
        pl.Series("territory", territory.tolist(), dtype=pl.String),
    )  # fmt: skip


def plan_lines(month: str, z: pl.DataFrame, scarce: bool, few: int) -> tuple[list[PlanLine], list[tuple[int, str]]]:
    """The plan of a month, and the cases that do not fit with the rule that refuses them (C191 volume, C192 money).

    z  judged cases with `data`; own cases not refused consume the plan in the order of file date, package, N_ZAP, IDCASE.
    """
    payable = z.filter(pl.col("own") & ~pl.col("refused") & pl.col("kind").is_in(list(deal.PLANNED))).sort(
        "data", "package", "n_zap", "idcase"
    )
    lines, over = [], []
    scarce_lines = {(mo, line): what for mo, line, what in catalogue.SCARCE} if scarce else {}
    offered = {(mo, line) for line in deal.PLANNED for mo in catalogue.PROVIDERS[line]}
    offered |= {(mo, line) for mo in catalogue.PROVIDERS["onco"] for line in ("ksg_inpatient", "ksg_day")}
    offered.add((catalogue.WITHOUT_QUOTA, "vmp"))
    groups = {(str(k[0]), str(k[1])): part for k, part in payable.partition_by("clinic", "kind", as_dict=True).items()}
    for mo, line in sorted(offered):
        cases = groups.get((mo, line), payable.clear())
        what = scarce_lines.get((mo, line))
        cut = min(few, cases.height // 2) if what else 0
        if not cut:
            lines.append(PlanLine(mo, month, line, max(20, cases.height * _AMPLE), max(10**8, int(cases["sumv"].sum()) * _AMPLE)))
            continue
        fit = cases.head(cases.height - cut)
        rule = "C191" if what == "volume" else "C192"
        money = int(fit["sumv"].sum())
        if what == "volume":
            lines.append(PlanLine(mo, month, line, fit.height, None))
        else:
            # One kopeck short of the next case: it does not fit, and nothing after it is paid even if it is cheaper.
            lines.append(PlanLine(mo, month, line, cases.height * _AMPLE, money + int(cases["sumv"][fit.height]) - 1))
        over += [(case, rule) for case in cases.tail(cut)["case"].to_list()]
    return lines, over


def over_plan_row(plant: int, case: int, rule: str) -> Row:
    """The finding of a case that the plan does not cover."""
    code, element = ("1.6.2", "ZAP/Z_SL/IDCASE") if rule == "C191" else ("1.6.3", "ZAP/Z_SL/SUMV")
    return Row(
        plant, "primary", case, None, None, Expect(rule, code, element, "case"), "the plan of the line ends before this case"
    )


def planted_rows(month: str, files: MonthFiles, tables: Tables, rows: Sequence[Row], first: int) -> list[dict[str, Any]]:
    """Rows of planted.csv for a month, sorted by number; `first` is the number of the first defect."""
    named = {
        case: (package, n_zap, idcase)
        for case, package, n_zap, idcase in files.z.select("case", "package", "n_zap", "idcase").iter_rows()
    }
    wanted = {row.case for row in rows if row.case is not None}
    chosen = pl.Series(sorted(wanted), dtype=pl.Int64).implode()
    sl_ids = dict_of(tables["sl"].filter(pl.col("case").is_in(chosen)), ("case", "sl_no"), "sl_id")
    services = dict_of(tables["usl"].filter(pl.col("case").is_in(chosen)), ("case", "sl_no", "usl_no"), "idserv")
    found = []
    primary: dict[int, str] = {}
    for number, row in enumerate(rows):
        planted_id = f"{month[5:]}-{first + number:06d}"
        if row.role == "primary":
            primary[row.plant] = planted_id
        package, n_zap, idcase = named[row.case] if row.case is not None else (row.package, None, None)
        found.append(
            {
                "planted_id": planted_id, "month": row.month or month, "package": package, "n_zap": n_zap, "idcase": idcase,
                "sl_id": sl_ids.get((row.case, row.sl_no)), "idserv": services.get((row.case, row.sl_no, row.usl_no)),
                "rule": row.expect.rule, "code": row.expect.code or None, "element": row.expect.element, "role": row.role,
                "because": "" if row.role == "primary" else primary[row.plant], "refused": int(bool(row.expect.code)),
                "note": row.note,
            }
        )  # fmt: skip
    return found


def dict_of(table: pl.DataFrame, keys: tuple[str, ...], value: str) -> dict[tuple[Any, ...], Any]:
    """Rows of a table as a dictionary."""
    return {row[:-1]: row[-1] for row in table.select(*keys, value).iter_rows()}


def bad_rows(bad: Iterable[BadPackage], first: int) -> list[dict[str, Any]]:
    """Rows of planted.csv for packages that are refused whole; idcase is empty."""
    return [
        {
            "planted_id": f"PK-{first + number:06d}", "month": one.month, "package": one.package, "rule": one.rule,
            "code": one.code, "n_zap": one.n_zap, "idcase": one.idcase,
            "element": one.element, "role": "primary", "because": "", "refused": 1, "note": one.note,
        }
        for number, one in enumerate(bad)
    ]  # fmt: skip


def money_rows(month: str, z: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of truth.csv: by package, by payer and clinic, and the bill to each territory. Amounts in kopecks."""
    sums = (
        pl.len().alias("cases"), pl.col("sumv").sum().alias("billed_kop"),
        pl.col("sumv").filter("refused").sum().alias("refused_kop"),
        pl.col("sumv").filter(~pl.col("refused")).sum().alias("accepted_kop"),
    )  # fmt: skip
    found: list[dict[str, Any]] = []
    for grain, keys in (("package", ["package"]), ("payment", ["payer", "mo"])):
        table = z.rename({"clinic": "mo"}).group_by(keys).agg(*sums).sort(keys)
        found += [{"month": month, "grain": grain, **row} for row in table.iter_rows(named=True)]
    others = z.filter(pl.col("territory").is_not_null()).group_by("territory").agg(*sums).sort("territory")
    found += [{"month": month, "grain": "territory", **row} for row in others.iter_rows(named=True)]
    return found


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Rows as CSV with the given columns; what a row lacks is empty."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
