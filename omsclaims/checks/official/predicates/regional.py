"""Which book answers a row that speaks of "a territorial classifier" without naming it? A name of ours, loaded by the region.

Until the region loads the book the row is listed as not executed, for want of it.
"""

from __future__ import annotations

from typing import Final

#: Row -> name of the territorial book.
_BOOKS: Final[dict[str, str]] = {
    "005F.00.0010": "R.LPU_1", "005F.00.0190": "R.LPU_1", "005F.00.0020": "R.PODR", "005F.00.0200": "R.PODR",
    "005F.00.0070": "R.STAFF", "005F.00.0260": "R.STAFF", "005F.00.0090": "R.KSG", "005F.00.0100": "R.KOEF_Z",
    "005F.00.0110": "R.KOEF_UP", "005F.00.0120": "R.BZTSZ", "005F.00.0130": "R.KOEF_D", "005F.00.0140": "R.KOEF_U",
    "003K.00.0710": "R.PRVS_BASE", "003K.00.0720": "R.PRVS_BASE",
    "005F.00.0150": "R.CRIT", "005F.00.0160": "R.KSLP", "005F.00.0240": "R.CODE_USL", "005F.00.0250": "R.TARIF",
}  # fmt: skip


def regional_book(row: str) -> str:
    """Name of the territorial book of a row; empty where there is none."""
    return _BOOKS.get(row, "")
