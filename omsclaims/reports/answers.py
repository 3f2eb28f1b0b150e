"""What does a clinic get back for its registry? The same registry with decisions and sanctions (law.md 10.4; formats.md 10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from omsclaims.registry import formats
from omsclaims.registry.names import PackageName, parse_name

#: Rows of one package are told by the low half of the month's row numbers (contract.PACKAGE_SHIFT).
_ROW_MASK: Final = (1 << 32) - 1

#: Kinds of control in S_TIP: 1, 10-12 МЭК; 20-29, 50-69, 88, 90-93 МЭЭ; 30-49, 70-87, 89, 94 ЭКМП (formats.md 9.3, F006).
MEK: Final = (1, 10, 11, 12)
MEE: Final = (2, *range(20, 30), *range(50, 70), 88, 90, 91, 92, 93)
EKMP: Final = (3, *range(30, 50), *range(70, 88), 89, 94)


class AnswerError(ValueError):
    """An answer registry would not add up: a defect of the program, never of the data."""


def answer_name(stem: str) -> str:
    """The main file name of the answer: sender and receiver change places, kind, period and number stay (formats.md 2.1).

    `HM750901T75_220301` -> `HT75M750901_220301`. A name that does not follow the grammar comes back unchanged.
    """
    name = parse_name(stem)
    return stem if name is None else _swapped(name).stem


def answer_person_name(stem: str) -> str | None:
    """The name of the file of persons beside `answer_name(stem)`; None where the name does not follow the grammar."""
    name = parse_name(stem)
    return None if name is None else _swapped(name).person_stem


def _swapped(name: PackageName) -> PackageName:
    return PackageName(
        kind=name.kind, letters=name.letters, sender_kind=name.receiver_kind, sender=name.receiver,
        receiver_kind=name.sender_kind, receiver=name.sender, year=name.year, month=name.month, number=name.number,
    )  # fmt: skip


def answer_tables(
    package_tables: Mapping[str, pl.DataFrame], cases_of_package: pl.DataFrame, decisions: pl.DataFrame, sanctions: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], str]:
    """The answer to one accepted package: canonical tables and the id of the RESULT_* edition to write them in.

    package_tables    canonical tables of the main file as read (rows of the file or of the month), with exceptions and extra
    cases_of_package  contract.cases of this package: every Z_SL of the file has its row
    decisions         contract.decisions, at least of these cases
    sanctions         contract.sanctions, at least of these cases; rows of other cases are left alone

    Fills SUMMAP and, where not zero, SANK_MEK/MEE/EKMP of the bill; OPLATA, SUMP, SANK rows, SANK_IT of every case. What the
    clinic may have written there is replaced. Raises AnswerError when law.md 10.4 would not hold: SUMMAP = sum SUMP = sum
    SUMV - sum S_SUM, and each case by its OPLATA.
    """
    edition = _edition(package_tables["file"], cases_of_package)
    keys = _keys(package_tables["z_sl"], cases_of_package)
    decided = keys.join(decisions, on="case_key", how="left", maintain_order="left")
    if decided["oplata"].null_count():
        raise AnswerError("a case of the package has no decision")
    sank, sank_sl_id = _sank(keys, sanctions, package_tables["sl"])
    _check_cases(decided, sank)
    tables = {name: table for name, table in package_tables.items() if name not in ("sank", "sank_sl_id", "code_exp")}
    tables["z_sl"] = _with_decisions(package_tables["z_sl"], decided)
    tables["sank"], tables["sank_sl_id"] = sank, sank_sl_id
    tables["code_exp"] = formats.empty_table("code_exp", "main")
    tables["file"] = _header(package_tables["file"], decided, sank)
    for name, columns in (("exceptions", "column"), ("extra", "path")):
        if name in tables:
            tables[name] = _without_replaced(tables[name], columns)
    return tables, edition.id


def answer_person_tables(person_tables: Mapping[str, pl.DataFrame], stem: str) -> dict[str, pl.DataFrame]:
    """The file of persons under the names of the answer, for payers who send it along (`stem`: the billed name)."""
    header = person_tables["person_file"].with_columns(
        filename=pl.lit(answer_person_name(stem), dtype=pl.String), filename1=pl.lit(answer_name(stem), dtype=pl.String)
    )
    return {**person_tables, "person_file": header}


def _edition(header: pl.DataFrame, cases: pl.DataFrame) -> formats.Format:
    """The RESULT_* edition for the edition that the main file was read by.

    Where none is known (examinations before August 2021), that edition itself: it has the elements of the answer, too.
    """
    row = header.row(0, named=True)
    kind = str(cases["file_kind"][0]) if cases.height else str(parse_name(str(row["filename"])).kind)  # type: ignore[union-attr]
    period = f"{row['year']}-{row['month']:02d}" if row["year"] and row["month"] else None
    billed = formats.find_format(kind, row["version"], period).format
    return billed if billed.result is None else formats.result_format_of(billed)


def _keys(z_sl: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Rows of z_sl with their case_key, by the row inside the package."""
    own = cases.select("case_key", (pl.col("case_key") & _ROW_MASK).alias("_local"))
    keys = z_sl.select("_row", (pl.col("_row") & _ROW_MASK).alias("_local"), "sumv").join(
        own, on="_local", how="left", maintain_order="left"
    )
    if keys["case_key"].null_count():
        raise AnswerError("a completed case of the file is not among the cases of the month")
    return keys.drop("_local")


