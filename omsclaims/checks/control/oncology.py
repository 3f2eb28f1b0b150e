"""Does a case of cancer say what it must, and only that? (231n 1.4.3, 1.4.4; order 79, table D.4; Q015 003F.00.0770-1522.)

Looks at files C and, where the federal book does, at T. A malignancy is a diagnosis of the ranges of the rule on the date of care
(D45-D47 since 2021). ONK_SL has no table of its own: its single values lie on the sub-case, and it is there when any of them is.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.control.narrow import first_of, has, in_force, over
from omsclaims.checks.rules import Broken, Run, params_of, table

_KINDS: Final = ("C", "T")
_SL: Final = "ZAP/Z_SL/SL/"
_ONK: Final = _SL + "ONK_SL/"
_USL: Final = _ONK + "ONK_USL/"
_DIAG: Final = _ONK + "B_DIAG/"
#: Single values of ONK_SL: column of the sub-case -> element.
_OF_BLOCK: Final = ("ds1_t", "stad", "onk_t", "onk_n", "onk_m", "mtstz", "sod", "k_fr", "onk_wei", "hei", "bsa")
_AMBULANCE: Final = 4  # V006
_ADULT: Final = 18
_NO_SCHEME: Final = "нет"  # CODE_SH of children and of lymphoid and blood-forming tissue
#: USL_TIP, N013.
_SURGERY, _DRUGS, _RAYS, _BOTH = 1, 2, 3, 4
_HISTOLOGY, _MARKERS = 1, 2  # DIAG_TIP


def sub_cases(run: Run) -> pl.DataFrame:
    """Sub-cases of files C and T: own columns of oncology, those of the case, has_block, has_cons, referred, usl_rows."""
    return run.once("oncology", lambda: _sub_cases(run))


def _sub_cases(run: Run) -> pl.DataFrame:
    of_case = (
        run.view.case.lazy()
        .filter(pl.col("file_kind").is_in(_KINDS))
        .select("z_row", "file_kind", "usl_ok", "date_z_1", "date_z_2", "age")
        .collect()
    )
    rows = run.view.table("sl").select(
        pl.col("_row").alias("sl_row"), pl.col("_parent").alias("z_row"), "date_1", "date_2", "ds1", "c_zab", "reab", "ds_onk",
        *_OF_BLOCK,
    ).join(of_case, on="z_row", how="inner", maintain_order="left")  # fmt: skip
    services = run.view.table("usl").group_by(pl.col("_parent").alias("sl_row")).agg(usl_rows=pl.len().cast(pl.Int64))
    rows = rows.join(services, on="sl_row", how="left", maintain_order="left")
    named = pl.col("napr_date").is_not_null() | pl.col("napr_v").is_not_null()
    flags = {"b_diag": "has_diag", "b_prot": "has_prot", "onk_usl": "has_usl", "cons": "has_cons"}
    for name, flag in flags.items():
        rows = rows.join(has(run, name, "sl_row", flag), on="sl_row", how="left", maintain_order="left")
    rows = rows.join(has(run, "napr", "sl_row", "referred", named), on="sl_row", how="left", maintain_order="left")
    below = ("has_diag", "has_prot", "has_usl")
    return rows.with_columns(
        pl.col(*flags.values(), "referred").fill_null(value=False), pl.col("usl_rows").fill_null(0)
    ).with_columns(has_block=pl.any_horizontal(*(pl.col(name).is_not_null() for name in _OF_BLOCK), *below))


def treatments(run: Run) -> pl.DataFrame:
    """ONK_USL of files C and T: onk_row, own columns, has_drugs, and the columns of the sub-case; in order of their rows."""
    return run.once("oncology treatments", lambda: _treatments(run))


def _treatments(run: Run) -> pl.DataFrame:
    drugs = has(run, "onk_lek_pr", "onk_row", "has_drugs")
    own = ("usl_tip", "hir_tip", "lek_tip_l", "lek_tip_v", "luch_tip")
    rows = run.view.table("onk_usl").select(pl.col("_row").alias("onk_row"), pl.col("_parent").alias("sl_row"), *own)
    return (
        rows.join(sub_cases(run), on="sl_row", how="inner", maintain_order="left")
        .join(drugs, on="onk_row", how="left", maintain_order="left")
        .with_columns(pl.col("has_drugs").fill_null(value=False))
        .sort("onk_row")
    )


def drugs(run: Run) -> pl.DataFrame:
    """LEK_PR of oncology: drug_row, regnum, code_sh, and the columns of treatment and sub-case; in order of their rows."""
    return run.once("oncology drugs", lambda: _drugs(run))


def _drugs(run: Run) -> pl.DataFrame:
    rows = run.view.table("onk_lek_pr").select(
        pl.col("_row").alias("drug_row"), pl.col("_parent").alias("onk_row"), "regnum", "code_sh"
    )
    return rows.join(treatments(run), on="onk_row", how="inner", maintain_order="left").sort("drug_row")


def _malignant(parameters: Parameters) -> pl.Expr:
    return parameters.in_ranges("diagnoses", pl.col("ds1"))


def _in_c() -> pl.Expr:
    """Conditions that only file C has: not an ambulance call, not rehabilitation, not a mere suspicion."""
    here = (pl.col("usl_ok") != _AMBULANCE).fill_null(value=True) & (pl.col("reab") != 1).fill_null(value=True)
    return (pl.col("file_kind") != "C") | (here & (pl.col("ds_onk") == 0))


# ---------------------------------------------------------------- the block and its values


@over(sub_cases, "C200")
def no_block(parameters: Parameters) -> Broken:
    """An established malignancy without ONK_SL."""
    return Broken(_malignant(parameters) & _in_c() & ~pl.col("has_block"), params={"ds1": pl.col("ds1")})


@over(sub_cases, "C201")
def block_at_suspicion(parameters: Parameters) -> Broken:
    """ONK_SL of a case where cancer is only suspected."""
    return Broken((pl.col("ds_onk") == 1) & pl.col("has_block"), params={"ds1": pl.col("ds1")})


#: Column, element, book, its column with the diagnosis.
_STAGES: Final = (
    ("stad", "STAD", "N002", "ds_st"), ("onk_t", "ONK_T", "N003", "ds_t"), ("onk_n", "ONK_N", "N004", "ds_n"),
    ("onk_m", "ONK_M", "N005", "ds_m"),
)  # fmt: skip


@table("C202")
def stage_of_another_diagnosis(run: Run, rule: Rule) -> pl.DataFrame:
    """STAD, ONK_T, ONK_N or ONK_M is a code of the book, but of another diagnosis; a code that is not in the book is C220."""
    found = []
    rows = sub_cases(run).filter(pl.col("file_kind").is_in(rule.kinds))
    for column, tag, book, of_book in _STAGES:
        listed = run.books.require(book).rows.select(
            pl.col("code"), pl.col(of_book).cast(pl.String).fill_null("").alias("ds"), "valid_from", "valid_to"
        )
        asked = rows.select("sl_row", "ds1", "date_2", pl.col(column).cast(pl.String).alias("value")).drop_nulls()
        wrong = _of_another(asked, listed)
        params = params_of({"ds1": pl.col("ds1"), "book": pl.lit(book)})
        found.append(wrong.select("sl_row", pl.lit(_ONK + tag).alias("element"), "value", params.alias("params")))
    return pl.concat(found)


def _of_another(asked: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Rows of `asked` (sl_row, ds1, date_2, value) whose code the book gives to other diagnoses.

    The book lists codes for a diagnosis, for its category, or for all that it does not name: the nearest that has any counts.
    """
    pairs = asked.select("ds1", "date_2", "value").unique(maintain_order=True)
    known = in_force(pairs.join(listed.rename({"code": "value"}), on="value", how="inner"), "date_2")
    near = {"2": pl.col("ds1"), "1": pl.col("ds1").str.head(3), "0": pl.lit("")}
    best = [
        in_force(
            pairs.select("ds1", "date_2").unique().with_columns(key.alias("ds")).join(listed.drop("code"), on="ds", how="inner"),
            "date_2",
        )
        .select("ds1", "date_2", "ds", pl.lit(int(rank)).alias("rank"))
        .unique()
        for rank, key in near.items()
    ]
    right = pl.concat(best).sort("ds1", "date_2", "rank").unique(["ds1", "date_2"], keep="last", maintain_order=True)
    fits = known.join(right, on=["ds1", "date_2", "ds"], how="semi").select("ds1", "date_2", "value").unique()
    doubtful = known.select("ds1", "date_2", "value").unique().join(fits, on=["ds1", "date_2", "value"], how="anti")
    judged = doubtful.join(right.select("ds1", "date_2"), on=["ds1", "date_2"], how="semi")
    return asked.join(judged, on=["ds1", "date_2", "value"], how="semi", maintain_order="left")


