"""What does control take from each case? One ground stands; the decision and its sanctions follow (law.md 10.2-10.4).

`checks` only finds. Here a finding that carries a ground (F014) becomes non-payment: `N = RT x K_NO`, RT the billed amount of the
case, K_NO of the ground on the date of care. Several grounds are not added: the largest N stands, compared in kopecks; of equal
ones the smaller number, compared part by part (1.4.1 < 1.10.1), then the rule whose id is smaller. An agreement may add them,
up to the amount of the case, instead (`several_grounds: sum_capped`). What an earlier pass refused stays refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract
from omsclaims.contract import PACKAGE_SHIFT
from omsclaims.law import terms as law_terms
from omsclaims.money import Term, exact_amounts
from omsclaims.nsi import Books, built_in_books

if TYPE_CHECKING:
    from omsclaims.context import Context

#: F005: how a case is paid.
PAID, REFUSED, PARTLY = 1, 2, 3
#: Coefficients are units of 0.00001 (contract).
WHOLE: Final = 100_000
_ROW_IN_PACKAGE: Final = (1 << PACKAGE_SHIFT) - 1
#: Length of NUM_ACT and of the shortest S_CODE among the formats.
NUM_ACT_LENGTH: Final = 30
S_CODE_LENGTH: Final = 30
#: Kind of control: МЭК (F006), the only one of this module.
MEK_KIND: Final = "mek"
#: Source of the sanction: the payer's own control (S_IST).
OWN_CONTROL: Final = 1

_GROUND_SCHEMA: Final = {
    "case_key": pl.Int64(), "code": pl.String(), "rule": pl.String(), "sl_id": pl.String(), "kod": pl.Int64(),
    "k_no5": pl.Int64(), "non_payment_kop": pl.Int64(), "rank": pl.Int64(),
}  # fmt: skip


def decide(
    findings: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    context: Context,
    pass_name: str,
    before: pl.DataFrame | None,
) -> pl.DataFrame:
    """Decisions on all cases after one pass of control: contract table `decisions`, in the order of case_key.

    findings   of this pass; those without a code refuse nothing. A finding about a file refuses every case of the package (or
               none, when the agreement says `cases_only`), one about a record or a person every case of it
    tables     cases
    pass_name  of the pass, kept with the cases that it refuses
    before     decisions of the passes before, or None; they stand
    Source: law.md 10.2-10.4. Asserts the closed algebra of OPLATA, SANK_IT and SUMP.
    """
    cases = tables["cases"]
    standing = _standing(grounds(findings, tables, context), cases, context)
    if before is None:
        decided = _decision_of(cases, standing, pass_name)
    else:  # only what was to be paid so far, and has a ground now, is decided anew
        asked = before.filter(pl.col("oplata") == PAID).join(standing, on="case_key", how="semi").select("case_key")
        anew = _decision_of(cases.join(asked, on="case_key", how="semi"), standing, pass_name)
        decided = pl.concat([before.join(asked, on="case_key", how="anti"), anew]) if anew.height else before
    decided = contract.check("decisions", decided.sort("case_key"))
    _assert_algebra(decided)
    return decided


def refused(decisions: pl.DataFrame) -> pl.DataFrame:
    """Cases refused whole so far: contract table `refused`, what later passes leave out."""
    return contract.check(
        "refused", decisions.filter(pl.col("oplata") == REFUSED).select("case_key", "ground_code").sort("case_key")
    )


def sanctions(
    findings: pl.DataFrame, decisions: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context
) -> pl.DataFrame:
    """Rows SANK of the cases that control found something in: contract table `sanctions`, sorted by case and row.

    findings  of all passes together; each distinct ground of a case is one row, the one that stands bears the money, the others 0
    tables    cases
    Acts: one a package, dated on the working day that the parameter names after the later of the month's end and the file's date.
    S_COM names the rule only. Σ S_SUM of a case = SANK_IT (law.md 10.4), asserted.
    """
    cases = tables["cases"]
    found = grounds(findings, tables, context)
    rows = (
        found.sort("case_key", "code", "rule", "sl_id", nulls_last=True)
        .unique(["case_key", "code"], keep="first", maintain_order=True)
        .join(decisions.select("case_key", "sank_it_kop", "ground_code"), on="case_key", how="inner")
        .join(cases.select("case_key", "package", "data"), on="case_key", how="left")
    )
    acts = _acts(rows, context)
    kind = _control_kind(context)
    row_in_package = pl.col("case_key") & pl.lit(_ROW_IN_PACKAGE)
    keys = rows.select(text=pl.concat_str(["package", row_in_package.cast(pl.String), "code"], separator="|"))["text"]
    made = rows.with_columns(
        s_code=pl.Series([hashlib.sha256(key.encode()).hexdigest()[:S_CODE_LENGTH] for key in keys], dtype=pl.String),
        s_sum=pl.when(pl.col("code") == pl.col("ground_code")).then("sank_it_kop").otherwise(0),
        s_tip=pl.lit(kind, dtype=pl.Int64),
        s_osn=pl.col("kod"),
        s_com=pl.col("rule"),
        s_ist=pl.lit(OWN_CONTROL, dtype=pl.Int64),
    ).join(acts, on=["package", "data"], how="left", nulls_equal=True)
    result = contract.check("sanctions", made.sort("case_key", "rank"))
    _assert_sanctions(result, decisions)
    return result


# ---- grounds ---------------------------------------------------------------------------------------------------------------


def grounds(findings: pl.DataFrame, tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Findings with a ground, attributed to cases: case_key, code, rule, sl_id, kod, k_no5, non_payment_kop, rank.

    `rank` orders the numbers of grounds part by part. A ground that F014 does not hold on the date of care is taken on the last
    day of the month (the day of the act's month); where the book gives no coefficient - before 25.05.2021 - МЭК is the parameter.
    """
    with_code = findings.filter(pl.col("code").is_not_null())
    if with_code.is_empty():
        return pl.DataFrame(schema=_GROUND_SCHEMA)
    cases = tables["cases"].select("case_key", "package", "n_zap", "id_pac", "date_z_2", "sumv")
    found = _attribute(with_code, cases, context)
    coefficients = _coefficients(found.select("code", "date_z_2").unique(), context)
    known = found.join(coefficients, on=["code", "date_z_2"], how="left", nulls_equal=True)
    amounts = known["sumv"].fill_null(0).clip(lower_bound=0).to_numpy()
    non_payment = exact_amounts([Term((amounts, known["k_no5"].to_numpy()), 7)])
    ranks = {code: rank for rank, code in enumerate(sorted(known["code"].unique().to_list(), key=code_order))}
    return known.select(
        "case_key", "code", "rule", "sl_id", "kod", "k_no5",
        non_payment_kop=pl.Series(non_payment, dtype=pl.Int64),
        rank=pl.col("code").replace_strict(ranks, return_dtype=pl.Int64),
    )  # fmt: skip


