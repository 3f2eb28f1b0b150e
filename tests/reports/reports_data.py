"""A made-up month, small enough to check by hand: packages of every kind, contract tables, all in kopecks."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from omsclaims import contract, findings
from omsclaims.periods import Month
from omsclaims.registry import formats

MONTH = Month(2022, 3)
HOSTILE = "<script>alert(1)</script>"
FORMULA = "=cmd|' /C calc'!A0"


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """A contract table of `rows`; what a row does not say is null."""
    return pl.DataFrame(rows, schema=contract.TABLES[name].schema(), orient="row") if rows else contract.TABLES[name].empty()


def canonical(table: str, rows: list[dict[str, Any]], family: formats.Family = "main") -> pl.DataFrame:
    """A canonical table of `rows`."""
    schema = formats.canonical_columns(table, family)
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema, orient="row")


#: package ordinal, stem, edition id, kind, letters, clinic
PACKAGES = [
    (0, "CM750903T75_220301", "C_3.1", "C", "C", "750903"),
    (1, "DOM750902T75_220301", "X_3.1_2021-08", "X", "DO", "750902"),
    (2, "HM750901T75_220301", "H_3.1", "H", "H", "750901"),
    (3, "HM750902T75_220301", "H_3.2", "H", "H", "750902"),
    (4, "TM750901T75_220301", "T_3.1", "T", "T", "750901"),
]

#: package ordinal, n_zap, kopecks, territory (75 own), refused rule/code/kod or None
CASES = [
    (0, 1, 5_000_010, "75", None), (0, 2, 4_000_020, "38", None),
    (1, 1, 150_000, "75", None), (1, 2, 160_000, "38", None), (1, 3, 170_000, "38", ("C009", "1.5", 160)),
    (2, 1, 1_234_567, "75", ("C013", "1.4.4", 157)), (2, 2, 2_000_001, "38", None), (2, 3, 3_000_000, "75", None),
    (2, 4, 4_444_444, "03", None), (3, 1, 900_000, "75", None), (3, 2, 910_000, "38", None),
    (4, 1, 20_000_000, "38", None), (4, 2, 21_000_000, "75", ("C180", "1.8.1", 170)),
]  # fmt: skip


def key(package: int, number: int) -> int:
    """Row of the n-th record of a package, one for zap, patient, z_sl, sl and usl."""
    return (package << contract.PACKAGE_SHIFT) + number - 1


def package_tables(package: int) -> dict[str, pl.DataFrame]:
    """The main file of a package as the reader gives it, rows unique over the month."""
    _, stem, edition, kind, _, mo = PACKAGES[package]
    own = [row for row in CASES if row[0] == package]
    version = formats.get(edition).version
    total = sum(row[2] for row in own)
    tables = {
        "file": canonical("file", [{
            "_row": package << 32, "version": version, "data": date(2022, 4, 4), "filename": stem, "sd_z": len(own), "code": 7,
            "code_mo": mo, "year": 2022, "month": 3, "nschet": f"{package}-03", "dschet": date(2022, 4, 2), "summav": total,
        }]),
        "zap": canonical("zap", [{"_row": key(package, n), "n_zap": n, "pr_nov": 0} for _, n, *_ in own]),
        "patient": canonical("patient", [_patient(package, n, place) for _, n, _, place, _ in own]),
        "z_sl": canonical("z_sl", [_z_sl(package, n, amount, kind, mo) for _, n, amount, *_ in own]),
        "sl": canonical("sl", [_sl(package, n, amount, kind) for _, n, amount, *_ in own]),
        "usl": canonical("usl", [_usl(package, n, amount, kind, edition, mo) for _, n, amount, *_ in own]),
    }  # fmt: skip
    if edition in ("H_3.2", "X_3.1_2021-08"):
        tables["mr_usl_n"] = canonical("mr_usl_n", [
            {"_row": key(package, 2 * n), "_parent": key(package, n), "mr_n": 2, "prvs": 99, "code_md": "M9"} for _, n, *_ in own
        ] + [
            {"_row": key(package, 2 * n + 1), "_parent": key(package, n), "mr_n": 1, "prvs": 76 if n != 2 else None, "code_md": "M1"}
            for _, n, *_ in own
        ]).sort("_row")  # fmt: skip
    if kind == "X":
        tables["ds2_n"] = canonical("ds2_n", [{"_row": key(package, 1), "_parent": key(package, 2), "ds2": "I10", "pr_ds2_n": 2}])
    else:
        tables["ds2"] = canonical("ds2", [{"_row": key(package, 1), "_parent": key(package, 2), "ds2": "E11.9"}])
    if kind in ("T", "C"):
        tables["onk_usl"] = canonical("onk_usl", [
            {"_row": key(package, n), "_parent": key(package, n), "usl_tip": 1, "hir_tip": 1} for _, n, *_ in own
        ])  # fmt: skip
    return tables


def _patient(package: int, number: int, place: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "_row": key(package, number), "_parent": key(package, number), "id_pac": f"p{number}", "vpolis": 3, "novor": "0",
        "npolis": f"750000000000{number:04d}", "enp": f"750000000000{number:04d}",
    }  # fmt: skip
    if place != "75":
        row["st_okato"] = "25000"
    if (package, number) == (2, 2):  # an old policy: the document travels along
        row |= {"vpolis": 1, "spolis": "АБ", "npolis": "123456", "enp": None}
    if PACKAGES[package][2] in ("H_3.1", "T_3.1", "C_3.1"):
        row["enp"] = None
    return row


def _z_sl(package: int, number: int, amount: int, kind: str, mo: str) -> dict[str, Any]:
    row = {
        "_row": key(package, number), "_parent": key(package, number), "idcase": 100 + number, "vidpom": 31, "lpu": mo,
        "date_z_1": date(2022, 3, 1), "date_z_2": date(2022, 3, 10), "idsp": 33, "sumv": amount,
    }  # fmt: skip
    if kind == "X":
        return row | {"vidpom": 13, "vbr": 0, "p_otk": 0, "rslt_d": 31 if number == 2 else 1, "idsp": 30}
    return row | {"usl_ok": 1, "for_pom": 1, "rslt": 101, "ishod": 101} | ({"idsp": 32} if kind == "T" else {"kd_z": 9})


def _sl(package: int, number: int, amount: int, kind: str) -> dict[str, Any]:
    row = {
        "_row": key(package, number), "_parent": key(package, number), "sl_id": f"s{number}", "nhistory": f"Н-{number}",
        "date_1": date(2022, 3, 1), "date_2": date(2022, 3, 10), "ds1": "K35.8", "sum_m": amount, "ed_col": 100,
    }  # fmt: skip
    if kind == "X":
        return row | {"ds1": "Z00.0", "ds_onk": 0, "pr_d_n": 3}
    row |= {
        "podr": 1,
        "profil": 112,
        "profil_k": 81,
        "det": 0,
        "prvs": 27,
        "vers_spec": "V021",
        "iddokt": "D1",
        "p_per": 1,
        "kd": 90,
    }
    row["case_key"] = row["_parent"]
    if kind == "T":
        return row | {
            "vid_hmp": "01.00.1.001", "metod_hmp": 2, "tal_d": date(2022, 2, 1), "tal_num": "75.0000.00001.222",
            "tal_p": date(2022, 2, 25), "ds_onk": 0, "kd": None, "ds1_t": 0,
        }  # fmt: skip
    group = {
        "n_ksg": "st14.001", "ver_ksg": 2022, "ksg_pg": 0, "koef_z": 93_000, "koef_up": 100_000, "bztsz": 2_500_000,
        "koef_d": 140_000, "koef_u": 95_000, "sl_k": 0,
    }  # fmt: skip
    return row | group | ({"ds_onk": 0, "ds1": "C18.2", "c_zab": 1, "ds1_t": 0} if kind == "C" else {})


def _usl(package: int, number: int, amount: int, kind: str, edition: str, mo: str) -> dict[str, Any]:
    row = {
        "_row": key(package, number), "_parent": key(package, number), "idserv": f"u{number}", "lpu": mo, "date_in": date(2022, 3, 1),
        "date_out": date(2022, 3, 2), "code_usl": "B01.001.001", "tarif": amount, "sumv_usl": amount,
    }  # fmt: skip
    if kind == "X":
        return row | {"p_otk": 0}
    row |= {"podr": 1, "profil": 112, "det": 0, "ds": "K35.8", "kol_usl": 100}
    return row if edition == "H_3.2" else row | {"prvs": 27, "code_md": "D1"}


def person_tables(package: int) -> dict[str, pl.DataFrame]:
    """The file of persons of a package."""
    own = [row for row in CASES if row[0] == package]
    people = [
        {
            "_row": key(package, n), "_line": n, "_offset": 0, "id_pac": f"p{n}", "fam": "Иванова", "im": "Анна", "ot": None if n == 4 else "Петровна",
            "w": 2, "dr": date(1970 + n, 5, 6), "mr": "Чита", "doctype": "14", "docser": "76 10", "docnum": "654321",
            "docdate": date(2011, 1, 2), "docorg": "ОВД",
        }
        for _, n, *_ in own
    ]  # fmt: skip
    header = canonical(
        "person_file",
        [{"_row": package << 32, "version": "3.2", "data": date(2022, 4, 4), "filename": "L", "filename1": "H"}],
        "person",
    )
    return {"person_file": header, "person": canonical("person", people, "person")}


def joined(parts: list[dict[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """Tables of packages as tables of the month."""
    names = sorted({name for part in parts for name in part})
    return {name: pl.concat([part[name] for part in parts if name in part]) for name in names}


def month_tables() -> dict[str, pl.DataFrame]:
    """Registry tables of all packages, with `package` and `case_key` as in the month."""
    parts = []
    for number, stem, *_ in PACKAGES:
        tables = package_tables(number)
        tables["file"] = tables["file"].with_columns(package=pl.lit(stem))
        for name in ("sl", "usl"):
            tables[name] = tables[name].with_columns(case_key=pl.col("_parent"))
        parts.append(tables)
    return joined(parts)


def persons() -> dict[str, pl.DataFrame]:
    """Persons of the month."""
    return joined([person_tables(number) for number, *_ in PACKAGES])


def stages() -> dict[str, pl.DataFrame]:
    """Contract tables of the month as the stages would hand them over."""
    cases, identified, decisions, sanctions, priced, found = [], [], [], [], [], []
    kinds = {"C": "ksg_inpatient", "H": "ksg_inpatient", "X": "exam", "T": "vmp"}
    for package, number, amount, place, refusal in CASES:
        _, stem, edition, kind, letters, mo = PACKAGES[package]
        case = key(package, number)
        cases.append({
            "case_key": case, "package": stem, "file_kind": kind, "letters": letters, "version": formats.get(edition).version,
            "code_mo": mo, "lpu": mo, "year": 2022, "month": 3, "n_zap": number, "idcase": 100 + number, "sumv": amount,
            "date_z_1": date(2022, 3, 1), "date_z_2": date(2022, 3, 10), "usl_ok": None if kind == "X" else 1,
        })  # fmt: skip
        unknown = refusal is not None and refusal[0] == "C009"
        identified.append({
            "case_key": case, "person_key": f"k{case}", "status": "unknown" if unknown else "own" if place == "75" else "other",
            "smo": "75001" if place == "75" else None, "territory": None if unknown else place,
        })  # fmt: skip
        withheld = amount if refusal else 0
        decisions.append({
            "case_key": case, "sumv_kop": amount, "oplata": 2 if refusal else 1, "sank_it_kop": withheld, "sump_kop": amount - withheld,
            "ground_rule": refusal[0] if refusal else None, "ground_code": refusal[1] if refusal else None,
            "ground_kod": refusal[2] if refusal else None, "pass_name": "case" if refusal else None,
        })  # fmt: skip
        priced.append({"case_key": case, "payment_kind": kinds[kind], "price_kop": amount})
        if refusal:
            sanctions += [
                {
                    "case_key": case, "s_code": f"{case}-{n}", "s_sum": withheld if n == 1 else 0, "s_tip": 1, "s_osn": refusal[2],
                    "sl_id": f"s{number}", "rule": refusal[0], "code": refusal[1], "date_act": date(2022, 4, 8),
                    "num_act": "75001/2022-03", "s_com": "МЭК", "s_ist": 1,
                }
                for n in (1, 2)
            ]  # fmt: skip
            found.append(findings.Finding(
                refusal[0], "case", refusal[1], package=stem, file=stem, n_zap=number, idcase=100 + number, element="ZAP/Z_SL",
                value=FORMULA if number == 1 else HOSTILE, z_row=number - 1,
            ))  # fmt: skip
    return {
        "cases": frame("cases", cases), "identified": frame("identified", identified), "decisions": frame("decisions", decisions),
        "sanctions": frame("sanctions", sanctions), "priced": frame("priced", priced), "findings": findings.frame(found),
    }  # fmt: skip


def settled(stages: dict[str, pl.DataFrame], insurers: dict[str, str], clinics: dict[str, str]) -> dict[str, pl.DataFrame]:
    """Money of the month made up from the decisions: payers pay what they accepted less nothing, fund for people insured elsewhere."""
    joined_cases = stages["decisions"].join(stages["cases"].select("case_key", "code_mo"), on="case_key").join(
        stages["identified"].select("case_key", "status", "smo", "territory"), on="case_key"
    ).with_columns(pl.when(pl.col("status") == "own").then("smo").otherwise(pl.lit("75")).alias("payer"))  # fmt: skip
    sums = joined_cases.group_by("payer", "code_mo").agg(
        pl.len().alias("cases"), (pl.col("oplata") == 2).sum().alias("refused"), pl.col("sumv_kop").sum(), pl.col("sump_kop").sum()
    ).sort("payer", "code_mo")  # fmt: skip
    payments, act_132 = [], []
    for row in sums.iter_rows(named=True):
        withheld = row["sumv_kop"] - row["sump_kop"]
        advance = row["sump_kop"] // 3
        payments.append({
            "payer": row["payer"], "mo": row["code_mo"], "cases": row["cases"], "refused_cases": row["refused"], "billed_kop": row["sumv_kop"],
            "withheld_mek_kop": withheld, "withheld_mee_kop": 0, "withheld_ekmp_kop": 0, "accepted_kop": row["sump_kop"],
            "advance_kop": advance, "excess_before_kop": 0, "payment_kop": row["sump_kop"] + 1_750 - advance, "excess_after_kop": 0,
        })  # fmt: skip
        act_132.append({
            "payer": row["payer"], "mo": row["code_mo"], "start_kop": 1_050, "billed_kop": row["sumv_kop"], "withheld_kop": withheld,
            "mek_kop": withheld, "mee_kop": 0, "ekmp_kop": 0, "transferred_kop": row["sump_kop"] + 1_750, "end_kop": -700,
        })  # fmt: skip
    acts = frame("act_132", act_132)
    act_121 = []
    for smo in insurers:
        spent = int(acts.filter(pl.col("payer") == smo)["transferred_kop"].sum())
        standards, nsz = spent + 5_000_000, 12_345
        managed = standards // 100
        end = 1_000_000 + standards + nsz - managed - spent
        act_121.append({
            "smo": smo, "start_kop": 1_000_000, "start_spare_kop": 400_000, "start_preventive_kop": 0, "received_kop": standards + nsz,
            "by_standards_kop": standards, "from_nsz_kop": nsz, "case_management_kop": managed, "spent_kop": spent, "end_kop": end,
            "end_payment_kop": end - 400_000, "end_spare_kop": 400_000, "end_preventive_kop": 0,
        })  # fmt: skip
    bills = joined_cases.filter((pl.col("status") == "other") & (pl.col("sump_kop") > 0)).group_by("territory").agg(
        pl.len().alias("cases"), pl.col("sump_kop").sum()
    ).sort("territory")  # fmt: skip
    territory_bills = [
        {
            "territory": row["territory"], "okato": "25000", "file_name": f"R75{row['territory']}220001", "nschet": f"75-{row['territory']}-03",
            "cases": row["cases"], "billed_kop": row["sump_kop"], "withheld_kop": 0, "amount_kop": row["sump_kop"],
        }
        for row in bills.iter_rows(named=True)
    ]  # fmt: skip
    everything = sum(row["end_kop"] for row in act_121)
    balances = [{"account": f"insurer:{row['smo']}/target", "amount_kop": row["end_kop"]} for row in act_121]
    return {
        "payments": frame("payments", payments), "act_132": acts, "act_121": frame("act_121", act_121),
        "territory_bills": frame("territory_bills", territory_bills),
        "balances": frame("balances", [*balances, {"account": "fund/budget", "amount_kop": -everything}]),
        "reg_clinic": frame("reg_clinic", [{"mo": mo, "name": name} for mo, name in clinics.items()]),
        "reg_insurer": frame("reg_insurer", [{"smo": smo, "name": name} for smo, name in insurers.items()]),
        "reg_plan": frame("reg_plan", [
            {"mo": "750901", "month": "2022-03", "line": "ksg_inpatient", "volume": 4, "money_kop": 9_000_000, "since": date(2022, 1, 1)},
            {"mo": "750901", "month": "2022-03", "line": "ksg_inpatient", "volume": 5, "money_kop": 8_000_000, "since": date(2022, 2, 1)},
            {"mo": "750902", "month": "2022-03", "line": "exam", "volume": 10, "money_kop": None, "since": date(2022, 1, 1)},
        ]),
    }  # fmt: skip


INSURERS = {"75001": "СМО «Первая»"}
CLINICS = {"750901": "Краевая больница", "750902": f"Поликлиника {HOSTILE}", "750903": FORMULA}


def month() -> dict[str, pl.DataFrame]:
    """Everything the page and the summary read."""
    found = stages()
    return (
        data_packages(found) | settled(found, INSURERS, CLINICS) | {name: month_tables()[name] for name in ("file", "sl", "usl")}
    )


def data_packages(stages_of: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The stages plus the frame of packages: five taken, one sent back."""
    rows = stages_of["cases"].group_by("package").agg(
        pl.col("code_mo").first().alias("mo"), pl.col("file_kind").first(), pl.len().cast(pl.Int64).alias("cases"), pl.col("sumv").sum().alias("sumv_kop")
    ).with_columns(state=pl.lit("accepted"), reasons=pl.lit(None, dtype=pl.String)).sort("package")  # fmt: skip
    back = pl.DataFrame([{
        "package": "HM750903T75_220309", "mo": "750903", "file_kind": "H", "cases": None, "sumv_kop": None, "state": "refused",
        "reasons": f"S.807 {HOSTILE}",
    }], schema=rows.schema)  # fmt: skip
    return stages_of | {"packages": pl.concat([rows, back])}