@over(sub_cases, "C203")
def no_tumour_node_metastasis(parameters: Parameters) -> Broken:
    """First treatment of an adult without ONK_T, ONK_N or ONK_M; of children and at other reasons nothing is asked."""
    asked = (pl.col("ds1_t") == 0) & (pl.col("age") >= parameters.number("adult_years"))
    return first_of(*((asked & pl.col(name).is_null(), _ONK + name.upper(), None) for name in ("onk_t", "onk_n", "onk_m")))


@over(sub_cases, "C242")
def metastases_at_other_reasons(parameters: Parameters) -> Broken:
    """MTSTZ, and the reason is neither relapse nor progression."""
    relapse = parameters.among("reasons", pl.col("ds1_t")).fill_null(value=False)
    return Broken(pl.col("mtstz").is_not_null() & ~relapse, params={"ds1_t": pl.col("ds1_t")})


@over(sub_cases, "C237")
def no_character_of_disease(parameters: Parameters) -> Broken:
    """A malignancy without C_ZAB; ambulance calls need none."""
    call = (pl.col("usl_ok") == _AMBULANCE).fill_null(value=False) & (pl.col("file_kind") == "C")
    return Broken(_malignant(parameters) & ~call & pl.col("c_zab").is_null(), params={"ds1": pl.col("ds1")})


