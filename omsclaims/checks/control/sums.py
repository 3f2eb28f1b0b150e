"""Do the sums of the registry add up? (231n 1.4.3, 1.4.5; Q015 006F.00.0370-0570; formats.md 9.3.) All in kopecks."""

from __future__ import annotations

from typing import Final

import polars as pl

from omsclaims import money
from omsclaims.checks.catalogue import Parameters, Rule
from omsclaims.checks.rules import Broken, Run, decimal, on, params_of, roubles, table

_PAID, _REFUSED, _PARTLY = 1, 2, 3  # F005
_DECIMALS: Final = 4  # KOL_USL has two decimals and roubles have two


@on("C095")
def case_is_not_its_parts(parameters: Parameters) -> Broken:
    """SUMV is the sum of SUM_M; silent where a part could not be read."""
    where = (pl.col("sumv") != pl.col("sl_sum")) & pl.col("sl_sums_known")
    return Broken(where, value=roubles(pl.col("sumv")), params={"expected": roubles(pl.col("sl_sum"))})


@on("C096")
def sub_case_is_not_its_services(parameters: Parameters) -> Broken:
    """Where services are paid one by one SUM_M is the sum of SUMV_USL."""
    differs = (pl.col("sum_m") != pl.col("usl_sum")) & pl.col("usl_sums_known")
    where = parameters.among("payment", pl.col("idsp")) & differs
    return Broken(where, value=roubles(pl.col("sum_m")), params={"expected": roubles(pl.col("usl_sum"))})


@on("C098")
def tariff_above_the_sum(parameters: Parameters) -> Broken:
    """Outside stays a tariff is not more than the amount; a check-up has no USL_OK and is outside stays, too."""
    stay = parameters.among("conditions", pl.col("usl_ok")).fill_null(value=False)
    where = ~stay & (pl.col("tarif") > pl.col("sum_m")) & (pl.col("sum_m") > 0)
    return Broken(where, value=roubles(pl.col("tarif")), params={"sum_m": roubles(pl.col("sum_m"))})


@table("C109")
def service_is_not_quantity_times_tariff(run: Run, rule: Rule) -> pl.DataFrame:
    """SUMV_USL is KOL_USL x TARIF, exactly, rounded half up to the kopeck."""
    paid = run.view.usl.filter(rule.parameters.among("payment", pl.col("idsp")))
    rows = paid.select("usl_row", "kol_usl", "tarif", "sumv_usl").drop_nulls()
    # Negative values are the reader's finding (S.903); a product no registry can hold differs from any sum.
    rows = rows.filter((pl.col("kol_usl") >= 0) & (pl.col("tarif") >= 0))
    huge = pl.col("tarif") > money.MAX_KOPECKS * 100 // pl.max_horizontal(pl.col("kol_usl"), pl.lit(1))
    priced = rows.filter(~huge)
    product = money.exact_amounts([money.Term((priced["kol_usl"].to_numpy(), priced["tarif"].to_numpy()), _DECIMALS)])
    wrong = priced.with_columns(pl.Series("product", product, dtype=pl.Int64)).filter(pl.col("product") != pl.col("sumv_usl"))
    wrong = pl.concat([wrong, rows.filter(huge).with_columns(product=pl.lit(None, dtype=pl.Int64))])
    params = {
        "quantity": decimal(pl.col("kol_usl"), 2), "tariff": roubles(pl.col("tarif")), "expected": roubles(pl.col("product")),
    }  # fmt: skip
    return wrong.select("usl_row", roubles(pl.col("sumv_usl")).alias("value"), params_of(params).alias("params"))


@on("C115")
def complexity_without_codes(parameters: Parameters) -> Broken:
    """The total of the complexity coefficients and their list stand together or not at all."""
    return Broken(pl.col("it_sl").is_not_null() ^ pl.col("has_koef"), value=decimal(pl.col("it_sl"), 5))


# ---------------------------------------------------------------- quantities


