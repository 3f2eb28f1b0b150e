"""Which columns do stages hand to one another? The contract: every table between rooms, column by column.

Rooms are strangers (design: Rooms): they meet only through these tables. `TABLES` names the columns with type, unit, meaning,
who writes and who reads them; `check` holds a frame against it at a stage boundary. Tables read from registries (file, zap,
patient, z_sl, sl, usl, ...) have the columns of the format tables (`omsclaims.registry.formats`) and, in a month, two more rules:

- `_row` and `_parent` are unique over the month: ordinal of the package (packages sorted by name) x 2^32 + row in the file;
  `package` names the package. `case_key` is `_row` of z_sl, repeated on sl and usl (and on tables below them where needed).
- money columns are kopecks; other numbers with decimals are scaled integers (koef_z 93000 = 0.93000; kol_usl 100 = 1.00).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

#: Columns of registers that may be empty; every other column must have a value in every row.
MAY_BE_EMPTY: Final[dict[str, frozenset[str]]] = {
    "reg_insured": frozenset({"enp", "fam", "im", "ot", "spolis", "npolis", "policy_to", "died_on"}),
    "reg_attachment": frozenset({"attached_to"}),
    "reg_clinic": frozenset({"valid_to"}),
    "reg_insurer": frozenset({"valid_to"}),
    "reg_licence": frozenset({"valid_to"}),
    "reg_staff": frozenset({"left_on", "certified_on", "certified_to"}),
    "reg_plan": frozenset({"money_kop"}),
    "reg_advance": frozenset(),
    "reg_funding": frozenset({"smo"}),
    "reg_opening": frozenset(),
    "reg_contract": frozenset({"till"}),
    "reg_bank": frozenset({"inn", "kpp", "bik", "bank", "corr_account"}),
    "reg_certificate": frozenset({"enp", "received_on"}),
    "reg_unchosen": frozenset(),
    "reg_exclusion": frozenset(),
    "reg_accident": frozenset({"decided_on", "enp", "fam", "im", "ot", "document", "care_to", "sent_on", "reported_on"}),
    "reg_quota": frozenset(),
    "reg_voucher": frozenset({"requested_on", "referred_on"}),
    "reg_voucher_event": frozenset({"decision", "planned_on", "in_person"}),
    "reg_complaint": frozenset({"mo"}),
    "reg_receipt": frozenset(),
}

#: What codes of registers look like: they become accounts and names of files.
CODE_PATTERNS: Final[dict[str, str]] = {
    "mo": r"^[0-9]{6}$", "smo": r"^[0-9]{5}$", "payer": r"^([0-9]{2}|[0-9]{5})$", "okato": r"^[0-9]{5}$", "enp": r"^[0-9]{16}$",
    "month": r"^[0-9]{4}-(0[1-9]|1[0-2])$", "what": r"^(standards|spare_fill|nsz)$",
    "party": r"^(fund:[0-9]{2}|insurer:[0-9]{5}|clinic:[0-9]{6}|territory:[0-9]{2})$", "bik": r"^[0-9]{9}$",
}  # fmt: skip

#: Rows of one package are numbered from ordinal << PACKAGE_SHIFT.
PACKAGE_SHIFT: Final = 32

S, I, D, B = pl.String(), pl.Int64(), pl.Date(), pl.Boolean()


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the contract: what a row is, who writes it, who reads it, and its columns."""

    grain: str
    written_by: str
    read_by: str
    columns: dict[str, tuple[pl.DataType, str]]

    def schema(self) -> dict[str, pl.DataType]:
        """Column names and types."""
        return {name: kind for name, (kind, _) in self.columns.items()}

    def empty(self) -> pl.DataFrame:
        """The table without rows."""
        return pl.DataFrame(schema=self.schema())