@over(sub_cases, "C215")
def no_referral_at_suspicion(parameters: Parameters) -> Broken:
    """Cancer is suspected and there is no referral with a day or a kind."""
    return Broken((pl.col("ds_onk") == 1) & ~pl.col("referred"), params={"ds1": pl.col("ds1")})


# ---------------------------------------------------------------- consilium, diagnostics, refusals


@table("C205")
def no_consilium(run: Run, rule: Rule) -> pl.DataFrame:
    """No CONS at a malignancy (in T at a suspicion as well), or one that was held and has no day."""
    rows = sub_cases(run).filter(pl.col("file_kind").is_in(rule.kinds))
    needed = _malignant(rule.parameters) | ((pl.col("ds_onk") == 1) & (pl.col("file_kind") == "T"))
    absent = rows.filter(needed.fill_null(value=False) & ~pl.col("has_cons"))
    held = run.view.table("cons").select(pl.col("_parent").alias("sl_row"), "pr_cons", "dt_cons")
    held = held.join(rows.select("sl_row", "ds1", "date_z_2"), on="sl_row", how="inner", maintain_order="left")
    undated = held.filter(rule.parameters.among("held", pl.col("pr_cons")) & pl.col("dt_cons").is_null()).unique(
        "sl_row", keep="first", maintain_order=True
    )
    parts = ((absent, _SL + "CONS"), (undated, _SL + "CONS/DT_CONS"))
    params = params_of({"ds1": pl.col("ds1")}).alias("params")
    return pl.concat([found.select("sl_row", pl.lit(path).alias("element"), params) for found, path in parts])


@table("C204")
def wrong_diagnostics(run: Run, rule: Rule) -> pl.DataFrame:
    """B_DIAG: a code that is not in its book or not one of the diagnosis, a result of another indicator."""
    own = run.view.table("b_diag").select(
        pl.col("_row").alias("diag_row"), pl.col("_parent").alias("sl_row"), "diag_tip", pl.col("diag_code").cast(pl.String),
        pl.col("diag_rslt").cast(pl.String),
    )  # fmt: skip
    cases = sub_cases(run).filter(pl.col("file_kind").is_in(rule.kinds)).select("sl_row", "ds1", "date_2")
    rows = own.join(cases, on="sl_row", how="inner", maintain_order="left").sort("diag_row")
    found = [
        _wrong_diagnostics(run, rows.filter(pl.col("diag_tip") == kind), books)
        for kind, books in ((_HISTOLOGY, ("N007", "N009", "N008", "mrf")), (_MARKERS, ("N010", "N012", "N011", "igh")))
    ]
    return pl.concat(found).unique(["sl_row", "element"], keep="first", maintain_order=True)