@table("C103")
def nothing_counted(run: Run, rule: Rule) -> list[tuple[str, pl.DataFrame]]:
    """Paid by visits without their number, or by services without the number of one of them."""
    parameters = rule.parameters
    outpatient = parameters.among("conditions", pl.col("usl_ok")) & pl.col("file_kind").is_in(rule.kinds)
    visits = parameters.among("visits", pl.col("idsp")) & (pl.col("ed_col").fill_null(0) == 0)
    services = parameters.among("services", pl.col("idsp")) & (pl.col("kol_usl").fill_null(0) == 0)
    params = params_of({"idsp": pl.col("idsp")}).alias("params")
    of_sl = (
        run.view.sl.lazy()
        .filter(outpatient & visits)
        .select("sl_row", decimal(pl.col("ed_col"), 2).alias("value"), params)
        .collect()
    )
    of_usl = (
        run.view.usl.lazy()
        .filter(outpatient & services)
        .select(
            "usl_row", decimal(pl.col("kol_usl"), 2).alias("value"), pl.lit("ZAP/Z_SL/SL/USL/KOL_USL").alias("element"), params
        )
        .collect()
    )
    return [("sl", of_sl), ("usl", of_usl)]


@on("C104")
def units_are_not_the_services(parameters: Parameters) -> Broken:
    """Paid by services ED_COL is the number of blocks USL; dentistry counts in units of its own."""
    where = (
        parameters.among("conditions", pl.col("usl_ok"))
        & parameters.among("payment", pl.col("idsp"))
        & ~parameters.among("other_profiles", pl.col("profil")).fill_null(value=False)
        & (pl.col("ed_col") != pl.col("usl_rows") * 100)
    )
    return Broken(where, value=decimal(pl.col("ed_col"), 2), params={"services": pl.col("usl_rows")})


@on("C105")
def refused_check_up_billed(parameters: Parameters) -> Broken:
    """Who refused the check-up has nothing billed."""
    return Broken((pl.col("p_otk") == 1) & (pl.col("sumv") != 0), value=roubles(pl.col("sumv")))


@on("C106")
def priced_service_in_a_stay(parameters: Parameters) -> Broken:
    """A service inside a stay has a price of its own although it is no dialysis."""
    dialysis = pl.any_horizontal(
        pl.col(name).str.starts_with(parameters.latest("priced")).fill_null(value=False) for name in ("code_usl", "vid_vme")
    )
    where = parameters.among("conditions", pl.col("usl_ok")) & (pl.col("sumv_usl") != 0) & ~dialysis
    return Broken(where, value=roubles(pl.col("sumv_usl")), params={"code_usl": pl.col("code_usl")})


# ---------------------------------------------------------------- what the payer writes


@on("C097")
def nothing_billed(parameters: Parameters) -> Broken:
    """Between territories a case of no money is not billed."""
    return Broken(pl.col("sumv") <= 0, value=roubles(pl.col("sumv")))


@on("C099")
def accepted_is_not_what_is_left(parameters: Parameters) -> Broken:
    """SUMP is SUMV without SANK_IT, and OPLATA says which of them is nothing: 1 paid, 2 refused, 3 paid in part."""
    paid, billed, taken = pl.col("sump"), pl.col("sumv"), pl.col("sank_it")
    wrong = (
        (paid != billed - taken).fill_null(value=False)
        | ((pl.col("oplata") == _PAID) & ((paid != billed).fill_null(value=False) | (taken != 0).fill_null(value=False)))
        | ((pl.col("oplata") == _REFUSED) & ((paid != 0).fill_null(value=False) | (taken != billed).fill_null(value=False)))
        | ((pl.col("oplata") == _PARTLY) & ((taken <= 0) | (taken >= billed)).fill_null(value=False))
    )
    params = {"oplata": pl.col("oplata"), "sumv": roubles(billed), "sank_it": roubles(taken)}
    return Broken(wrong.fill_null(value=False), value=roubles(paid), params=params)


