"""Builds a month from a few lines of YAML: sound cases by template, with what a test changes about them.

A test case lists `cases`; each names a template (`as`: visit, episode, service, stay, day, call, exam, vmp, cancer) and overrides
by block: file, zap, patient, person, case, sl (a block, or a list of blocks), usl (likewise, of the first sl), identified, priced,
grouped (of the first sl). Amounts,
days and quantities are written as people write them (500.00, 7); the builder scales them as the format tables say. The end of a
temporary certificate is reckoned from the day of issue: `identified: {certificate_from: 2022-01-25}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import polars as pl

from omsclaims import contract
from omsclaims.checks.frames import View
from omsclaims.identifiers import build_enp
from omsclaims.law import federal_parameters
from omsclaims.law.agreement import FILES, Control, RuleParameter, RuleSwitch, Volumes, frame_schema
from omsclaims.nsi import Book, Books, book_from_rows, built_in_books
from omsclaims.periods import Month
from omsclaims.registry import formats, names
from omsclaims.settlement import consume
from omsclaims.settlement.insured import certificate_ends

Block = dict[str, Any]
AS_OF = date(2022, 4, 20)
TERRITORY = "75"

FILE: Block = {
    "version": "3.1",
    "data": date(2022, 4, 5),
    "dschet": date(2022, 4, 4),
    "year": 2022,
    "month": 3,
    "code_mo": "750001",
    "plat": "75001",
}
PATIENT: Block = {"vpolis": 3, "smo": "75001", "novor": "0"}
PERSON: Block = {"w": 2, "dr": date(1980, 5, 15), "fam": "Примерова", "im": "Анна"}
_ONE_DAY: Block = {"date_1": date(2022, 3, 10), "date_2": date(2022, 3, 10)}
_SL: Block = {"profil": 97, "prvs": 76, "det": 0, "ds1": "J06.9", "tarif": "500.00", "sum_m": "500.00"}
_KSG: Block = {
    "n_ksg": "st23.001", "koef_z": "0.85", "koef_up": "1", "koef_u": "1", "koef_d": "1.2", "bztsz": "25000.00", "sl_k": 0,
}  # fmt: skip
_OUT: Block = {"usl_ok": 3, "vidpom": 12, "for_pom": 3, "rslt": 301, "ishod": 301}
_IN: Block = {
    "usl_ok": 1,
    "vidpom": 31,
    "for_pom": 1,
    "idsp": 33,
    "rslt": 101,
    "ishod": 102,
    "date_z_1": date(2022, 3, 1),
    "date_z_2": date(2022, 3, 8),
}
_WEEK: Block = {"date_1": date(2022, 3, 1), "date_2": date(2022, 3, 8)}

#: letters, payment kind, case, sl, services
TEMPLATES: dict[str, tuple[str, str, Block, Block, list[Block]]] = {
    "visit": ("H", "visit", {**_OUT, "idsp": 29}, {**_SL, **_ONE_DAY, "p_cel": "1.0", "c_zab": 1, "ed_col": "1"}, [{"date_in": date(2022, 3, 10)}]),
    "episode": (
        "H", "episode", {**_OUT, "idsp": 30}, {**_SL, "date_1": date(2022, 3, 10), "date_2": date(2022, 3, 15), "p_cel": "3.0", "c_zab": 1},
        [{"date_in": date(2022, 3, 10)}, {"date_in": date(2022, 3, 15)}],
    ),
    "service": (
        "H", "service", {**_OUT, "idsp": 28}, {**_SL, **_ONE_DAY, "p_cel": "1.0", "c_zab": 1, "tarif": "250.00"},
        [{"date_in": date(2022, 3, 10), "kol_usl": "2", "tarif": "250.00", "sumv_usl": "500.00"}],
    ),
    "stay": ("H", "ksg_inpatient", _IN, {**_SL, **_WEEK, **_KSG, "kd": "7", "p_per": 1, "sum_m": "25500.00", "tarif": "25000.00"}, []),
    "day": (
        "H", "ksg_day", {**_IN, "usl_ok": 2, "for_pom": 3, "rslt": 201, "ishod": 202, "npr_mo": "750002", "npr_date": date(2022, 2, 25)},
        {**_SL, **_WEEK, **_KSG, "n_ksg": "ds23.001", "kd": "8", "p_per": 1, "sum_m": "25500.00", "tarif": "25000.00"}, [],
    ),
    "call": ("H", "call", {**_OUT, "usl_ok": 4, "vidpom": 2, "for_pom": 1, "idsp": 24, "rslt": 401, "ishod": 401}, {**_SL, **_ONE_DAY, "profil": 84}, [{"date_in": date(2022, 3, 10)}]),
    "exam": (
        "DP", "exam", {"vidpom": 12, "idsp": 30, "rslt_d": 1, "p_otk": 0, "vbr": 0},
        {**_ONE_DAY, "ds1": "Z00.0", "pr_d_n": 3, "ds_onk": 0, "tarif": "1500.00", "sum_m": "1500.00"},
        [{"date_in": date(2022, 2, 20)}, {"date_in": date(2022, 3, 10), "code_usl": "B04.047.001"}],
    ),
    "vmp": (
        "T", "vmp", {**_IN, "vidpom": 32, "for_pom": 3, "idsp": 32, "npr_mo": "750002", "npr_date": date(2022, 2, 25)},
        {
            **_SL, **_WEEK, "profil": 81, "ds1": "I20.0", "ds_onk": 0, "vid_hmp": "14.00.37.001", "metod_hmp": 498, "tal_num": "75.1234.00001.122", "tal_d": date(2022, 2, 20),
            "tal_p": date(2022, 3, 1), "sum_m": "200000.00", "tarif": "200000.00",
        }, [],
    ),
    "cancer": (
        "C", "ksg_inpatient", _IN,
        {
            **_SL, **_WEEK, **_KSG, "ds1": "C50.1", "profil": 60, "kd": "7", "p_per": 1, "c_zab": 2, "ds_onk": 0, "sum_m": "25500.00", "tarif": "25000.00", "ds1_t": 0, "stad": 257, "onk_t": 297,
            "onk_n": 191, "onk_m": 57, "cons": [{"pr_cons": 2, "dt_cons": date(2022, 3, 1)}], "onk_usl": [{"usl_tip": 5}],
        }, [],
    ),
}  # fmt: skip

#: Tables below others, in order: each with the table above it. A list in a block of that table gives its rows.
CHILDREN: dict[str, str] = {
    "vnov_m": "z_sl", "os_sluch": "z_sl", "sank": "z_sl", "sank_sl_id": "sank", "code_exp": "sank", "ds2": "sl", "ds3": "sl",
    "ds2_n": "sl", "crit": "sl", "sl_koef": "sl", "code_mes1": "sl", "lek_pr": "sl", "napr": "sl", "cons": "sl", "b_diag": "sl",
    "b_prot": "sl", "onk_usl": "sl", "onk_lek_pr": "onk_usl", "date_inj": "onk_lek_pr", "inj": "onk_lek_pr", "naz": "sl", "med_dev": "usl",
    "mr_usl_n": "usl", "dost": "person", "dost_p": "person",
}  # fmt: skip


@dataclass(frozen=True)
class Built:
    """A month as the stages see it, and which case_key is which case of the test."""

    tables: dict[str, pl.DataFrame]
    context: Any
    keys: list[int]


def scaled(table: str, block: Mapping[str, Any]) -> Block:
    """A block with numbers as the canonical tables hold them."""
    columns = formats.canonical_columns(table)
    found: Block = {}
    for name, value in block.items():
        if name not in columns and not name.startswith("_"):
            raise KeyError(f"{table} has no column {name}")
        number = columns.get(name) == pl.Int64 and value is not None and not name.startswith("_")
        found[name] = int(Decimal(str(value)) * 10 ** formats.scale_of(table, name)) if number else value
    return found


class _Month:
    """Rows collected while the cases are built."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Block]] = {}

    def add(self, table: str, block: Block) -> int:
        """A row of a canonical table; its number is unique over the month."""
        rows = self.rows.setdefault(table, [])
        number = len(rows)
        nested = {name: block[name] for name in block if CHILDREN.get(name) == table}
        rows.append({"_row": number, **scaled(table, {name: value for name, value in block.items() if name not in nested})})
        for name, values in nested.items():
            for value in values:
                self.add(name, {"_parent": number, **(value if isinstance(value, dict) else {name.removesuffix("_n"): value})})
        return number


