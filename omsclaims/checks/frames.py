"""What lies on one line for a rule to look at? Cases, sub-cases and services with all that their parents say of them.

The same view serves the tables of one package (as the reader gives them) and the tables of a month (contract): there `package` is
a column and row numbers are unique over the month. Every frame is joined once and only when a rule asks for it.

Frames and their keys: `case` (z_row = _row of z_sl), `sl` (sl_row, z_row), `usl` (usl_row, sl_row, z_row). Names of columns are
those of the elements; `file_kind`, `letters`, `age` (whole years on DATE_Z_1), `dr`, `w` come from file and persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl

from omsclaims.periods import age_expr
from omsclaims.registry import formats, names

Tables = Mapping[str, pl.DataFrame]
_EPOCH: Final = date(1970, 1, 1)

_Z_SL: Final = (
    "idcase", "usl_ok", "vidpom", "for_pom", "npr_mo", "npr_date", "lpu", "date_z_1", "date_z_2", "rslt", "ishod", "idsp",
    "sumv", "p_otk", "kd_z", "vb_p", "oplata", "sump", "sank_it", "rslt_d",
)  # fmt: skip
_PATIENT: Final = ("id_pac", "vpolis", "npolis", "enp", "smo", "novor", "st_okato", "smo_ok", "vnov_d")
_FILE: Final = (
    "data", "dschet", "year", "month", "code_mo", "plat", "version", "disp", "sd_z", "summav", "summap", "sank_mek", "sank_mee",
    "sank_ekmp",
)  # fmt: skip
#: What every case needs to know of its file.
_FILE_OF_CASE: Final = (
    "package", "data", "dschet", "year", "month", "code_mo", "plat", "disp", "file_kind", "letters", "person_file",
)  # fmt: skip
_SL: Final = (
    "sl_id", "date_1", "date_2", "profil", "prvs", "det", "p_cel", "kd", "p_per", "ds0", "ds1", "n_ksg", "koef_z", "koef_up",
    "koef_u", "koef_d", "bztsz", "it_sl", "ed_col", "tarif", "sum_m", "tal_d", "vid_hmp", "metod_hmp", "pr_d_n", "dn",
    "nhistory", "c_zab", "ds_onk", "reab", "wei", "profil_k", "n_kpg",
)  # fmt: skip
_USL: Final = (
    "idserv", "date_in", "date_out", "kol_usl", "tarif", "sumv_usl", "code_usl", "vid_vme", "profil", "prvs",
)  # fmt: skip
#: What a sub-case and a service need to know of their case.
_OF_CASE: Final = (
    "file_kind", "usl_ok", "idsp", "date_z_1", "date_z_2", "lpu", "novor", "p_otk", "age", "w", "dr", "rslt", "rslt_d", "vidpom",
    "for_pom",
)  # fmt: skip
#: What a service needs to know of its sub-case.
_OF_SL: Final = ("z_row", "date_1", "date_2", "file_kind", "usl_ok", "idsp", "date_z_1", "date_z_2")


class View:
    """The frames of one package or month.

    tables   canonical tables; in a month with `package`, and with the contract's tables beside them
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._spans: dict[tuple[str, bool], tuple[date, date] | None] = {}

    def has(self, name: str) -> bool:
        """Whether a table is among those handed in."""
        return name in self.tables

    def table(self, name: str) -> pl.DataFrame:
        """A canonical table; without rows where it was not handed in."""
        found = self.tables.get(name)
        return formats.empty_table(name) if found is None else found

    @cached_property
    def files(self) -> pl.DataFrame:
        """Each package once: package, header and invoice (`_FILE`), file_kind, letters, person_file.

        file_kind  H T C X, R and D between territories; by the first letter where the name does not follow the grammar
        """
        table = self.table("file")
        if "package" not in table.columns:
            table = table.with_columns(package=pl.col("filename").fill_null(""))
        kept = table.select("package", *_FILE).unique("package", keep="first", maintain_order=True)
        parsed = [names.parse_name(name) for name in kept["package"]]
        kinds = [name.kind if name else _kind_of(stem) for name, stem in zip(parsed, kept["package"], strict=True)]
        return kept.with_columns(
            pl.Series("file_kind", kinds, dtype=pl.String),
            pl.Series("letters", [name.letters if name else None for name in parsed], dtype=pl.String),
            pl.Series("person_file", [name.person_stem if name else None for name in parsed], dtype=pl.String),
        )

    def having(self, path: str) -> list[str]:
        """Packages whose edition of the format has an element."""
        found = []
        for package, kind, version, year, month in self.files.select(
            "package", "file_kind", "version", "year", "month"
        ).iter_rows():
            period = f"{year:04d}-{month:02d}" if year is not None and month is not None else None
            if kind is not None and path in formats.find_format(kind, version, period).format.by_path:
                found.append(package)
        return found

    def packaged(self, name: str) -> pl.DataFrame:
        """A table with the column `package`."""
        table = self.table(name)
        if "package" in table.columns:
            return table
        package = self.files["package"][0] if self.files.height else None
        return table.with_columns(package=pl.lit(package, dtype=pl.String))

    @cached_property
    def persons(self) -> pl.DataFrame:
        """Each person of a package once: package, id_pac, dr, w, person_row (_row in the file of persons)."""
        persons = self.packaged("person").select("package", "id_pac", "dr", "w", pl.col("_row").alias("person_row"))
        return persons.filter(pl.col("id_pac").is_not_null()).unique(["package", "id_pac"], keep="first", maintain_order=True)

    @cached_property
    def case(self) -> pl.DataFrame:
        """Completed cases: z_row, package, n_zap, line, offset, patient, file and person columns, age, sl_sum, sl_sums_known."""
        zap = self.table("zap")
        record = zap.select(
            pl.col("_row").alias("zap_row"), "n_zap", pl.col("_line").alias("line"), pl.col("_offset").alias("offset")
        )
        patient = _once(self.table("patient").select(pl.col("_parent").alias("zap_row"), *_PATIENT), "zap_row")
        sums = (
            _by_parent(self.table("sl"), "z_row", "sum_m")
            .group_by("z_row", maintain_order=True)
            .agg(sl_sum=pl.col("sum_m").sum(), sl_sums_known=pl.col("sum_m").is_not_null().all())
        )
        return (
            self.packaged("z_sl")
            .select(pl.col("_row").alias("z_row"), pl.col("_parent").alias("zap_row"), "package", *_Z_SL)
            .pipe(beside, record, "zap_row")
            .pipe(beside, patient, "zap_row")
            .join(self.files.select(_FILE_OF_CASE), on="package", how="left", maintain_order="left")
            .join(self.persons, on=["package", "id_pac"], how="left", maintain_order="left")
            .pipe(beside, sums, "z_row")
            .with_columns(age=age_expr(pl.col("dr"), pl.col("date_z_1")).cast(pl.Int64))
        )

    @cached_property
    def sl(self) -> pl.DataFrame:
        """Sub-cases: sl_row, z_row, own columns, those of the case, usl_rows, usl_sum, usl_sums_known, has_koef."""
        services = (
            _by_parent(self.table("usl"), "sl_row", "sumv_usl")
            .group_by("sl_row", maintain_order=True)
            .agg(
                usl_rows=pl.len().cast(pl.Int64),
                usl_sum=pl.col("sumv_usl").sum(),
                usl_sums_known=pl.col("sumv_usl").is_not_null().all(),
            )
        )
        koef = self.table("sl_koef").select(pl.col("_parent").alias("sl_row")).unique().with_columns(has_koef=pl.lit(True))
        return (
            self.table("sl")
            .select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), *_SL)
            .pipe(beside, self.case.select("z_row", *_OF_CASE), "z_row")
            .pipe(beside, services, "sl_row")
            .join(koef, on="sl_row", how="left", maintain_order="left")
            .with_columns(
                pl.col("usl_rows").fill_null(0), pl.col("usl_sum").fill_null(0), pl.col("usl_sums_known").fill_null(value=True),
                pl.col("has_koef").fill_null(value=False),
            )
        )  # fmt: skip

    @cached_property
    def usl(self) -> pl.DataFrame:
        """Services: usl_row, sl_row, own columns, dates of the sub-case, payment and date of the case."""
        return (
            self.table("usl")
            .select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), *_USL)
            .pipe(beside, self.sl.select("sl_row", *_OF_SL), "sl_row")
        )

    def level(self, table: str) -> pl.DataFrame:
        """The frame of the rows of z_sl, sl or usl."""
        if table == "usl":
            return self.usl
        return self.sl if table == "sl" else self.case

    def span(self, table: str, *, usual: bool) -> tuple[date, date] | None:
        """First and last day of the rows of a level; usual: of all but a few in a thousand. None where there is no day."""
        key = (table, usual)
        if key not in self._spans:
            column = {"z_sl": "date_z_2", "sl": "date_2", "usl": "date_out"}.get(table)
            days = self.files["dschet"] if column is None else self.table(table)[column]
            self._spans[key] = _span(days.drop_nulls(), usual=usual)
        return self._spans[key]

    @cached_property
    def case_order(self) -> pl.DataFrame:
        """The canonical order of cases: z_row, case_order (data, package, n_zap, idcase, row)."""
        return (
            self.case.select("z_row", "data", "package", "n_zap", "idcase")
            .sort("data", "package", "n_zap", "idcase", "z_row")
            .select("z_row", pl.int_range(pl.len(), dtype=pl.Int64).alias("case_order"))
        )


