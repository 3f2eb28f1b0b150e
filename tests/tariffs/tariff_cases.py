"""Small cases for tests of prices: one dict a case, as in fixtures/tariffs/*.yaml, made into the tables of a month."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from omsclaims import findings
from omsclaims.context import Context
from omsclaims.law import federal_parameters
from omsclaims.law.agreement import Agreement, load_agreement
from omsclaims.nsi import Books
from omsclaims.periods import Month
from omsclaims.tariffs import price

ROOT = Path(__file__).resolve().parents[2]
AGREEMENTS = ROOT / "fixtures" / "agreements"

_CASE = {
    "package": pl.String(), "n_zap": pl.Int64(), "idcase": pl.Int64(), "file_kind": pl.String(), "letters": pl.String(),
    "usl_ok": pl.Int64(), "idsp": pl.Int64(), "lpu": pl.String(), "vidpom": pl.Int64(), "rslt": pl.Int64(), "date_z_2": pl.Date(),
    "case_key": pl.Int64(),
}  # fmt: skip
_SL = {
    "_row": pl.Int64(), "case_key": pl.Int64(), "sl_id": pl.String(), "n_ksg": pl.String(), "ds1": pl.String(), "date_1": pl.Date(),
    "date_2": pl.Date(), "kd": pl.Int64(), "profil": pl.Int64(), "p_cel": pl.String(), "det": pl.Int64(), "ed_col": pl.Int64(),
    "vid_hmp": pl.String(), "metod_hmp": pl.Int64(),
}  # fmt: skip
_USL = {
    "_row": pl.Int64(), "_parent": pl.Int64(), "idserv": pl.String(), "code_usl": pl.String(), "kol_usl": pl.Int64(), "date_out": pl.Date(),
    "vid_vme": pl.String(),
}  # fmt: skip
_KOEF = {"_row": pl.Int64(), "_parent": pl.Int64(), "idsl": pl.Int64()}
_PERSON = {"case_key": pl.Int64(), "w": pl.Int64(), "age_start": pl.Int64()}
#: What a case of a kind bills, where a test does not say otherwise.
KINDS: dict[str, dict[str, Any]] = {
    "ksg_inpatient": {"file_kind": "H", "usl_ok": 1, "idsp": 33},
    "ksg_day": {"file_kind": "H", "usl_ok": 2, "idsp": 33},
    "visit": {"file_kind": "H", "usl_ok": 3, "idsp": 29},
    "episode": {"file_kind": "H", "usl_ok": 3, "idsp": 30},
    "service": {"file_kind": "H", "usl_ok": 3, "idsp": 28},
    "per_capita": {"file_kind": "H", "usl_ok": 3, "idsp": 25},
    "call": {"file_kind": "H", "usl_ok": 4, "idsp": 24},
    "exam": {"file_kind": "X", "usl_ok": None, "idsp": 30},
    "vmp": {"file_kind": "T", "usl_ok": 1, "idsp": 32},
}


@cache
def agreement(name: str) -> Agreement:
    """An agreement of fixtures/agreements."""
    return load_agreement(AGREEMENTS / name)


def context(of: Agreement) -> Context:
    """Surroundings of a run with this agreement."""
    month = Month(of.head.valid_from.year, of.head.valid_from.month)
    return Context(month, of.head.valid_to, of.head.territory, "fund", Books(), federal_parameters(), of, b"test")


def tables(cases: Sequence[Mapping[str, Any]]) -> dict[str, pl.DataFrame]:
    """Tables of a month; a case is {kind, lpu, ..., sl: [{...}] or the fields of its only SL beside its own, koef, usl, w, age}.

    Quantities and days are scaled as the reader does it: kd 0.1, ed_col and kol_usl 0.01.
    """
    rows: dict[str, list[dict[str, Any]]] = {"cases": [], "sl": [], "usl": [], "sl_koef": [], "identified": []}
    for key, case in enumerate(cases, start=1):
        own = {**KINDS.get(case.get("kind", ""), {}), **case}
        parts = own.get("sl") or [own]
        own.setdefault("date_z_2", parts[-1].get("date_2"))
        own = {"package": "P1", "n_zap": key, "idcase": key, "letters": own.get("file_kind"), **own, "case_key": key}
        rows["cases"].append({name: own.get(name) for name in _CASE})
        rows["identified"].append({"case_key": key, "w": own.get("w"), "age_start": own.get("age")})
        for number, part in enumerate(parts, start=1):
            row = key * 10 + number
            rows["sl"].append({**{name: part.get(name) for name in _SL}, "_row": row, "case_key": key, "sl_id": str(number)})
            for i, idsl in enumerate(part.get("koef", ())):
                rows["sl_koef"].append({"_row": row * 10 + i, "_parent": row, "idsl": idsl})
            for i, usl in enumerate(part.get("usl", ())):
                service = {"idserv": str(i + 1), "date_out": part.get("date_2"), **usl}
                rows["usl"].append({**{name: service.get(name) for name in _USL}, "_row": row * 10 + i, "_parent": row})
    schemas = {"cases": _CASE, "sl": _SL, "usl": _USL, "sl_koef": _KOEF, "identified": _PERSON}
    return {name: pl.DataFrame(rows[name], schema=schema) for name, schema in schemas.items()}


def priced(of: Agreement, *cases: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of priced_sl and findings of some cases."""
    out = price(tables(cases), context(of))
    assert set(out) == {"priced_sl", "priced", "findings"}
    assert out["findings"].schema == findings.SCHEMA
    return out["priced_sl"].to_dicts(), out["findings"].to_dicts()


def stay(n_ksg: str, days: int, **more: Any) -> dict[str, Any]:
    """An inpatient stay in March 2022 of so many days, in clinic 750001."""
    first = more.pop("date_1", date(2022, 3, 1))
    base = {"kind": "ksg_inpatient", "lpu": "750001", "n_ksg": n_ksg, "rslt": 101}
    return {**base, "date_1": first, "date_2": date.fromordinal(first.toordinal() + days), **more}


_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def arithmetic(text: str) -> Fraction:
    """An exact value of an expression of decimals, + - x / and brackets, as economists write it (`x` or `*`)."""

    def value(node: ast.AST) -> Fraction:
        if isinstance(node, ast.Expression):
            return value(node.body)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.Constant):
            return Fraction(ast.get_source_segment(source, node) or "")
        raise ValueError(f"not arithmetic: {text}")

    source = text.replace("x", "*").replace(" ", "")
    return value(ast.parse(source, mode="eval"))
