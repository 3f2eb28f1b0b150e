"""Does closing a month get slower as the books grow? A year of a large territory, month by month.

`python -m benchmarks growth`: twelve months of made-up tables (persons insured, cases with decisions and prices, refusals,
history) of a territory of 2.4 million people and 1.3 million cases a month are settled, entered into the books, drawn up as acts,
digested and stored by the closing itself; only the reading of registries and their control are left out (`benchmarks control`
times them with a year of history). What a closing reads of earlier months is read as always: balances, postings, plans, refusals,
history.

Printed: seconds of each month, on the clock and of the processor; the twelfth against the first; what the workspace takes by
part. Exit code 1 where the twelfth takes more than MOST_RATIO of the first. On a machine that does other work the clock says
little: the processor's seconds are what is held against the limit, the clock's stand beside them.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
import polars as pl

from benchmarks.child import peak_kilobytes
from omsclaims import closing, contract, documents, findings, journal, month, settlement, verify
from omsclaims.context import Context
from omsclaims.law.agreement import load_agreement
from omsclaims.nsi import loader
from omsclaims.periods import Month
from omsclaims.registry import formats
from omsclaims.settlement.between import place
from omsclaims.settlement.expertise import resubmission
from omsclaims.synthetic import territory as synthetic
from omsclaims.workspace import PackageRow, Workspace

RESULTS: Final = Path(__file__).parent / "results"
WORK: Final = Path("build") / "bench"
MOST_RATIO: Final = 1.20
YEAR: Final = 2022
MONTHS: Final = tuple(Month(YEAR, number) for number in range(1, 13))
AS_OF: Final = date(YEAR + 1, 2, 1)
WHO: Final = "growth"
CASES, PEOPLE, CLINICS, PACKAGES_EACH = 1_300_000, 2_400_000, 150, 3
INSURERS: Final = ("75901", "75902", "75903")
ELSEWHERE: Final = (("38", "25000"), ("54", "50000"), ("24", "04000"), ("14", "98000"), ("03", "81000"))
#: Of a hundred cases: of people insured elsewhere; refused by control; billed again.
_ELSEWHERE, _REFUSED, _AGAIN = 3, 2, 1
_AVERAGE_KOP: Final = 350_000
_SEED: Final = 20220301


# ---------------------------------------------------------------- the made-up territory


def prepare(folder: Path, cases: int, people: int) -> None:
    """A workspace with the agreement and books of a made-up territory, and registers of a large one."""
    shutil.rmtree(folder, ignore_errors=True)
    made = folder / "territory"
    synthetic.build(made, 200, _SEED)
    Workspace.create(folder / "workspace", "75", "fund", AS_OF, WHO)
    with Workspace.writing(folder / "workspace") as store:
        for path in sorted((made / "books").glob("*.csv")):
            loaded = loader.load_book(path)
            assert loaded.book is not None
            store.store_book(loaded.book, AS_OF)
        store.store_agreement(load_agreement(made / "agreement").year, made / "agreement", AS_OF)
        for name, rows in _registers(cases).items():
            schema = contract.TABLES[name].schema()
            store.store_register(name, pl.DataFrame(rows, schema=schema, orient="row"), AS_OF)
        store.store_register("reg_insured", _insured(people), AS_OF)
        store.record("prepare", AS_OF, WHO, None, {"source": "made-up tables"})


def _clinics() -> list[str]:
    return [f"75{900 + number:04d}" for number in range(1, CLINICS + 1)]


def _registers(cases: int) -> dict[str, list[tuple[object, ...]]]:
    since, billed = date(2015, 1, 1), cases * _AVERAGE_KOP
    funding: list[tuple[object, ...]] = []
    for of in MONTHS:
        funding += [(str(of), "standards", None, 2 * billed), (str(of), "nsz", None, billed // 5)]
    return {
        "reg_insurer": [(smo, f"Страховщик {smo}", "76000", since, None) for smo in INSURERS],
        "reg_clinic": [(mo, f"Больница {mo}", since, None) for mo in _clinics()],
        "reg_advance": [
            (str(of), smo, mo, billed // CLINICS // len(INSURERS) // 2, False)
            for of in MONTHS for smo in INSURERS for mo in _clinics()
        ],
        "reg_funding": funding,
    }  # fmt: skip


def _insured(people: int) -> pl.DataFrame:
    """People insured here, with numbers of a territory that is not issued."""
    rng = np.random.default_rng(_SEED)
    number = pl.int_range(people, dtype=pl.Int64, eager=True).cast(pl.String).str.zfill(14)
    days = np.array(date(1940, 1, 1), dtype="datetime64[D]") + rng.integers(0, 29_000, people)
    nothing: dict[str, object] = dict.fromkeys(("fam", "im", "ot", "spolis", "npolis", "policy_to", "died_on"))
    schema = contract.TABLES["reg_insured"].schema()
    table = pl.DataFrame(
        {
            "enp": pl.Series(["00"]).extend_constant("00", people - 1) + number, "w": rng.integers(1, 3, people), "dr": days,
            "smo": np.array(INSURERS)[rng.integers(0, len(INSURERS), people)],
        }
    )  # fmt: skip
    alike = {"vpolis": 3, "policy_from": date(2015, 1, 1), "place": "Город", **nothing}
    table = table.with_columns(**{name: pl.lit(value) for name, value in alike.items()})
    return table.select(pl.col(name).cast(kind) for name, kind in schema.items())


def packages(of: Month, cases: int) -> list[PackageRow]:
    """The packages of a month as the workspace names them; what lies in them is made up in memory."""
    count = CLINICS * PACKAGES_EACH
    return [
        PackageRow(
            str(of), f"HM{mo}T75_{of.year % 100:02d}{of.month:02d}{number}", f"{of}-{mo}-{number}", "accepted", AS_OF, mo, "H",
            "H_3.2", cases // count, 0, 0, "", "", "", "",
        )
        for mo in _clinics() for number in range(1, PACKAGES_EACH + 1)
    ]  # fmt: skip


# ---------------------------------------------------------------- a month of made-up tables


def _shaped(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """The columns of the contract: what is not given is null."""
    return table.select(
        (pl.col(column) if column in table.columns else pl.lit(None)).cast(kind).alias(column)
        for column, kind in contract.TABLES[name].schema().items()
    )


def tables_of(of: Month, cases: int, people: int) -> dict[str, pl.DataFrame]:
    """What reading, identification, pricing and control would have left of a month: tables of the contract."""
    rng = np.random.default_rng([_SEED, of.year, of.month])
    names = [row.package for row in packages(of, cases)]
    package = np.sort(rng.integers(0, len(names), cases))
    start = np.array(of.first, dtype="datetime64[D]") + rng.integers(0, 20, cases)
    elsewhere = rng.integers(0, 100, cases) < _ELSEWHERE
    refused = rng.integers(0, 100, cases) < _REFUSED
    other = rng.integers(0, len(ELSEWHERE), cases)
    first = np.searchsorted(package, np.arange(len(names)))
    base = pl.DataFrame(
        {
            "number": np.arange(cases) - first[package] + 1, "ordinal": package, "date_z_1": start,
            "date_z_2": start + rng.integers(0, 9, cases), "usl_ok": rng.integers(1, 4, cases),
            "sumv": rng.integers(50_000, 650_000, cases), "pr_nov": (rng.integers(0, 100, cases) < _AGAIN).astype(np.int64),
            "person": rng.integers(0, people, cases), "elsewhere": elsewhere, "refused": refused,
            "smo": np.array(INSURERS)[rng.integers(0, len(INSURERS), cases)],
            "territory": np.array([code for code, _ in ELSEWHERE])[other],
            "okato": np.array([okato for _, okato in ELSEWHERE])[other],
            "rslt": rng.integers(101, 105, cases), "profil": rng.integers(2, 180, cases),
        }
    ).with_columns(
        case_key=(pl.col("ordinal").cast(pl.Int64) * (1 << contract.PACKAGE_SHIFT)) + pl.col("number"),
        package=pl.Series(names)[package], person_key=pl.col("person").cast(pl.String).hash(7).cast(pl.String),
        month=pl.lit(of.month), year=pl.lit(of.year), file_kind=pl.lit("H"), letters=pl.lit("HM"),
        data=pl.lit(of.last + timedelta(days=5)), dschet=pl.lit(of.last), ishod=pl.lit(301), idsp=pl.lit(28),
        vidpom=pl.lit(13), for_pom=pl.lit(3), novor=pl.lit("0"),
    )  # fmt: skip
    mo = pl.col("package").str.slice(2, 6)
    base = base.with_columns(code_mo=mo, lpu=mo, n_zap=pl.col("number"), idcase=pl.col("number"))
    tables = {
        name: pl.DataFrame(schema={"package": pl.String(), **formats.canonical_columns(name)})
        for name in formats.canonical_tables()
    }
    tables["cases"] = contract.check("cases", _shaped("cases", base))
    tables["sl"] = base.select(
        "case_key", "package", _row="case_key", _parent="case_key", sl_id=pl.lit("1"), date_1="date_z_1", date_2="date_z_2",
        ds1=pl.lit("J06.9"), prvs=pl.lit(76, dtype=pl.Int64), n_ksg=pl.lit(None, dtype=pl.String), sum_m="sumv",
        profil=pl.col("profil").cast(pl.Int64),
    )  # fmt: skip
    tables["z_sl"] = base.select("package", _row="case_key", _parent="case_key")
    tables["zap"] = base.select("package", _row="case_key")
    billed = base.group_by("package", maintain_order=True).agg(summav=pl.col("sumv").sum())
    tables["file"] = billed.with_columns(code=pl.int_range(pl.len(), dtype=pl.Int64))
    tables["usl"] = tables["usl"].with_columns(case_key=pl.lit(None, dtype=pl.Int64))
    tables["intake_findings"] = findings.empty()
    own = ~pl.col("elsewhere")
    tables["identified"] = contract.check("identified", _shaped("identified", base.with_columns(
        status=pl.when(own).then(pl.lit("own")).otherwise(pl.lit("other")), smo=pl.when(own).then("smo"), w=pl.lit(1),
        territory=pl.when(~own).then("territory"), okato=pl.when(~own).then("okato"), evidence=pl.lit("register"),
        birth_after_start=pl.lit(value=False), birth_differs=pl.lit(value=False), age_start=pl.lit(40), age_end=pl.lit(40),
    )))  # fmt: skip
    tables["priced"] = contract.check(
        "priced", _shaped("priced", base.select("case_key", payment_kind=pl.lit("visit"), price_kop="sumv"))
    )
    no, sumv = pl.col("refused"), pl.col("sumv")
    tables["decisions"] = contract.check("decisions", _shaped("decisions", base.select(
        "case_key", sumv_kop=sumv, oplata=pl.when(no).then(2).otherwise(1), sank_it_kop=pl.when(no).then(sumv).otherwise(0),
        sump_kop=pl.when(no).then(0).otherwise(sumv), ground_code=pl.when(no).then(pl.lit("1.4.4")),
        ground_rule=pl.when(no).then(pl.lit("C081")),
    )))  # fmt: skip
    priced = base.select(
        "case_key", sl_key="case_key", payment_kind=pl.lit("visit"), price_kop="sumv", full_price_kop="sumv", sources=pl.lit("")
    )
    tables["priced_sl"] = contract.check("priced_sl", _shaped("priced_sl", priced))
    tables["sanctions"] = contract.check("sanctions", _shaped("sanctions", base.filter("refused").select(
        "case_key", s_code=pl.lit("1"), s_sum="sumv", s_tip=pl.lit(10), s_osn=pl.lit(204), rule=pl.lit("C081"),
        code=pl.lit("1.4.4"), date_act=pl.lit(of.last), num_act="package", s_ist=pl.lit(1),
    )))  # fmt: skip
    return tables


def settle_month(tables: dict[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """`month.settle_month` without what reads registries: links of cases billed again, money, bills, history, acts."""
    work = dict(tables)
    work["resubmissions"] = resubmission.link(work, context)
    work["refusal_rows"] = resubmission.refusal_rows(work, context)
    work["findings"] = findings.empty()
    work["plan_lines"] = _plan_lines(work, context.month)
    money = settlement.settle(work, context)
    money.pop("findings")
    work.update(money)
    work["territory_items"] = place.items(work, context)
    work["cases_view"] = month.cases_view(work)
    work["history_rows"] = month._history(work, context)
    return {name: work[name] if name in work else contract.TABLES[name].empty() for name in month.RESULTS}


def _plan_lines(work: Mapping[str, pl.DataFrame], of: Month) -> pl.DataFrame:
    """Use of the plan by clinic and conditions of care."""
    used = work["cases"].group_by("code_mo", "usl_ok").agg(cases=pl.len().cast(pl.Int64), billed_kop=pl.col("sumv").sum())
    rows = used.sort("code_mo", "usl_ok").select(
        "cases",
        "billed_kop",
        mo="code_mo",
        line=pl.concat_str(pl.lit("usl_ok"), "usl_ok"),
        month=pl.lit(str(of)),
        unit=pl.lit("case"),
    )
    return contract.check("plan_lines", _shaped("plan_lines", rows))


def write_acts(
    workspace: Path, rows: Sequence[PackageRow], tables: Mapping[str, pl.DataFrame], results: Mapping[str, pl.DataFrame],
    identities: Sequence[object], context: Context, digest: str, lang: str, overlays: object = None,
) -> list[documents.Document]:  # fmt: skip
    """`documents.write` without the papers of packages: acts of points 121 and 132, and their register."""
    shelf = documents._Shelf(workspace, str(context.month), digest)
    documents._write_acts(shelf, tables, results, context, documents._Used(results, context, lang), lang)
    return shelf.documents


def _assembled(made: dict[str, pl.DataFrame]) -> Any:
    def assemble(rows: Iterable[object]) -> dict[str, pl.DataFrame]:
        assert sum(1 for _ in rows) == CLINICS * PACKAGES_EACH
        return dict(made)

    return assemble


# ---------------------------------------------------------------- closing


def close(folder: Path, of: Month, cases: int, people: int) -> tuple[float, float]:
    """Closes a month of made-up tables; seconds on the clock and of the processor, of the closing and its transaction alone."""
    made = tables_of(of, cases, people)
    with Workspace.writing(folder) as store:
        for row in packages(of, cases):
            store.add_package(row)
        store.record("ingest", AS_OF, WHO, None, {"month": str(of)})
    gc.collect()
    put = {
        "settle_month": mock.patch.object(closing.month, "settle_month", settle_month),
        "assemble": mock.patch.object(closing.month, "assemble", _assembled(made)),
        "package": mock.patch.object(closing, "_package", lambda workspace, row: row),
        "documents": mock.patch.object(closing.documents, "write", write_acts),
    }
    for one in put.values():
        one.start()
    try:
        clock, processor = time.perf_counter(), time.process_time()
        with Workspace.writing(folder) as store:
            done = closing.close(store, of, AS_OF, WHO)
        seconds = (time.perf_counter() - clock, time.process_time() - processor)
    finally:
        for one in put.values():
            one.stop()
    assert done.outcome == "closed", done.outcome
    return seconds


def payment(folder: Path, of: Month) -> float:
    """Seconds of one small event in the books as they are: what a payment costs beside its own work."""
    event = {
        "event": "damages_recovered", "date": of.plus(1).first, "document": f"growth-{of}", "document_date": None,
        "amount_kop": 100, "parties": json.dumps({"fund": "fund:75", "insurer": f"insurer:{INSURERS[0]}"}),
        "order_id": None, "note": None,
    }  # fmt: skip
    events = pl.DataFrame([event], schema=contract.TABLES["ledger_events"].schema())
    started = time.perf_counter()
    with Workspace.writing(folder) as store:
        booked = journal.book(store, events, f"growth-{of}", AS_OF, WHO)
    assert booked.txn is not None, booked.findings.rows()
    return time.perf_counter() - started


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each part of a workspace."""
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[path.relative_to(folder).parts[0]] = found.get(path.relative_to(folder).parts[0], 0) + path.stat().st_size
    return found


