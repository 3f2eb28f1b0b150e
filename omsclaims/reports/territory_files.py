"""Which cases does the fund bill to another territory, and in which file? File R per home fund (law.md 11; formats.md 11).

The accepted cases of people insured elsewhere, whatever registry they came in (H, T, C, X), become one registry of edition RD 3.2
with the persons inside. Elements that R wants and a registry has not are taken from `r_map.yaml`; each use of such a value is a
finding RF.1, a value that cannot be converted is a finding RF.2 or RF.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Final

import polars as pl
import yaml

from omsclaims import findings, periods
from omsclaims.registry import formats
from omsclaims.reports import between_editions
from omsclaims.reports.answers import EKMP, MEE, MEK, named_sub_cases
from omsclaims.settlement.between import place

#: The edition that the tables are made for; older ones are said by `between_editions`.
EDITION: Final = "RD_3.2"
_SHIFT: Final = 32
_KD_UNIT: Final = 10  # KD of the canonical shape has one decimal
_MOST_METHOD: Final = 999  # METOD_HMP of R has three digits
_NAME_LENGTH: Final = 254  # USL/USL

#: Tables below SL that R has under the same names, with the table that they hang on.
_BELOW: Final = {
    "ds3": "sl", "code_mes1": "sl", "crit": "sl", "sl_koef": "sl", "napr": "sl", "cons": "sl", "b_diag": "sl", "b_prot": "sl",
    "onk_usl": "sl", "onk_lek_pr": "onk_usl", "date_inj": "onk_lek_pr",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bill:
    """What the bill to one territory is called and dated.

    file_name  `R SS DD YY NNNN` (formats.md 2.2): SS, DD two-digit codes of the issuing and the charged fund
    nschet     number of the bill, at most 15 characters
    dschet     date of the bill, not before the end of any case
    data       date of the file, not before dschet
    c_okato1   OKATO (5) of the issuing territory
    okato_oms  OKATO (5) of the charged territory
    """

    file_name: str
    nschet: str
    dschet: date
    data: date
    c_okato1: str
    okato_oms: str

    @property
    def code(self) -> int:
        """SCHET/CODE: charged fund and ordinal, one in the year of the issuing fund."""
        return int(self.file_name[3:5] + self.file_name[7:])


@dataclass(frozen=True)
class RFile:
    """One file R: canonical tables for the writer in `edition`, which case became which record, and findings RF.*."""

    tables: dict[str, pl.DataFrame]
    records: pl.DataFrame  # n_zap, idcase of the file R; case_key; package, billed_n_zap, billed_idcase of the registry
    findings: pl.DataFrame
    edition: str

    @property
    def sendable(self) -> bool:
        """Whether the edition says all that has to be said (no RF.4, RF.5)."""
        return not self.findings["rule"].is_in(list(between_editions.BLOCKING)).any()


@cache
def mapping() -> dict[str, Any]:
    """The table of `r_map.yaml`: usual, exam, purpose, results."""
    loaded: dict[str, Any] = yaml.safe_load((resources.files(__package__) / "r_map.yaml").read_text(encoding="utf-8"))
    return loaded


def r_tables(
    territory: str,
    cases: pl.DataFrame,
    month_tables: Mapping[str, pl.DataFrame],
    person: Mapping[str, pl.DataFrame],
    decisions: pl.DataFrame,
    sanctions: pl.DataFrame,
    identified: pl.DataFrame,
    bill: Bill,
    month: periods.Month,
    service_names: Mapping[str, str] | None = None,
    edition: str | None = None,
) -> RFile:
    """File R of one territory: its accepted cases (SUMP above zero) in the order package, N_ZAP, IDCASE, numbered anew.

    territory      two-digit code of the charged fund; `identified` says who is insured there (status other)
    cases          contract.cases; month_tables: patient, z_sl, sl, usl and what hangs on them, rows unique over the month
    person         tables person and dost, dost_p of the files of persons, rows unique over the month
    decisions, sanctions  contract tables: a sanction that stands is told with S_IST 1, and only then OPLATA is written
    service_names  code of a service -> its name for USL/USL; a code without a name stands for itself
    edition        id of the edition (RD_3.2, RD_2.1, RD_1.0), by default that of the month; what it cannot say is RF.4 or RF.5,
                   and then the file must not be sent

    SUMMAV and SUMMAP are sums of the cases in the file; SUMMAP = sum SUMP = SUMMAV - sanctions is asserted.
    """
    chosen = _chosen(territory, cases, decisions, identified)
    notes: list[pl.DataFrame] = []
    z_sl = _z_sl(chosen, month_tables, notes)
    patient, dost, dost_p = _patient(chosen, month_tables, person)
    sl = _sl(z_sl, month_tables, patient, notes)
    usl = _usl(sl, month_tables, service_names or {}, notes)
    sank, sank_sl_id = _sank(chosen, sanctions, sl)
    _assert_money(chosen, sl, sank)
    tables = {
        "file": _header(chosen, sank, bill, month), "zap": chosen.select(pl.col("zap_row").alias("_row"), "n_zap"),
        "patient": patient, "dost": dost, "dost_p": dost_p, "z_sl": z_sl, "sl": sl, "ds2": _ds2(sl, month_tables), "usl": usl,
        "sank": sank, "sank_sl_id": sank_sl_id, "os_sluch": _os_sluch(z_sl, patient, month_tables),
        "vnov_m": _below(month_tables, "vnov_m", z_sl), **_tree(month_tables, sl),
    }  # fmt: skip
    ordered = {name: _conform(name, tables.get(name)) for name in formats.get(EDITION).tables}
    records = chosen.select("n_zap", "idcase", "case_key", "package", pl.col("billed_n_zap"), pl.col("billed_idcase"))
    noted = _counted(notes, chosen, bill)
    wanted = edition or between_editions.edition_of(month)
    if wanted == EDITION:
        return RFile(ordered, records, noted, EDITION)
    said, lost = between_editions.as_edition(ordered, wanted, bill.file_name)
    return RFile(said, records, findings.concat([noted, lost]), wanted)


def _chosen(territory: str, cases: pl.DataFrame, decisions: pl.DataFrame, identified: pl.DataFrame) -> pl.DataFrame:
    """The cases of the file in its order and with its numbers (those of contract `territory_items`), and rows of the records."""
    return place.numbered(territory, cases, decisions, identified).with_columns(
        (pl.col("n_zap") - 1).alias("zap_row"), (pl.col("case_key") // 2**_SHIFT).alias("_package_no"),
        pl.col("file_kind").eq("X").alias("_exam"),
    )  # fmt: skip


def _usual(name: str) -> Any:
    return mapping()["usual"][name]["value"]


def _exam(name: str) -> Any:
    return mapping()["exam"][name]["value"]


def _note(rule: str, element: str, rows: pl.DataFrame, value: str | None, **params: object) -> pl.DataFrame:
    """One finding per case of `rows` (case_key); they are counted and named at the end."""
    return rows.select("case_key").with_columns(
        rule=pl.lit(rule), element=pl.lit(element), value=pl.lit(value, dtype=pl.String),
        params=pl.lit(findings.params_json(params)),
    )  # fmt: skip


def _filled(
    table: pl.DataFrame, column: str, value: pl.Expr, when: pl.Expr, element: str, notes: list[pl.DataFrame]
) -> pl.DataFrame:
    """`column` with `value` where `when` holds and it is null; noted by RF.1 with the values used."""
    gaps = table.filter(when & pl.col(column).is_null()).with_columns(value.cast(pl.String).alias("_used"))
    for used, group in sorted(gaps.group_by("_used"), key=lambda item: str(item[0][0])):
        notes.append(_note("RF.1", element, group, None if used[0] is None else str(used[0])))
    return table.with_columns(pl.when(when & pl.col(column).is_null()).then(value).otherwise(pl.col(column)).alias(column))


def _z_sl(chosen: pl.DataFrame, month_tables: Mapping[str, pl.DataFrame], notes: list[pl.DataFrame]) -> pl.DataFrame:
    """Completed cases: own elements, those of an examination from the map, the sums of the decision."""
    exam = pl.col("_exam")
    stage_two = [letters for letters, row in mapping()["purpose"].items() if row.get("p_disp2")]
    joined = chosen.select(
        "case_key", "zap_row", pl.col("idcase").alias("idcase_new"), "letters", "_exam", "oplata", "sank_it_kop", "sump_kop"
    ).join(
        month_tables["z_sl"].drop("oplata", "sank_it", "case_key", "package", "letters", "idcase", strict=False),
        left_on="case_key", right_on="_row", how="left", maintain_order="left",
    )  # fmt: skip
    table = joined.with_columns(_row=pl.col("case_key"), _parent=pl.col("zap_row"), idcase=pl.col("idcase_new"))
    table = _rslt(table, notes)
    sanctioned = pl.col("sank_it_kop") != 0
    return table.with_columns(
        pl.when(exam).then(_exam("usl_ok")).otherwise(pl.col("usl_ok")).alias("usl_ok"),
        pl.when(exam).then(_exam("for_pom")).otherwise(pl.col("for_pom")).alias("for_pom"),
        pl.when(exam).then(_exam("ishod")).otherwise(pl.col("ishod")).alias("ishod"),
        pl.when(pl.col("letters").is_in(stage_two)).then(1).alias("p_disp2"),
        pl.when(sanctioned).then(pl.col("oplata")).alias("oplata"),
        pl.col("sump_kop").alias("sump"),
        pl.when(sanctioned).then(pl.col("sank_it_kop")).alias("sank_it"),
    ).with_columns(
        # KD_Z is wanted for stays; where a registry has none the days between the dates are it (formats.md 11).
        pl.when(pl.col("usl_ok").is_in([1, 2])).then(pl.coalesce("kd_z", _stay("usl_ok", "date_z_1", "date_z_2"))).alias("kd_z")
    )  # fmt: skip


def _stay(conditions: str, first: str, last: str) -> pl.Expr:
    """Days of a stay: inpatient discharge - admission, at least 1; day hospital both end days (law.md 8.7)."""
    days = (pl.col(last) - pl.col(first)).dt.total_days()
    return pl.when(pl.col(conditions) == 2).then(days + 1).otherwise(pl.max_horizontal(days, pl.lit(1)))


def _rslt(z_sl: pl.DataFrame, notes: list[pl.DataFrame]) -> pl.DataFrame:
    """RSLT of examinations from RSLT_D by the letters of the file; a pair that the map lacks is finding RF.2."""
    pairs = [(letters, int(d), int(r)) for letters, row in mapping()["results"].items() for d, r in row.items()]
    book = pl.DataFrame(pairs, schema={"letters": pl.String, "rslt_d": pl.Int64, "_rslt": pl.Int64}, orient="row")
    table = z_sl.join(book, on=["letters", "rslt_d"], how="left", maintain_order="left")
    missing = table.filter(pl.col("_exam") & pl.col("_rslt").is_null())
    for (letters, result), group in sorted(missing.group_by("letters", "rslt_d"), key=lambda item: str(item[0])):
        notes.append(_note("RF.2", "ZAP/Z_SL/RSLT", group, str(result), letters=letters))
    return table.with_columns(pl.when(pl.col("_exam")).then(pl.col("_rslt")).otherwise(pl.col("rslt")).alias("rslt"))


def _patient(
    chosen: pl.DataFrame, month_tables: Mapping[str, pl.DataFrame], person: Mapping[str, pl.DataFrame]
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """PACIENT with the person inside: ЕНП alone where there is one, else the old policy and the document (formats.md 11)."""
    # The zap of a case is found through z_sl; patient and z_sl hang on the same zap.
    zap_of = month_tables["z_sl"].select(pl.col("_row").alias("case_key"), pl.col("_parent").alias("_zap"))
    billed = (
        month_tables["patient"].drop("_row", "fam", "im", "ot", "w", "dr", "case_key", strict=False).rename({"_parent": "_zap"})
    )
    people = person["person"].with_columns((pl.col("_row") // 2**_SHIFT).alias("_package_no")).rename({"_row": "_person"})
    own = [name for name in formats.column_types("person") if name != "id_pac"]
    wide = (
        chosen.select("case_key", "zap_row", "_package_no")
        .join(zap_of, on="case_key", how="left", maintain_order="left")
        .join(billed.select([c for c in billed.columns if c not in own]), on="_zap", how="left", maintain_order="left")
        .join(
            people.select("_package_no", "id_pac", "_person", *(c for c in own if c in people.columns)),
            on=["_package_no", "id_pac"], how="left", maintain_order="left",
        )
    )  # fmt: skip
    unified = pl.col("vpolis") == 3
    enp = pl.when(unified).then(pl.coalesce("enp", "npolis"))
    child = pl.col("novor") != "0"
    patient = wide.with_columns(
        pl.when(pl.col("vpolis") == 1).then(pl.col("spolis")).alias("spolis"),
        pl.when(~unified).then(pl.col("npolis")).alias("npolis"),
        enp.alias("enp"),
        pl.when(pl.col("vpolis") == 1).then(pl.col("st_okato")).alias("st_okato"),
        *(pl.when(~child).then(pl.col(name)).alias(name) for name in ("fam", "im", "ot")),
        *(pl.when(child).then(pl.col(name)).alias(name) for name in ("fam_p", "im_p", "ot_p", "w_p", "dr_p")),
        # The document tells who a person without ЕНП is; with one it is not needed and not sent.
        *(
            pl.when(enp.is_null()).then(pl.col(name)).alias(name)
            for name in ("mr", "doctype", "docser", "docnum", "docdate", "docorg")
        ),
        _row=pl.col("zap_row"), _parent=pl.col("zap_row"),
    )  # fmt: skip
    links = patient.select(pl.col("_person"), pl.col("_row").alias("_patient"), child.alias("_child"))
    dost = _reliability(links.filter(~pl.col("_child")), person.get("dost"), "dost")
    dost_p = _reliability(links.filter(pl.col("_child")), person.get("dost_p"), "dost_p")
    return patient, dost, dost_p


def _reliability(links: pl.DataFrame, rows: pl.DataFrame | None, name: str) -> pl.DataFrame:
    """DOST or DOST_P of the persons as rows below PACIENT."""
    if rows is None or not rows.height:
        return formats.empty_table(name, "main")
    return (
        links.join(rows.select(pl.col("_parent").alias("_person"), name), on="_person", how="inner", maintain_order="left_right")
        .rename({"_patient": "_parent"})
        .with_row_index("_row")
    )


def _sl(
    z_sl: pl.DataFrame, month_tables: Mapping[str, pl.DataFrame], patient: pl.DataFrame, notes: list[pl.DataFrame]
) -> pl.DataFrame:
    """Cases with the elements that an examination has not; `_row` stays the row of the month, `_parent` is the case_key."""
    age = periods.age_expr(pl.col("dr"), pl.col("date_z_1"))
    about = (
        z_sl.select("case_key", "usl_ok", "_exam", "letters", "date_z_1")
        .join(patient.select("case_key", "dr"), on="case_key", how="left", maintain_order="left")
        .with_columns((age < _exam("child_before")).fill_null(value=False).alias("_child"))
        .drop("dr", "date_z_1")
    )
    purpose = pl.DataFrame(
        [(letters, row.get("p_cel"), row.get("disp")) for letters, row in mapping()["purpose"].items()],
        schema={"letters": pl.String, "_p_cel": pl.String, "_disp": pl.Int64}, orient="row",
    )  # fmt: skip
    table = (
        about.join(
            month_tables["sl"].drop("case_key", "package", "usl_ok", "letters", strict=False),
            left_on="case_key", right_on="_parent", how="inner", maintain_order="left_right",
        )
        .join(purpose, on="letters", how="left", maintain_order="left")
        .join(_specialties(month_tables, "_sl"), left_on="_row", right_on="_sl", how="left", maintain_order="left")
        .with_columns(_parent=pl.col("case_key"))
    )  # fmt: skip
    exam = pl.col("_exam")
    table = table.with_columns(
        pl.when(exam).then("_p_cel").otherwise("p_cel").alias("p_cel"),
        pl.when(exam).then("_disp").otherwise("disp").alias("disp"),
        pl.when(exam).then(pl.col("_child").cast(pl.Int64)).otherwise(pl.col("det").fill_null(_usual("det"))).alias("det"),
        pl.when(exam).then("_prvs").otherwise("prvs").alias("prvs"),
        pl.col("ds_onk").fill_null(_usual("ds_onk")),
        pl.col("vers_spec").fill_null(_usual("vers_spec")),
        pl.when(pl.col("usl_ok").is_in([1, 2]))
        .then(pl.coalesce("kd", _stay("usl_ok", "date_1", "date_2") * _KD_UNIT))
        .alias("kd"),
    )
    table = _filled(table, "profil", _by_age("profil"), exam, "ZAP/Z_SL/SL/PROFIL", notes)
    table = _filled(table, "prvs", _by_age("prvs"), exam, "ZAP/Z_SL/SL/PRVS", notes)
    table = _filled(table, "ds1", pl.lit(_exam("ds1")), exam, "ZAP/Z_SL/SL/DS1", notes)
    long = table.filter(pl.col("metod_hmp") > _MOST_METHOD)
    if long.height:
        notes.append(_note("RF.3", "ZAP/Z_SL/SL/METOD_HMP", long, None))
    return table


def _by_age(name: str) -> pl.Expr:
    """The value of the map for a child or an adult."""
    values = mapping()["exam"][name]
    return pl.when(pl.col("_child")).then(pl.lit(values["child"])).otherwise(pl.lit(values["adult"])).cast(pl.Int64)


def _specialties(month_tables: Mapping[str, pl.DataFrame], by: str) -> pl.DataFrame:
    """The first specialty named: by service (`_usl`), or by case (`_sl`: of its first service that names one).

    Editions up to 3.1 state PRVS in USL, later ones in MR_USL_N.
    """
    usl = month_tables["usl"].select(pl.col("_row").alias("_usl"), pl.col("_parent").alias("_sl"), pl.col("prvs").alias("_own"))
    many = month_tables.get("mr_usl_n")
    if many is None:
        many = formats.empty_table("mr_usl_n", "main")
    first = (
        many.filter(pl.col("prvs").is_not_null()).sort("_parent", "mr_n", "_row", nulls_last=True)
        .unique("_parent", keep="first", maintain_order=True)
        .select(pl.col("_parent").alias("_usl"), pl.col("prvs").alias("_many"))
    )  # fmt: skip
    named = usl.join(first, on="_usl", how="left").select("_usl", "_sl", pl.coalesce("_own", "_many").alias("_prvs"))
    if by == "_usl":
        return named.select("_usl", "_prvs")
    known = named.filter(pl.col("_prvs").is_not_null()).sort("_sl", "_usl")
    return known.unique("_sl", keep="first", maintain_order=True).select("_sl", "_prvs")


def _usl(
    sl: pl.DataFrame, month_tables: Mapping[str, pl.DataFrame], service_names: Mapping[str, str], notes: list[pl.DataFrame]
) -> pl.DataFrame:
    """Services; those of an examination that were refused (P_OTK 1) have no place in R and are left out."""
    above = sl.select(
        pl.col("_row").alias("_sl"), "case_key", "_exam", pl.col("profil").alias("_profil"), pl.col("det").alias("_det"),
        pl.col("ds1").alias("_ds1"), pl.col("prvs").alias("_sl_prvs"),
    )  # fmt: skip
    done = month_tables["usl"].filter(pl.col("p_otk").fill_null(0) != 1).drop("case_key", "package", strict=False)
    codes = pl.Series("code_usl", list(service_names), dtype=pl.String)
    book = pl.DataFrame({"code_usl": codes, "_name": pl.Series(list(service_names.values()), dtype=pl.String)})
    table = (
        above.join(done, left_on="_sl", right_on="_parent", how="inner", maintain_order="left_right")
        .join(_specialties(month_tables, "_usl"), left_on="_row", right_on="_usl", how="left", maintain_order="left")
        .join(book, on="code_usl", how="left", maintain_order="left")
        .with_columns(
            pl.col("_sl").alias("_parent"),
            pl.coalesce("profil", "_profil").alias("profil"), pl.coalesce("det", "_det").alias("det"),
            pl.coalesce("ds", "_ds1").alias("ds"), pl.col("_prvs").alias("prvs"),
            pl.coalesce("_name", "code_usl").str.slice(0, _NAME_LENGTH).alias("usl"),
            pl.when(pl.col("_exam")).then(pl.col("kol_usl").fill_null(_usual("kol_usl"))).otherwise("kol_usl").alias("kol_usl"),
        )
    )  # fmt: skip
    return _filled(table, "prvs", pl.col("_sl_prvs"), pl.lit(value=True), "ZAP/Z_SL/SL/USL/PRVS", notes)


def _ds2(sl: pl.DataFrame, month_tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """DS2 of all registries: a leaf in H, T, C, a structure DS2_N in X."""
    parts = [
        month_tables[name].select("_parent", "ds2", pl.col("_row").alias("_order"))
        for name in ("ds2", "ds2_n")
        if name in month_tables and month_tables[name].height
    ]
    if not parts:
        return formats.empty_table("ds2", "main")
    rows = pl.concat(parts).join(sl.select(pl.col("_row").alias("_parent")), on="_parent", how="semi")
    return rows.filter(pl.col("ds2").is_not_null()).sort("_parent", "_order").drop("_order").with_row_index("_row")


def _below(month_tables: Mapping[str, pl.DataFrame], name: str, above: pl.DataFrame) -> pl.DataFrame:
    """Rows of table `name` that hang on rows of `above`."""
    table = month_tables.get(name)
    if table is None or not table.height:
        return formats.empty_table(name, "main")
    return table.join(above.select(pl.col("_row").alias("_parent")), on="_parent", how="semi").sort("_row")


def _tree(month_tables: Mapping[str, pl.DataFrame], sl: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The tables below SL that R has under the same names."""
    found: dict[str, pl.DataFrame] = {"sl": sl}
    for name, above in _BELOW.items():
        found[name] = _below(month_tables, name, found[above])
    del found["sl"]
    return found