def _wrong_diagnostics(run: Run, rows: pl.DataFrame, books: tuple[str, str, str, str]) -> pl.DataFrame:
    """Rows of one kind of indicator against its books: codes, codes by diagnosis, results by code."""
    codes, by_diagnosis, results, name = books
    known = run.books.require(codes).known(rows["diag_code"], rows["date_2"])
    listed = run.books.require(by_diagnosis).rows.select(
        pl.col(f"ds_{name}").alias("ds"), pl.col(f"id_{name}").cast(pl.String).alias("diag_code"), "valid_from", "valid_to"
    )
    both = rows.select("ds1", "date_2").drop_nulls().unique()
    both = pl.concat([both.with_columns(ds=pl.col("ds1")), both.with_columns(ds=pl.col("ds1").str.head(3))]).unique()
    asked = in_force(both.join(listed, on="ds", how="inner"), "date_2")
    named = asked.select("ds1", "date_2", named=pl.lit(value=True)).unique()
    fits = asked.select("ds1", "date_2", "diag_code", fits=pl.lit(value=True)).unique()
    of_results = run.books.require(results).rows.select(
        pl.col("code").alias("diag_rslt"), pl.col(f"id_{name}").cast(pl.String).alias("of_code"), "valid_from", "valid_to"
    )
    pairs = in_force(
        rows.select("date_2", "diag_rslt").drop_nulls().unique().join(of_results, on="diag_rslt", how="inner"), "date_2"
    )
    belongs = pairs.select("date_2", "diag_rslt", pl.col("of_code").alias("diag_code"), belongs=pl.lit(value=True)).unique()
    judged = (
        rows.with_columns(known=known)
        .join(named, on=["ds1", "date_2"], how="left", maintain_order="left")
        .join(fits, on=["ds1", "date_2", "diag_code"], how="left", maintain_order="left")
        .join(belongs, on=["date_2", "diag_rslt", "diag_code"], how="left", maintain_order="left")
    )
    unknown = ~pl.col("known")
    other = pl.col("named").fill_null(value=False) & pl.col("fits").is_null() & pl.col("diag_code").is_not_null()
    result = pl.col("diag_rslt").is_not_null() & pl.col("diag_code").is_not_null() & pl.col("belongs").is_null()
    broken = first_of(
        (unknown | other, _DIAG + "DIAG_CODE", pl.col("diag_code")), (result, _DIAG + "DIAG_RSLT", pl.col("diag_rslt"))
    )
    assert broken.element is not None and broken.value is not None
    params = {"ds1": pl.col("ds1"), "diag_tip": pl.col("diag_tip"), "diag_code": pl.col("diag_code")}
    return judged.filter(broken.where).select(
        "sl_row", broken.element.alias("element"), broken.value.alias("value"), params_of(params).alias("params")
    )


@table("C214")
def refusal_after_the_end(run: Run, rule: Rule) -> pl.DataFrame:
    """A contraindication or refusal registered after the last day of the sub-case."""
    cases = sub_cases(run).filter(pl.col("file_kind").is_in(rule.kinds)).select("sl_row", "date_2")
    rows = run.view.table("b_prot").select(pl.col("_parent").alias("sl_row"), "d_prot")
    late = rows.join(cases, on="sl_row", how="inner").filter(pl.col("d_prot") > pl.col("date_2")).sort("sl_row", "d_prot")
    return late.unique("sl_row", keep="last", maintain_order=True).select(
        "sl_row", pl.col("d_prot").cast(pl.String).alias("value"), params_of({"date_2": pl.col("date_2")}).alias("params")
    )


# ---------------------------------------------------------------- treatment


@table("C206")
def surgery_without_operation(run: Run, rule: Rule) -> pl.DataFrame:
    """USL_TIP 1 without HIR_TIP, or with no operation among the services."""
    rows = treatments(run).filter((pl.col("usl_tip") == _SURGERY) & pl.col("file_kind").is_in(rule.kinds))
    code = pl.concat_str(pl.col("vid_vme", "code_usl").fill_null(""), separator=" ")
    begins = "|".join(rf"(^| ){prefix}\." for prefix in rule.parameters.latest("operations"))
    usl = run.view.table("usl").select(pl.col("_parent").alias("sl_row"), code.alias("code"))
    done = usl.join(rows.select("sl_row").unique(), on="sl_row", how="semi").filter(pl.col("code").str.contains(begins))
    judged = rows.join(
        done.select("sl_row", operated=pl.lit(value=True)).unique(), on="sl_row", how="left", maintain_order="left"
    )
    broken = first_of((pl.col("hir_tip").is_null(), _USL + "HIR_TIP", None), (pl.col("operated").is_null(), _SL + "USL", None))
    assert broken.element is not None
    found = judged.filter(broken.where).select(
        "sl_row", broken.element.alias("element"), params_of({"ds1": pl.col("ds1")}).alias("params")
    )
    return found.unique(["sl_row", "element"], keep="first", maintain_order=True)