def main(arguments: Sequence[str]) -> int:
    """`python -m benchmarks growth`."""
    parser = argparse.ArgumentParser(prog="benchmarks growth", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cases", type=int, default=CASES, help="cases of each month")
    parser.add_argument("--people", type=int, default=PEOPLE, help="people insured here")
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=WORK / "growth")
    given = parser.parse_args(arguments)
    prepare(given.folder, given.cases, given.people)
    folder = given.folder / "workspace"
    rows = []
    print(f"closing {given.months} months of {given.cases} cases, {given.people} people insured, {CLINICS} clinics", flush=True)
    print(f"{'month':<10}{'s clock':>10}{'s cpu':>10}{'event, s':>10}{'postings':>10}{'database, MB':>14}", flush=True)
    for of in MONTHS[: given.months]:
        clock, processor = close(folder, of, given.cases, given.people)
        event = payment(folder, of)
        with Workspace.open(folder) as store:
            postings = int(store.rows("SELECT count(*) FROM journal")[0][0])
        megabytes = (folder / "omsclaims.duckdb").stat().st_size / 1e6
        rows.append({"month": str(of), "clock": clock, "cpu": processor, "event": event, "postings": postings})
        print(f"{of!s:<10}{clock:>10.2f}{processor:>10.2f}{event:>10.2f}{postings:>10}{megabytes:>14.1f}", flush=True)
    return told(folder, rows, given.cases)


