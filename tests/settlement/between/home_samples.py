"""A made-up bill R of territory 38 for the home fund 75: canonical tables with the elements that control asks for."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims.registry import formats
from tests.settlement import settlement_samples as samples

NAME: Final = "R3875220007"
#: Policies of people who do not exist: no territory has the code 00.
ENPS: Final = ("0012345678900018", "0012345678900026", "0012345678900034", "0012345678900042")


def item(n_zap: int, **changes: Any) -> dict[str, Any]:
    """An item of the bill: a stay of a week in clinic 380001 for 1,000 roubles."""
    usual = {
        "n_zap": n_zap, "idcase": n_zap, "enp": ENPS[(n_zap - 1) % len(ENPS)], "novor": "0", "dr": date(1980, 1, 1), "w": 1,
        "usl_ok": 1, "vidpom": 31, "for_pom": 3, "lpu": "380001", "date_z_1": date(2022, 2, 1), "date_z_2": date(2022, 2, 8),
        "rslt": 101, "ishod": 101, "idsp": 33, "profil": 97, "ds1": "I10", "sumv": 100_000, "sump": None, "own": 0, "sum_m": None,
        "nhistory": f"H{n_zap}",
    }  # fmt: skip
    return usual | changes


def bill(*items: dict[str, Any], name: str = NAME, **header: Any) -> dict[str, pl.DataFrame]:
    """Canonical tables (RD_3.2) of a bill with the items."""
    head = {
        "_row": 0, "version": "3.2", "data": date(2022, 3, 20), "c_okato1": "25000", "okato_oms": "76000", "code": 750007, "year": 2022,
        "month": 2, "nschet": "75-2202-0007", "dschet": date(2022, 3, 15), "summav": sum(row["sumv"] for row in items),
        "summap": sum(_sump(row) for row in items),
    } | header  # fmt: skip
    head["sank_mek"] = sum(row["own"] for row in items) or None
    found: dict[str, list[dict[str, Any]]] = {"file": [head]}
    for at, row in enumerate(items):
        z_row, z_sl = at + 100, {key: value for key, value in row.items() if key not in ("sump", "own", "sum_m")}
        found.setdefault("zap", []).append({"_row": at, "_parent": 0, "n_zap": row["n_zap"]})
        person = {"vpolis": 3, "npolis": None, "enp": row["enp"], "policy": row["enp"], "novor": row["novor"], "dr": row["dr"]}
        person |= {"fam": "ИВАНОВ", "im": "ИВАН", "ot": "ИВАНОВИЧ", "w": row["w"]}
        found.setdefault("patient", []).append({"_row": at, "_parent": at, **person})
        sums = {"sump": _sump(row), "oplata": 3 if row["own"] else None, "sank_it": row["own"] or None}
        found.setdefault("z_sl", []).append({"_row": z_row, "_parent": at, **z_sl, **sums})
        of_case = {name: row[name] for name in ("profil", "ds1", "nhistory")}
        amount = row["sumv"] if row["sum_m"] is None else row["sum_m"]
        dates = {"date_1": row["date_z_1"], "date_2": row["date_z_2"], "sum_m": amount, "tarif": amount, "ed_col": 100}
        found.setdefault("sl", []).append({"_row": at + 200, "_parent": z_row, "sl_id": f"s{row['n_zap']}", **of_case, **dates})
        if row["own"]:
            own = {
                "s_code": "1",
                "s_sum": row["own"],
                "s_tip": 10,
                "s_osn": 204,
                "s_ist": 1,
                "num_act": "1",
                "date_act": date(2022, 3, 14),
            }
            found.setdefault("sank", []).append({"_row": at, "_parent": z_row, **own})
    return {name: _frame(name, found.get(name, [])) for name in ("file", "zap", "patient", "z_sl", "sl", "sank", "sank_sl_id")}


def _sump(row: dict[str, Any]) -> int:
    return int(row["sumv"] - row["own"] if row["sump"] is None else row["sump"])


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = formats.canonical_columns(name, "main")
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def insured(enp: str, **changes: Any) -> dict[str, Any]:
    """A policy of the home fund's register, open since 2020."""
    usual = {"enp": enp, "fam": "Х", "im": "Х", "ot": "Х", "w": 1, "dr": date(1980, 1, 1), "vpolis": 3, "smo": "75901"}
    return {**usual, "policy_from": date(2020, 1, 1), "place": "Город", **changes}


def registers(*policies: dict[str, Any], **others: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Registers of the home fund; nothing accepted before."""
    from omsclaims.settlement.between import home

    known = policies or tuple(insured(enp) for enp in ENPS)
    return {
        "reg_insured": samples.rows("reg_insured", *known), "reg_attachment": samples.rows("reg_attachment"),
        "reg_certificate": samples.rows("reg_certificate"), "reg_accident": samples.rows("reg_accident"),
        "accepted": pl.DataFrame(schema=home.CARE), **others,
    }  # fmt: skip
