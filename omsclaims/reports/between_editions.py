"""How are files R and D said in an older edition, and what has no place there? RD_3.2 -> 2.1, 1.0 (formats.md 11.1, 11.2).

An edition says less than the next: cases within a completed case, numbers of methods, grounds of three digits. What it cannot say
is finding RF.4 (RF.5 for a ground): nothing is cut to fit, and a file with such findings is not to be sent. What an edition
has no element for at all is left out, as it was when the edition held; of several values where it has one the first is written
and finding RF.6 says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from omsclaims import findings, periods
from omsclaims.registry import formats
from omsclaims.registry.formats import Field, Format
from omsclaims.settlement.between.items import CONTROLS

#: Findings with which a file must not be sent.
BLOCKING: Final = ("RF.4", "RF.5")
#: Kinds of control as formats up to March 2018 say them.
_OLD_KINDS: Final = {"mek": 1, "mee": 2, "ekmp": 3}
#: FOR_POM -> EXTR of edition 1.0: planned 1, emergency 2; urgent care is no planned admission.
_EXTR: Final = {1: 2, 2: 2, 3: 1}
_HOSPITAL: Final = 1
_UNIFIED: Final = 3

#: Tables of which is known to what case a row belongs; those of oncology have the same shape in all editions that know them.
_HELD: Final = frozenset(
    {"zap", "patient", "dost", "dost_p", "z_sl", "vnov_m", "sank", "refreason", "sl", "usl", "ds2", "ds3", "code_mes1"}
)

Tables = dict[str, pl.DataFrame]


def edition_of(month: periods.Month) -> str:
    """Id of the edition of R and D that holds for a reporting month (formats.md 11)."""
    period = str(month)
    held = [
        name
        for name in formats.format_ids()
        if name.startswith("RD_") and formats.get(name).period_from <= period <= (formats.get(name).period_to or period)
    ]
    return held[-1] if held else "RD_1.0"


def as_edition(tables: Mapping[str, pl.DataFrame], edition_id: str, file_name: str) -> tuple[Tables, pl.DataFrame]:
    """Canonical tables of RD_3.2 as an older edition says them, and findings RF.4-RF.6 by record (empty: all is said).

    The tables hold what the writer needs for `edition_id`; VERSION of the header is that of the edition.
    """
    edition = formats.get(edition_id)
    found: list[pl.DataFrame] = []
    made = {name: table for name, table in tables.items() if table is not None}
    made["file"] = made["file"].with_columns(version=pl.lit(edition.version))
    if _has_cases_within(edition):
        found.extend(_unfit(made, edition))
    else:
        _flatten(made, edition, found)
    records = _records(made)
    rows = [part.join(records, on="_case", how="left") for part in found if part.height]
    if not rows:
        return made, findings.empty()
    named = pl.concat(rows).unique(maintain_order=True).with_columns(
        pl.lit("case").alias("level"), pl.lit(file_name).alias("package"), pl.lit(file_name).alias("file"),
        params=pl.lit(findings.params_json({"edition": edition_id})),
    )  # fmt: skip
    return made, findings.concat([findings.conform(named.drop("_case"))])


def _has_cases_within(edition: Format) -> bool:
    """Whether a completed case of the edition has cases of its own (3.x), not only itself (SLUCH)."""
    return any(field.path == "ZAP/Z_SL" for field in edition.fields)


def _records(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """_case (row of z_sl), n_zap, idcase."""
    zap = tables["zap"].select(pl.col("_row").alias("_parent"), "n_zap")
    return tables["z_sl"].select(pl.col("_row").alias("_case"), "_parent", "idcase").join(zap, on="_parent").drop("_parent")


def _flatten(tables: Tables, edition: Format, found: list[pl.DataFrame]) -> None:
    """Puts everything where an edition of SLUCH has it; `found` gets what does not fit."""
    several = tables["sl"].group_by("_parent", maintain_order=True).len().filter(pl.col("len") > 1)
    found.append(_note("RF.4", "ZAP/Z_SL/SL", several.select(pl.col("_parent").alias("_case")), None))
    tables["sl"] = tables["sl"].unique("_parent", keep="first", maintain_order=True)  # the writer must not stumble
    _persons(tables)
    _sanctions(tables, edition)
    if "EXTR" in {field.name for field in edition.fields}:
        inside = pl.when(pl.col("usl_ok") == _HOSPITAL).then(
            pl.col("for_pom").replace_strict(_EXTR, default=None, return_dtype=pl.Int64)
        )
        tables["z_sl"] = tables["z_sl"].with_columns(extr=inside)
    if any(field.column == "idserv_number" for field in edition.fields):
        number = pl.col("idserv").str.to_integer(strict=False)
        place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("_parent")
        whole = number.is_not_null().all().over("_parent") & number.is_unique().over("_parent")
        tables["usl"] = tables["usl"].with_columns(idserv_number=pl.when(whole).then(number).otherwise(place))
    for field in edition.fields:
        if field.own and not field.repeats and field.form != "S" and field.table in tables:
            _single(tables, field, found)
    found.extend(_unfit(tables, edition))


def _persons(tables: Tables) -> None:
    """Before 3.2 the number of a unified policy stands in NPOLIS (formats.md 11)."""
    unified = pl.col("vpolis") == _UNIFIED
    tables["patient"] = tables["patient"].with_columns(
        npolis=pl.when(unified).then(pl.coalesce("npolis", "enp")).otherwise(pl.col("npolis"))
    )


def _sanctions(tables: Tables, edition: Format) -> None:
    """S_TIP as 1, 2, 3; without SANK the grounds become REFREASON and the sums SANK_MEK, SANK_MEE, SANK_EKMP of the case."""
    sank = tables["sank"]
    kinds = {code: _OLD_KINDS[name] for name, codes in CONTROLS.items() for code in codes}
    sank = sank.with_columns(s_tip=pl.col("s_tip").replace_strict(kinds, default=pl.col("s_tip"), return_dtype=pl.Int64))
    tables["sank"] = sank
    if "sank" in edition.tables:
        return
    stands = sank.filter(pl.col("s_osn").is_not_null()).unique(["_parent", "s_osn"], keep="first", maintain_order=True)
    tables["refreason"] = (
        stands.select("_parent", pl.col("s_osn").alias("refreason")).with_row_index("_row").cast({"_row": pl.Int64})
    )
    sums = sank.group_by("_parent", maintain_order=True).agg(
        pl.col("s_sum").filter(pl.col("s_tip") == number).sum().alias(f"sank_{name}") for name, number in _OLD_KINDS.items()
    )
    names = [f"sank_{name}" for name in _OLD_KINDS]
    tables["z_sl"] = (
        tables["z_sl"].drop(names, strict=False)
        .join(sums, left_on="_row", right_on="_parent", how="left", maintain_order="left")
        .with_columns(pl.when(pl.col(name) != 0).then(pl.col(name)).alias(name) for name in names)
    )  # fmt: skip


def _single(tables: Tables, field: Field, found: list[pl.DataFrame]) -> None:
    """Where the edition has one value the first of several is written; RF.6 says so."""
    table = tables[field.table]
    kept = table.unique("_parent", keep="first", maintain_order=True)
    if kept.height < table.height:
        more = table.join(kept.select("_row"), on="_row", how="anti")
        found.append(_note("RF.6", field.path, _case_of(tables, field.table, more), None))
    tables[field.table] = kept


def _unfit(tables: Mapping[str, pl.DataFrame], edition: Format) -> list[pl.DataFrame]:
    """What an element of the edition demands and a row has not, and values that are longer than the element."""
    found = []
    for field in edition.fields:
        table = tables.get(field.table)
        if field.form == "S" or table is None or not table.height or field.table not in _HELD:
            continue
        if field.column not in table.columns:
            if field.must == "O" and not field.own:
                found.append(_note("RF.4", field.path, _case_of(tables, field.table, table), None))
            continue
        value = pl.col(field.column)
        if field.must == "O":
            found.append(_note("RF.4", field.path, _case_of(tables, field.table, table.filter(value.is_null())), None))
        if field.length and field.form in "TN":
            long = table.filter(_longer(value, field))
            rule = "RF.5" if field.name in ("REFREASON", "S_OSN") else "RF.4"
            shown = None if field.table in ("patient", "dost", "dost_p") else field.column
            found.append(_note(rule, field.path, _case_of(tables, field.table, long, shown), shown))
    return found


def _longer(value: pl.Expr, field: Field) -> pl.Expr:
    """More characters or whole digits than the element has."""
    if field.form == "T":
        return value.str.len_chars() > field.length
    return value.abs() >= pl.lit(10 ** min(field.length + field.decimals, 18), dtype=pl.Int64)


def _case_of(tables: Mapping[str, pl.DataFrame], name: str, rows: pl.DataFrame, value: str | None = None) -> pl.DataFrame:
    """The rows' completed cases (`_case`), whatever table they stand in; `_value` where a column is to be shown."""
    shown = pl.lit(None, dtype=pl.String) if value is None else pl.col(value).cast(pl.String)
    base = rows.with_columns(shown.alias("_value"))
    cases = tables["z_sl"].select(pl.col("_row").alias("_case"), pl.col("_parent").alias("_zap"))
    if name == "z_sl":
        return base.select(pl.col("_row").alias("_case"), "_value")
    if name in ("zap", "patient"):
        key = "_row" if name == "zap" else "_parent"
        return base.select(pl.col(key).alias("_zap"), "_value").join(cases, on="_zap").select("_case", "_value")
    if name in ("sl", "sank", "refreason", "vnov_m"):
        return base.select(pl.col("_parent").alias("_case"), "_value")
    if name in ("dost", "dost_p"):
        people = tables["patient"].select(pl.col("_row").alias("_parent"), pl.col("_parent").alias("_zap"))
        return base.join(people, on="_parent").join(cases, on="_zap").select("_case", "_value")
    within = tables["sl"].select(pl.col("_row").alias("_parent"), pl.col("_parent").alias("_case"))
    return base.select("_parent", "_value").join(within, on="_parent", how="inner").select("_case", "_value")


def _note(rule: str, element: str, cases: pl.DataFrame, shown: str | None) -> pl.DataFrame:
    """Findings about cases: _case, rule, element, value."""
    value = pl.col("_value") if shown is not None and "_value" in cases.columns else pl.lit(None, dtype=pl.String)
    return cases.select(
        "_case", pl.lit(rule).alias("rule"), pl.lit(element).alias("element"), value.alias("value")
    )  # fmt: skip
