"""What lies on one line for a rule to look at? Cases, sub-cases and services with all that their parents say of them.

The same view serves the tables of one package (as the reader gives them) and the tables of a month (contract): there `package` is
a column and row numbers are unique over the month. Every frame is joined once and only when a rule asks for it.

Frames and their keys: `case` (z_row = _row of z_sl), `sl` (sl_row, z_row), `usl` (usl_row, sl_row, z_row). Names of columns are
those of the elements; `file_kind`, `letters`, `age` (whole years on DATE_Z_1), `dr`, `w` come from file and persons.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
#: What a case needs to know of its record: column of zap.
_RECORD: Final = {"n_zap": "n_zap", "line": "_line", "offset": "_offset"}
#: Columns that come from the file of persons.
_OF_PERSON: Final = frozenset({"dr", "w", "person_row", "age"})
#: What every case needs to know of its file.
_FILE_OF_CASE: Final = (
    "package", "data", "dschet", "year", "month", "code_mo", "plat", "disp", "file_kind", "letters", "person_file",
)  # fmt: skip
#: The columns of `case`.
_CASE: Final = (
    "zap_row", "package", *_Z_SL, "n_zap", "line", "offset", *_PATIENT, *_FILE_OF_CASE[1:], "dr", "w", "person_row", "sl_sum",
    "sl_sums_known", "age",
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
#: What a sub-case knows of its services.
_SERVICES: Final = ("usl_rows", "usl_sum", "usl_sums_known")
#: What a service needs to know of its sub-case.
_OF_SL: Final = ("z_row", "date_1", "date_2", "file_kind", "usl_ok", "idsp", "date_z_1", "date_z_2")


class View:
    """The frames of one package or month.

    tables   canonical tables; in a month with `package`, and with the contract's tables beside them
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._held: dict[str, pl.DataFrame] = {}  # the rows of a level with the columns that were asked for so far
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

    @property
    def case(self) -> pl.DataFrame:
        """Completed cases: z_row, package, n_zap, line, offset, patient, file and person columns, age, sl_sum, sl_sums_known."""
        return self.cases(*_CASE)

    def cases(self, *names: str) -> pl.DataFrame:
        """Completed cases with some of the columns of `case`: z_row and `names`. What was never asked for is never joined."""
        held = self._held.get("case")
        if held is None:
            own = self.packaged("z_sl").select(
                pl.col("_row").alias("z_row"), pl.col("_parent").alias("zap_row"), "package", *_Z_SL
            )
            held = self._held["case"] = own
        lacking = set(names) - set(held.columns)
        if lacking:
            held = self._held["case"] = self._with_more_of_cases(held, lacking)
        return held.select("z_row", *names)

    def _with_more_of_cases(self, held: pl.DataFrame, lacking: set[str]) -> pl.DataFrame:
        """Cases with further columns, of their record, patient, file, person and sub-cases."""
        wanted = lacking | ({"dr", "w", "person_row", "id_pac"} - set(held.columns) if lacking & _OF_PERSON else set())
        of_record = [pl.col(column).alias(name) for name, column in _RECORD.items() if name in wanted]
        if of_record:
            held = beside(held, self.table("zap").select(pl.col("_row").alias("zap_row"), *of_record), "zap_row")
        of_patient = [name for name in _PATIENT if name in wanted]
        if of_patient:
            patient = self.table("patient").select(pl.col("_parent").alias("zap_row"), *of_patient)
            held = beside(held, _once(patient, "zap_row"), "zap_row")
        of_file = [name for name in _FILE_OF_CASE if name in wanted]
        if of_file:
            held = held.join(self.files.select("package", *of_file), on="package", how="left", maintain_order="left")
        of_person = [name for name in ("dr", "w", "person_row") if name in wanted]
        if of_person:
            persons = self.persons.select("package", "id_pac", *of_person)
            held = held.join(persons, on=["package", "id_pac"], how="left", maintain_order="left")
        if not {"sl_sum", "sl_sums_known"}.isdisjoint(wanted):
            sums = (
                _by_parent(self.table("sl"), "z_row", "sum_m")
                .group_by("z_row", maintain_order=True)
                .agg(sl_sum=pl.col("sum_m").sum(), sl_sums_known=pl.col("sum_m").is_not_null().all())
            )
            held = beside(held, sums, "z_row")
        if "age" in wanted:
            held = held.with_columns(age=age_expr(pl.col("dr"), pl.col("date_z_1")).cast(pl.Int64))
        return held

    @cached_property
    def people(self) -> pl.DataFrame:
        """Cases of known persons (contract: identified), newborns under another's policy left out: z_row, person_key, person (its
        number here), case_order, package, idcase, file_kind, letters, usl_ok, date_z_1, date_z_2."""
        own = ("package", "idcase", "file_kind", "letters", "usl_ok", "date_z_1", "date_z_2")
        identity = self.tables["identified"].select(pl.col("case_key").alias("z_row"), "status", "person_key")
        known = (
            self.cases(*own, "novor")
            .pipe(beside, identity, "z_row")
            .pipe(beside, self.case_order, "z_row")
            .filter((pl.col("novor") == "0") & pl.col("status").is_in(["own", "other"]) & pl.col("person_key").is_not_null())
        )
        numbers = known.select("person_key").unique(maintain_order=True).with_row_index("person")
        persons = known.select("person_key").join(numbers, on="person_key", how="left", maintain_order="left")
        return known.select("z_row", "person_key", persons["person"], "case_order", *own)

    @property
    def sl(self) -> pl.DataFrame:
        """Sub-cases: sl_row, z_row, own columns, those of the case, usl_rows, usl_sum, usl_sums_known, has_koef."""
        return self.subs("z_row", *_SL, *_OF_CASE, *_SERVICES, "has_koef")

    def subs(self, *names: str) -> pl.DataFrame:
        """Sub-cases with some of the columns of `sl`: sl_row and `names`. What was never asked for is never joined."""
        held = self._held.get("sl")
        if held is None:
            held = self.table("sl").select(pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), *_SL)
        lacking = set(names) - set(held.columns)
        of_case = [name for name in _OF_CASE if name in lacking]
        if of_case:
            held = beside(held, self.cases(*of_case), "z_row")
        if not lacking.isdisjoint(_SERVICES):
            services = (
                _by_parent(self.table("usl"), "sl_row", "sumv_usl")
                .group_by("sl_row", maintain_order=True)
                .agg(
                    usl_rows=pl.len().cast(pl.Int64),
                    usl_sum=pl.col("sumv_usl").sum(),
                    usl_sums_known=pl.col("sumv_usl").is_not_null().all(),
                )
            )
            held = beside(held, services, "sl_row").with_columns(
                pl.col("usl_rows").fill_null(0),
                pl.col("usl_sum").fill_null(0),
                pl.col("usl_sums_known").fill_null(value=True),
            )
        if "has_koef" in lacking:
            koef = self.table("sl_koef")["_parent"].unique()
            held = held.with_columns(has_koef=pl.col("sl_row").is_in(koef.implode()))
        self._held["sl"] = held
        return held.select("sl_row", *names)

    @property
    def usl(self) -> pl.DataFrame:
        """Services: usl_row, sl_row, own columns, dates of the sub-case, payment and date of the case."""
        return self.services("sl_row", *_USL, *_OF_SL)

    def services(self, *names: str) -> pl.DataFrame:
        """Services with some of the columns of `usl`: usl_row and `names`. What was never asked for is never joined."""
        held = self._held.get("usl")
        if held is None:
            held = self.table("usl").select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), *_USL)
        of_sl = [name for name in _OF_SL if name in names and name not in held.columns]
        if of_sl:
            held = beside(held, self.subs(*of_sl), "sl_row")
        self._held["usl"] = held
        return held.select("usl_row", *names)

    def columns(self, level: str, names: Collection[str]) -> pl.DataFrame:
        """The frame of a level (file, case, sl, usl) with the columns of `names` only, keys included."""
        if level == "file":
            return self.files
        key, frame = {"case": ("z_row", self.cases), "sl": ("sl_row", self.subs), "usl": ("usl_row", self.services)}[level]
        return frame(*sorted(set(names) - {key}))

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
        ranks = self.files.sort("data", "package").select("package", pl.int_range(pl.len(), dtype=pl.Int64).alias("rank"))
        return (
            self.cases("package", "n_zap", "idcase")
            .join(ranks, on="package", how="left", maintain_order="left")
            .select("rank", "n_zap", "idcase", "z_row")
            .sort("rank", "n_zap", "idcase", "z_row")
            .select("z_row", pl.int_range(pl.len(), dtype=pl.Int64).alias("case_order"))
            .sort("z_row")
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


def within(left: pl.DataFrame, right: pl.DataFrame, key: str) -> pl.DataFrame:
    """An inner join in the order of `left` with a table whose keys are unique: by a search where those are sorted numbers."""
    theirs = right[key]
    if theirs.len() and left.height and not left[key].null_count() and not theirs.null_count():
        asked, known = left[key].to_numpy(), theirs.to_numpy()
        if (known[1:] > known[:-1]).all():
            at = np.minimum(np.searchsorted(known, asked), known.size - 1)
            met = known[at] == asked
            return left.filter(pl.Series(met)).hstack(right.drop(key)[at[met]])
    return left.join(right, on=key, how="inner", maintain_order="left")


def without(rows: pl.DataFrame, keys: pl.Series, key: str) -> pl.DataFrame:
    """Rows whose key is none of `keys`, in their order."""
    return rows.filter(~pl.col(key).is_in(keys.unique().implode())) if keys.len() else rows


def _by_parent(table: pl.DataFrame, key: str, *columns: str) -> pl.DataFrame:
    """Rows of a table with their parent as `key`, to be grouped by it: rows that lie in its order then need no hashing."""
    rows = table.select(pl.col("_parent").alias(key), *columns)
    if rows[key].is_sorted():
        rows = rows.with_columns(pl.col(key).set_sorted())
    return rows


def _once(table: pl.DataFrame, key: str) -> pl.DataFrame:
    """The first row of each key; a block that stands twice in its parent is found by the reader, not multiplied here."""
    keys = table[key].to_numpy()
    if (keys[1:] > keys[:-1]).all():
        return table
    return table.unique(key, keep="first", maintain_order=True)


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
