"""Does a file between territories agree with itself? Header, sums, sanctions of R, D and A (formats.md 11, 12).

The official check book has no relation between the sums of an A; here they are asked for, whatever edition says them.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims import findings, messages, money
from omsclaims.findings import Finding
from omsclaims.settlement.between.items import CONTROLS, SOURCE
from omsclaims.settlement.between.reading import KEY, FileRead

#: Sources of sanctions that a kind of file may have (formats.md 12.1).
SOURCES: Final = {"R": (SOURCE["R"],), "D": (SOURCE["R"], SOURCE["corrected"]), "A": (SOURCE["answer"], SOURCE["final"])}
#: Where the elements of a case stand, by whether the edition has cases within a case.
_NEW, _OLD = "ZAP/Z_SL", "ZAP/SLUCH"


def self_checks(read: FileRead) -> pl.DataFrame:
    """What a file says against itself: findings TB.4 (sums of a case), TB.7 (source of sanctions, ground 0), TB.8 (header)."""
    return findings.concat([findings.frame(_header(read)), findings.frame(_cases(read))])


def _at(read: FileRead) -> str:
    return _NEW if read.version.rpartition("_")[2].startswith("3") else _OLD


def _header(read: FileRead) -> list[Finding]:
    """The sums of the header against those of the cases; three sums only where the header states them."""
    pairs: list[tuple[str, int | None, int]] = [
        ("SCHET/SUMMAV", read.summav, int(read.items["sumv_kop"].sum())),
        ("SCHET/SUMMAP", read.summap, int(read.items["sump_kop"].sum())),
    ]
    for name in CONTROLS:
        if read.header.get(name) is not None:
            pairs.append((f"SCHET/SANK_{name.upper()}", read.header[name], read.controls[name]))
    found = []
    for element, stated, summed in pairs:
        if stated != summed:
            params: dict[str, object] = {}
            for lang in messages.LANGUAGES:
                params[f"stated_{lang}"] = "-" if stated is None else money.show_amount(stated, lang)
                params[f"summed_{lang}"] = money.show_amount(summed, lang)
            value = None if stated is None else str(stated)
            found.append(
                Finding("TB.8", package=read.file_name, file=read.file_name, element=element, value=value, params=params)
            )
    return found


def _cases(read: FileRead) -> list[Finding]:
    """Each case: SUMP against SUMV and the sanctions, SANK_IT, OPLATA, source and ground of the sanctions."""
    table = read.items.with_row_index("_at").join(
        read.stated.select(pl.col("sank_it_kop").alias("_stated")).with_row_index("_at"), on="_at", how="left"
    )
    paid, left, sumv = pl.col("oplata"), pl.col("sump_kop"), pl.col("sumv_kop")
    taken = pl.col("sank_it_kop") + (pl.col("own_sank_kop") if read.kind in "RD" else 0)
    most = sumv - taken
    stands = {
        "R": (left.is_not_null() & (left != most)) | (sumv <= 0),
        "D": (left.is_null() | (left != most)) | (sumv <= 0),
        "A": left.is_null() | (left < 0) | (taken < 0) | (left > most),
    }[read.kind]
    wanted = pl.when(taken == 0).then(1).when(left == 0).then(2).otherwise(3)
    oplata = (
        paid.is_null() | (paid != wanted)
        if read.kind == "A"
        else (paid.is_not_null() & (paid != wanted)) | (paid.is_null() & (taken != 0))
    )
    allowed = [*SOURCES[read.kind]]
    source = pl.col("s_ist").is_not_null() & ~pl.col("s_ist").is_in(allowed)
    zero = pl.col("kods").str.split(";").list.contains("0")
    odd = pl.col("_stated").is_not_null() & (pl.col("_stated") != taken) & (pl.col("_stated") != sumv - left)
    checks: list[tuple[pl.Expr, str, str, str, pl.Expr]] = [
        (stands, "TB.4", "sum", "SUMP", left), (odd, "TB.4", "sank_it", "SANK_IT", pl.col("_stated")),
        (oplata, "TB.4", "oplata", "OPLATA", paid), (source, "TB.7", "source", "SANK/S_IST", pl.col("s_ist")),
        (zero, "TB.7", "ground", "REFREASON" if read.version.endswith("1.0") else "SANK/S_OSN", pl.lit(0)),
    ]  # fmt: skip
    found = []
    for condition, rule, reason, element, value in checks:
        shown = [*KEY, value.alias("value"), most.alias("ours"), left.alias("theirs")]
        for n_zap, idcase, said, ours, theirs in table.filter(condition.fill_null(value=False)).select(shown).iter_rows():
            where = f"{_at(read)}/{element}"
            found.append(item_finding(read, rule, reason, n_zap, idcase, where, said, ours, theirs))
    return found


def item_finding(
    read: FileRead,
    rule: str,
    reason: str,
    n_zap: int | None,
    idcase: int | None,
    element: str | None = None,
    value: object = None,
    ours_kop: int | None = None,
    theirs_kop: int | None = None,
) -> Finding:
    """A finding about one item of a file; why it is one is told in both languages by `between.reason.<reason>`."""
    params: dict[str, object] = {"reason": reason, "item": f"{n_zap}/{idcase}"}
    for lang in messages.LANGUAGES:
        params[f"why_{lang}"] = messages.text(f"between.reason.{reason}", lang)
        for name, amount in (("ours", ours_kop), ("theirs", theirs_kop)):
            params[f"{name}_{lang}"] = "-" if amount is None else money.show_amount(amount, lang)
    return Finding(
        rule, level="case", package=read.file_name, file=read.file_name, n_zap=n_zap, idcase=idcase, element=element,
        value=None if value is None else str(value), params=params,
    )  # fmt: skip
