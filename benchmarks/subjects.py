"""What is timed? Reading, checking, pricing and the whole month of a made-up territory, and the exact amount alone."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import rivals
from omsclaims import checks, closing, contract, intake, money, month, settlement, tariffs
from omsclaims.cli import common, demo
from omsclaims.context import Context
from omsclaims.registry import reader
from omsclaims.synthetic import territory as synthetic
from omsclaims.workspace import Workspace

WORK = Path("build") / "bench"
FEBRUARY, MARCH = demo.MONTHS


@dataclass(frozen=True)
class Subject:
    """A function to time and the rival beside it; `size` is the number of cases (or rows) that both work through."""

    name: str
    size: int
    run: Callable[[], Any]
    rival: Callable[[], Any]
    rival_name: str


@dataclass(frozen=True)
class Prepared:
    """A territory whose March packages are taken in but not closed, with everything loaded that a stage needs."""

    cases: int
    xml: list[bytes]
    packages: list[Path]
    tables: dict[str, pl.DataFrame]
    context: Context


def prepare(cases: int, seed: int = 20220301) -> Prepared:
    """Makes (once) and loads a territory of `cases` cases in March. February is closed: it is the history."""
    root = WORK / f"{cases}-{seed}-{closing.program_digest()[:12]}"
    made, folder = root / "territory", root / "workspace"
    if not (root / "ready").exists():
        shutil.rmtree(root, ignore_errors=True)
        synthetic.build(made, cases, seed)
        demo.prepare(made, folder)
        for of in (FEBRUARY, MARCH):
            files = common.existing_files([made / "packages" / str(of)], "en")
            with Workspace.writing(folder) as store:
                intake.ingest(store, files, demo.AS_OF, demo.WHO, 2)
        with Workspace.writing(folder) as store:
            closing.close(store, FEBRUARY, demo.AS_OF, demo.WHO, lang="en")
        (root / "ready").touch()
    with Workspace.open(folder) as store:
        context, _ = closing.load_context(store, MARCH, demo.AS_OF)
        tables, _ = closing.load_tables(store, MARCH)
        accepted = {row.package for row in store.packages(str(MARCH)) if row.state == "accepted"}
    packages = [path for path in common.existing_files([made / "packages" / str(MARCH)], "en") if path.stem in accepted]
    xml: list[bytes] = []
    for path in packages:
        with zipfile.ZipFile(path) as archive:
            xml.extend(archive.read(name) for name in sorted(archive.namelist()) if Path(name).stem.upper() == path.stem.upper())
    return Prepared(tables["cases"].height, xml, packages, tables, context)


def of_territory(prepared: Prepared) -> list[Subject]:
    """Reading, checking, pricing, the month - each beside tuned iterparse over the same month's registries."""
    work = dict(prepared.tables)
    identified = settlement.identify(work, prepared.context)
    work["identified"] = identified["identified"]
    prices = tariffs.price(work, prepared.context)
    work.update(priced_sl=prices["priced_sl"], priced=prices["priced"], refused=contract.TABLES["refused"].empty())

    def read() -> int:
        return sum(reader.read_package(path).tables["z_sl"].height for path in prepared.packages)

    def check() -> int:
        held = {**work, "plan_items": settlement.consume(work, prepared.context)["plan_items"]}
        return sum(checks.run_pass(name, held, prepared.context).height for name in checks.PASSES)

    def price() -> int:
        return tariffs.price(work, prepared.context)["priced"].height

    def settle() -> int:
        return month.settle_month(prepared.tables, prepared.context)["decisions"].height

    def rival() -> int:
        return rivals.tuned_iterparse(prepared.xml)

    runs = {"read": read, "check": check, "price": price, "month": settle}
    return [Subject(name, prepared.cases, run, rival, "tuned iterparse") for name, run in runs.items()]


def exact_amount(rows: int = 200_000) -> Subject:
    """Five factors of five decimals, rounded once, beside Python Decimal; the same sum of kopecks is asserted."""
    generator = np.random.default_rng(7)
    factors = np.stack([generator.integers(10**6, 10**9, rows), *(generator.integers(50_000, 250_000, rows) for _ in range(4))])
    term = money.Term(tuple(factors), 24)

    def run() -> int:
        return int(money.exact_amounts([term]).sum())

    expected = rivals.decimal_prices(factors[:, :2000], 24)
    assert int(money.exact_amounts([money.Term(tuple(factors[:, :2000]), 24)]).sum()) == expected
    return Subject("exact amount", rows, run, lambda: rivals.decimal_prices(factors, 24), "Decimal")
