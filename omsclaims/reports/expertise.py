"""Which papers does expertise leave? Samples, the workbook of acts, deductions of a month, registries with all sanctions (231n).

Workbooks hold texts as texts: nothing in a cell is a formula, a link or a number that is a name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import contract, messages
from omsclaims.money import format_amount
from omsclaims.registry import expertise_file, formats
from omsclaims.reports import answers
from omsclaims.reports.sheets import Sheet, Workbook

#: Rows of a template that are left free to fill in.
FREE_ROWS: Final = 200
_WIDTHS: Final[Mapping[str, float]] = {"S_COM": 40, "ID_SL": 24, "S_ZAKL": 22, "S_ZAKL_P": 22, "NSCHET": 16}


def _t(key: str, lang: str, **params: object) -> str:
    return messages.text(f"expertise.{key}", lang, **params)


def acts_xlsx(rows: pl.DataFrame, lang: str, free_rows: int = 0, unconfirmed: Sequence[str] = ()) -> bytes:
    """The workbook of acts: meanings in the first row, elements in the second, one ground of one case in each further row.

    rows       of an exchange file (`expertise_file.RAW`); a template has those of a sample, or none
    free_rows  empty rows behind them, formatted as texts: a ground written 2.10 stays 2.10
    unconfirmed  sentences on values that the sample of a template stands on and that are not confirmed (doubts.lines)
    The second sheet says how to fill it in, and the latter.
    """
    fields = expertise_file.workbook_fields()
    book = Workbook(lang, _t("acts.title", lang))
    sheet = book.sheet(_t("acts.sheet", lang), [_WIDTHS.get(field.tag, 14) for field in fields], landscape=True)
    for column, field in enumerate(fields):
        mark = " *" if field.must else ""
        sheet.text(column, _t(f"field.{field.tag}", lang) + mark, italic=True, text_wrap=True, **sheet.boxed())
    sheet.row += 1
    for column, field in enumerate(fields):
        sheet.text(column, field.tag, **sheet.head_style())
    sheet.sheet.freeze_panes(2, 0)
    sheet.row += 1
    for row in rows.iter_rows(named=True):
        _act_row(sheet, fields, row)
    for _ in range(free_rows):
        _act_row(sheet, fields, {})
    _instructions(book, lang, unconfirmed)
    return book.bytes()


def _act_row(sheet: Sheet, fields: Sequence[expertise_file.Field], row: Mapping[str, Any]) -> None:
    """One row: every value as text, so that nothing is rounded, shortened or computed."""
    for column, field in enumerate(fields):
        value = row.get(field.column)
        shown = "" if value is None else expertise_file.shown(value, field)
        sheet.text(column, shown, num_format="@", **sheet.boxed())
    sheet.row += 1


def _instructions(book: Workbook, lang: str, unconfirmed: Sequence[str]) -> None:
    sheet = book.sheet(_t("acts.how", lang), [100])
    for line in _t("acts.instructions", lang).split("\n"):
        sheet.line(line)
    sheet.note(*unconfirmed)


def sample_xlsx(rows: pl.DataFrame, strata: pl.DataFrame, lang: str, unconfirmed: Sequence[str] = ()) -> bytes:
    """The list of a sample: cases list by list, and the strata with their norm. No personal values.

    unconfirmed  sentences on values used that are not confirmed (doubts.lines), under the strata
    """
    book = Workbook(lang, _t("sample.title", lang))
    sheet = book.sheet(_t("sample.cases", lang), [22, 16, 12, 8, 22, 10, 14, 30, 8], landscape=True)
    name = rows["sample"][0] if rows.height else ""
    sheet.heading(_t("sample.title", lang), name)
    columns = ("list", "usl_ok", "mo", "payer", "package", "n_zap", "idcase", "because", "s_tip")
    sheet.header([_t(f"column.{column}", lang) for column in columns], repeat=True)
    for row in rows.iter_rows(named=True):
        sheet.cells(
            [
                ("text", _t(f"list.{row['list']}", lang)), ("text", _t(f"usl_ok.{row['usl_ok']}", lang)), ("text", row["mo"]),
                ("text", row["payer"]), ("text", row["package"]), ("plain", row["n_zap"]), ("plain", row["idcase"]),
                ("text", row["because"]), ("plain", row["s_tip"]),
            ]
        )  # fmt: skip
    sheet = book.sheet(_t("sample.strata", lang), [22, 16, 12, 14, 12])
    sheet.header([_t(f"column.{column}", lang) for column in ("usl_ok", "inner", "cases", "share", "drawn")], repeat=True)
    for row in strata.iter_rows(named=True):
        share = f"{row['share6'] // 10_000}.{row['share6'] % 10_000:04d} %"
        sheet.cells(
            [
                ("text", _t(f"usl_ok.{row['usl_ok']}", lang)), ("text", row["inner"]), ("count", row["cases"]), ("text", share),
                ("count", row["drawn"]),
            ]
        )  # fmt: skip
    sheet.note(*unconfirmed)
    return book.bytes()


def deductions_xlsx(deductions: pl.DataFrame, month: str, lang: str, unconfirmed: Sequence[str] = ()) -> bytes:
    """Deductions and fines of a month: one row for each ground of each act, with the figures that made the money.

    unconfirmed  sentences on values used that are not confirmed (doubts.lines); the registries that go with the list have no
                 place for them
    """
    book = Workbook(lang, _t("deductions.title", lang, month=month))
    columns = (
        ("mo", "text", 10), ("payer", "text", 10), ("kind", "kind", 8), ("num_act", "text", 20), ("date_act", "text", 12),
        ("package", "text", 22), ("n_zap", "plain", 8), ("idcase", "plain", 12), ("code", "text", 9), ("rt_kop", "money", 14),
        ("k_no5", "share", 9), ("non_payment_kop", "money", 14), ("rp4", "standard", 14), ("k_sh5", "share", 9),
        ("full_fine_kop", "money", 14), ("state", "state", 14), ("s_sum", "money", 14), ("fine_kop", "money", 14),
        ("change_kop", "money", 14), ("fine_change_kop", "money", 14),
    )  # fmt: skip
    sheet = book.sheet(_t("deductions.sheet", lang), [width for *_, width in columns], landscape=True)
    sheet.heading(_t("deductions.title", lang, month=month))
    sheet.header([_t(f"column.{name}", lang) for name, *_ in columns], repeat=True)
    for row in deductions.iter_rows(named=True):
        sheet.cells([_cell(kind, row[name], lang) for name, kind, _ in columns])
    total: list[tuple[str, Any]] = [("text", _t("column.total", lang)), *([("text", "")] * (len(columns) - 5))]
    total += [("money", int(deductions[name].sum())) for name in ("s_sum", "fine_kop", "change_kop", "fine_change_kop")]
    sheet.cells(total, bold=True)
    sheet.note(*unconfirmed)
    return book.bytes()


def _cell(kind: str, value: Any, lang: str) -> tuple[str, Any]:
    """A cell of the list of deductions: kind of cell and value."""
    if kind == "kind":
        return "text", _t(f"kind.{value}", lang)
    if kind == "state":
        return "text", _t(f"state.{value}", lang)
    if kind == "share":
        return "text", share_text(value)
    if kind == "standard":
        return "text", "" if value is None else standard_text(value)
    return kind, value.isoformat() if isinstance(value, date) else value


def share_text(share5: int | None) -> str:
    """A coefficient in units of 0.00001 as people write it: 0.5, 1, 3; empty where there is none."""
    if share5 is None:
        return ""
    whole, rest = divmod(share5, 100_000)
    return f"{whole}.{rest:05d}".rstrip("0").rstrip(".")


def standard_text(amount4: int) -> str:
    """Roubles in units of 0.0001: two decimals where they suffice."""
    return format_amount(amount4 // 100) if amount4 % 100 == 0 else f"{amount4 // 10_000}.{amount4 % 10_000:04d}"


# ---- result registries -----------------------------------------------------------------------------------------------------


def decided(decisions: pl.DataFrame, deductions: pl.DataFrame) -> pl.DataFrame:
    """Decisions of МЭК with what expertise took since: contract table `decisions` (law.md 10.4).

    deductions  of the same month of bills, the newest state of each case: case_key, s_sum, code, kod, state
    """
    sums = deductions.group_by("case_key").agg(more=pl.col("s_sum").sum())
    sanction = pl.col("sank_it_kop") + pl.col("more").fill_null(0)
    refused = pl.col("oplata") == 2
    joined = decisions.join(sums, on="case_key", how="left", maintain_order="left").with_columns(sank_it_kop=sanction)
    whole = refused | ((pl.col("sank_it_kop") > 0) & (pl.col("sank_it_kop") >= pl.col("sumv_kop")))
    some = pl.col("sank_it_kop") > 0
    made = joined.with_columns(
        oplata=pl.when(whole).then(2).when(some).then(3).otherwise(1).cast(pl.Int64),
        sump_kop=pl.col("sumv_kop") - pl.col("sank_it_kop"),
    )
    return contract.check("decisions", made)


def all_sanctions(sanctions: pl.DataFrame, deductions: pl.DataFrame) -> pl.DataFrame:
    """Rows SANK of МЭК and of expertise: contract table `sanctions`. An act that found nothing has no row: it names no ground."""
    rows = deductions.filter(pl.col("code").is_not_null()).select(
        "case_key", "s_code", "s_sum", "s_tip", pl.col("kod").alias("s_osn"), "sl_id", pl.col("kind").alias("rule"), "code",
        "date_act", "num_act", "s_com", s_ist=pl.lit(1, dtype=pl.Int64),
    )  # fmt: skip
    return contract.check("sanctions", pl.concat([sanctions, rows.select(sanctions.columns)]))


def result_tables(
    package_tables: Mapping[str, pl.DataFrame], cases: pl.DataFrame, decisions: pl.DataFrame, sanctions: pl.DataFrame,
    deductions: pl.DataFrame,
) -> tuple[dict[str, pl.DataFrame], str]:  # fmt: skip
    """The registry of one package with the sanctions of all kinds, CODE_EXP and fines, and the edition to write it in.

    Takes what `answers.answer_tables` takes, and the newest `deductions` of the cases. SANK_MEK, SANK_MEE and SANK_EKMP of the
    header add up to the sanctions of the cases (law.md 10.4); S_FINE stands where the edition has it.
    """
    tables, edition = answers.answer_tables(
        package_tables, cases, decided(decisions, deductions), all_sanctions(sanctions, deductions)
    )
    extra = deductions.filter(pl.col("code").is_not_null()).select("s_code", "code_exp", "fine_kop")
    sank = tables["sank"].drop("s_fine").join(extra, on="s_code", how="left", maintain_order="left")
    fine = pl.when(pl.col("fine_kop") > 0).then("fine_kop")
    tables["sank"] = sank.with_columns(s_fine=fine).select(list(formats.canonical_columns("sank", "main")))
    experts = sank.filter(pl.col("code_exp").is_not_null()).select(pl.col("_row").alias("_parent"), "code_exp")
    numbered = experts.with_row_index("_row").with_columns(pl.col("_row").cast(pl.Int64))
    tables["code_exp"] = numbered.select(list(formats.canonical_columns("code_exp", "main")))
    return tables, edition
