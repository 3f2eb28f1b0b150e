"""What would a good script do? The rivals that subjects are timed against."""

from __future__ import annotations

import gc
import io
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import numpy.typing as npt
from lxml import etree

FLUSH_EVERY = 10_000


def tuned_iterparse(files: Sequence[bytes]) -> int:
    """The best plain lxml loop: iterparse on ZAP, children walked once, garbage collection off, columns flushed.

    Returns the number of values collected, so that nothing can be left out unnoticed.
    """
    collected = 0
    enabled = gc.isenabled()
    gc.disable()
    try:
        for data in files:
            columns: dict[str, list[str | None]] = {}
            context = etree.iterparse(io.BytesIO(data), events=("end",), tag="ZAP", resolve_entities=False, no_network=True)
            for records, (_, zap) in enumerate(context, 1):
                for element in zap.iter():
                    if len(element) == 0:
                        columns.setdefault(element.tag, []).append(element.text)
                zap.clear(keep_tail=False)
                parent = zap.getparent()
                while zap.getprevious() is not None:
                    del parent[0]
                if records % FLUSH_EVERY == 0:
                    collected += sum(map(len, columns.values()))
                    columns = {}
            collected += sum(map(len, columns.values()))
    finally:
        if enabled:
            gc.enable()
    return collected


def decimal_prices(factors: npt.NDArray[np.int64], decimals: int) -> int:
    """Python Decimal: one product per row, rounded half up to kopecks. Returns the sum, in kopecks."""
    total = Decimal(0)
    kopeck = Decimal("0.01")
    for row in factors.T.tolist():
        product = Decimal(1)
        for factor in row:
            product *= factor
        total += product.scaleb(-decimals).quantize(kopeck, ROUND_HALF_UP)
    return int(total * 100)