TABLES: Final[dict[str, Table]] = {
    # ---- registers of the territory (loaded into the workspace before a month) ----
    "reg_insured": Table(
        "a period of one policy of one person; personal, lies in the people part", "workspace", "identify, settle",
        {
            "enp": (S, "single policy number: who the person is"),
            "fam": (S, "last name"), "im": (S, "first name"), "ot": (S, "patronymic or null"),
            "w": (I, "sex, V005"), "dr": (D, "birth date"),
            "vpolis": (I, "kind of policy, F008"), "spolis": (S, "series of an old policy"), "npolis": (S, "number of an old or temporary policy"),
            "smo": (S, "insurer, F002 smocod"),
            "policy_from": (D, "first day of the policy with this insurer"), "policy_to": (D, "last day, null: open"),
            "place": (S, "municipality or group of municipalities of the agreement"),
            "died_on": (D, "date of death in the register or null"),
        },
    ),
    "reg_attachment": Table(
        "a period of attachment of one person to one clinic; personal", "workspace", "identify",
        {"enp": (S, "person"), "mo": (S, "clinic"), "attached_from": (D, ""), "attached_to": (D, "null: open")},
    ),
    "reg_clinic": Table(
        "a period of a clinic in the register (Rules 91, 100)", "workspace", "checks, settle, reports",
        {"mo": (S, "clinic, F003 mcod"), "name": (S, "short name"), "valid_from": (D, ""), "valid_to": (D, "null: open")},
    ),
    "reg_insurer": Table(
        "a period of an insurer in the register (Rules 72)", "workspace", "checks, identify, settle, reports",
        {"smo": (S, "insurer, F002 smocod"), "name": (S, "short name"), "okato": (S, "OKATO of its territory"), "valid_from": (D, ""), "valid_to": (D, "null: open")},
    ),
    "reg_licence": Table(
        "a licence of a clinic for conditions and profile of care", "workspace", "checks",
        {"mo": (S, "clinic"), "usl_ok": (I, "V006"), "profil": (I, "V002"), "valid_from": (D, ""), "valid_to": (D, "null: open")},
    ),
    "reg_staff": Table(
        "a doctor or nurse at work in a clinic with a specialty, and the certificate or accreditation for it", "workspace", "checks",
        {
            "mo": (S, "clinic"), "code": (S, "IDDOKT, CODE_MD"), "prvs": (I, "specialty, V021"), "hired_on": (D, "first day of work"), "left_on": (D, "last day, null: still there"),
            "certified_on": (D, "day of the certificate, null: none"), "certified_to": (D, "last day of it, null: five years from its day"),
        },
    ),
    "reg_plan": Table(
        "plan of a clinic for a month and line, set by the commission (Rules 122-123); the row with the latest `since` holds", "workspace", "checks, reports",
        {"mo": (S, "clinic"), "month": (S, "YYYY-MM"), "line": (S, "line of the agreement's plan_lines.csv; without that table a payment kind"), "volume": (I, "whole units of the line: cases, or quantities"), "money_kop": (I, "money or null: no limit"), "since": (D, "date of the decision")},
    ),
    "reg_advance": Table(
        "advance that a payer transferred to a clinic for a month (Rules 126)", "workspace", "settle",
        {"month": (S, "YYYY-MM"), "payer": (S, "insurer smocod, or territory code of the fund for people insured elsewhere"), "mo": (S, "clinic"), "amount_kop": (I, ""), "excepted": (B, "the advance is not reduced by a carried excess (129)")},
    ),
    "reg_funding": Table(
        "money of the month that the fund sets aside", "workspace", "settle",
        {"month": (S, "YYYY-MM"), "what": (S, "standards: S of law.md 4.4 | spare_fill: part of the standards into the spare reserve | nsz: extra money of the НСЗ"), "smo": (S, "insurer, null for the territory"), "amount_kop": (I, "")},
    ),
    "reg_opening": Table(
        "opening balance of the ledger, before the first month", "workspace", "settle",
        {"account": (S, "account of the ledger"), "amount_kop": (I, "debit positive, credit negative; sums to zero")},
    ),
    "reg_contract": Table(
        "a contract of the fund with an insurer on its financing (Rules 189-198); without one an insurer has a contract for each whole year", "workspace", "settle, insurer",
        {"smo": (S, "insurer, F002 smocod"), "number": (S, ""), "since": (D, "first day"), "till": (D, "last day, of an early end too; null: open")},
    ),
    "reg_certificate": Table(
        "a temporary certificate of insurance (Rules 37); personal", "workspace", "identify",
        {"npolis": (S, "number"), "enp": (S, "person, where known"), "smo": (S, "insurer"), "issued_on": (D, ""), "received_on": (D, "day the policy was received, or null")},
    ),
    "reg_unchosen": Table(
        "a person who has chosen no insurer, to be apportioned (Rules 13); personal", "workspace", "insured apportion",
        {"enp": (S, "person"), "working": (B, ""), "since": (D, "day from which the fund knows")},
    ),
    "reg_exclusion": Table(
        "why a clinic or insurer left its register (Rules 72, 91, 100)", "workspace", "insured check",
        {"code": (S, "clinic, F003 mcod, or insurer, F002 smocod"), "excluded_on": (D, "last day in the register"), "reason": (S, "liquidation | licence | bankruptcy | notice (by 1 September for the next year) | contract")},
    ),
    "reg_accident": Table(
        "a notice of a severe accident at work (Rules 107); personal", "workspace", "accidents",
        {
            "notice": (S, "number of the notice"), "received_on": (D, "day the fund got it"), "decided_on": (D, "decision of the social insurance fund, or null"), "enp": (S, "policy, where the notice gives it"),
            "fam": (S, ""), "im": (S, ""), "ot": (S, ""), "dr": (D, "birth date"), "document": (S, "identity document"), "accident_on": (D, ""), "care_from": (D, "start of treatment"), "care_to": (D, "its end, or null: not known"),
            "ds1": (S, "diagnosis"), "mo": (S, "clinic"), "sent_on": (D, "day it was sent to the insurer, or null"), "reported_on": (D, "day of the insurer's report, or null"),
        },
    ),
    "reg_quota": Table(
        "places of high-tech care of a clinic, group and year; the row with the latest `since` holds", "workspace", "vouchers",
        {"mo": (S, "receiving clinic"), "group": (S, "METOD_HMP, VID_HMP or group of the agreement"), "year": (I, ""), "places": (I, ""), "since": (D, "date of the decision")},
    ),
    "reg_voucher": Table(
        "a voucher (талон) of high-tech care; personal", "workspace", "vouchers",
        {
            "voucher": (S, "number, TAL_NUM"), "section": (I, "1 in the base programme, issued by the receiving clinic; 2 issued by the regional authority, not paid by the fund"),
            "enp": (S, "person"), "mo": (S, "receiving clinic"), "group": (S, "as in reg_quota"), "created_on": (D, "TAL_D"),
            "requested_on": (D, "application to the referring clinic's commission, or null"), "referred_on": (D, "its decision, or null"),
        },
    ),
    "reg_voucher_event": Table(
        "a step of a voucher", "workspace", "vouchers",
        {
            "voucher": (S, ""), "event": (S, "papers authority decision admitted treated closed lapsed"), "event_on": (D, ""),
            "decision": (S, "authority: approved | refused; decision of the clinic: date | waiting | more_tests | refused; else null"),
            "planned_on": (D, "day of admission that a decision `date` names"), "in_person": (B, "the patient came in person with the papers; null: no"),
        },
    ),
    "reg_complaint": Table(
        "a complaint of an insured person about care, for the targeted lists of expertise; personal", "workspace", "expertise",
        {
            "number": (S, "number of the complaint at the fund or insurer"), "received": (D, "day it came"), "enp": (S, "person"), "mo": (S, "clinic, or null: any"),
            "care_from": (D, "first day of the care that it is about"), "care_to": (D, "last day"),
        },
    ),
    "reg_receipt": Table(
        "receipt of an act by the clinic: from this day its terms run (Rules 128); without a row the date of the act counts", "workspace", "expertise, checks",
        {"mo": (S, "clinic"), "num_act": (S, "number of the act"), "received_on": (D, "")},
    ),
    # ---- the month ----
    "cases": Table(
        "a completed case (Z_SL) of an accepted package of the month", "month.assemble", "all stages",
        {
            "case_key": (I, "key of the case in the month"), "package": (S, ""), "file_kind": (S, "H T C X"), "letters": (S, "letters of the file name: H T C DP ..."),
            "version": (S, ""), "data": (D, "date of the file"), "code_mo": (S, "clinic that bills"), "year": (I, ""), "month": (I, ""), "nschet": (S, ""), "dschet": (D, ""), "plat": (S, ""),
            "n_zap": (I, ""), "pr_nov": (I, ""), "id_pac": (S, ""), "vpolis": (I, ""), "smo": (S, "insurer as billed"), "st_okato": (S, ""), "smo_ok": (S, ""), "novor": (S, ""),
            "idcase": (I, ""), "usl_ok": (I, "null in X"), "vidpom": (I, ""), "for_pom": (I, ""), "npr_mo": (S, ""), "npr_date": (D, ""), "lpu": (S, ""),
            "date_z_1": (D, ""), "date_z_2": (D, ""), "kd_z": (I, ""), "rslt": (I, ""), "ishod": (I, ""), "rslt_d": (I, "X only"), "p_otk": (I, "X only"), "vbr": (I, "X only"),
            "idsp": (I, ""), "sumv": (I, "billed, kopecks; null when unreadable"), "line": (I, "line of the ZAP in the file"),
        },
    ),
    "identified": Table(
        "a case: who is insured where on the date of care", "settlement.identify", "checks, settle, reports",
        {
            "case_key": (I, ""), "person_key": (S, "HMAC key of the person; equal for the same person in every month of a workspace"),
            "evidence": (S, "register | insurer_prefix | st_okato | none"),
            "status": (S, "own: insured here | other: insured in another territory | unknown"),
            "smo": (S, "insurer on date_z_2 (own), as billed (other), null"),
            "territory": (S, "two-digit code of the territory of insurance, null when unknown"), "okato": (S, "its OKATO, 5 digits"),
            "attached_mo": (S, "clinic of attachment on date_z_2 or null"), "place": (S, "municipality group of the register or null"),
            "policy_from": (D, "of the policy period found, else null"), "policy_to": (D, ""), "died_on": (D, ""),
            "register_w": (I, "sex in the register"), "w": (I, "sex as billed"),
            "age_start": (I, "whole years on date_z_1 by the billed birth date"), "age_end": (I, "on date_z_2"),
            "age_days_start": (I, "days since the billed birth date on date_z_1: what the grouper asks of infants"),
            "birth_after_start": (B, "billed birth date later than date_z_1"), "birth_differs": (B, "billed birth date differs from the register"),
        },
    ),
    "grouped": Table(
        "a case within a completed case (SL) of a КСГ kind: the group that the grouper gives it (law.md 8.1)", "tariffs.grouper", "checks, explain, reports",
        {
            "sl_key": (I, "_row of sl"), "case_key": (I, ""), "payment_kind": (S, "ksg_inpatient | ksg_day"), "billed": (S, "N_KSG as billed or null"),
            "ksg": (S, "computed group; null: none, see decided"),
            "decided": (S, "only | exception | priority | price | code: what chose it; none: no row applies | unpriced: the choice hangs on an unknown price | outside: no workbook for the day | unknown: a field is missing"),
            "rules": (S, "ids of the exceptions and priorities of the chosen group, ;-separated"), "number": (I, "№ of the row of the workbook"), "candidates": (I, "groups that fit"),
            "tied": (B, "another group has the same price; the smaller code was taken"), "price_kop": (I, "price it was compared by: without КСЛП, with the share of an interrupted case"),
            "norm_days": (I, "norm of the stay that the criterion states"), "edition": (S, "workbook"), "sources": (S, "workbook and rules, ;-separated"), "billed_price_kop": (I, "price of the billed group where it fits, else null"),
        },
    ),
    "group_candidates": Table(
        "a group that a case fits", "tariffs.grouper", "explain",
        {
            "sl_key": (I, ""), "ksg": (S, ""), "number": (I, "№ of the first row of the workbook that applies"), "norm_days": (I, ""), "price_kop": (I, "null: not known"),
            "rules": (S, "ids of the exceptions and priorities that apply to it"), "chosen": (B, ""),
        },
    ),
    "priced_sl": Table(
        "a case within a completed case (SL) with its price and the factors it was made of", "tariffs.price", "checks, explain, reports",
        {
            "sl_key": (I, "_row of sl"), "case_key": (I, ""), "payment_kind": (S, "ksg_inpatient ksg_day visit episode call exam vmp service per_capita; null: no kind fits"),
            "formula": (S, "name of the formula, text in the catalogue as formula.<name>"), "price_kop": (I, "computed price; null when a tariff is missing; 0 when a dearer group of the stay is paid instead"), "full_price_kop": (I, "the same without the share of an interrupted case; 0 likewise"),
            "group": (S, "КСГ, ВМП group, tariff code"), "rate4": (I, "base rate or tariff, 0.0001 rouble"), "quantity2": (I, "units, 0.01"),
            "kz5": (I, "weight"), "ks5": (I, "specificity"), "kus5": (I, "level"), "kd5": (I, "territorial coefficient"), "dzp5": (I, "wage share"),
            "kd_kslp5": (I, "territorial coefficient of the complexity part"), "kslp5": (I, "complexity, sum or product by the rule of the year"), "share5": (I, "share paid of an interrupted case"),
            "interrupted": (I, "reason 1-9 or null"), "level": (S, "level of the clinic"), "place": (S, "place of the clinic"), "step_kop": (I, "rounding step"),
            "sources": (S, "keys of the agreement used, ;-separated"),
            "beside": (S, "КСГ: whether it is paid beside the other groups of its stay: only dearest <id of the reason> none unknown; null for other kinds"),
            "beside_group": (S, "the dearest group of the stay, where it is that of another sub-case"),
        },
    ),
    "priced": Table(
        "a completed case with its computed price", "tariffs.price", "checks, settle, reports",
        {"case_key": (I, ""), "payment_kind": (S, "of its first SL"), "price_kop": (I, "sum over SL; null when any is missing")},
    ),
    "history": Table(
        "a case accepted in an earlier month: narrow, sorted by person and date", "month (store)", "checks",
        {
            "person_key": (S, ""), "month": (S, "YYYY-MM"), "package": (S, ""), "idcase": (I, ""), "sl_id": (S, ""), "usl_ok": (I, "3 for X"), "file_kind": (S, ""), "letters": (S, ""),
            "date_1": (D, "of the SL"), "date_2": (D, ""), "profil": (I, ""), "prvs": (I, ""), "ds1": (S, ""), "novor": (S, "0, or 1: a newborn under the policy of another"), "code_mo": (S, ""), "sump_kop": (I, ""), "vidpom": (I, ""), "n_ksg": (S, ""),
        },
    ),
    "refused": Table(
        "a case refused in an earlier pass", "settlement.decide", "checks",
        {"case_key": (I, ""), "ground_code": (S, "ground that stands, F014 number")},
    ),
    "vouchers": Table(
        "a voucher of high-tech care as of the day of knowledge, without the person's name or policy", "settlement.voucher_register", "checks",
        {
            "voucher": (S, "number without spaces"), "section": (I, ""), "person_key": (S, ""), "mo": (S, ""), "group": (S, ""), "created_on": (D, ""), "accepted_on": (D, "first decision of the clinic that names a day of admission, or null"),
            "ended_on": (D, "day it was refused or lapsed, or null"), "state": (S, ""),
        },
    ),
    "voucher_uses": Table(
        "an accepted case of high-tech care and its voucher", "settlement.voucher_uses", "later months",
        {"voucher": (S, ""), "month": (S, "YYYY-MM"), "package": (S, ""), "idcase": (I, ""), "case_key": (I, "")},
    ),
    "accident_cases": Table(
        "a case of the month that is care for a severe accident at work (Rules 120, 131)", "settlement.accidents", "checks, reports",
        {"case_key": (I, ""), "notice": (S, ""), "received_on": (D, ""), "accident_on": (D, ""), "same_clinic": (B, "the clinic of the notice; else the case is only named")},
    ),
    "accident_history": Table(
        "a case of a closed month of a person of whom there is a notice", "closing", "settlement.accidents",
        {
            "month": (S, ""), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "case_key": (I, "key in its month"), "payer": (S, ""), "mo": (S, ""), "lpu": (S, "clinic that gave the care"), "person_key": (S, ""),
            "date_z_1": (D, ""), "ds1": (S, ""), "oplata": (I, "decision of МЭК then"), "sump_kop": (I, "accepted by МЭК then"),
        },
    ),
    "accident_deductions": Table(
        "a case paid in an earlier month and withheld now as care for a severe accident (Rules 131; law.md 10.8: on the line of МЭК)", "settlement.accidents", "settle, reports, later months",
        {
            "month": (S, "in which the case was billed"), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "case_key": (I, ""), "payer": (S, ""), "mo": (S, "clinic that billed"), "notice": (S, ""), "code": (S, "F014 number"), "kod": (I, "F014 Kod"),
            "amount_kop": (I, "what МЭК had accepted"),
        },
    ),
    "plan_items": Table(
        "a payable own case of a planned kind: the line of the plan that it consumes, and whether it fits (Rules 122-123; law.md 5)", "settlement.consume", "checks, settlement.line_use, explain",
        {
            "case_key": (I, ""), "mo": (S, "clinic, LPU"), "line": (S, "null: no line takes the case"), "unit": (S, "case | quantity"), "units2": (I, "consumed volume, 0.01 unit"), "amount_kop": (I, "consumed money: what is payable of the case"),
            "place": (I, "place in its line in the order of consumption, from 1"), "state": (S, "fits | over_volume | over_money | no_plan: refused without a row of the plan | passed: let through without one"),
            "plan_volume": (I, "plan of the month, whole units; null: no row"), "plan_kop": (I, "null: no limit"), "since": (D, "decision in force"),
            "limit_units2": (I, "what the line may take in the month: plan of the period so far less what it consumed before"), "limit_kop": (I, "the same in money; null: no limit"),
        },
    ),
    "plan_lines": Table(
        "a clinic and line of the plan: the month; consumed + excess = billed", "settlement.line_use", "later months, reports",
        {
            "month": (S, "YYYY-MM"), "mo": (S, ""), "line": (S, "- where no line takes the cases"), "unit": (S, "case | quantity"), "plan_volume": (I, "whole units; null: no row of the plan"), "plan_kop": (I, "null: no limit or no row"), "since": (D, ""),
            "limit_units2": (I, "0.01 unit"), "limit_kop": (I, ""), "cases": (I, "payable before the plan was asked"), "billed_units2": (I, ""), "billed_kop": (I, ""),
            "consumed_cases": (I, ""), "consumed_units2": (I, ""), "consumed_kop": (I, ""), "excess_cases": (I, "refused for want of volume or money"), "excess_units2": (I, ""), "excess_kop": (I, ""),
        },
    ),
    "decisions": Table(
        "a completed case: the decision of control", "settlement.decide", "settle, reports",
        {
            "case_key": (I, ""), "sumv_kop": (I, "billed"), "oplata": (I, "F005: 1 full, 2 refused, 3 partly"), "sank_it_kop": (I, "largest ground"), "sump_kop": (I, "accepted"),
            "ground_rule": (S, "rule whose ground stands"), "ground_code": (S, "F014 number, without final point"), "ground_kod": (I, "F014 Kod"), "pass_name": (S, "pass that refused it"),
        },
    ),
    "sanctions": Table(
        "a row SANK of a case; one control writes one row with money, its other grounds stand with 0 (law.md 10.4)", "settlement.decide", "answer registry, reports",
        {
            "case_key": (I, ""), "s_code": (S, "unique in the case"), "s_sum": (I, "kopecks added to the non-payment already decided"), "s_tip": (I, "F006"), "s_osn": (I, "F014 Kod"),
            "sl_id": (S, "case it refers to or null"), "rule": (S, ""), "code": (S, "F014 number"), "date_act": (D, ""), "num_act": (S, ""), "s_com": (S, "short text"), "s_ist": (I, "1"),
        },
    ),
    # ---- expertise (law.md 10) ----
    "expertise_sample": Table(
        "a case drawn for МЭЭ or ЭКМП, or on a targeted list (law.md 10.1)", "settlement.expertise", "workspace, reports",
        {
            "sample": (S, "id: kind, month, seed, insurer"), "month": (S, "YYYY-MM in which the case was billed"), "kind": (S, "mee | ekmp"), "seed": (I, ""), "insurer": (S, "whose insured only, or null: all payers"), "within": (S, "mo | payer: the strata inside conditions of care"),
            "list": (S, "planned | death | readmission | repeat_outpatient | complaint | interrupted | extended"), "usl_ok": (I, "conditions of care; 3 for X"), "inner": (S, "clinic or payer of the stratum"), "place": (I, "1, 2, ...: order inside list and stratum"),
            "payer": (S, ""), "mo": (S, ""), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "case_key": (I, "key in its month"), "because": (S, "the other case, the complaint, the days; null for planned"), "s_tip": (I, "kind of control, F006, that the act will bear"),
        },
    ),
    "expertise_strata": Table(
        "a stratum of a planned sample: what the norm asks for and what was drawn", "settlement.expertise", "workspace, reports",
        {"sample": (S, ""), "usl_ok": (I, ""), "inner": (S, ""), "cases": (I, "accepted cases of the stratum"), "share6": (I, "share of the norm, 0.000001"), "drawn": (I, "")},
    ),
    "expertise_acts": Table(
        "a ground (or none) that an act of expertise names for a case", "settlement.expertise", "settle, reports",
        {
            "payer": (S, "who made the expertise: insurer, or territory code of the fund"), "num_act": (S, ""), "date_act": (D, ""), "kind": (S, "mee | ekmp"), "s_tip": (I, "F006"), "mo": (S, "clinic"),
            "month": (S, "YYYY-MM in which the case was billed"), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "case_key": (I, "key in its month"), "sl_id": (S, "sub-case meant or null"),
            "code": (S, "ground, F014 number without final point; null: nothing found"), "kod": (I, "F014 Kod"), "code_exp": (S, "expert, F004 or F042"), "s_com": (S, ""), "stated_kop": (I, "non-payment as the sender computed it, or null"),
            "first_act": (S, "act that this one reverses or changes, or null"), "origin": (S, "act | recontrol | appeal"), "settle_month": (S, "YYYY-MM whose settlement takes it"), "digest": (S, "of the content of the act"), "seq": (I, "order in which acts came in"),
        },
    ),
    "expertise_appeals": Table(
        "a clinic's appeal against an act, case by case (law.md 10.6)", "settlement.expertise", "settle, reports",
        {
            "claim": (S, "number of the clinic's claim"), "mo": (S, ""), "payer": (S, ""), "num_act": (S, "act that is disputed"), "month": (S, ""), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""),
            "received_on": (D, "day the clinic got the act"), "claim_by": (D, "last day to claim"), "claimed_on": (D, ""), "decide_by": (D, "last day to decide"),
            "state": (S, "claimed | late | upheld | rejected | changed"), "decided_on": (D, ""), "decision": (S, "number of the decision"), "code": (S, "ground that is left, when changed"), "s_com": (S, ""), "seq": (I, ""),
        },
    ),
    "expertise_cases": Table(
        "a case of a closed month that an act or appeal is about: what was billed and decided", "closing", "settlement.expertise",
        {
            "month": (S, ""), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "case_key": (I, ""), "payer": (S, ""), "mo": (S, ""), "usl_ok": (I, "3 for X"), "date_z_2": (D, ""),
            "sumv_kop": (I, ""), "oplata": (I, ""), "mek_kop": (I, "non-payment by МЭК"), "mek_code": (S, "ground of МЭК or null"),
        },
    ),
    "fine_standards": Table(
        "per-capita standard RP of the agreements, base of fines (law.md 10.2)", "closing", "settlement.expertise",
        {"usl_ok": (I, ""), "amount4": (I, "0.0001 rouble"), "valid_from": (D, ""), "valid_to": (D, ""), "reference": (S, "")},
    ),
    "deductions": Table(
        "a ground of expertise on a case after the month: what it takes now, and what of it this month posts (law.md 10.2-10.4)", "settlement.expertise", "settle, reports",
        {
            "month": (S, "in which the case was billed"), "package": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "case_key": (I, ""), "payer": (S, "payer of the case"), "mo": (S, ""), "by": (S, "who made the act"), "kind": (S, "mee | ekmp"), "num_act": (S, ""), "date_act": (D, ""), "s_tip": (I, ""),
            "code": (S, ""), "kod": (I, ""), "sl_id": (S, ""), "code_exp": (S, ""), "s_com": (S, ""), "first_act": (S, ""), "origin": (S, ""), "s_code": (S, "unique in the case"),
            "rt_kop": (I, "amount of the case"), "k_no5": (I, "null: not priced"), "rp4": (I, "standard; null: none found"), "k_sh5": (I, ""), "non_payment_kop": (I, "N in full; null: not priced"), "full_fine_kop": (I, "Sh in full; null: not priced"),
            "state": (S, "stands | lighter | clean | unpriced | superseded | refused_by_mek"), "s_sum": (I, "non-payment on this row now"), "fine_kop": (I, "fine on this row now"),
            "change_kop": (I, "non-payment posted this month; negative: given back"), "fine_change_kop": (I, "fine posted this month"), "reference": (S, "where the standard stands"),
        },
    ),
    "refusals": Table(
        "a case refused whole by МЭК, or billed again: what a resubmission refers to, a narrow table a month (Rules 128)", "month (store)", "settlement.expertise, reports",
        {
            "month": (S, ""), "package": (S, ""), "bill_code": (I, "SCHET/CODE"), "nschet": (S, ""), "dschet": (D, ""), "code_mo": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "person_key": (S, ""), "usl_ok": (I, "3 for X"),
            "date_z_1": (D, ""), "date_z_2": (D, ""), "sumv_kop": (I, ""), "oplata": (I, ""), "ground_code": (S, ""), "num_act": (S, ""), "date_act": (D, ""), "pr_nov": (I, ""), "chain": (S, "month/package/N_ZAP/IDCASE of the first refusal"),
        },
    ),
    "resubmissions": Table(
        "a case billed again (PR_NOV = 1): which refusal it answers, until when it was in time", "settlement.expertise", "checks, reports",
        {
            "case_key": (I, ""), "state": (S, "refused | paid | not_refused | no_such_case"), "by": (S, "link | care | none: how it was found"), "link": (S, "what the record says it answers, or null"),
            "refused_month": (S, ""), "refused_package": (S, ""), "refused_n_zap": (I, ""), "refused_idcase": (I, ""), "refused_code": (S, "ground then"), "num_act": (S, ""), "received_on": (D, "day the clinic got the act"), "due": (D, "last day"),
            "filed": (D, "day of the file"), "late": (B, ""), "attempt": (I, "1: first resubmission"), "chain": (S, ""),
        },
    ),
    # ---- money ----
    "financing": Table(
        "an insurer: money of the month by differentiated standards (law.md 4)", "settlement.settle", "reports",
        {"smo": (S, ""), "insured_half": (I, "average number of insured x 2"), "preliminary_kop": (I, "F_k rounded, for show"), "amount_kop": (I, "after K and largest remainder"), "case_management_kop": (I, "РВД")},
    ),
    "standards": Table(
        "an insurer, municipality group and sex-age group: numbers and standard", "settlement.settle", "reports",
        {"smo": (S, ""), "place": (S, ""), "group": (S, ""), "insured_half": (I, "x 2"), "coefficient": (S, "KD exact, a/b"), "standard": (S, "DPN exact roubles, a/b")},
    ),
    "payments": Table(
        "a payer and a clinic: the month (law.md 10.7-10.8)", "settlement.settle", "acts, reports",
        {
            "payer": (S, "insurer smocod, or the territory code of the fund for people insured elsewhere"), "mo": (S, ""), "cases": (I, ""), "refused_cases": (I, ""),
            "billed_kop": (I, ""), "withheld_mek_kop": (I, ""), "withheld_mee_kop": (I, ""), "withheld_ekmp_kop": (I, ""), "accepted_kop": (I, ""),
            "advance_kop": (I, "advance of the month"), "excess_before_kop": (I, "excess carried in"), "payment_kop": (I, "final payment"), "excess_after_kop": (I, "excess carried on"),
        },
    ),
    "act_121": Table(
        "an insurer: act of the month with the fund (Rules 121); end = start + received - case management - spent; received = by standards + from НСЗ + other - returned", "settlement.settle", "reports",
        {
            "smo": (S, ""), "start_kop": (I, ""), "start_spare_kop": (I, ""), "start_preventive_kop": (I, ""), "received_kop": (I, ""), "by_standards_kop": (I, ""), "from_nsz_kop": (I, ""),
            "case_management_kop": (I, ""), "spent_kop": (I, ""), "end_kop": (I, ""), "end_payment_kop": (I, ""), "end_spare_kop": (I, ""), "end_preventive_kop": (I, ""),
            "other_received_kop": (I, "of received: fines paid, damages, ОСАГО"), "returned_kop": (I, "taken off received: unused money returned"), "preventive_spent_kop": (I, "of spent: preventive measures"),
        },
    ),
    "act_132": Table(
        "a payer and a clinic: act of the month (Rules 132); end = start + billed - withheld - transferred", "settlement.settle", "reports",
        {
            "payer": (S, ""), "mo": (S, ""), "start_kop": (I, "debt to the clinic; negative: the clinic owes"), "billed_kop": (I, ""), "withheld_kop": (I, ""), "mek_kop": (I, ""), "mee_kop": (I, ""), "ekmp_kop": (I, ""),
            "transferred_kop": (I, "advance and final payment"), "end_kop": (I, ""),
        },
    ),
    "territory_bills": Table(
        "a bill to another territory (Rules 139-141)", "settlement.settle", "R files, reports",
        {"territory": (S, "charged, two digits"), "okato": (S, ""), "file_name": (S, "R SS DD YY NNNN"), "nschet": (S, ""), "cases": (I, ""), "billed_kop": (I, "billed by the clinics"), "withheld_kop": (I, ""), "amount_kop": (I, "presented for refund")},
    ),
    "postings": Table(
        "a posting of the ledger; debit and credit are accounts party/purpose[/party]", "settlement.settle", "ledger, reports",
        {
            "posting_id": (S, "hash of the content: a retry is harmless"), "month": (S, "YYYY-MM"), "date": (D, ""), "document": (S, ""), "rule": (S, "posting rule, one line of the posting table"),
            "debit": (S, ""), "credit": (S, ""), "amount_kop": (I, "above zero"), "reference": (S, "clause"),
        },
    ),
    "journal": Table(
        "a posting of the ledger over the years: written once, never changed; what undoes it names it", "journal", "ledger, acts, statements",
        {
            "posting_id": (S, "hash of the content"), "txn": (S, "transaction that wrote it"), "month": (S, "accounting month, YYYY-MM"), "date": (D, "accounting date, inside the month"), "document": (S, ""), "document_date": (D, "true date of the event"),
            "rule": (S, ""), "debit": (S, ""), "credit": (S, ""), "amount_kop": (I, "above zero"), "reference": (S, "clause"), "reverses": (S, "posting that it undoes, or null"),
            "known_on": (D, "day from which it is known: never before what was written earlier"), "seq": (I, "event of the chain: the moment of knowledge"),
        },
    ),
    "ledger_txns": Table(
        "a transaction of the journal", "journal", "ledger, verify",
        {
            "txn": (S, "hash of kind, month, source and content"), "seq": (I, "event of the chain"), "kind": (S, "opening | close | event | correction"), "month": (S, "accounting month, of its first posting"), "source": (S, "digest of a run or file, or what it was about"),
            "as_of": (D, ""), "who": (S, ""), "why": (S, "or null"), "rows": (I, ""), "rows_digest": (S, "hash over the ids of its postings in their order; it stands in the chain, too"),
        },
    ),
    "event_postings": Table(
        "a posting that stands in the journal of a month before it is closed: events and corrections", "journal", "settlement.settle",
        {
            "posting_id": (S, ""), "month": (S, ""), "date": (D, ""), "document": (S, ""), "rule": (S, ""), "debit": (S, ""), "credit": (S, ""), "amount_kop": (I, ""), "reference": (S, ""),
            "document_date": (D, "true date"), "reverses": (S, "posting that it undoes, or null"),
        },
    ),
    "balances": Table(
        "an account at the end of the month", "settlement.settle", "next month, reports",
        {"account": (S, ""), "amount_kop": (I, "debit positive; all sum to zero")},
    ),
    # ---- between territories (Rules 133-145; law.md 11) ----
    "territory_items": Table(
        "a completed case presented to another territory: which record of which bill it became (Rules 141)", "settlement.between.place", "R files, between",
        {
            "territory": (S, "charged, two digits"), "file_name": (S, "R SS DD YY NNNN"), "nschet": (S, ""), "n_zap": (I, "record of R, from 1"), "idcase": (I, "completed case of R"), "case_key": (I, "key in its month"),
            "package": (S, "package in which the clinic billed it"), "billed_n_zap": (I, ""), "billed_idcase": (I, ""), "payer_mo": (S, "clinic that is paid for it"),
            "sumv_kop": (I, "billed by the clinic"), "own_sank_kop": (I, "taken by the place fund, S_IST 1"), "presented_kop": (I, "SUMP of R: asked for; sumv - own_sank"),
        },
    ),
    "between_files": Table(
        "a file between two funds, or a paper of our own about one bill", "between_store", "between, acts, reports",
        {
            "file_name": (S, "T SS DD YY NNNN; papers of our own C... (conceded) and W... (written off)"), "kind": (S, "R | D | A | Y | C: conceded without D | W: written off | H: bill of a clinic outside the Federation"), "side": (S, "our role in the bill: place | home"), "direction": (S, "out | in"),
            "sender": (S, "two digits"), "receiver": (S, ""), "year": (I, "of SCHET"), "month": (I, ""), "nschet": (S, ""), "dschet": (D, ""), "data": (D, "date of the file"), "about": (S, "file answered (A: R or D) or corrected (D, C, W: R); null for R"),
            "version": (S, "edition, e.g. RD_3.2"), "presented_kop": (I, "R, D: sum of SUMP; A: what of it stood before"), "accepted_kop": (I, "A: sum of SUMP; else 0"), "items": (I, ""), "sent_on": (D, "out: day of sending"), "received_on": (D, "in: day of receipt"),
            "late": (B, "after the term of 141-145: taken all the same"), "digest": (S, "of the file"), "path": (S, "folder of its items, tables part"), "people_path": (S, "folder of what holds persons, or null"), "original": (S, "the file itself, restricted part"), "state": (S, "taken | refused | withdrawn"), "seq": (I, "number of its event in the chain"),
        },
    ),
    "between_items": Table(
        "a completed case in a file between funds", "settlement.between", "between",
        {
            "file_name": (S, ""), "n_zap": (I, ""), "idcase": (I, ""), "sl_ids": (S, "SL_ID of its cases, sorted, ;-separated; null where the edition has none"), "sumv_kop": (I, ""), "own_sank_kop": (I, "R, D: sum of S_IST 1; else 0"), "sump_kop": (I, "R, D: asked for; A: accepted; C, W: what is left of what was asked for"),
            "sank_it_kop": (I, "R: 0; A: sum of S_IST 2 or 4; D: of S_IST 3; C, W: conceded, written off"), "oplata": (I, "F005; null where absent"), "codes": (S, "S_CODE, ;-separated"), "kods": (S, "S_OSN (REFREASON), F014 Kod, ;-separated"), "s_tip": (I, "of the first sanction that has money, or null"), "s_ist": (I, "of the sanctions of sank_it; null: none; -1: of several sources, which no file may have"),
            "case_key": (I, "place fund: key in the month, else null"), "person_key": (S, "home fund: key of the person, else null"),
        },
    ),
    "between_states": Table(
        "an item of a bill between territories: how far it is; presented = accepted + conceded + refused + open, questioned <= open", "settlement.between.items", "between, acts, statements",
        {
            "bill": (S, "file_name of R"), "n_zap": (I, ""), "idcase": (I, ""),
            "state": (S, "presented | accepted | questioned | presented_again | accepted_finally | refused_finally | conceded | withdrawn | written_off"), "presented_kop": (I, ""), "accepted_kop": (I, "owed or refunded"), "questioned_kop": (I, "in dispute now"),
            "conceded_kop": (I, "given up by the place fund"), "refused_kop": (I, "refused by the final A"), "open_kop": (I, "not decided: without an answer, or in dispute"), "due": (D, "last day of the next step, null: none or unknown"), "overdue": (B, ""), "law_term": (D, "term of point 133 beside it"),
        },
    ),
    # ---- acts ----
    "act_drawn": Table(
        "an act of the register as it was drawn up: written once (Rules 121, 132, 142, 144, 149-151, 175-178)", "act_store", "acts, verify",
        {
            "act": (S, "number; drawn again after it became void: number#2, #3"), "kind": (S, "121 | 132 | 142 | 144 | 149 | 175 | 176"), "month": (S, "YYYY-MM, or the year of a yearly act"), "party": (S, "who drew it up, party of the ledger"), "other": (S, "with whom"),
            "number": (S, "as on the paper"), "drawn_on": (D, ""), "about": (S, "file that it speaks of, or null"), "document": (S, "SHA-256 of `body`"), "body": (S, "the file of the act: canonical JSON, kopecks, no persons"), "seq": (I, "event of the chain"),
        },
    ),
    "act_events": Table(
        "a step of an act: written once", "act_store", "acts, verify",
        {
            "act": (S, ""), "event": (S, "sent | signed | disputed | agreed | void"), "on": (D, ""), "who": (S, ""), "why": (S, "or null"), "document": (S, "SHA-256 of `body`, or null"), "body": (S, "file of the other side that says otherwise, or null"), "seq": (I, "event of the chain"),
        },
    ),
    "act_disagreements": Table(
        "a line in which the other side's act differs; agreed later by a row with the figure that stands", "settlement.between.reconcile, act_store", "acts, reports",
        {
            "act": (S, ""), "row": (S, "key of the row, /-separated, or null: a line of the whole act"), "line": (S, "column"), "ours_kop": (I, ""), "theirs_kop": (I, ""), "why": (S, "amount | missing_here | missing_there; of an agreement: who says so"), "agreed_kop": (I, "or null: open"),
            "on": (D, "day, null while it is only compared"), "seq": (I, "event of the chain, null while it is only compared"),
        },
    ),
    "act_register": Table(
        "an act and how far it is: derived from act_drawn and act_events", "settlement.act_states", "acts, statements",
        {
            "act": (S, ""), "kind": (S, ""), "month": (S, ""), "party": (S, ""), "other": (S, ""), "number": (S, ""), "drawn_on": (D, "day on the paper"), "made_on": (D, "day on which it was drawn up, of its event in the chain; null: not told"), "sent_on": (D, ""), "signed_on": (D, "signed or agreed"), "state": (S, "drawn | sent | disputed | agreed | signed | void"), "about": (S, ""),
            "document": (S, ""), "seq": (I, "last event of the chain that moved it"),
        },
    ),
    # ---- the bank ----
    "reg_bank": Table(
        "account of a party at a bank", "workspace", "settlement.bank",
        {
            "party": (S, "fund:75 | insurer:75901 | clinic:750901 | territory:38"), "name": (S, "as it stands in payments"), "inn": (S, ""), "kpp": (S, ""), "account": (S, "20 digits"), "bik": (S, "9 digits"), "bank": (S, "name of the bank"),
            "corr_account": (S, "20 digits"), "since": (D, "first day on which the account is used"),
        },
    ),
    "payment_orders": Table(
        "an order to the bank", "settlement.bank", "bank, ledger",
        {
            "order_id": (S, "hash of the content"), "number": (I, "number of the order of its payer"), "day": (D, "day of the order"), "month": (S, "month that it is for; of a return: the bill"), "kind": (S, "advance | final | return"), "payer": (S, "party"), "receiver": (S, "party"),
            "amount_kop": (I, "above zero"), "state": (S, "open | cancelled"),
        },
    ),
    "bank_lines": Table(
        "a payment that a bank states", "settlement.bank", "bank, ledger",
        {
            "line_id": (S, "hash of number, day, amount and accounts"), "source": (S, "digest of the file"), "number": (S, "of the document"), "date": (D, "of the document"), "booked_on": (D, "day on which the money moved"), "amount_kop": (I, ""),
            "payer_account": (S, ""), "receiver_account": (S, ""), "payer": (S, "party, or null: unknown account"), "receiver": (S, "party, or null"), "event": (S, "event of the ledger, or null"), "order_id": (S, "order that it pays, or null"),
            "state": (S, "booked | refused"), "rule": (S, "finding that refused it, or null"),
        },
    ),
    "ledger_events": Table(
        "a business event to be booked: a line of the posting table with its parties", "settlement, between, bank", "journal",
        {
            "event": (S, "name of the posting rule"), "date": (D, "day of the event"), "document": (S, ""), "document_date": (D, ""), "amount_kop": (I, "above zero"), "parties": (S, "canonical JSON role -> party"),
            "order_id": (S, "payment order, or null"), "note": (S, "or null"),
        },
    ),
}  # fmt: skip