@table("C100")
def total_is_not_the_largest(run: Run, rule: Rule) -> pl.DataFrame:
    """SANK_IT is the largest of the sanctions of the case, not their sum: one ground stands."""
    largest = run.view.table("sank").group_by(pl.col("_parent").alias("z_row")).agg(largest=pl.col("s_sum").max())
    cases = run.view.cases("sank_it").join(largest.drop_nulls("largest"), on="z_row", how="inner", maintain_order="left")
    bad = cases.filter(pl.col("sank_it") != pl.col("largest"))
    params = params_of({"largest": roubles(pl.col("largest"))})
    return bad.select("z_row", roubles(pl.col("sank_it")).alias("value"), params.alias("params"))


@table("C101")
def sanctions_of_the_invoice(run: Run, rule: Rule) -> pl.DataFrame:
    """Each sum of sanctions of the header is that of the rows SANK of its kind of control; one that is not stated is silent."""
    of_case = run.view.cases("package")
    rows = run.view.table("sank").select(pl.col("_parent").alias("z_row"), "s_tip", "s_sum")
    placed = rows.join(of_case, on="z_row", how="inner", maintain_order="left")
    found = []
    for column, ranges in rule.parameters.latest("kinds").items():
        of_kind = pl.any_horizontal([pl.col("s_tip").is_between(low, high) for low, high in ranges])
        sums = placed.filter(of_kind).group_by("package").agg(counted=pl.col("s_sum").sum())
        files = run.view.files.select("package", pl.col(column).alias("said")).drop_nulls()
        counted = files.join(sums, on="package", how="left", maintain_order="left").with_columns(pl.col("counted").fill_null(0))
        bad = counted.filter(pl.col("said") != pl.col("counted"))
        params = params_of({"expected": roubles(pl.col("counted"))})
        found.append(
            bad.select(
                "package",
                roubles(pl.col("said")).alias("value"),
                pl.lit(f"SCHET/{column.upper()}").alias("element"),
                params.alias("params"),
            )
        )
    return pl.concat(found)


@on("C102")
def accepted_of_the_invoice(parameters: Parameters) -> Broken:
    """SUMMAP is SUMMAV without the sanctions of the header; a sum that is not stated is none."""
    taken = pl.sum_horizontal(pl.col("sank_mek", "sank_mee", "sank_ekmp"))
    left = pl.col("summav") - taken
    return Broken(pl.col("summap") != left, value=roubles(pl.col("summap")), params={"expected": roubles(left)})


@table("C250")
def half_a_sanction(run: Run, rule: Rule) -> pl.DataFrame:
    """A sanction of money without its sub-case or its ground, or one of an expertise without the expert; the first is told."""
    cases = run.view.cases("date_z_2")
    rows = run.view.table("sank").select(
        pl.col("_row").alias("row"), pl.col("_parent").alias("z_row"), "s_code", "s_sum", "s_tip", "s_osn"
    )
    rows = rows.join(cases, on="z_row", how="inner", maintain_order="left")
    placed = run.view.table("sank_sl_id").select(pl.col("_parent").alias("row")).unique().with_columns(placed=pl.lit(value=True))
    experts = run.view.table("code_exp").select(pl.col("_parent").alias("row")).unique().with_columns(expert=pl.lit(value=True))
    known = rows.join(placed, on="row", how="left", maintain_order="left").join(
        experts, on="row", how="left", maintain_order="left"
    )
    money = (pl.col("s_sum") != 0).fill_null(value=False)
    expertise = (pl.col("s_tip") >= rule.parameters.number("expertise_from")).fill_null(value=False)
    element = (
        pl.when(money & pl.col("placed").is_null()).then(pl.lit("ZAP/Z_SL/SANK/SL_ID"))
        .when(money & pl.col("s_osn").is_null()).then(pl.lit("ZAP/Z_SL/SANK/S_OSN"))
        .when(expertise & pl.col("expert").is_null()).then(pl.lit("ZAP/Z_SL/SANK/CODE_EXP"))
    )  # fmt: skip
    bad = (
        known.with_columns(element=element)
        .drop_nulls("element")
        .sort("z_row", "row")
        .unique("z_row", keep="first", maintain_order=True)
    )
    return bad.select("z_row", "element", params_of({"s_code": pl.col("s_code")}).alias("params"))
