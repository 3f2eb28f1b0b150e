"""What does the fund of the territory of care present, take as answered, correct and lose? (Rules 138-145; law.md 11)

The place fund bills accepted cases of people insured elsewhere (R), reads the home fund's answer (A), examines what was
questioned, presents it again (D) or gives it up, and reads the final answer. Every function is pure: files come as `FileRead`,
money leaves as events of the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from omsclaims import contract, findings, messages, money
from omsclaims.findings import Finding
from omsclaims.law import terms as law_terms
from omsclaims.settlement import ledger
from omsclaims.settlement.between import book, checking
from omsclaims.settlement.between import items as machine
from omsclaims.settlement.between.reading import KEY, FileRead
from omsclaims.settlement.territories import out_of_register, settled_between

if TYPE_CHECKING:
    from datetime import date

    from omsclaims.context import Context
    from omsclaims.law import Parameters

#: Findings that do not stop a file: it is taken, and they are said.
SAID_ONLY: Final = ("TB.6",)
#: What moved between two states -> event of the ledger in the books of the place fund.
EVENTS: Final = {
    "questioned": "territory_questioned", "conceded": "territory_conceded", "withdrawn": "territory_withdrawn",
    "accepted_finally": "territory_accepted_finally", "refused_finally": "territory_refused_finally",
    "written_off": "territory_written_off",
}  # fmt: skip


def numbered(territory: str, cases: pl.DataFrame, decisions: pl.DataFrame, identified: pl.DataFrame) -> pl.DataFrame:
    """Cases presented to one territory in the order of its file R (package, N_ZAP, IDCASE), numbered anew.

    All columns of `cases` (N_ZAP and IDCASE of the registry as billed_n_zap, billed_idcase), the decision (oplata, sank_it_kop,
    sump_kop, sumv_kop), and n_zap, idcase of the file: 1, 2, ... Only cases with a sum accepted are presented.
    """
    there = identified.filter((pl.col("territory") == territory) & (pl.col("status") == "other"))
    paid = decisions.filter(pl.col("sump_kop") > 0)
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    return (
        cases.join(there.select("case_key"), on="case_key", how="semi")
        .join(paid.select("case_key", "oplata", "sank_it_kop", "sump_kop", "sumv_kop"), on="case_key", how="inner")
        .sort("package", "n_zap", "idcase", "case_key")
        .rename({"n_zap": "billed_n_zap", "idcase": "billed_idcase"})
        .with_columns(number.alias("n_zap"), number.alias("idcase"))
    )


def items(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Which case is which record of which bill: contract table `territory_items`, sorted by territory and number (Rules 141).

    tables  cases, identified, decisions, territory_bills (contract). The numbers are those of the files R; the sums of a bill
            are asserted to be those of its items.
    """
    parts = [contract.TABLES["territory_items"].empty()]
    others = tables["identified"].filter(pl.col("status") == "other")  # few of a month: each bill looks at them alone
    settled = settled_between(tables, context).join(others.select("case_key"), on="case_key", how="semi")
    decided = tables["decisions"].join(others.select("case_key"), on="case_key", how="semi")
    for bill in tables["territory_bills"].sort("territory").iter_rows(named=True):
        own = numbered(bill["territory"], settled, decided, others).select(
            pl.lit(bill["territory"]).alias("territory"), pl.lit(bill["file_name"]).alias("file_name"),
            pl.lit(bill["nschet"]).alias("nschet"), "n_zap", "idcase", "case_key", "package", "billed_n_zap", "billed_idcase",
            pl.col("lpu").alias("payer_mo"), "sumv_kop", pl.col("sank_it_kop").alias("own_sank_kop"),
            pl.col("sump_kop").alias("presented_kop"),
        )  # fmt: skip
        asked = int(own["presented_kop"].sum())
        assert asked == bill["amount_kop"] and own.height == bill["cases"], f"items of {bill['file_name']} differ from the bill"
        assert int(own["sumv_kop"].sum()) - int(own["own_sank_kop"].sum()) == asked, f"sums of {bill['file_name']}"
        parts.append(contract.check("territory_items", own))
    return pl.concat(parts)