def told(folder: Path, rows: list[dict[str, Any]], cases: int) -> int:
    """Prints the ratio and the sizes, keeps them as JSON; exit code 1 where the last month took too long."""
    ratios = {name: rows[-1][name] / rows[0][name] for name in ("clock", "cpu")}
    later = {
        name: statistics.median(row[name] for row in rows[-3:]) / statistics.median(row[name] for row in rows[:3])
        for name in ratios
    }
    of_both = f"{ratios['clock']:.2f} on the clock, {ratios['cpu']:.2f} of the processor"
    print(f"last month against the first: {of_both} (at most {MOST_RATIO:.2f})")
    print(f"medians of the last three against the first three: {later['clock']:.2f} and {later['cpu']:.2f}")
    parts = sizes(folder)
    for name, size in sorted(parts.items(), key=lambda part: -part[1]):
        print(f"{name:<20}{size / 1e6:>12.1f} MB")
    print(f"{'all':<20}{sum(parts.values()) / 1e6:>12.1f} MB; peak of memory {peak_kilobytes() / 1e6:.1f} GB")
    with Workspace.proving(folder) as store:
        proof = verify.verify(store, quick=True)
    print(f"verify: {proof.findings.height} findings; {proof.counts}")
    RESULTS.mkdir(exist_ok=True)
    kept = {"cases": cases, "months": rows, "ratios": ratios, "medians": later, "bytes": parts}
    (RESULTS / "last-growth.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return 0 if ratios["cpu"] <= MOST_RATIO and proof.findings.is_empty() else 1