def beside(left: pl.DataFrame, right: pl.DataFrame, key: str) -> pl.DataFrame:
    """A left join in the order of `left` with a table whose keys are unique.

    Rows of registries lie in the order of their parents: mostly nothing has to be looked up, and the columns are only put beside
    one another, or gathered by a search in sorted numbers.
    """
    mine, theirs = left[key], right[key]
    if mine.len() == theirs.len() and not mine.null_count() and mine.equals(theirs):
        return left.hstack(right.drop(key))
    if theirs.len() and not mine.null_count() and not theirs.null_count():
        asked, known = mine.to_numpy(), theirs.to_numpy()
        if (known[1:] > known[:-1]).all():
            at = np.searchsorted(known, asked)
            if at.size and at.max() < known.size and (known[at] == asked).all():
                return left.hstack(right.drop(key)[at])
    return left.join(right, on=key, how="left", maintain_order="left")


def _by_parent(table: pl.DataFrame, key: str, *columns: str) -> pl.DataFrame:
    """Rows of a table with their parent as `key`, to be grouped by it: rows that lie in its order then need no hashing."""
    rows = table.select(pl.col("_parent").alias(key), *columns)
    if rows[key].is_sorted():
        rows = rows.with_columns(pl.col(key).set_sorted())
    return rows


def _once(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """The first row of each key; a block that stands twice in its parent is found by the reader, not multiplied here."""
    return table.unique(key, keep="first", maintain_order=True) if table[key].is_duplicated().any() else table


def _span(days: pl.Series, *, usual: bool) -> tuple[date, date] | None:
    """First and last of the days; usual: with two in a thousand left out at each end."""
    numbers = days.to_physical()
    low = numbers.quantile(0.002, "nearest") if usual else numbers.min()
    high = numbers.quantile(0.998, "nearest") if usual else numbers.max()
    if low is None or high is None:
        return None
    return _EPOCH + timedelta(days=int(low)), _EPOCH + timedelta(days=int(high))  # type: ignore[arg-type]


def _kind_of(stem: str) -> str | None:
    """Kind of a file between territories; by the first letter where a name follows no grammar: what can be checked still is."""
    between = names.parse_interterritorial(stem)
    if between is not None:
        return between.kind
    first = stem[:1].upper()
    return {"H": "H", "T": "T", "C": "C", "D": "X"}.get(first)