def code_order(code: str) -> tuple[int, ...]:
    """The number of a ground for comparison, part by part: 1.4.1 is smaller than 1.10.1. A part that is no number comes last."""
    return tuple(int(part) if part.isdecimal() else 10**9 for part in code.strip(".").split("."))


def _attribute(with_code: pl.DataFrame, cases: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Findings joined to the cases they are about, by what the finding names: the case, the record, the person, the package.

    z_row may be the row in the package or the key in the month: the lower half of the key is the row, so both are found.
    """
    wanted = with_code.select("code", "rule", "sl_id", "package", "n_zap", "id_pac", "z_row", "level")
    of_case = pl.col("z_row").is_not_null()
    columns = ["case_key", "code", "rule", "sl_id", "date_z_2", "sumv"]
    by_key = wanted.filter(of_case).join(cases, left_on=["z_row", "package"], right_on=["case_key", "package"], how="inner")
    if by_key.height == wanted.height:  # nearly always: every finding names the key of its case
        return by_key.rename({"z_row": "case_key"}).select(columns).unique().sort("case_key", "code", "rule", "sl_id")
    in_package = cases.with_columns(row=pl.col("case_key") & pl.lit(_ROW_IN_PACKAGE))
    of_person = ~of_case & (pl.col("level") == "person") & pl.col("id_pac").is_not_null()
    of_package = ~of_case & (pl.col("level") == "file")
    of_record = ~of_case & ~of_person & ~of_package & pl.col("n_zap").is_not_null()
    parts = [
        wanted.filter(of_case)
        .with_columns(row=pl.col("z_row") & pl.lit(_ROW_IN_PACKAGE))
        .drop("n_zap", "id_pac")
        .join(in_package, on=["package", "row"]),
        wanted.filter(of_person).drop("n_zap").join(in_package, on=["package", "id_pac"]),
        wanted.filter(of_record).drop("id_pac").join(in_package, on=["package", "n_zap"]),
    ]
    if context.agreement.head.control.package_refusal == "whole_package":
        # A person or record that cannot be told (no ID_PAC, no N_ZAP) has no case of its own: the others are not to blame.
        parts.append(wanted.filter(of_package).drop("n_zap", "id_pac").join(in_package, on="package"))
    return pl.concat([part.select(columns) for part in parts]).unique().sort("case_key", "code", "rule", "sl_id")


def _coefficients(asked: pl.DataFrame, context: Context) -> pl.DataFrame:
    """(code, date_z_2) -> kod, k_no5 by F014 on the date of care, else on the last day of the month."""
    book = context.books.require("F014")
    of_month = context.month.last
    by_act = context.law.value("control.coefficient_date", of_month) == "act"
    day = pl.lit(of_month) if by_act else pl.col("date_z_2").fill_null(of_month)
    dated = asked.with_columns(day=day, act_day=pl.lit(of_month))
    on_care = book.with_attributes(dated, "code", "day", {"kod": "kod_care", "k_no": "k_no_care"})
    both = book.with_attributes(on_care, "code", "act_day", {"kod": "kod_act", "k_no": "k_no_act"})
    whole = int(context.law.value("control.mek_without_coefficient", of_month))
    known_on_care = pl.col("kod_care").is_not_null()
    return both.select(
        "code", "date_z_2",
        kod=pl.coalesce("kod_care", "kod_act").cast(pl.Int64, strict=False),
        k_no5=pl.when(known_on_care).then("k_no_care").otherwise("k_no_act").cast(pl.Int64, strict=False).fill_null(whole),
    )  # fmt: skip


def _standing(found: pl.DataFrame, cases: pl.DataFrame, context: Context) -> pl.DataFrame:
    """One row a case that control found something in: case_key, sank_it_kop, k_no5, ground_rule, ground_code, ground_kod."""
    ordered = found.sort("case_key", "rank", "rule", nulls_last=True)
    distinct = ordered.unique(["case_key", "code"], keep="first", maintain_order=True)
    best = distinct.sort("case_key", "non_payment_kop", "rank", "rule", descending=[False, True, False, False]).unique(
        "case_key", keep="first", maintain_order=True
    )
    standing = best.select(
        "case_key", sank_it_kop="non_payment_kop", k_no5="k_no5", ground_rule="rule", ground_code="code", ground_kod="kod"
    )
    if context.agreement.head.control.several_grounds == "max":
        return standing
    amounts = cases.select("case_key", amount=pl.col("sumv").fill_null(0).clip(lower_bound=0))
    summed = distinct.group_by("case_key").agg(pl.col("non_payment_kop").sum(), pl.col("k_no5").sum())
    capped = summed.join(amounts, on="case_key").select(
        "case_key", sank_it_kop=pl.min_horizontal("non_payment_kop", "amount"), k_no5=pl.col("k_no5").clip(upper_bound=WHOLE)
    )
    return standing.drop("sank_it_kop", "k_no5").join(capped, on="case_key").select(standing.columns)


def _decision_of(cases: pl.DataFrame, standing: pl.DataFrame, pass_name: str) -> pl.DataFrame:
    """Decisions on all cases by the grounds of one pass; a case without a ground is paid in full.

    A case whose SUMV could not be read counts as 0: no money moves for it, and the structure check refuses it.
    """
    amount = pl.col("sumv").fill_null(0).clip(lower_bound=0)
    joined = cases.select("case_key", sumv_kop=amount).join(standing, on="case_key", how="left")
    taken = pl.col("sank_it_kop").fill_null(0)
    some = taken > 0
    # A refused case of 0 roubles (care inside the per-capita money) is refused all the same: the coefficient says so.
    whole = (pl.col("k_no5") >= WHOLE).fill_null(False) | (some & (taken >= pl.col("sumv_kop")))
    sanction = pl.when(whole).then("sumv_kop").otherwise(taken)
    return joined.with_columns(
        oplata=pl.when(whole).then(REFUSED).when(some).then(PARTLY).otherwise(PAID).cast(pl.Int64),
        sank_it_kop=sanction,
        sump_kop=pl.col("sumv_kop") - sanction,
        pass_name=pl.when(pl.col("ground_rule").is_not_null()).then(pl.lit(pass_name)),
    ).select(contract.TABLES["decisions"].schema().keys())


# ---- sanctions -------------------------------------------------------------------------------------------------------------


def act_date(filed: date | None, context: Context) -> date:
    """Date of the МЭК act: the n-th working day after the month's end, or after the file's date when that is later."""
    event = context.month.last
    # A file date after the day of knowledge is a typing error (rule C085), not a day to count from.
    if filed is not None and event < filed <= context.as_of:
        event = filed
    return law_terms.due(context.law, "control.mek_act_working_days", event)


def act_number(package: str) -> str:
    """Number of the МЭК act of a package, at most 30 characters."""
    prefix = "МЭК-"
    return prefix + package[-(NUM_ACT_LENGTH - len(prefix)) :]


def _acts(rows: pl.DataFrame, context: Context) -> pl.DataFrame:
    """package, data -> date_act, num_act."""
    packages = rows.select("package", "data").unique().sort("package", "data")
    return packages.with_columns(
        date_act=pl.Series([act_date(filed, context) for filed in packages["data"]], dtype=pl.Date),
        num_act=pl.Series([act_number(package) for package in packages["package"]], dtype=pl.String),
    )


def _control_kind(context: Context) -> int:
    """Code of МЭК in F006 at the end of the month."""
    return kind_code(context.books, MEK_KIND, context.month.last)


def kind_code(books: Books, kind: str, on: date) -> int:
    """The smallest code of F006 for a kind of control (mek, mee, ekmp) on a date. Raises LookupError when the book has none."""
    rows = books.require("F006").on(on)
    if "kind" not in rows.columns:  # the published book says the kind in words only; which code is which is our own column
        rows = rows.join(built_in_books().require("F006").on(on).select("code", "kind"), on="code")
    codes = sorted(int(code) for code in rows.filter(pl.col("kind") == kind)["code"])
    if not codes:
        raise LookupError(f"the book F006 holds no code of {kind} on {on}")
    return codes[0]


# ---- invariants ------------------------------------------------------------------------------------------------------------


def _assert_algebra(decisions: pl.DataFrame) -> None:
    """law.md 10.4: OPLATA 1 -> SANK_IT 0, SUMP = SUMV; 2 -> SUMP 0; 3 -> 0 < SANK_IT < SUMV; SUMP = SUMV - SANK_IT."""
    sumv, sank, sump, oplata = (pl.col(name) for name in ("sumv_kop", "sank_it_kop", "sump_kop", "oplata"))
    holds = (
        (sump == sumv - sank)
        & (
            ((oplata == PAID) & (sank == 0))
            | ((oplata == REFUSED) & (sump == 0))
            | ((oplata == PARTLY) & (sank > 0) & (sank < sumv))
        )
        & ((oplata == PAID) | pl.col("ground_code").is_not_null())
    )
    broken = decisions.filter(~holds.fill_null(False))
    assert broken.is_empty(), f"the algebra of decisions is broken: {broken.head(3).to_dicts()}"
    keys = decisions["case_key"].to_numpy()  # sorted
    assert (keys[1:] > keys[:-1]).all(), "a case has two decisions"


def _assert_sanctions(rows: pl.DataFrame, decisions: pl.DataFrame) -> None:
    """Σ S_SUM of a case = SANK_IT; S_CODE unique in the case."""
    sums = rows.group_by("case_key").agg(pl.col("s_sum").sum())
    joined = decisions.select("case_key", "sank_it_kop").join(sums, on="case_key", how="left")
    broken = joined.filter(pl.col("s_sum").fill_null(0) != pl.col("sank_it_kop"))
    assert broken.is_empty(), f"sanctions do not add up to SANK_IT: {broken.head(3).to_dicts()}"
    assert not rows.select("case_key", "s_code").is_duplicated().any(), "S_CODE stands twice in a case"
