"""Does one ground stand, with its amount, and do the sanctions say what was decided? (law.md 10.2-10.4)"""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import findings
from omsclaims.nsi import Book
from omsclaims.settlement import decide, refused, sanctions
from omsclaims.settlement.decide import code_order, kind_code
from tests.settlement import settlement_samples as samples


def with_partial_grounds(**changes: object) -> object:
    """A context whose F014 has grounds of 40 and 10 per cent as well, so that amounts differ."""
    context = samples.context(**changes)
    book = context.books.require("F014")
    like = book.rows.filter((pl.col("code") == "1.5") & (pl.col("valid_to").is_null()))
    more = [
        like.with_columns(code=pl.lit("9.1"), kod=pl.lit("901"), k_no=pl.lit("10000")),
        like.with_columns(code=pl.lit("9.2"), kod=pl.lit("902"), k_no=pl.lit("40000")),
        like.with_columns(code=pl.lit("9.10"), kod=pl.lit("903"), k_no=pl.lit("40000")),
    ]
    wider = Book("F014", "test", pl.concat([book.rows, *more]), True)
    return samples.replace(context, books=context.books.with_books({"F014": wider}))


def run(
    found: list[findings.Finding], cases: list[dict[str, object]], context: object | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    tables = {"cases": samples.rows("cases", *cases)}
    used = context or samples.context()
    frame = findings.frame(found)
    decisions = decide(frame, tables, used, "registry", None)  # type: ignore[arg-type]
    return decisions, sanctions(frame, decisions, tables, used)  # type: ignore[arg-type]


def test_a_case_without_findings_is_paid_in_full() -> None:
    decisions, rows = run([samples.found("S.1", None, 1)], [samples.case(1)])
    assert decisions.row(0, named=True) == {
        "case_key": 1, "sumv_kop": 10_000, "oplata": 1, "sank_it_kop": 0, "sump_kop": 10_000,
        "ground_rule": None, "ground_code": None, "ground_kod": None, "pass_name": None,
    }  # fmt: skip
    assert rows.is_empty()


def test_mek_refuses_whole_and_ties_go_to_the_smaller_number() -> None:
    found = [samples.found("C160", "1.10.1", 1), samples.found("C081", "1.4.6", 1), samples.found("C076", "1.4.4", 1)]
    decisions, rows = run(found, [samples.case(1)])
    assert decisions.select("oplata", "sank_it_kop", "sump_kop", "ground_rule", "ground_code", "ground_kod", "pass_name").row(0) == (
        2, 10_000, 0, "C076", "1.4.4", 207, "registry",
    )  # fmt: skip
    # One row with money, the other grounds with 0, in the order of the numbers part by part.
    assert rows.select("code", "s_sum", "s_osn", "s_com").rows() == [
        ("1.4.4", 10_000, 207, "C076"), ("1.4.6", 0, 209, "C081"), ("1.10.1", 0, 221, "C160"),
    ]  # fmt: skip
    assert rows.select("s_tip", "s_ist", "date_act", "num_act").unique().rows() == [
        (1, 1, date(2022, 4, 5), "МЭК-HM750901T75_220301")
    ]


def test_the_larger_amount_comes_before_the_smaller_number() -> None:
    context = with_partial_grounds()
    decisions, rows = run(
        [samples.found("X2", "9.2", 1), samples.found("X1", "9.10", 1), samples.found("X3", "9.1", 1)], [samples.case(1)], context
    )
    # 40 % of 100.00 beats the 10 % of 9.1, the smallest number; of the two with 40 % 9.2 is smaller than 9.10.
    assert decisions.select("oplata", "sank_it_kop", "sump_kop", "ground_code").row(0) == (3, 4_000, 6_000, "9.2")
    assert rows.select("code", "s_sum").rows() == [("9.1", 0), ("9.2", 4_000), ("9.10", 0)]


def test_an_agreement_may_add_the_grounds_up_to_the_amount() -> None:
    context = with_partial_grounds(agreement=samples.agreement(several_grounds="sum_capped"))
    found = [
        samples.found("X1", "9.1", 1),
        samples.found("X2", "9.2", 1),
        samples.found("X1", "9.1", 2),
        samples.found("C1", "1.5", 2),
    ]
    decisions, rows = run(found, [samples.case(1), samples.case(2)], context)
    assert decisions.select("oplata", "sank_it_kop").rows() == [(3, 5_000), (2, 10_000)]
    assert rows.group_by("case_key").agg(pl.col("s_sum").sum()).sort("case_key").rows() == [(1, 5_000), (2, 10_000)]


def test_one_code_of_two_rules_is_one_row_of_the_smaller_rule() -> None:
    found = [samples.found("C077", "1.4.4", 1, sl_id="b"), samples.found("C037", "1.4.4", 1, sl_id="a")]
    decisions, rows = run(found, [samples.case(1)])
    assert decisions["ground_rule"][0] == "C037"
    assert rows.select("rule", "sl_id").rows() == [("C037", "a")]


def test_a_refused_case_of_nothing_is_refused_all_the_same() -> None:
    decisions, _ = run([samples.found("C076", "1.4.4", 1)], [samples.case(1, sumv=0), samples.case(2, sumv=None)])
    assert decisions.select("oplata", "sank_it_kop", "sump_kop").rows() == [(2, 0, 0), (1, 0, 0)]


def test_findings_reach_the_cases_they_are_about() -> None:
    cases = [
        samples.case(1, n_zap=1, id_pac="a"),
        samples.case(2, n_zap=1, id_pac="a"),
        samples.case(3, n_zap=2, id_pac="b"),
        samples.case(4, package="CM750901T75_220301"),
    ]
    by_record = findings.Finding("Z", "zap", "1.4.4", package="HM750901T75_220301", n_zap=1)
    by_person = findings.Finding("P", "person", "1.4.4", package="HM750901T75_220301", id_pac="b")
    by_file = findings.Finding("C084", "file", "1.4.1", package="HM750901T75_220301")
    for finding, keys in ((by_record, [1, 2]), (by_person, [3]), (by_file, [1, 2, 3])):
        assert refused(run([finding], cases)[0])["case_key"].to_list() == keys
    # Whom they are about cannot be told: nobody else answers for it (the patient without a person has a finding of its own).
    nobody = findings.Finding("S.902", "person", "1.4.3", package="HM750901T75_220301")
    no_number = findings.Finding("S.902", "zap", "1.4.3", package="HM750901T75_220301")
    assert refused(run([nobody, no_number], cases)[0]).is_empty()
    only_cases = samples.context(agreement=samples.agreement(package_refusal="cases_only"))
    assert refused(run([by_file], cases, only_cases)[0]).is_empty()


def test_a_row_of_the_package_and_a_key_of_the_month_mean_the_same_case() -> None:
    key = (3 << 32) + 17
    for z_row in (17, key):
        assert refused(run([samples.found("C076", "1.4.4", z_row)], [samples.case(key), samples.case(17, package="other")])[0])[
            "case_key"
        ].to_list() == [key]


def test_what_an_earlier_pass_refused_stays_refused() -> None:
    tables = {"cases": samples.rows("cases", samples.case(1), samples.case(2))}
    context = samples.context()
    first = decide(findings.frame([samples.found("C160", "1.10.1", 1)]), tables, context, "registry", None)
    second = decide(
        findings.frame([samples.found("C009", "1.5", 1), samples.found("C009", "1.5", 2)]), tables, context, "person", first
    )
    assert second.select("case_key", "ground_code", "pass_name").rows() == [(1, "1.10.1", "registry"), (2, "1.5", "person")]


def test_a_ground_that_did_not_hold_on_the_date_of_care_is_taken_from_the_month() -> None:
    # Care before 25.05.2021: the list then in force numbers its grounds otherwise and knows no coefficients.
    decisions, rows = run([samples.found("C076", "1.4.4", 1)], [samples.case(1, date_z_2=date(2021, 4, 1))])
    assert decisions.select("oplata", "ground_kod").row(0) == (2, 207)
    assert rows["s_osn"].to_list() == [207]


def test_the_kind_of_control_is_known_with_the_published_book_too() -> None:
    """The official F006 has no column that says which codes are МЭК."""
    given = samples.context()
    published = given.books.require("F006")
    books = given.books.with_books({"F006": Book("F006", "official", published.rows.drop("kind"))})
    for kind in ("mek", "mee", "ekmp"):
        assert kind_code(books, kind, date(2022, 3, 31)) == kind_code(given.books, kind, date(2022, 3, 31))


def test_ground_numbers_are_compared_part_by_part() -> None:
    assert sorted(["1.10.1", "1.4.1", "1.5", "1.4"], key=code_order) == ["1.4", "1.4.1", "1.5", "1.10.1"]


def test_sanctions_do_not_know_the_order_of_packages_or_findings() -> None:
    found = [samples.found("C160", "1.10.1", 5), samples.found("C076", "1.4.4", 5)]
    _, rows = run(found, [samples.case(5)])
    _, again = run(found[::-1], [samples.case((2 << 32) + 5)])
    assert rows.drop("case_key").equals(again.drop("case_key"))


CODES = st.sampled_from(["1.4.4", "1.5", "9.1", "9.2", "9.10", "1.10.1", None])


@settings(max_examples=60, deadline=None)
@given(
    amounts=st.lists(st.integers(0, 10**9), min_size=1, max_size=5),
    grounds=st.lists(st.tuples(st.integers(1, 5), CODES), max_size=12),
    policy=st.sampled_from(["max", "sum_capped"]),
)
def test_the_algebra_is_closed(amounts: list[int], grounds: list[tuple[int, str | None]], policy: str) -> None:
    context = with_partial_grounds(agreement=samples.agreement(several_grounds=policy))
    cases = [samples.case(key, sumv=amount) for key, amount in enumerate(amounts, 1)]
    decisions, rows = run([samples.found(f"R{code}", code, key) for key, code in grounds], cases, context)
    assert decisions.height == len(amounts)
    assert decisions["sumv_kop"].sum() == decisions["sump_kop"].sum() + decisions["sank_it_kop"].sum()
    assert rows["s_sum"].sum() == decisions["sank_it_kop"].sum()
    assert (decisions["sump_kop"] >= 0).all()
    refused_keys = {key for key, code in grounds if code in ("1.4.4", "1.5", "1.10.1") and key <= len(amounts)}
    assert refused_keys <= set(refused(decisions)["case_key"])
