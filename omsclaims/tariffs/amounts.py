"""How do columns of factors become a column of money? Through the one exact function, guarded against absurd factors
(design: law.md 16)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from omsclaims.money import Int64Array, Term, exact_amounts

#: Roubles above which a row is not priced but flagged: just below the largest amount of the exchange formats.
LARGEST_ROUBLES: Final = 9e12


def decimals(column: str) -> int:
    """Decimals of a column of scaled integers by its name: `_kop` 2, else the digits at the end (`kz5`: 5)."""
    if column.endswith("_kop"):
        return 2
    match = re.search(r"\d+$", column)
    return int(match[0]) if match else 0


def amounts(table: pl.DataFrame, products: Sequence[Sequence[str]], step: str = "step_kop") -> pl.DataFrame:
    """Kopecks of a sum of products per row: frame {amount_kop, out_of_bounds}, in the order of `table`.

    products  each a list of columns to multiply; they are roubles together
    step      column of the rounding step in kopecks

    amount_kop is null where a factor or the step is null, or where the row is out of bounds: a negative factor, or an amount
    beyond what the formats carry (judged by a float estimate; the money itself is exact).
    """
    names = sorted({name for product in products for name in product})
    usable = table.select(pl.all_horizontal(pl.col(*names, step).is_not_null()).alias("usable"))["usable"].to_numpy()
    columns: dict[str, Int64Array] = {name: table[name].fill_null(0).to_numpy().astype(np.int64) for name in names}
    estimate = np.zeros(table.height)
    negative = np.zeros(table.height, dtype=np.bool_)
    for product in products:
        part = np.ones(table.height)
        for name in product:
            part *= columns[name] / 10.0 ** decimals(name)
            negative |= columns[name] < 0
        estimate += part
    out = usable & (negative | (estimate > LARGEST_ROUBLES))
    priced = usable & ~out
    steps = table[step].fill_null(0).to_numpy()
    result = np.zeros(table.height, dtype=np.int64)
    for size in np.unique(steps[priced]):
        rows = np.flatnonzero(priced & (steps == size))
        terms = [
            Term(tuple(columns[name][rows] for name in product), sum(decimals(name) for name in product)) for product in products
        ]
        result[rows] = exact_amounts(terms, step=int(size))
    found = pl.DataFrame({"amount_kop": result, "priced": priced, "out_of_bounds": out})
    return found.select(pl.when("priced").then("amount_kop").alias("amount_kop"), "out_of_bounds")
