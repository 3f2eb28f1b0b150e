"""How do factors become a column of money? Through the one exact function, rows out of bounds flagged (law.md 16)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from omsclaims.money import FLAG_OK, Int64Array, Term, amounts_or_flags


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
    beyond what the formats carry.
    """
    names = sorted({name for product in products for name in product})
    usable = table.select(pl.all_horizontal(pl.col(*names, step).is_not_null()).alias("usable"))["usable"].to_numpy()
    columns: dict[str, Int64Array] = {name: table[name].fill_null(0).to_numpy().astype(np.int64, copy=False) for name in names}
    steps = table[step].fill_null(0).to_numpy()
    result = np.zeros(table.height, dtype=np.int64)
    out = np.zeros(table.height, dtype=np.bool_)
    for size in np.unique(steps[usable]):
        rows = np.flatnonzero(usable & (steps == size))
        # Each column once, whatever the number of its products: the kernel takes out what all of them share.
        held = columns if rows.size == table.height else {name: column[rows] for name, column in columns.items()}
        terms = [Term(tuple(held[name] for name in product), sum(decimals(name) for name in product)) for product in products]
        result[rows], flags = amounts_or_flags(terms, step=int(size))
        out[rows] = flags != FLAG_OK
    found = pl.DataFrame({"amount_kop": result, "priced": usable & ~out, "out_of_bounds": out})
    return found.select(pl.when("priced").then("amount_kop").alias("amount_kop"), "out_of_bounds")