def _listed(block: Any) -> list[Block]:
    return block if isinstance(block, list) else [block]


def build(
    cases: list[Block],
    *,
    as_of: date = AS_OF,
    history: list[Block] | None = None,
    registers: Mapping[str, list[Block]] | None = None,
    refused: list[int] | None = None,
    grounds: Mapping[int, str] | None = None,
    package: str | None = None,
    books: Mapping[str, list[Block]] | None = None,
    month: str = "2022-03",
    disabled: list[Any] | None = None,
    enabled: list[Any] | None = None,
    parameters: list[Block] | None = None,
) -> Built:
    """The tables of a month with these cases, and a context."""
    collected = _Month()
    contracts: dict[str, list[Block]] = {"identified": [], "priced_sl": [], "priced": [], "grouped": []}
    keys = []
    for number, case in enumerate(cases, 1):
        keys.append(_add_case(collected, contracts, number, dict(case), package))
    tables = {name: _canonical(name, rows) for name, rows in collected.rows.items()}
    for name in ("usl", *CHILDREN):
        tables.setdefault(name, _canonical(name, []))
    for name, rows in contracts.items():
        tables[name] = _contracted(name, rows)
    tables["history"] = _contracted(
        "history",
        [
            {"month": "2022-02", "novor": "0", "file_kind": "H", "letters": "H", "package": "HM750009T75_22021", **row}
            for row in history or []
        ],
    )
    known = {
        "reg_clinic": [{"mo": mo, "valid_from": date(2011, 1, 1)} for mo in ("750001", "750002")],
        "voucher_uses_before": [],
        "reg_plan": [
            {"mo": "750001", "month": month, "line": line, "volume": 1000, "since": date(2022, 1, 10)}
            for line in ("visit", "ksg_inpatient", "vmp")
        ],
    }
    tables["reg_licence"] = _licences()
    for name, rows in {**known, **(registers or {})}.items():
        tables[name] = _contracted(name, rows)
    codes = grounds or {}
    tables["refused"] = _contracted(
        "refused", [{"case_key": keys[number - 1], "ground_code": codes.get(number, "1.4.4")} for number in refused or []]
    )
    own = tuple(RuleParameter.model_validate({"why": "a test", **block}) for block in parameters or ())
    control = Control(disabled_rules=_switches(disabled), enabled_rules=_switches(enabled), rule_parameters=own)
    agreement = SimpleNamespace(
        planned_kinds=frozenset({"visit", "ksg_inpatient", "vmp"}), head=SimpleNamespace(control=control, volumes=Volumes()),
        table=lambda name: pl.DataFrame(schema=frame_schema(FILES[name].row)),
    )  # fmt: skip
    context = SimpleNamespace(
        month=Month.parse(month), as_of=as_of, territory=TERRITORY, books=_books(books or {}), agreement=agreement
    )
    tables["plan_items"] = consume({**tables, "cases": _cases_of(tables)}, context)["plan_items"]
    return Built(tables, context, keys)


