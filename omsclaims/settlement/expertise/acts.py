"""Is this act of expertise about a case that can be examined, in time, by grounds that its kind may name? (law.md 10.1-10.3.)

An act comes as raw rows (one ground, or none, on one case). It goes in as a whole or not at all: one bad row keeps the act out,
the other acts of the file go in. The same act again changes nothing; other content under a number that its maker has used is
refused.
What is wrong is a finding E.* that names act, case and remedy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.findings import Finding
from omsclaims.law import Parameters
from omsclaims.law import terms as law_terms
from omsclaims.money import Term, exact_amounts
from omsclaims.nsi import Books, built_in_books
from omsclaims.periods import CalendarEndsError, Month

MEE, EKMP = "mee", "ekmp"
KINDS: Final = (MEE, EKMP)
_REFUSED: Final = 2
#: A case by its place in a workspace.
CASE: Final = ("month", "package", "n_zap", "idcase")
#: What makes the content of an act, in this order (digest).
CONTENT: Final = (
    "date_act", "s_tip", "mo", "month", "package", "n_zap", "idcase", "sl_id", "code", "code_exp", "s_com", "stated_kop",
    "first_act",
)  # fmt: skip
_LOOKED_UP: Final[dict[str, pl.DataType]] = {
    "package": pl.String(), "found_n_zap": pl.Int64(), "case_key": pl.Int64(), "case_payer": pl.String(), "date_z_2": pl.Date(),
    "sumv_kop": pl.Int64(), "oplata": pl.Int64(), "mek_code": pl.String(), "candidates": pl.UInt32(),
}  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """What acts are held against, besides the cases: books, law, the day of knowledge, the own territory, closed months."""

    books: Books
    law: Parameters
    as_of: date
    territory: str
    closed: Sequence[str]
    memo: dict[tuple[str, date], Any] = field(default_factory=dict, compare=False)

    def grounds(self, on: date) -> Mapping[str | int, Mapping[str, Any]]:
        """Grounds of F014 on a day, by number and by Kod; looked up once a day."""
        if ("F014", on) not in self.memo:
            self.memo["F014", on] = grounds_on(self.books, on)
        found: Mapping[str | int, Mapping[str, Any]] = self.memo["F014", on]
        return found

    def kinds(self, on: date) -> Mapping[int, str]:
        """Kinds of control of F006 on a day: code -> mek | mee | ekmp."""
        if ("F006", on) not in self.memo:
            self.memo["F006", on] = kinds_on(self.books, on)
        found: Mapping[int, str] = self.memo["F006", on]
        return found


@dataclass(frozen=True)
class Accepted:
    """What became of the acts of a file.

    rows      of the acts that go in: contract table `expertise_acts`
    findings  of acts that do not (with a rule of `REFUSES`), and remarks on those that do
    outcomes  (payer, number) -> accepted | already | refused
    """

    rows: pl.DataFrame
    findings: pl.DataFrame
    outcomes: dict[tuple[str, str], str] = field(default_factory=dict)


#: Findings that are remarks: the act goes in.
REMARKS: Final = frozenset({"E.15"})


def accept(raw: pl.DataFrame, tables: Mapping[str, pl.DataFrame], rules: Rules, file: str) -> Accepted:
    """Holds the acts of one file against the cases they name.

    raw     rows as read (`registry.expertise_file.RAW`)
    tables  cases: of the closed months that the rows name (month, mo, nschet, idcase, n_zap, package, case_key, payer, date_z_2,
            sumv_kop, oplata, ground_code); sl (case_key, month, sl_id) of the same months; expertise_acts: what is kept already
    file    name of the file, for findings

    Findings: E.2 of the reader keep an act out, too; E.3 unknown case, E.4 refused by МЭК, E.5 number used, E.6 after the term,
    E.7 unknown ground, E.8 ground of another kind, E.9 no expert, E.10 kind of control, E.11 the act contradicts itself, E.12
    which act is changed, E.13 impossible date, E.14 another's case; remark E.15 the sender computed another sum.
    """
    looked = _look_up(raw.with_columns(payer=pl.col("payer").fill_null(rules.territory)), tables["cases"])
    known = tables["expertise_acts"]
    sub_cases = set(tables["sl"].select("month", "case_key", "sl_id").iter_rows())
    problems: list[Finding] = []
    rows = []
    for row in looked.iter_rows(named=True):
        judged, found = _judge(row, sub_cases, rules, file)
        problems += found
        rows.append({**judged, "ok": row["bad"] is None and not any(one.rule not in REMARKS for one in found)})
    acts: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["num_act"] is not None:
            acts.setdefault((row["payer"], row["num_act"]), []).append(row)
    good: list[dict[str, Any]] = []
    outcomes: dict[tuple[str, str], str] = {}
    digests = dict(zip(known.select("payer", "num_act").iter_rows(), known["digest"], strict=True))
    earlier = _by_number(known, [row for row in rows if row["ok"]])
    # Of one day, acts that change others come in after those.
    for key in sorted(acts, key=lambda found: (str(acts[found][0]["date_act"]), acts[found][0]["first_act"] is not None, *found)):
        own = sorted(acts[key], key=_content)
        contradictions = _contradictions(own, file)
        contradictions += _changed_act(own, earlier, rules, file)
        digest = act_digest(own)
        if key in digests:
            outcomes[key] = "already" if digests[key] == digest else "refused"
            if digests[key] != digest:
                contradictions.append(_finding("E.5", own[0], file, {"payer": key[0]}))
        elif contradictions or not all(row["ok"] for row in own):
            outcomes[key] = "refused"
        else:
            outcomes[key] = "accepted"
            good += [{**row, "digest": digest} for row in own]
        problems += contradictions
    return Accepted(_kept(good, known, rules), findings.frame(problems), outcomes)


def act_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 over the content of an act, whatever the order of its rows."""
    lines = sorted(json.dumps([row[name] for name in CONTENT], ensure_ascii=False, default=str) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _content(row: Mapping[str, Any]) -> str:
    return json.dumps([row[name] for name in CONTENT], ensure_ascii=False, default=str)


def settle_month(act: date, closed: Sequence[str]) -> Month:
    """The month whose settlement takes an act: that of the act, or the first after the last closed one: closed months stand."""
    own = Month(act.year, act.month)
    return max(own, Month.parse(max(closed)).plus(1)) if closed else own


def last_day(bill: Month, law: Parameters) -> date:
    """The last day on which an act on a bill of the month may be drawn up; a day off moves it to the next working day (193)."""
    day = bill.plus(int(law.value("expertise.act_term_months", bill.last))).last
    try:
        return law_terms.moved(law, day)
    except CalendarEndsError:  # the calendar of that year is not known yet: the day stands as it is
        return day


def note_acceptance(acts: pl.DataFrame, law: Parameters) -> None:
    """Asks the law for what acts (contract table `expertise_acts`) were accepted by: what they take stands on it, too.

    The grounds of their kind are asked for where their coefficients are (settlement.expertise.deductions).
    """
    for bill in acts["month"].unique().sort():
        last_day(Month.parse(bill), law)
    for act in acts["date_act"].unique().sort():
        for name in ("without_term", "expert_types", "repeated_types"):
            law.use(f"expertise.{name}", act)


# ---- one row ---------------------------------------------------------------------------------------------------------------


def _look_up(raw: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Raw rows with `month` and the case they name: by clinic, month, number of the bill and IDCASE, N_ZAP where it is given."""
    month = pl.concat_str(
        [pl.col("year").cast(pl.String), pl.col("bill_month").cast(pl.String).str.zfill(2)], separator="-", ignore_nulls=False
    )
    named = raw.with_columns(month=month)
    held = cases.select(
        "month", "mo", "nschet", "idcase", found_n_zap="n_zap", package="package", case_key="case_key", case_payer="payer",
        date_z_2="date_z_2", sumv_kop="sumv_kop", oplata="oplata", mek_code="ground_code",
    )  # fmt: skip
    keys = ["month", "mo", "nschet", "idcase"]
    candidates = (
        named.select("row", "n_zap", *keys)
        .join(held, on=keys, how="inner")
        .filter(pl.col("n_zap").is_null() | (pl.col("n_zap") == pl.col("found_n_zap")))
        .sort("row", "package", "found_n_zap", "case_key")
        .with_columns(candidates=pl.len().over("row"))
        .unique("row", keep="first", maintain_order=True)
        .select("row", *_LOOKED_UP)
    )
    return named.join(candidates, on="row", how="left", maintain_order="left")


def _judge(
    row: dict[str, Any], sub_cases: Collection[tuple[Any, ...]], rules: Rules, file: str
) -> tuple[dict[str, Any], list[Finding]]:
    """A row with kind and ground found, and what is wrong with it. A row that could not be read is not judged further."""
    judged: dict[str, Any] = {**row, "kind": None, "n_zap": row["found_n_zap"] if row["n_zap"] is None else row["n_zap"]}
    if row["bad"] is not None:
        return judged, []
    found = _case_problems(row, sub_cases, rules, file)
    kind = rules.kinds(row["date_act"]).get(row["s_tip"])
    if kind not in KINDS:
        found.append(_finding("E.10", row, file, {"s_tip": row["s_tip"], "date_act": row["date_act"]}))
        kind = None
    judged["kind"] = kind
    found += _date_problems(row, rules, file)
    if kind is not None and row["date_z_2"] is not None:
        found += _ground_problems(judged, rules, file)
    if row["code_exp"] is None and _needs_expert(row, rules.law):
        found.append(_finding("E.9", row, file, {"s_tip": row["s_tip"]}))
    return judged, found


def kinds_on(books: Books, on: date) -> dict[int, str]:
    """Kinds of control by the book F006 on a date: code -> mek | mee | ekmp."""
    rows = books.require("F006").on(on)
    if "kind" not in rows.columns:  # the published book says the kind in words only
        rows = rows.join(built_in_books().require("F006").on(on).select("code", "kind"), on="code")
    return {int(code): str(kind) for code, kind in rows.select("code", "kind").iter_rows()}


def _case_problems(row: Mapping[str, Any], sub_cases: Collection[tuple[Any, ...]], rules: Rules, file: str) -> list[Finding]:
    """E.3, E.4, E.14: is there one such case, was it paid, is it the maker's business?"""
    if row["case_key"] is None:
        reason = "none" if row["month"] in rules.closed else "open"
        return [_finding("E.3", row, file, {"reason": reason, "month": row["month"]})]
    if row["candidates"] > 1:
        return [_finding("E.3", row, file, {"reason": "several", "month": row["month"]})]
    found = []
    if row["sl_id"] is not None and (row["month"], row["case_key"], row["sl_id"]) not in sub_cases:
        found.append(_finding("E.3", row, file, {"reason": "sub_case", "month": row["month"]}))
    if row["oplata"] == _REFUSED:
        found.append(_finding("E.4", row, file, {"code": row["mek_code"]}))
    if row["payer"] not in (row["case_payer"], rules.territory):
        found.append(_finding("E.14", row, file, {"payer": row["payer"], "case_payer": row["case_payer"]}))
    return found


def _date_problems(row: Mapping[str, Any], rules: Rules, file: str) -> list[Finding]:
    """E.6, E.13: not before the bill's month has ended, not after today, not after the term."""
    bill, act = Month.parse(row["month"]), row["date_act"]
    if act > rules.as_of:
        return [_finding("E.13", row, file, {"reason": "future", "date_act": act, "other": rules.as_of})]
    if act <= bill.last:
        return [_finding("E.13", row, file, {"reason": "early", "date_act": act, "other": bill.last})]
    until = last_day(bill, rules.law)
    bound = row["s_tip"] not in rules.law.value("expertise.without_term", act)
    return [_finding("E.6", row, file, {"date_act": act, "until": until})] if bound and act > until else []


def _ground_problems(judged: dict[str, Any], rules: Rules, file: str) -> list[Finding]:
    """E.7, E.8, E.15; fills code and kod. A row without a ground says that nothing was found."""
    if judged["kod"] is None and judged["code"] is None:
        return []
    on = ground_day(judged["date_z_2"], judged["date_act"], rules.law)
    known = ground(rules.grounds(on), judged["code"], judged["kod"])
    if known is None:
        shown = judged["code"] if judged["code"] is not None else judged["kod"]
        return [_finding("E.7", judged, file, {"ground": shown, "on": on})]
    judged["code"], judged["kod"] = known["code"], known["kod"]
    beginnings = rules.law.value("expertise.grounds_of_kind", on)[judged["kind"]]
    if not str(judged["code"]).startswith(tuple(beginnings)):
        allowed = ", ".join(f"{beginning}x" for beginning in beginnings)
        return [_finding("E.8", judged, file, {"ground": judged["code"], "kind": judged["kind"].upper(), "allowed": allowed})]
    stated = judged["stated_kop"]
    if stated is None or known["k_no5"] is None or judged["sumv_kop"] is None:
        return []
    ours = share_of(judged["sumv_kop"], known["k_no5"])
    return [] if stated == ours else [_finding("E.15", judged, file, {"stated": stated, "ours": ours})]


def ground_day(care: date, act: date, law: Parameters) -> date:
    """The day whose list of grounds holds: the end of care, or the act where the parameter says so (law.md 10.2)."""
    return act if law.value("control.coefficient_date", act) == "act" else care


def grounds_on(books: Books, on: date) -> dict[str | int, dict[str, Any]]:
    """Grounds of F014 on a day, each by its number and by its Kod: code, kod, k_no5, k_sh5 (None where the book gives none).

    A Kod that stands for two numbers on the day says nothing and is left out.
    """
    rows = books.require("F014").on(on).select(
        "code", pl.col("kod").cast(pl.Int64, strict=False), k_no5=pl.col("k_no").cast(pl.Int64, strict=False),
        k_sh5=pl.col("k_sh").cast(pl.Int64, strict=False),
    )  # fmt: skip
    listed = [dict(row) for row in rows.iter_rows(named=True)]
    numbers = [row["kod"] for row in listed]
    found: dict[str | int, dict[str, Any]] = {str(row["code"]): row for row in listed}
    found.update({row["kod"]: row for row in listed if row["kod"] is not None and numbers.count(row["kod"]) == 1})
    return found


def ground(listed: Mapping[str | int, Mapping[str, Any]], code: str | None, kod: int | None) -> Mapping[str, Any] | None:
    """A ground by its number, its Kod, or both; None where it is unknown or number and Kod are two grounds."""
    found = listed.get(str(code).strip(".")) if code is not None else listed.get(kod if kod is not None else -1)
    both = code is not None and kod is not None
    return None if found is None or (both and found["kod"] != kod) else found


def share_of(amount_kop: int, share5: int) -> int:
    """Kopecks of an amount times a coefficient in units of 0.00001, exact, rounded once half up."""
    return int(exact_amounts([Term((_array(amount_kop), _array(share5)), 7)])[0])


def _array(value: int) -> Any:
    return pl.Series([value], dtype=pl.Int64).to_numpy()


def _needs_expert(row: Mapping[str, Any], law: Parameters) -> bool:
    """Whether the act must name the expert: CODE_EXP (law.md 10.2; formats.md 9.3)."""
    ranges = law.value("expertise.expert_types", row["date_act"])
    return any(low <= row["s_tip"] <= high for low, high in ranges)


# ---- one act ---------------------------------------------------------------------------------------------------------------


def _contradictions(own: Sequence[Mapping[str, Any]], file: str) -> list[Finding]:
    """E.11: an act has one date, one clinic, one kind of control, and names a ground once for a case."""
    found = []
    for name in ("date_act", "mo", "s_tip"):
        if len({row[name] for row in own if row["bad"] is None}) > 1:
            found.append(_finding("E.11", own[0], file, {"reason": name}))
    seen: dict[tuple[Any, ...], set[str | None]] = {}
    for row in own:
        codes = seen.setdefault((*(row[name] for name in CASE), row["first_act"]), set())
        # Nothing found and something found cannot both be said of a case.
        if row["code"] in codes or (codes and None in {row["code"], *codes}):
            found.append(_finding("E.11", row, file, {"reason": "ground"}))
        codes.add(row["code"])
    return found


#: Act by number and case: its date, and the act that it changes itself.
_ByNumber = dict[str, dict[tuple[Any, ...], tuple[date, str | None]]]


def _by_number(known: pl.DataFrame, rows: Iterable[Mapping[str, Any]]) -> _ByNumber:
    """Acts that another may change: kept ones and the good ones of the file."""
    found: _ByNumber = {}
    for row in (*known.iter_rows(named=True), *rows):
        found.setdefault(row["num_act"], {})[tuple(row[name] for name in CASE)] = row["date_act"], row["first_act"]
    return found


def _changed_act(own: Sequence[Mapping[str, Any]], earlier: _ByNumber, rules: Rules, file: str) -> list[Finding]:
    """E.12: repeated expertise names the act it changes, which is there and about the same case; other acts change none."""
    found = []
    for row in own:
        if row["bad"] is not None:
            continue
        repeated = rules.law.value("expertise.repeated_types", row["date_act"])
        if row["first_act"] is None:
            if row["s_tip"] in repeated:
                found.append(_finding("E.12", row, file, {"reason": "missing"}))
            continue
        if repeated and row["s_tip"] not in repeated:
            found.append(_finding("E.12", row, file, {"reason": "kind"}))
            continue
        changed, changes = earlier.get(row["first_act"], {}).get(tuple(row[name] for name in CASE), (None, None))
        if changed is None or changed > row["date_act"] or row["num_act"] in (row["first_act"], changes):
            found.append(_finding("E.12", row, file, {"reason": "unknown"}))
    return found


def _kept(good: Sequence[Mapping[str, Any]], known: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Rows that go in, as the contract has them; `seq` goes on from what is kept."""
    first = max(known["seq"].to_list(), default=0) + 1
    columns = contract.TABLES["expertise_acts"].schema()
    rows = [
        {
            **{name: row.get(name) for name in columns},
            "origin": "act" if row["first_act"] is None else "recontrol",
            "settle_month": str(settle_month(row["date_act"], rules.closed)),
            "seq": first + number,
        }
        for number, row in enumerate(good)
    ]
    return contract.check("expertise_acts", pl.DataFrame(rows, schema=columns))


def _finding(rule: str, row: Mapping[str, Any], file: str, params: Mapping[str, object]) -> Finding:
    """A finding about an act: where it stands in the file, which act and case it is."""
    about = {"row": row["row"], "act": row["num_act"], "date": row["date_act"], "mo": row["mo"], "nschet": row["nschet"]}
    return Finding(
        rule, level="case", package=row.get("package"), file=file, n_zap=row["n_zap"], idcase=row["idcase"], sl_id=row["sl_id"],
        element="EXP", params={**about, **params},
    )  # fmt: skip