def kept_out(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """Accepted cases of people insured elsewhere that are not presented: findings TB.10 and TB.14, sorted by package and number.

    TB.10 the clinic was not in the register on the last day of care (Rules 100); TB.14 care outside the base programme, which the
    place fund pays itself (Rules 147).
    tables  cases, identified, decisions, reg_clinic
    """
    paid = tables["decisions"].filter(pl.col("sump_kop") > 0).select("case_key", "sump_kop")
    others = tables["identified"].filter(pl.col("status") == "other").select("case_key", "territory")
    strange = out_of_register(tables).with_columns(_strange=pl.lit(value=True))
    rows = (
        tables["cases"]
        .join(settled_between(tables, context).select("case_key"), on="case_key", how="anti")
        .join(paid, on="case_key", how="inner")
        .join(others, on="case_key", how="inner")
        .join(strange, on="case_key", how="left")
        .sort("package", "n_zap", "idcase", "case_key")
    )
    return findings.frame(
        Finding(
            "TB.10" if row["_strange"] else "TB.14", level="case", package=row["package"], file=row["package"],
            n_zap=row["n_zap"], idcase=row["idcase"], element="SCHET/CODE_MO" if row["_strange"] else "ZAP/Z_SL/VIDPOM",
            value=row["code_mo"] if row["_strange"] else str(row["vidpom"]),
            params={"territory": row["territory"], "day": str(row["date_z_2"])},
        )
        for row in rows.iter_rows(named=True)
    )  # fmt: skip


# ---- the answer of the home fund ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answered:
    """An answer A as it was understood. With `refused` nothing of it counts: `items` and `events` are empty then.

    about   our file that it answers (R or D), or None;  bill: the bill R that this is about
    late    it came after the term of 142 or 145: it is taken, because the term gives no right to ignore it
    """

    items: pl.DataFrame
    events: pl.DataFrame
    findings: pl.DataFrame
    about: str | None
    bill: str | None
    late: bool
    refused: bool


def take_answer(
    read: FileRead,
    files: pl.DataFrame,
    kept: pl.DataFrame,
    own: str,
    okato: Mapping[str, str],
    received_on: date,
    law: Parameters,
) -> Answered:
    """Reads an answer A against the bills that we sent (Rules 142, 144-145).

    files, kept   contract `between_files`, `between_items` of all that was exchanged
    own           two-digit code of our territory; okato: code of a territory -> its OKATO (F010)
    received_on   the day it came: the day of the events; the date of the file is their document date

    Findings: TB.1 unknown bill, TB.2-TB.4, TB.7 items (`items.illegal`, `checking.self_checks`), TB.5 wrong territory, TB.6 late,
    TB.8 header. Any but TB.6 refuses the whole file: a half-taken answer could not be repeated.
    """
    found = [checking.self_checks(read), findings.frame(_territory(read, own, okato))]
    asked = asked_of(read, files)
    if asked is None:
        details = f"{read.nschet} {read.dschet} {read.year}-{read.month or 0:02d}"
        unknown = Finding(
            "TB.1",
            package=read.file_name,
            file=read.file_name,
            element="SCHET/NSCHET",
            value=read.nschet,
            params={"details": details},
        )
        return _refused([*found, findings.frame([unknown])])
    bill = book.bill_of(asked["file_name"], files)
    before = book.states_of(bill, files, kept)
    frames = book.stages_of(bill, files, kept)
    stage = machine.STAGES[0] if asked["kind"] == "R" else machine.STAGES[3]
    against = frames["bill"] if asked["kind"] == "R" else kept.filter(pl.col("file_name") == asked["file_name"])
    wrong = machine.illegal(against, before, read.items, stage)
    found.append(item_findings(read, wrong, checked=found[0]))
    late = _late(read, asked, received_on, law)
    found.extend(late)
    all_found = findings.concat(found)
    if not all_found.filter(~pl.col("rule").is_in(list(SAID_ONLY))).is_empty():
        return _refused(found, asked["file_name"], bill)
    after = machine.step(before, read.items, stage)
    machine.assert_equations(after)
    named = read.items.drop("case_key").join(against.select(*KEY, "case_key"), on=KEY, how="left", maintain_order="left")
    events = money_events(machine.moved(before, after), own, read.sender, read.file_name, read.data or received_on, received_on)
    rows = contract.check("between_items", named)
    return Answered(rows, events, all_found, asked["file_name"], bill, bool(late), refused=False)


def _refused(found: list[pl.DataFrame], about: str | None = None, bill: str | None = None) -> Answered:
    nothing = contract.TABLES["between_items"].empty(), contract.TABLES["ledger_events"].empty()
    return Answered(*nothing, findings.concat(found), about, bill, late=False, refused=True)


def _territory(read: FileRead, own: str, okato: Mapping[str, str]) -> list[Finding]:
    """TB.5: the answer is not for us, or its header names another territory than its name."""
    found = []
    if read.receiver != own:
        found.append(Finding("TB.5", package=read.file_name, file=read.file_name, value=read.receiver, params={"expected": own}))
    home = okato.get(read.sender)
    if home is None or read.okato_oms != home:
        params = {"expected": home or read.sender}
        found.append(
            Finding(
                "TB.5", package=read.file_name, file=read.file_name, element="ZGLV/OKATO_OMS", value=read.okato_oms, params=params
            )
        )
    return found


def asked_of(read: FileRead, files: pl.DataFrame) -> dict[str, Any] | None:
    """Our file that an answer is about: by number, date and month of the bill, sent to the fund that answers; else None.

    A fund that answers a corrected part under the number of the main part is understood: when the sanctions say that they are
    final (S_IST 4), the last D of that bill is meant.
    """
    if None in (read.nschet, read.dschet, read.year, read.month):
        return None
    ours = book.taken(files).filter(
        (pl.col("side") == "place") & pl.col("kind").is_in(["R", "D"]) & (pl.col("receiver") == read.sender)
        & (pl.col("nschet") == read.nschet) & (pl.col("dschet") == read.dschet) & (pl.col("year") == read.year)
        & (pl.col("month") == read.month)
    )  # fmt: skip
    if ours.is_empty():
        return None
    found = ours.sort("seq", "file_name").row(-1, named=True)
    final = read.items["s_ist"].drop_nulls().eq(machine.SOURCE["final"])
    if found["kind"] == "R" and final.len() and final.all():
        later = (
            book.taken(files).filter((pl.col("kind") == "D") & (pl.col("about") == found["file_name"])).sort("seq", "file_name")
        )
        return later.row(-1, named=True) if later.height else found
    return found


def _late(read: FileRead, asked: Mapping[str, Any], received_on: date, law: Parameters) -> list[pl.DataFrame]:
    """TB.6 where the answer came after its term, counted from the day we sent what it answers."""
    name = book.TERMS["presented" if asked["kind"] == "R" else "presented_again"]
    began = asked["sent_on"] or asked["data"]
    due = law_terms.due_or_none(law, name, began)
    if due is None or received_on <= due:
        return []
    params = {"due": due.isoformat(), "received": received_on.isoformat(), "asked": asked["file_name"]}
    return [
        findings.frame(
            [Finding("TB.6", package=read.file_name, file=read.file_name, value=received_on.isoformat(), params=params)]
        )
    ]


def item_findings(read: FileRead, wrong: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """Rows of `items.illegal` as findings; what `checked` says of the same item by the same rule is not said twice."""
    said = set(checked.select("rule", "n_zap", "idcase").iter_rows())
    rows = [
        checking.item_finding(
            read, row["rule"], row["reason"], row["n_zap"], row["idcase"], None, row["state"], row["ours_kop"], row["theirs_kop"]
        )
        for row in wrong.iter_rows(named=True)
        if (row["rule"], row["n_zap"], row["idcase"]) not in said
    ]
    return findings.frame(rows)


def money_events(moved: Mapping[str, int], own: str, other: str, document: str, document_date: date, on: date) -> pl.DataFrame:
    """What moved (`items.moved`) as events of our books: contract `ledger_events`, one for each kind that is not zero."""
    who = {"fund": ledger.fund(own), "territory": ledger.territory(other)}
    parties = {
        event: json.dumps(
            {role: who[role] for role in ledger.posting_rules()[event].roles()}, sort_keys=True, separators=(",", ":")
        )
        for event in EVENTS.values()
    }
    rows = [
        {
            "event": event, "date": on, "document": document, "document_date": document_date, "amount_kop": moved[name],
            "parties": parties[event], "order_id": None, "note": None,
        }
        for name, event in EVENTS.items()
        if moved.get(name)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=contract.TABLES["ledger_events"].schema(), orient="row")


# ---- the corrected part ---------------------------------------------------------------------------------------------------

#: Sanctions of D (S_IST 3): what the examination found, by item.
REFINED: Final[dict[str, pl.DataType]] = {
    "n_zap": pl.Int64(), "idcase": pl.Int64(), "s_code": pl.String(), "s_sum": pl.Int64(), "s_tip": pl.Int64(),
    "s_osn": pl.Int64(), "sl_id": pl.String(),
    "date_act": pl.Date(), "num_act": pl.String(), "code_exp": pl.String(), "s_com": pl.String(),
}  # fmt: skip


def refined(bill: pl.DataFrame, deductions: pl.DataFrame) -> pl.DataFrame:
    """Sanctions S_IST 3 of a bill's items: what the place fund's own expertise stands by (contract `deductions`); REFINED.

    bill  items of R with case_key. A ground that takes no money now says nothing in D.
    """
    rows = deductions.filter((pl.col("s_sum") > 0) & pl.col("state").is_in(["stands", "lighter"]))
    table = bill.select(*KEY, "case_key").join(rows, on="case_key", how="inner", suffix="_billed").select(
        *KEY, "s_code", "s_sum", "s_tip", pl.col("kod").alias("s_osn"), "sl_id", "date_act", "num_act", "code_exp", "s_com"
    )  # fmt: skip
    return table.select(pl.col(name).cast(kind) for name, kind in REFINED.items()).sort(*KEY, "s_code")


def given_up(states: pl.DataFrame, answers: pl.DataFrame, which: pl.DataFrame, number: str, day: date) -> pl.DataFrame:
    """Sanctions S_IST 3 by which we agree with what was questioned of the items `which` (n_zap, idcase): REFINED.

    They repeat the kind of control and the ground of the home fund; number and day are those of our own act.
    """
    agreed = (
        states.join(which.select(KEY), on=KEY, how="semi")
        .filter(pl.col("questioned_kop") > 0)
        .join(answers.select(*KEY, "s_tip", "kods"), on=KEY, how="left", maintain_order="left")
    )
    table = agreed.select(
        *KEY, pl.lit("1").alias("s_code"), pl.col("questioned_kop").alias("s_sum"), "s_tip",
        pl.col("kods").str.split(";").list.first().cast(pl.Int64, strict=False).alias("s_osn"), pl.lit(None).alias("sl_id"),
        pl.lit(day).alias("date_act"), pl.lit(number).alias("num_act"), pl.lit(None).alias("code_exp"),
        pl.lit(None).alias("s_com"),
    )  # fmt: skip
    return table.select(pl.col(name).cast(kind) for name, kind in REFINED.items()).sort(*KEY, "s_code")


def taken_back(bill: pl.DataFrame, accidents: pl.DataFrame, s_tip: int, day: date) -> pl.DataFrame:
    """Sanctions S_IST 3 by which items are taken back whole: care for severe accidents at work, withheld later (AC.4); REFINED.

    accidents  contract `accident_deductions`; s_tip: code of МЭК in F006; day of our act, whose number is that of the notice
    """
    table = bill.join(accidents.select("case_key", "kod", "notice"), on="case_key", how="inner").select(
        *KEY, pl.lit("1").alias("s_code"), pl.col("sump_kop").alias("s_sum"), pl.lit(s_tip).alias("s_tip"),
        pl.col("kod").alias("s_osn"), pl.lit(None).alias("sl_id"), pl.lit(day).alias("date_act"),
        pl.col("notice").alias("num_act"),
        pl.lit(None).alias("code_exp"), pl.lit(None).alias("s_com"),
    )  # fmt: skip
    return table.select(pl.col(name).cast(kind) for name, kind in REFINED.items()).sort(*KEY, "s_code")


def corrected(
    file_name: str, bill: pl.DataFrame, states: pl.DataFrame, sanctions: pl.DataFrame, which: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items of a D (contract `between_items`) and findings TB.11 (Rules 143).

    sanctions  REFINED; more than what an item asked for is cut nowhere: it is an error of the caller (AssertionError)
    which      items wanted (n_zap, idcase), by default all that are questioned, and accepted ones that a sanction takes back;
               an item that was neither is finding TB.11 and stays out
    """
    taken = sanctions.group_by(KEY, maintain_order=True).agg(
        pl.col("s_sum").sum().alias("_sank"), pl.col("s_code").str.join(";").alias("_codes"),
        pl.col("s_osn").drop_nulls().cast(pl.String).str.join(";").alias("_kods"), pl.col("s_tip").first().alias("_tip"),
    )  # fmt: skip
    held = bill.join(states.select(*KEY, "state"), on=KEY, how="inner").join(taken, on=KEY, how="left", maintain_order="left")
    can = (pl.col("state") == "questioned") | ((pl.col("state") == "accepted") & (pl.col("_sank") > 0))
    told = held if which is None else held.join(which.select(KEY), on=KEY, how="semi")
    found: list[Finding] = []
    if which is not None:
        lawful = told.filter(can).select(KEY)
        for n_zap, idcase in which.select(KEY).join(lawful, on=KEY, how="anti").sort(KEY).iter_rows():
            state = told.filter((pl.col("n_zap") == n_zap) & (pl.col("idcase") == idcase))["state"].to_list()
            value = state[0] if state else None
            params = {"item": f"{n_zap}/{idcase}"}
            found.append(
                Finding(
                    "TB.11",
                    level="case",
                    package=file_name,
                    file=file_name,
                    n_zap=n_zap,
                    idcase=idcase,
                    value=value,
                    params=params,
                )
            )
    sank = pl.col("_sank").fill_null(0)
    left = pl.col("sump_kop") - sank
    rows = told.filter(can).with_columns(
        file_name=pl.lit(file_name), sump_kop=left, sank_it_kop=sank, codes=pl.col("_codes"),
        kods=pl.col("_kods").replace("", None), s_tip=pl.col("_tip"),
        s_ist=pl.when(sank > 0).then(pl.lit(machine.SOURCE["corrected"], dtype=pl.Int64)),
        oplata=pl.when((sank == 0) & (pl.col("own_sank_kop") == 0)).then(None)
        .when(left == 0).then(2).otherwise(3).cast(pl.Int64),
    )  # fmt: skip
    assert rows.filter(pl.col("sump_kop") < 0).is_empty(), "an item of D takes more than was asked for"
    made = contract.check("between_items", rows.sort(KEY))
    wrong = machine.illegal(bill, states, made, "corrected")
    assert wrong.is_empty(), f"an item of D that may not be: {wrong.row(0, named=True)}"
    return made, findings.frame(found)


def given_back(file_name: str, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Finding TB.13 where a corrected part takes off more than was questioned: we owe that back, or the next refund is less."""
    amount = machine.moved(before, after)["withdrawn"]
    if not amount:
        return findings.empty()
    params = {f"amount_{lang}": money.show_amount(amount, lang) for lang in messages.LANGUAGES}
    return findings.frame([Finding("TB.13", package=file_name, file=file_name, value=str(amount), params=params)])


def paper(
    kind: str, file_name: str, bill: pl.DataFrame, states: pl.DataFrame, which: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Items of a paper C (what is questioned is given up without a D) or W (what was lost is written off), and findings TB.11.

    which  items wanted, by default all that can be given up or written off
    """
    can = {"C": ["questioned"], "W": ["refused_finally", "conceded", "withdrawn"]}[kind]
    amount = pl.col("questioned_kop") if kind == "C" else pl.col("conceded_kop") + pl.col("refused_kop")
    held = bill.join(states.drop("bill", "due", "overdue", "law_term"), on=KEY, how="inner", maintain_order="left")
    told = held if which is None else held.join(which.select(KEY), on=KEY, how="semi")
    lawful = told.filter(pl.col("state").is_in(can))
    found = []
    if which is not None:
        for n_zap, idcase in which.select(KEY).join(lawful.select(KEY), on=KEY, how="anti").sort(KEY).iter_rows():
            params = {"item": f"{n_zap}/{idcase}"}
            found.append(
                Finding("TB.11", level="case", package=file_name, file=file_name, n_zap=n_zap, idcase=idcase, params=params)
            )
    null = pl.lit(None)
    rows = lawful.with_columns(
        file_name=pl.lit(file_name), sank_it_kop=amount, sump_kop=pl.col("presented_kop") - amount, oplata=null.cast(pl.Int64),
        codes=null.cast(pl.String), kods=null.cast(pl.String), s_tip=null.cast(pl.Int64), s_ist=null.cast(pl.Int64),
    )  # fmt: skip
    return contract.check("between_items", rows.sort(KEY)), findings.frame(found)