def _os_sluch(z_sl: pl.DataFrame, patient: pl.DataFrame, month_tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """OS_SLUCH as billed, plus 2 where a patronymic is missing and the registry does not say so (formats.md 11)."""
    own = _below(month_tables, "os_sluch", z_sl).select("_parent", "os_sluch")
    name = pl.when(pl.col("novor") == "0").then("ot").otherwise("ot_p")
    without = patient.filter(name.is_null()).select(
        pl.col("case_key").alias("_parent"), pl.lit(2, dtype=pl.Int64).alias("os_sluch")
    )
    missing = without.join(own.filter(pl.col("os_sluch") == 2), on="_parent", how="anti")
    stated = own.join(without, on="_parent", how="semi").vstack(missing)
    newborn = own.join(without, on="_parent", how="anti").filter(pl.col("os_sluch") != 2)
    return stated.vstack(newborn).unique(maintain_order=True).sort("_parent", "os_sluch").with_row_index("_row")


def _sank(chosen: pl.DataFrame, sanctions: pl.DataFrame, sl: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sanctions of the place fund on cases that it pays in part: S_IST 1 (formats.md 12.1)."""
    rows = (
        sanctions.join(chosen.filter(pl.col("sank_it_kop") != 0).select("case_key"), on="case_key", how="semi")
        .sort("case_key", pl.col("s_sum") == 0, "s_code")
        .with_row_index("_row")
        .with_columns(_parent=pl.col("case_key"), s_ist=pl.lit(1, dtype=pl.Int64))
    )
    return rows, named_sub_cases(rows, sl)


def _assert_money(chosen: pl.DataFrame, sl: pl.DataFrame, sank: pl.DataFrame) -> None:
    """What is asked for is what was accepted, case by case and in all (law.md 10.4, 11)."""
    by_case = sl.group_by("case_key").agg(pl.col("sum_m").sum())
    off = chosen.join(by_case, on="case_key", how="left").filter(
        (pl.col("sumv_kop") != pl.col("sum_m")) | (pl.col("sump_kop") != pl.col("sumv_kop") - pl.col("sank_it_kop"))
    )
    assert not off.height, f"sums of {off.height} cases of file R do not agree"
    assert int(chosen["sump_kop"].sum()) == int(chosen["sumv_kop"].sum()) - int(sank["s_sum"].sum()), "SUMMAP of file R"


def _header(chosen: pl.DataFrame, sank: pl.DataFrame, bill: Bill, month: periods.Month) -> pl.DataFrame:
    """ZGLV and SCHET of the file."""

    def by_kind(kinds: tuple[int, ...]) -> int | None:
        return int(sank.filter(pl.col("s_tip").is_in(kinds))["s_sum"].sum() or 0) or None

    row = {
        "_row": 0, "version": formats.get(EDITION).version, "data": bill.data, "c_okato1": bill.c_okato1,
        "okato_oms": bill.okato_oms, "code": bill.code, "year": month.year, "month": month.month,
        "nschet": bill.nschet, "dschet": bill.dschet, "summav": int(chosen["sumv_kop"].sum()),
        "summap": int(chosen["sump_kop"].sum()),
        "sank_mek": by_kind(MEK), "sank_mee": by_kind(MEE), "sank_ekmp": by_kind(EKMP),
    }  # fmt: skip
    return pl.DataFrame([row], infer_schema_length=1)


def _conform(name: str, table: pl.DataFrame | None) -> pl.DataFrame:
    """Exactly the canonical columns of `name`, in its order."""
    if table is None:
        return formats.empty_table(name, "main")
    return table.select(
        pl.col(column).cast(kind) if column in table.columns else pl.lit(None, dtype=kind).alias(column)
        for column, kind in formats.canonical_columns(name, "main").items()
    )


def _counted(notes: list[pl.DataFrame], chosen: pl.DataFrame, bill: Bill) -> pl.DataFrame:
    """The notes as findings about records of file R, with the place in the registry in the parameters."""
    if not notes:
        return findings.empty()
    rows = (
        pl.concat(notes)
        .unique(maintain_order=True)
        .join(chosen.select("case_key", "n_zap", "idcase", "package"), on="case_key", how="inner")
    )
    return findings.concat([
        findings.conform(
            rows.select(
                "rule", "element", "value", "params", "n_zap", "idcase", pl.lit("case").alias("level"),
                pl.lit(bill.file_name).alias("package"), pl.lit(bill.file_name).alias("file"),
            )
        )
    ])  # fmt: skip