def _sank(keys: pl.DataFrame, sanctions: pl.DataFrame, sl: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables sank and sank_sl_id of the package; the row with money comes first, then by S_CODE."""
    rows = (
        keys.select("case_key", pl.col("_row").alias("_parent"))
        .join(sanctions, on="case_key", how="inner", maintain_order="left")
        .sort("_parent", pl.col("s_sum") == 0, "s_code", maintain_order=True)
        .with_row_index("_row")
        .with_columns(pl.col("_row").cast(pl.Int64))
    )
    sank = _conform("sank", rows)
    return sank, _conform("sank_sl_id", named_sub_cases(rows, sl))


def named_sub_cases(sank: pl.DataFrame, sl: pl.DataFrame) -> pl.DataFrame:
    """SL_ID of sanctions: the one that is meant; all of the case where money is taken for the case as a whole.

    sank  _row, _parent (row of z_sl), s_sum, sl_id; sl: _parent, sl_id
    SL_ID must stand where S_SUM is not 0 (Q015 003F.00.1770). Returns _row, _parent (row of sank), sl_id.
    """
    whole = pl.col("sl_id").is_null() & (pl.col("s_sum") != 0)
    every = (
        sank.filter(whole).select(pl.col("_row").alias("_sank"), "_parent")
        .join(sl.select("_parent", "sl_id").filter(pl.col("sl_id").is_not_null()), on="_parent", maintain_order="left_right")
    )  # fmt: skip
    one = sank.filter(pl.col("sl_id").is_not_null()).select(pl.col("_row").alias("_sank"), "_parent", "sl_id")
    named = pl.concat([one, every]).select(pl.col("_sank").cast(pl.Int64).alias("_parent"), "sl_id")
    named = named.sort("_parent", maintain_order=True).with_row_index("_row")
    return named.with_columns(pl.col("_row").cast(pl.Int64))


def _conform(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with exactly the canonical columns of `table`; what the rows do not have is null."""
    return rows.select(
        pl.col(name).cast(kind) if name in rows.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in formats.canonical_columns(table, "main").items()
    )


def _check_cases(decided: pl.DataFrame, sank: pl.DataFrame) -> None:
    """law.md 10.4 of each case: OPLATA 1 -> SANK_IT 0, 2 -> SUMP 0, 3 -> between; SUMP = SUMV - SANK_IT; SANK_IT = sum S_SUM."""
    by_case = sank.group_by("_parent").agg(pl.col("s_sum").sum().alias("rows_kop"))
    checked = decided.join(by_case, left_on="_row", right_on="_parent", how="left").with_columns(pl.col("rows_kop").fill_null(0))
    billed = pl.col("sumv_kop").fill_null(0)
    wrong = checked.filter(
        (pl.col("sump_kop") != billed - pl.col("sank_it_kop"))
        | (pl.col("rows_kop") != pl.col("sank_it_kop"))
        | ((pl.col("oplata") == 1) & (pl.col("sank_it_kop") != 0))
        | ((pl.col("oplata") == 2) & (pl.col("sump_kop") != 0))
        | ((pl.col("oplata") == 3) & ~((pl.col("sank_it_kop") > 0) & (pl.col("sank_it_kop") < billed)))
        | ~pl.col("oplata").is_in([1, 2, 3])
    )
    if wrong.height:
        raise AnswerError(f"decisions that do not add up (law.md 10.4): {wrong.height}, the first is case {wrong['case_key'][0]}")


def _with_decisions(z_sl: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """z_sl with OPLATA, SUMP, SANK_IT; SANK_IT only where there is a sanction with money."""
    columns = z_sl.columns
    verdict = decided.select(
        "_row", "oplata", pl.col("sump_kop").alias("sump"),
        pl.when(pl.col("sank_it_kop") != 0).then(pl.col("sank_it_kop")).alias("sank_it"),
    )  # fmt: skip
    bare = z_sl.drop("oplata", "sump", "sank_it", strict=False)
    filled = bare.join(verdict, on="_row", how="left", maintain_order="left")
    return filled.select([*columns, *(name for name in ("oplata", "sump", "sank_it") if name not in columns)])


def _header(header: pl.DataFrame, decided: pl.DataFrame, sank: pl.DataFrame) -> pl.DataFrame:
    """The bill with SUMMAP and the sums by kind of control, and the name of the answer."""

    def by_kind(kinds: tuple[int, ...]) -> int | None:
        return int(sank.filter(pl.col("s_tip").is_in(kinds))["s_sum"].sum() or 0) or None

    accepted, withheld = int(decided["sump_kop"].sum() or 0), int(sank["s_sum"].sum() or 0)
    mek, mee, ekmp = by_kind(MEK), by_kind(MEE), by_kind(EKMP)
    if (mek or 0) + (mee or 0) + (ekmp or 0) != withheld:
        raise AnswerError("a sanction has a kind of control that is neither МЭК, МЭЭ nor ЭКМП")
    if accepted != int(decided["sumv_kop"].sum() or 0) - withheld:
        raise AnswerError("SUMMAP is not SUMMAV less the sanctions (law.md 10.4)")
    return header.with_columns(
        filename=pl.lit(answer_name(str(header["filename"][0])), dtype=pl.String),
        summap=pl.lit(accepted, dtype=pl.Int64), sank_mek=pl.lit(mek, dtype=pl.Int64), sank_mee=pl.lit(mee, dtype=pl.Int64),
        sank_ekmp=pl.lit(ekmp, dtype=pl.Int64),
    )  # fmt: skip


def _without_replaced(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """Exceptions or extra elements without those of the fields that the answer fills anew."""
    owned = pl.col("table").is_in(["sank", "sank_sl_id", "code_exp"])
    if column == "column":
        owned = owned | pl.col("column").is_in(["oplata", "sump", "sank_it", "summap", "sank_mek", "sank_mee", "sank_ekmp"])
    return table.filter(~owned)