def _cases_of(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """What the plan of the commission looks at of the contract table `cases`; what was refused before asks for nothing."""
    cases = View(tables).case.rename({"z_row": "case_key"})
    return cases.join(tables["refused"], on="case_key", how="anti")


def _switches(listed: list[Any] | None) -> tuple[RuleSwitch, ...]:
    """Switches of an agreement: an id, or a block of rule, mo, since, until."""
    blocks = ({"rule": item} if isinstance(item, str) else item for item in listed or ())
    return tuple(RuleSwitch.model_validate({"why": "a test", **block}) for block in blocks)


def _add_case(
    collected: _Month, contracts: dict[str, list[Block]], number: int, case: Block, package_name: str | None = None
) -> int:  # fmt: skip
    """One case; all of them in `package_name`, or in packages of their own kind."""
    letters, kind, z_sl, sl, services = TEMPLATES[case.pop("as", "visit")]
    header = case.pop("file", None)
    name = names.build_name(letters, "M750001", "T75", "2022-03", number if header is not None else 0)
    package = package_name or name.stem
    files = collected.rows.setdefault("file", [])
    if all(row["package"] != package for row in files):
        files.append({"_row": len(files), "package": package, "filename": package, **scaled("file", {**FILE, **(header or {})})})
    zap = collected.add("zap", {"_line": number, "n_zap": number, **case.pop("zap", {})})
    person = {**PERSON, **case.pop("person", {})}
    enp = build_enp(TERRITORY, person["dr"] or PERSON["dr"], person["w"] if person["w"] in (1, 2) else 2, number)
    where = "enp" if letters not in ("H", "T", "C") else "npolis"  # version 3.1 of the others has no ENP
    patient = {"id_pac": f"p{number}", where: enp, **PATIENT, **case.pop("patient", {})}
    collected.add("patient", {"_parent": zap, **patient})
    if not any(
        row["package"] == package and row["id_pac"] == patient["id_pac"] for row in collected.rows.setdefault("person", [])
    ):
        collected.add("person", {"id_pac": patient["id_pac"], **person})
        collected.rows["person"][-1]["package"] = package
    blocks = [{**sl, **block} for block in _listed(case.pop("sl", {}))]
    z_block = {"lpu": "750001", **z_sl, **case.pop("case", {})}
    z_block.setdefault("date_z_1", blocks[0]["date_1"])
    z_block.setdefault("date_z_2", blocks[-1]["date_2"])
    z_block.setdefault("sumv", str(sum(Decimal(str(block["sum_m"])) for block in blocks if block["sum_m"] is not None)))
    key = collected.add("z_sl", {"_parent": zap, "idcase": number, **z_block})
    collected.rows["z_sl"][-1]["package"] = package
    usl = [{**services[0], **block} if services else block for block in case.pop("usl")] if "usl" in case else services
    priced = case.pop("priced", {})
    grouped = case.pop("grouped", None)
    for order, block in enumerate(blocks):
        _add_sl(collected, contracts, key, number, order, block, usl if order == 0 else [], kind, priced)
        if grouped is not None and order == 0:
            computed = {"candidates": 1, "tied": False, "decided": "only", **grouped}
            row = contracts["priced_sl"][-1]["sl_key"]
            contracts["grouped"].append(
                {"sl_key": row, "case_key": key, "payment_kind": kind, "billed": block.get("n_ksg"), **computed}
            )
    identified = case.pop("identified", {})
    contracts["identified"].append(_identified(key, patient, person, identified))
    contracts["priced"].append({"case_key": key, "payment_kind": priced.get("payment_kind", kind)})
    if case:
        raise KeyError(f"unknown parts of a test case: {sorted(case)}")
    return key


def _add_sl(
    collected: _Month,
    contracts: dict[str, list[Block]],
    key: int,
    number: int,
    order: int,
    block: Block,
    usl: list[Block],
    kind: str,
    priced: Block,
) -> None:
    block = dict(block)
    priced = {**priced, **block.pop("priced", {})}  # of one sub-case, where they differ
    row = collected.add("sl", {"_parent": key, "sl_id": f"s{number}.{order + 1}", **block})
    for place, service in enumerate(usl, 1):
        full = {
            "profil": 97 if block.get("profil") else None,
            "date_out": service.get("date_in"),
            "kol_usl": "1",
            "tarif": "0",
            "sumv_usl": "0",
            **service,
        }
        collected.add("usl", {"_parent": row, "idserv": f"u{number}.{place}", "lpu": "750001", **full})
    amounts = scaled("sl", {name: value for name, value in block.items() if name not in CHILDREN})
    factors = {
        "kz5": amounts.get("koef_z"),
        "ks5": amounts.get("koef_up"),
        "kus5": amounts.get("koef_u"),
        "kd5": amounts.get("koef_d"),
    }
    rate4 = amounts["bztsz"] * 100 if amounts.get("bztsz") is not None else None
    price = {
        "price_kop": amounts["sum_m"],
        "full_price_kop": amounts["sum_m"],
        "rate4": rate4,
        "kslp5": amounts.get("it_sl") or 0,
        "share5": 100_000,
    }
    contracts["priced_sl"].append({"sl_key": row, "case_key": key, "payment_kind": kind, **factors, **price, **priced})


def _identified(key: int, patient: Block, person: Block, changed: Block) -> Block:
    changed = dict(changed)
    if (issued := changed.pop("certificate_from", None)) is not None:
        changed |= {"policy_from": issued, "policy_to": certificate_ends(issued, None, federal_parameters())}
    return {
        "case_key": key, "person_key": patient["id_pac"], "evidence": "register", "status": "own", "smo": patient["smo"], "territory": TERRITORY,
        "policy_from": date(2015, 1, 1), "attached_mo": "750001", "register_w": person["w"], "w": person["w"], "birth_differs": False, **changed,
    }  # fmt: skip


@cache
def _licences() -> pl.DataFrame:
    """A licence for everything that the templates do."""
    places = [{"usl_ok": usl_ok, "profil": profil} for usl_ok in (1, 2, 3, 4) for profil in range(1, 200)]
    return _contracted("reg_licence", [{"mo": "750001", "valid_from": date(2011, 1, 1), **place} for place in places])


def _canonical(name: str, rows: list[Block]) -> pl.DataFrame:
    schema = dict(formats.canonical_columns(name))
    if any("package" in row for row in rows):
        schema["package"] = pl.String()
    if name == "patient":
        rows = [{**row, "policy": row.get("enp") or row.get("npolis")} for row in rows]
    return pl.DataFrame(rows, schema=schema, orient="row") if rows else pl.DataFrame(schema=schema)


def _contracted(name: str, rows: list[Block]) -> pl.DataFrame:
    schema = contract.TABLES[name.removesuffix("_before")].schema()
    unknown = {key for row in rows for key in row} - set(schema)
    if unknown:
        raise KeyError(f"{name} has no columns {sorted(unknown)}")
    return pl.DataFrame([{**dict.fromkeys(schema), **row} for row in rows], schema=schema, orient="row")


def _books(extra: Mapping[str, list[Block]]) -> Books:
    """The built-in books and those of the test, each a list of rows with at least `code`."""
    found: dict[str, Book] = {}
    for name, rows in extra.items():
        frame = pl.DataFrame([{"valid_from": None, "valid_to": None, **row} for row in rows], infer_schema_length=None)
        frame = frame.with_columns(pl.col("valid_from", "valid_to").cast(pl.Date))
        found[name] = book_from_rows(name, "test", frame)
    return built_in_books().with_books(found)