@over(treatments, "C207")
def drug_therapy_without_drugs(parameters: Parameters) -> Broken:
    """USL_TIP 2 without line or cycle; USL_TIP 2 or 4 without a drug."""
    drug = pl.col("usl_tip") == _DRUGS
    return first_of(
        (drug & pl.col("lek_tip_l").is_null(), _USL + "LEK_TIP_L", None),
        (drug & pl.col("lek_tip_v").is_null(), _USL + "LEK_TIP_V", None),
        (pl.col("usl_tip").is_in([_DRUGS, _BOTH]) & ~pl.col("has_drugs"), _USL + "LEK_PR", None),
    )


@over(treatments, "C208")
def radiotherapy_without_dose(parameters: Parameters) -> Broken:
    """USL_TIP 3 or 4 without its kind, dose or number of fractions."""
    rays = pl.col("usl_tip").is_in([_RAYS, _BOTH])
    return first_of(
        (rays & pl.col("luch_tip").is_null(), _USL + "LUCH_TIP", None), (rays & pl.col("sod").is_null(), _ONK + "SOD", None),
        (rays & pl.col("k_fr").is_null(), _ONK + "K_FR", None),
    )  # fmt: skip


@over(treatments, "C243")
def fields_of_another_treatment(parameters: Parameters) -> Broken:
    """HIR_TIP, LEK_TIP_L, LEK_TIP_V or LUCH_TIP beside a treatment that is of another kind."""
    kinds = {"hir_tip": [_SURGERY], "lek_tip_l": [_DRUGS], "lek_tip_v": [_DRUGS], "luch_tip": [_RAYS, _BOTH]}
    broken = first_of(
        *(
            (
                pl.col(name).is_not_null() & pl.col("usl_tip").is_not_null() & ~pl.col("usl_tip").is_in(own),
                _USL + name.upper(),
                pl.col(name),
            )
            for name, own in kinds.items()
        )
    )
    return Broken(broken.where, broken.value, broken.element, {"usl_tip": pl.col("usl_tip")})


@over(treatments, "C211")
def no_weight_or_height(parameters: Parameters) -> Broken:
    """Drug therapy without WEI, HEI or BSA, or with a height that no person has."""
    drug = parameters.among("treatments", pl.col("usl_tip"))
    low, high = parameters.number("lowest_cm"), parameters.number("highest_cm")
    return first_of(
        (drug & pl.col("onk_wei").is_null(), _ONK + "WEI", None), (drug & pl.col("hei").is_null(), _ONK + "HEI", None),
        (drug & pl.col("bsa").is_null(), _ONK + "BSA", None),
        ((pl.col("hei") < low) | (pl.col("hei") > high), _ONK + "HEI", pl.col("hei")),
    )  # fmt: skip


def _needs_services(parameters: Parameters) -> pl.Expr:
    return _malignant(parameters) & parameters.allowed("treatments", pl.col("file_kind"), pl.col("usl_tip"))


@over(treatments, "C239")
def treatment_without_services(parameters: Parameters) -> Broken:
    """Surgery, rays or diagnostics of a malignancy and not one service."""
    return Broken(_needs_services(parameters) & (pl.col("usl_rows") == 0), params={"usl_tip": pl.col("usl_tip")})


@table("C240")
def service_without_code(run: Run, rule: Rule) -> pl.DataFrame:
    """A service of such a sub-case without VID_VME."""
    rows = treatments(run).filter(_needs_services(rule.parameters).fill_null(value=False))
    usl = run.view.table("usl").select(pl.col("_row").alias("usl_row"), pl.col("_parent").alias("sl_row"), "vid_vme")
    tips = rows.group_by("sl_row").agg(pl.col("usl_tip").min())
    bare = usl.filter(pl.col("vid_vme").is_null()).join(tips, on="sl_row", how="inner", maintain_order="left")
    return bare.select("usl_row", params_of({"usl_tip": pl.col("usl_tip")}).alias("params"))


