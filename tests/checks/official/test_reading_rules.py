"""Are the conditions of the books read as stated (checks.md 1.4a)? Each rule of reading with rows and records that an analyst can follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from omsclaims.checks import official
from omsclaims.nsi import LeftOut
from tests.checks.official.samples import ABSENT, book, case, check, codes, fired, package, person, row

SL = "ZAP/Z_SL/SL"


def test_an_absent_element_equals_nothing_and_differs_from_everything() -> None:
    rows = book(
        row("003F.00.9001", f"{SL}/PROFIL", when="REAB=1"),
        row("003F.00.9002", f"{SL}/PROFIL", when="REAB<>1"),
        row("003F.00.9003", f"{SL}/PROFIL", when="KD<5"),
    )
    read = package(case(1), case(2, sl="<REAB>1</REAB>"), case(3, sl="<KD>4</KD>"), case(4, sl="<KD>5</KD>"))
    assert fired(read, rows) == {"003F.00.9001": [2], "003F.00.9002": [1, 3, 4], "003F.00.9003": [3]}


def test_an_element_that_other_kinds_have_is_absent_here_and_one_that_none_has_is_said() -> None:
    rows = book(
        row("003F.00.9001", f"{SL}/PROFIL", when="RSLT_D<>1", kinds="H"),
        row("003F.00.9002", f"{SL}/PROFIL", when="NO_SUCH_THING=1", kinds="H"),
        row("002F.00.9003", "ZAP/Z_SL/NOT_AN_ELEMENT", allowed="1", kinds="H"),
    )
    done = check(package(case(1)), rows)
    assert done.findings["rule"].to_list() == ["003F.00.9001"]
    told = {one["row"]: (one["executed"], one["why"], one["what"]) for one in done.executions.iter_rows(named=True)}
    assert told["003F.00.9002"] == (False, "unknown_element", "NO_SUCH_THING")
    assert told["002F.00.9003"] == (False, "no_element", "ZAP/Z_SL/NOT_AN_ELEMENT")


def test_of_what_repeats_below_one_is_enough_and_none_may_be() -> None:
    sanction = "<SANK><S_CODE>1</S_CODE><S_SUM>{sum}</S_SUM><S_TIP>{tip}</S_TIP><S_IST>{ist}</S_IST></SANK>".format
    rows = book(
        row("003F.00.9001", "ZAP/Z_SL/OPLATA", when="S_IST=1"),
        row("003F.00.9002", "ZAP/Z_SL/OPLATA", when="S_IST<>1"),
        row("003F.00.9003", "ZAP/Z_SL/SANK_IT", when="SANK.S_SUM<>0"),
    )
    read = package(
        case(1), case(2, more=sanction(sum="0.00", tip=1, ist=1)), case(3, more=sanction(sum="5.00", tip=1, ist=2)),
        case(4, more=sanction(sum="0.00", tip=1, ist=2) + sanction(sum="7.00", tip=1, ist=1)),
    )  # fmt: skip
    assert fired(read, rows) == {"003F.00.9001": [2, 4], "003F.00.9002": [1, 3], "003F.00.9003": [3, 4]}


def test_conditions_about_one_section_bind_to_one_instance() -> None:
    sanction = "<SANK><S_CODE>1</S_CODE><S_SUM>{sum}</S_SUM><S_TIP>{tip}</S_TIP><S_IST>1</S_IST></SANK>".format
    rows = book(row("003F.00.9001", "ZAP/Z_SL/SANK_IT", when="SANK.S_TIP={1, 10} и SANK.S_SUM<>0"))
    read = package(
        case(1, more=sanction(sum="0.00", tip=1) + sanction(sum="5.00", tip=20)), case(2, more=sanction(sum="5.00", tip=10))
    )
    assert fired(read, rows) == {"003F.00.9001": [2]}


def test_numbers_compare_as_numbers_and_diagnoses_as_text() -> None:
    rows = book(
        row("002F.00.9001", f"{SL}/SUM_M", allowed="<100.5"),
        row("003F.00.9002", f"{SL}/PROFIL", when="C00.0<=DS1<C81"),
        row("002F.00.9003", f"{SL}/P_CEL", allowed="{1.3, 2.2}"),
    )
    read = package(
        case(1, sl="<P_CEL>1.3</P_CEL><DS1>C80.9</DS1><SUM_M>100.49</SUM_M>"), case(2, sl="<P_CEL>1.30</P_CEL><DS1>C81.0</DS1><SUM_M>100.5</SUM_M>"),
        case(3, sl="<DS1>C00</DS1>"),
    )  # fmt: skip
    assert fired(read, rows) == {"002F.00.9001": [2], "003F.00.9002": [1], "002F.00.9003": [2]}


def test_what_is_allowed_is_silent_where_an_operand_is_missing() -> None:
    rows = book(row("006F.00.9001", "ZAP/Z_SL/NPR_DATE", allowed="NPR_DATE<=DATE_Z_1"))
    read = package(
        case(1), case(2, case="<NPR_DATE>2021-04-06</NPR_DATE>"), case(3, case="<NPR_DATE>2021-04-05</NPR_DATE>"),
        case(4, case="<NPR_DATE>2021-04-99</NPR_DATE>"), case(5, case="<NPR_DATE>2021-04-06</NPR_DATE>", days=("", "2021-04-09")),
    )  # fmt: skip
    assert fired(read, rows) == {"006F.00.9001": [2]}


def test_rows_about_a_structure_that_is_not_there_are_silent() -> None:
    rows = book(
        row("003F.00.9001", f"{SL}/KSG_KPG/KOEF_Z", when="Тег KSG_KPG присутствует"),
        row("003F.00.9002", f"{SL}/USL/PROFIL", when="Тег SL.USL присутствует"),
        row("003F.00.9003", f"{SL}/KSG_KPG/SL_KOEF", when="присутствует IT_SL"),
    )
    group = "<KSG_KPG><N_KSG>st01.001</N_KSG>{more}</KSG_KPG>".format
    read = package(
        case(1), case(2, sl=group(more="")), case(3, usl="<LPU>750001</LPU>"), case(4, sl=group(more="<IT_SL>1.10000</IT_SL>")),
        case(5, sl=group(more="<KOEF_Z>1.00000</KOEF_Z><IT_SL>1.10000</IT_SL><SL_KOEF><IDSL>1</IDSL><Z_SL>1.1</Z_SL></SL_KOEF>")),
    )  # fmt: skip
    assert fired(read, rows) == {"003F.00.9001": [2, 4], "003F.00.9002": [3], "003F.00.9003": [4]}


def test_an_empty_element_is_there_and_has_no_length() -> None:
    rows = book(
        row("003F.00.9001", f"{SL}/NHISTORY"), row("004F.00.9002", f"{SL}/NHISTORY", least=1, most=5),
        row("003F.00.9003", f"{SL}/DS0", when="NHISTORY присутствует", comment=ABSENT),
    )  # fmt: skip
    read = package(
        case(1), case(2, sl="<NHISTORY></NHISTORY>"), case(3, sl="<NHISTORY>12345</NHISTORY>"), case(4, sl="<NHISTORY>123456</NHISTORY>"),
        case(5, sl="<NHISTORY>1</NHISTORY><DS0>J06.9</DS0>"),
    )  # fmt: skip
    assert fired(read, rows) == {"003F.00.9001": [1], "004F.00.9002": [2, 4], "003F.00.9003": [5]}


@pytest.mark.parametrize(
    ("mask", "good", "bad"),
    [
        ("A99.ХX", ["J06", "J06.9", "J06.91"], ["J6.9", "J06.", "J06.911", "Ж06.9", "j06.9"]),
        ("A99.99X.999.XXX", ["A16.20.005", "A16.20.005.001", "B01.001.001"], ["A16.20.5", "A16.20.005.", "A1.20.005"]),
        ("999-999-999 99", ["123-456-789 01"], ["123-456-78901", "123-456-789 0"]),
        ("XXX9", ["1", "1234"], ["12345", "A"]),
    ],
)
def test_masks(mask: str, good: list[str], bad: list[str]) -> None:
    rows = book(row("004F.00.9001", f"{SL}/NHISTORY", mask=mask))
    records = [case(number, sl=f"<NHISTORY>{text}</NHISTORY>") for number, text in enumerate(good + bad, 1)]
    wanted = list(range(len(good) + 1, len(good + bad) + 1))
    assert fired(package(*records), rows) == {"004F.00.9001": wanted}


def test_numbers_keep_the_figures_of_their_mask() -> None:
    rows = book(
        row("004F.00.9001", f"{SL}/KD", least=2, most=3, mask="X99"),
        row("004F.00.9002", f"{SL}/ED_COL", least=4, most=5, mask="Х9.99"),
    )
    read = package(
        case(1, sl="<KD>9</KD>"), case(2, sl="<KD>10</KD>"), case(3, sl="<ED_COL>99.99</ED_COL>"), case(4, sl="<ED_COL>100.00</ED_COL>"),
        case(5, sl="<ED_COL>-1.00</ED_COL>"), case(6, sl="<KD>ten</KD>"),
    )  # fmt: skip
    assert fired(read, rows) == {"004F.00.9001": [1, 6], "004F.00.9002": [4, 5]}


def test_lists_of_characters() -> None:
    rows = book(
        row("004F.00.9001", f"{SL}/NHISTORY", comment="Допустимы цифры, буквы латинского алфавита, горизонтальные разделители")
    )
    texts = ["12-A", "12/A", "12 A", "12Я", "—1"]
    records = [case(number, sl=f"<NHISTORY>{text}</NHISTORY>") for number, text in enumerate(texts, 1)]
    assert fired(package(*records), rows) == {"004F.00.9001": [2, 3, 4]}


def test_rows_are_chosen_by_the_reporting_period() -> None:
    rows = book(
        row("003F.00.9001", f"{SL}/PROFIL", until=date(2021, 4, 29)),
        row("003F.00.9001", f"{SL}/PROFIL_K", since=date(2021, 4, 30)),
        row("003F.00.9002", f"{SL}/DS0", since=date(2021, 5, 1)),
    )
    found = check(package(case(1)), rows).findings
    assert found.select("rule", "element").rows() == [("003F.00.9001", "ZAP/Z_SL/SL/PROFIL_K")]


def test_codes_are_looked_up_on_the_date_of_care() -> None:
    rows = book(
        row("001F.00.9001", f"{SL}/PROFIL", book="V002", column="IDPR"), row("001F.00.9002", "ZAP/Z_SL/USL_OK", book="V006")
    )
    profiles = codes("V002", ("97", date(2011, 1, 1), date(2021, 4, 8)), ("108", date(2021, 4, 9)))
    read = package(
        case(1, sl="<PROFIL>97</PROFIL>", days=("2021-04-01", "2021-04-08")), case(2, sl="<PROFIL>97</PROFIL>"),
        case(3, sl="<PROFIL>108</PROFIL>"), case(4, sl="<PROFIL>5</PROFIL>"), case(5),
    )  # fmt: skip
    done = check(read, rows, profiles)
    assert done.findings.select("rule", "n_zap").rows() == [("001F.00.9001", 2), ("001F.00.9001", 4)]
    told = {one["row"]: (one["executed"], one["why"], one["what"]) for one in done.executions.iter_rows(named=True)}
    assert told == {"001F.00.9001": (True, "", ""), "001F.00.9002": (False, "book", "V006.code")}


def test_ages_are_whole_years_on_the_first_day() -> None:
    """Born on 29 February: a year older on 1 March of a common year."""
    rows = book(row("003F.00.9001", f"{SL}/PROFIL", when="Возраст ЗЛ>=18 лет"))
    born = ["2003-02-28", "2003-03-01", "2004-02-29", "2003-04-05", "2003-04-06"]
    days = [
        ("2021-02-28", "2021-04-01"),
        ("2021-02-28", "2021-04-01"),
        ("2022-02-28", "2022-03-01"),
        ("2021-04-05", "2021-04-09"),
        ("2021-04-05", "2021-04-09"),
    ]
    read = package(
        *(case(number, days=of) for number, of in enumerate(days, 1)), case(6, days=("2022-03-01", "2022-03-05")),
        persons="".join(person(number, born=day) for number, day in enumerate([*born, "2004-02-29"], 1)),
    )  # fmt: skip
    assert fired(read, rows) == {"003F.00.9001": [1, 4, 6]}


def test_persons_and_their_cases_see_each_other() -> None:
    rows = book(
        row("003F.00.9001", "PERS_LIST/PERS/DOCTYPE", when="в основном файле VPOLIS<>3", kinds="L"),
        row("003F.00.9002", "ZAP/Z_SL/OS_SLUCH", when="PERS.OT отсутствует и NOVOR=0"),
        row("006F.00.9003", "PERS_LIST/PERS/DR", allowed="DR<=DATE_Z_1", kinds="L"),
    )
    read = package(
        case(1).replace("<VPOLIS>3<", "<VPOLIS>1<"), case(2), case(3),
        persons=person(1, "<OT>Х</OT>") + person(2) + person(3, "<OT>Х</OT>", born="2021-04-06"),
    )  # fmt: skip
    assert fired(read, rows) == {"003F.00.9001": [1], "003F.00.9002": [2], "006F.00.9003": [3]}


def test_a_finding_says_where_what_and_which_ground() -> None:
    rows = book(
        row("002F.00.9001", f"{SL}/USL/DET", allowed="{0, 1}", when="USL_OK=1"), row("004F.00.9002", "ZAP/PACIENT/NPOLIS", most=9)
    )
    read = package(case(1), case(2, usl="<DET>7</DET>"), case(3, usl="<DET>7</DET>", days=("2021-05-20", "2021-05-25")))
    found = check(read, rows).findings
    services = found.filter(rule="002F.00.9001")
    assert services.select("level", "n_zap", "idcase", "sl_id", "idserv", "element", "value", "code").rows() == [
        ("usl", 2, 20, "s2", "u2", "ZAP/Z_SL/SL/USL/DET", "7", "5.1.4"),
        ("usl", 3, 30, "s3", "u3", "ZAP/Z_SL/SL/USL/DET", "7", "1.4.4"),
    ]
    assert services["z_row"].to_list() == [1, 2] and services["offset"].null_count() == 0
    policies = found.filter(rule="004F.00.9002")
    assert policies["value"].to_list() == ["7***0"] * 3 and policies["level"].to_list() == ["zap"] * 3


def test_a_later_format_that_contradicts_a_row_is_not_judged_by_it() -> None:
    rows = book(row("002F.00.9001", "ZGLV/VERSION", allowed="3.1"), row("003F.00.9002", f"{SL}/PROFIL", kinds="H"))
    old, new = package(case(1)), package(case(1), name="HM750001T75_22041", version="3.2")
    assert old.format is not None and new.format is not None and (old.format.version, new.format.version) == ("3.1", "3.2")
    assert fired(old, rows) == {"003F.00.9002": [1]}
    done = check(new, rows, today=date(2022, 5, 5))
    told = {one["row"]: one["why"] for one in done.executions.iter_rows(named=True)}
    assert told == {"002F.00.9001": "later_format", "003F.00.9002": ""}


def test_rows_of_another_region_are_told_and_not_executed() -> None:
    rows = book(row("003F.75.9001", f"{SL}/PROFIL"), row("003F.06.9002", f"{SL}/PROFIL"), name="Q022")
    done = check(package(case(1)), rows)
    assert done.findings["rule"].to_list() == ["003F.75.9001"]
    assert done.executions.select("row", "executed", "why", "what").rows() == [
        ("003F.06.9002", False, "other_region", "06"), ("003F.75.9001", True, "", ""),
    ]  # fmt: skip


def test_a_condition_that_does_not_parse_names_its_place_and_stops_nothing_else() -> None:
    rows = book(row("003F.00.9001", f"{SL}/PROFIL", when="USL_OK={1, 2 и DS1="), row("003F.00.9002", f"{SL}/PROFIL"))
    done = check(package(case(1)), rows)
    assert done.findings["rule"].to_list() == ["003F.00.9002"]
    (why, what) = done.executions.filter(row="003F.00.9001").select("why", "what").row(0)
    assert why == "condition" and "character 14" in what


def test_what_a_header_must_agree_with_in_every_case_is_a_matter_of_the_case_that_differs() -> None:
    month = row("006F.00.9001", "SCHET/MONTH", allowed="год DATE_Z_2<>YEAR или MONTH>=месяц DATE_Z_2")
    sender = row("006F.00.9002", "ZGLV/FILENAME", when="Pi=M", allowed="Ni=Z_SL.LPU")
    read = package(
        case(1, case="<LPU>750001</LPU>"), case(2, case="<LPU>750001</LPU>", days=("2021-05-05", "2021-05-09")),
        case(3, case="<LPU>750009</LPU>"),
    )  # fmt: skip
    done = check(read, book(month, sender))
    found = done.findings.select("rule", "level", "n_zap", "element").sort("rule").rows()
    assert found == [("006F.00.9001", "case", 2, "SCHET/MONTH"), ("006F.00.9002", "case", 3, "ZGLV/FILENAME")]
    assert not done.refuses_package
    sanction = "<SANK><S_CODE>1</S_CODE><S_SUM>{sum}</S_SUM><S_TIP>1</S_TIP><S_IST>1</S_IST></SANK>".format
    held = package(case(1), case(2, more=sanction(sum="5.00")), case(3, more=sanction(sum="0.00")))
    asked = check(held, book(row("003F.00.9004", "SCHET/SANK_MEK", when="SANK.S_TIP=1 и SANK.S_SUM<>0 и S_IST=1")))
    assert asked.findings.select("rule", "level", "n_zap", "element").rows() == [("003F.00.9004", "case", 2, "SCHET/SANK_MEK")]
    assert not asked.refuses_package
    whole = check(read, book(row("006F.00.9003", "SCHET/YEAR", allowed="YEAR=2020")))
    assert whole.findings["level"].to_list() == ["file"] and whole.refuses_package


def test_a_row_that_could_not_be_read_is_told_as_not_executed() -> None:
    read_row = row("003F.00.9001", f"{SL}/PROFIL")
    holes = (LeftOut(2, "003F.00.9002", "N.103", "DATEBEG", "2019-13-01"), LeftOut(3, "", "N.102", "CODE", ""))
    done = check(package(case(1)), replace(book(read_row), left_out=holes))
    told = {one["row"]: (one["executed"], one["why"], one["what"]) for one in done.executions.iter_rows(named=True)}
    assert told["003F.00.9001"][0]
    assert told["003F.00.9002"] == (False, "left_out", "N.103 DATEBEG")
    assert told["#3"] == (False, "left_out", "N.102 CODE")
    assert any(
        "could not be read: N.103 DATEBEG" in line or "N.102 CODE" in line for line in official.told(done.executions, "en")
    )