def history(tables: Mapping[str, pl.DataFrame]) -> pl.LazyFrame:
    """The table `history`, to be filtered before it is collected: a year of it is many times the month itself.

    From a workspace it is a scan of the stored months, of which only the columns and rows are read that a rule asks for.
    """
    held = tables.get("history")
    return (TABLES["history"].empty() if held is None else held).lazy()


def check(name: str, table: pl.DataFrame) -> pl.DataFrame:
    """`table` with exactly the contract's columns of `name`, in its order. Raises AssertionError naming what is off."""
    schema = TABLES[name].schema()
    missing = [column for column in schema if column not in table.columns]
    assert not missing, f"{name}: columns missing: {missing}"
    wrong = [f"{column}: {table.schema[column]}, not {kind}" for column, kind in schema.items() if table.schema[column] != kind]
    assert not wrong, f"{name}: wrong types: {wrong}"
    return table.select(list(schema))


def register_problems(name: str, table: pl.DataFrame) -> list[tuple[int, str, str]]:
    """What is wrong with the rows of a register: (row from 1, column, empty | code | twice), the first of each column.

    A row that says the same twice is refused: an advance or a sum of money would count double.
    """
    problems: list[tuple[int, str, str]] = []
    for column in table.columns:
        if column not in MAY_BE_EMPTY[name]:
            empty = table[column].is_null().arg_true()
            problems.extend((int(row) + 1, column, "empty") for row in empty.head(1))
        if column in CODE_PATTERNS:
            odd = (~table[column].str.contains(CODE_PATTERNS[column])).fill_null(False).arg_true()
            problems.extend((int(row) + 1, column, "code") for row in odd.head(1))
    problems.extend((int(row) + 1, "", "twice") for row in table.is_duplicated().arg_true().head(1))
    return problems