# ---------------------------------------------------------------- drugs


def _solid(parameters: Parameters) -> pl.Expr:
    """An adult with a tumour that has schemes: not of lymphoid or blood-forming tissue."""
    return (pl.col("age") >= parameters.number("adult_years")) & parameters.in_ranges("diagnoses", pl.col("ds1"))


@table("C209")
def scheme_that_is_none(run: Run, rule: Rule) -> pl.DataFrame:
    """CODE_SH of an adult is not in V024 on DATE_2, or is no code of schemes of the treatment (USL_TIP)."""
    rows = drugs(run).filter(pl.col("file_kind").is_in(rule.kinds) & _solid(rule.parameters).fill_null(value=False))
    rows = rows.filter(pl.col("code_sh").is_not_null())
    known = run.books.require("V024").known(rows["code_sh"], rows["date_2"])
    letters = pl.col("code_sh").str.extract("^([a-z]+)")
    fits = rule.parameters.allowed("prefixes", pl.col("usl_tip"), letters)
    wrong = rows.with_columns(known=known).filter(~pl.col("known").fill_null(value=True) | ~fits.fill_null(value=True))
    return _of_drugs(wrong, pl.col("code_sh"), {"usl_tip": pl.col("usl_tip"), "ds1": pl.col("ds1")})


@over(drugs, "C241")
def scheme_where_there_is_none(parameters: Parameters) -> Broken:
    """CODE_SH is another text than `нет` for a child or a tumour of lymphoid or blood-forming tissue."""
    without = (pl.col("age") < parameters.number("adult_years")) | parameters.in_ranges("diagnoses", pl.col("ds1"))
    params = {"age": pl.col("age"), "ds1": pl.col("ds1")}
    return Broken(without & (pl.col("code_sh").str.to_lowercase() != _NO_SCHEME), value=pl.col("code_sh"), params=params)


@table("C212")
def drug_outside_the_scheme(run: Run, rule: Rule) -> pl.DataFrame:
    """REGNUM is none of the drugs that N021 lists for the scheme on DATE_2; a scheme that it does not list is not judged."""
    rows = drugs(run).filter(pl.col("file_kind").is_in(rule.kinds)).drop_nulls(["code_sh", "regnum", "date_2"])
    listed = run.books.require("N021").rows.select(
        "code_sh", pl.col("id_lekp").cast(pl.String).alias("regnum"), "valid_from", "valid_to"
    )
    schemes = in_force(rows.select("code_sh", "date_2").unique().join(listed, on="code_sh", how="inner"), "date_2")
    known = rows.join(schemes.select("code_sh", "date_2").unique(), on=["code_sh", "date_2"], how="semi", maintain_order="left")
    wrong = known.join(
        schemes.select("code_sh", "date_2", "regnum").unique(),
        on=["code_sh", "date_2", "regnum"],
        how="anti",
        maintain_order="left",
    )
    return _of_drugs(wrong, pl.col("regnum"), {"code_sh": pl.col("code_sh")})


def _of_drugs(rows: pl.DataFrame, value: pl.Expr, params: dict[str, pl.Expr]) -> pl.DataFrame:
    """One finding a sub-case and value."""
    found = rows.select("sl_row", value.alias("value"), params_of(params).alias("params"))
    return found.unique(["sl_row", "value"], keep="first", maintain_order=True)


@table("C210")
def injection_outside_the_case(run: Run, rule: Rule) -> pl.DataFrame:
    """DATE_INJ before the first or after the last day of the sub-case; the first such day is named."""
    days = [
        run.view.table(name).select(pl.col("_parent").alias("drug_row"), "date_inj").drop_nulls() for name in ("date_inj", "inj")
    ]
    of_case = drugs(run).filter(pl.col("file_kind").is_in(rule.kinds)).select("drug_row", "sl_row", "date_1", "date_2")
    rows = pl.concat(days).join(of_case, on="drug_row", how="inner")
    outside = (pl.col("date_inj") < pl.col("date_1")) | (pl.col("date_inj") > pl.col("date_2"))
    first = rows.filter(outside).sort("sl_row", "date_inj").unique("sl_row", keep="first", maintain_order=True)
    params = {"date_1": pl.col("date_1"), "date_2": pl.col("date_2")}
    return first.select("sl_row", pl.col("date_inj").cast(pl.String).alias("value"), params_of(params).alias("params"))
