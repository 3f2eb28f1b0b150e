"""Conditions become trees, trees one normal spelling, and what does not parse is told with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsclaims import messages
from omsclaims.checks.official import syntax
from omsclaims.checks.official.grammar import ConditionError, parse_allowed, parse_condition, pretty
from omsclaims.checks.official.lexing import is_code
from omsclaims.checks.official.spelling import operand
from omsclaims.checks.official.syntax import (
    Age,
    Among,
    And,
    Compare,
    Condition,
    DatePart,
    DaysBetween,
    Every,
    FileKind,
    Filled,
    Found,
    FoundRow,
    Head,
    LastLetter,
    Name,
    NamePart,
    Newborn,
    Not,
    Operand,
    Or,
    Period,
    Present,
    Shifted,
    Today,
    Total,
    Value,
)

SOURCE = Path(syntax.__file__).parent


def name(text: str) -> Name:
    return Name(tuple(text.split(".")))


def equal(left: str, value: str) -> Compare:
    return Compare(name(left), "=", Value(value))


KD, DS1, DATE_1 = name("KD"), name("DS1"), name("DATE_1")

CONDITIONS: list[tuple[str, Condition]] = [
    ("KD=7", equal("KD", "7")),
    ("kd = 7", equal("KD", "7")),
    ("Usl_OK=7", equal("USL_OK", "7")),
    ('DS1="Z99.9"', equal("DS1", "Z99.9")),
    ("DISP=’ДД9’", equal("DISP", "ДД9")),
    ("DISP=ДД9", equal("DISP", "ДД9")),
    ("KD=<7", Compare(KD, "<=", Value("7"))),
    ("KD≤7", Compare(KD, "<=", Value("7"))),
    ("KD=>7", Compare(KD, ">=", Value("7"))),
    ("KD!=7", Compare(KD, "<>", Value("7"))),
    ("7<KD", Compare(KD, ">", Value("7"))),
    ("2<KD<=7", And((Compare(KD, ">", Value("2")), Compare(KD, "<=", Value("7"))))),
    ("Q00.0<=DS1<Q99 или DS1>R07", Or((And((Compare(DS1, ">=", Value("Q00.0")), Compare(DS1, "<", Value("Q99")))), Compare(DS1, ">", Value("R07"))))),
    ("DS1<Q00или KD=1", Or((Compare(DS1, "<", Value("Q00")), equal("KD", "1")))),
    ("DATE_1>09.08.2021", Compare(DATE_1, ">", Value("2021-08-09"))),
    ("DATE_1>2021-08-09", Compare(DATE_1, ">", Value("2021-08-09"))),
    ("CODE=gem", equal("CODE", "gem")),
    ("ds1=ds2x", Compare(DS1, "=", Value("ds2x"))),
    ("SL.DS1=USL/DS", Compare(name("SL.DS1"), "=", name("USL.DS"))),
    ("ZL_LIST/ZAP/Z_SL/KD_Z=7", equal("ZL_LIST.ZAP.Z_SL.KD_Z", "7")),
    # И binds more strongly than ИЛИ; a comma between conditions is an И
    ("KD=1 или KD=2 И W=1", Or((equal("KD", "1"), And((equal("KD", "2"), equal("W", "1")))))),
    ("(KD=1 or KD=2) AND W=1", And((Or((equal("KD", "1"), equal("KD", "2"))), equal("W", "1")))),
    ("KD=1, W=2, DET=0", And((equal("KD", "1"), equal("W", "2"), equal("DET", "0")))),
    ("не (KD=1 и W=2)", Not(And((equal("KD", "1"), equal("W", "2"))))),
    # sets and ranges
    ("KD={1, 2}", Among(KD, ("1", "2"))),
    ("KD<>{1; 2,3}", Among(KD, ("1", "2", "3"), negated=True)),
    ("KD={1, 4-8, 9 … 12}", Among(KD, ("1", ("4", "8"), ("9", "12")))),
    ("KD={3, 5, 7 ... 13}", Among(KD, ("3", "5", "7", "9", "11", "13"))),
    ("KD={1, 2, 3 … 9}", Among(KD, ("1", "2", ("3", "9")))),
    ("DS1={A00-B99.9, Z00}", Among(DS1, (("A00", "B99.9"), "Z00"))),
    ("GR={'I','IV'}", Among(name("GR"), ("I", "IV"))),
    ("KD IN(1,2)", Among(KD, ("1", "2"))),
    ("KD not in {1,2}", Among(KD, ("1", "2"), negated=True)),
    ("KD из диапазона (1,2)", Among(KD, ("1", "2"))),
    ("KD не в диапазоне (1,2)", Among(KD, ("1", "2"), negated=True)),
    ("KD <> 1, 2 и W=1", And((Among(KD, ("1", "2"), negated=True), equal("W", "1")))),
    ("KD <> '1', '2'", Among(KD, ("1", "2"), negated=True)),
    ("KD<> ('1', '2')", Among(KD, ("1", "2"), negated=True)),
    ("KD between (ED, 9)", And((Compare(KD, ">=", name("ED")), Compare(KD, "<=", Value("9"))))),
    # signs in words
    ("KD равен 7", equal("KD", "7")),
    ("KD не равно 7", Compare(KD, "<>", Value("7"))),
    ("KD больше или равно 7", Compare(KD, ">=", Value("7"))),
    ("KD меньше 7 или W=1", Or((Compare(KD, "<", Value("7")), equal("W", "1")))),
    ("KD не больше 7", Compare(KD, "<=", Value("7"))),
    ("KD не менее 7", Compare(KD, ">=", Value("7"))),
    ("KD не 7", Compare(KD, "<>", Value("7"))),
    # presence
    ("Тег NAPR присутствует", Present(name("NAPR"))),
    ("тег\xa0NAPR отсутствует", Present(name("NAPR"), negated=True)),
    ("отсутствует NAPR", Present(name("NAPR"), negated=True)),
    ("теги FAM, IM и OT отсутствуют", And(tuple(Present(name(one), negated=True) for one in ("FAM", "IM", "OT")))),
    ("FAM и IM присутствуют и W=1", And((Present(name("FAM")), Present(name("IM")), equal("W", "1")))),
    ("FAM присутствует и IM отсутствует", And((Present(name("FAM")), Present(name("IM"), negated=True)))),
    ("HEI заполнен", Filled(name("HEI"))),
    ("HEI не заполнен", Filled(name("HEI"), negated=True)),
    ("HEI не пусто", Filled(name("HEI"))),
    ("HEI<> пусто", Filled(name("HEI"))),
    ("HEI<>''", Filled(name("HEI"))),
    ('HEI=""', Filled(name("HEI"), negated=True)),
    ("HEI<>NULL", Filled(name("HEI"))),
    ("HEI NOT NULL", Filled(name("HEI"))),
    ("HEI is null", Filled(name("HEI"), negated=True)),
    ("HEI is not null", Filled(name("HEI"))),
    ("ISNULL(HEI,'')<>''", Filled(name("HEI"))),
    ("ISNULL(HEI,0) IN(0,1)", Or((Filled(name("HEI"), negated=True), Among(name("HEI"), ("0", "1"))))),
    ("ISNULL(HEI,0)=1", And((Filled(name("HEI")), equal("HEI", "1")))),
    # operands
    ("SUMP = SUMV-( S_A+ S_B)", Compare(name("SUMP"), "=", Total(((1, name("SUMV")), (-1, name("S_A")), (-1, name("S_B")))))),
    ("SUMP = SUMV-(S_A-S_B)", Compare(name("SUMP"), "=", Total(((1, name("SUMV")), (-1, name("S_A")), (1, name("S_B")))))),
    ("DATE_1 >= DATE_2-3 месяца", Compare(DATE_1, ">=", Shifted(name("DATE_2"), -3, "months"))),
    ("DATE_1<=DR + 1 год", Compare(DATE_1, "<=", Shifted(name("DR"), 1, "years"))),
    ("DATE_1<=сегодня", Compare(DATE_1, "<=", Today())),
    ("DATE_1 не больше текущей даты обработки файла", Compare(DATE_1, "<=", Today())),
    ("последний символ NOVOR не равен 2", Compare(LastLetter(name("NOVOR")), "<>", Value("2"))),
    ("первые 3 символа DS1 = Q07", Compare(Head(DS1, 3), "=", Value("Q07"))),
    ("год DATE_1<=YEAR", Compare(DatePart("year", DATE_1), "<=", name("YEAR"))),
    ("Разница в днях между DATE_1 и DR больше 30", Compare(DaysBetween(name("DR"), DATE_1, "days"), ">", Value("30"))),
    ("разница в месяцах между DATE_1 и DR >= 7", Compare(DaysBetween(name("DR"), DATE_1, "months"), ">=", Value("7"))),
    ("KD<=число дней с DATE_1 по DATE_2", Compare(KD, "<=", DaysBetween(DATE_1, name("DATE_2"), "days", inclusive=True))),
    # the patient, the file, the period, classifiers, sections
    ("Возраст ЗЛ>=21 лет", Compare(Age(), ">=", Value("21"))),
    ("возраст пациента на DATE_1 больше или равен 21 года и W=1", And((Compare(Age("years", DATE_1), ">=", Value("21")), equal("W", "1")))),
    ("Возраст меньше 21 лет на дату начала законченного случая (DATE_Z_1)", Compare(Age("years", name("DATE_Z_1")), "<", Value("21"))),
    ("Возраст ЗЛ на дату начала законченного случая (DATE_Z_1)<21 лет", Compare(Age("years", name("DATE_Z_1")), "<", Value("21"))),
    ("возраст меньше 21 лет на дату окончания случая", Compare(Age("years", name("DATE_2")), "<", Value("21"))),
    ("возраст пациента 21 год и старше", Compare(Age(), ">=", Value("21"))),
    ("возраст<28 дней", Compare(Age("days"), "<", Value("28"))),
    ("возраст по году рождения на DATE_1 = {21, 24}", Among(Age("calendar_years", DATE_1), ("21", "24"))),
    ("21<=KD и возраст>=3 месяцев на DATE_1", And((Compare(KD, ">=", Value("21")), Compare(Age("months", DATE_1), ">=", Value("3"))))),
    ("(Pi=M и Pp=S) или Pi=T; Pi и Pp определяются по полю FILENAME", Or((And((Compare(NamePart("Pi"), "=", Value("M")), Compare(NamePart("Pp"), "=", Value("S")))), Compare(NamePart("Pi"), "=", Value("T"))))),
    ("Pi=M , Pi и Pp определяются по полю FILENAME", Compare(NamePart("Pi"), "=", Value("M"))),
    ("YY=SCHET.YEAR", Compare(NamePart("YY"), "=", name("SCHET.YEAR"))),
    ("имя файла начинается на T", Compare(FileKind(), "=", Value("T"))),
    ("основной файл относится к типу передаваемых данных из множества {H, X}", Among(FileKind(), ("H", "X"))),
    ("тип файла={H, X}", Among(FileKind(), ("H", "X"))),
    ('до отчетного периода "май 2022" включительно', Period("<=", "2022-05")),
    ('до отчётного периода "май 2022"', Period("<", "2022-05")),
    ('с отчетного периода "декабрь 2022"', Period(">=", "2022-12")),
    ('отчетный период = "2022-05"', Period("=", "2022-05")),
    ("в основном файле VPOLIS<>2", Compare(name("VPOLIS"), "<>", Value("2"))),
    ("DS1 найден в N077", Found(DS1, "N077")),
    ("DS1 не найден в N077.DS_X", Not(Found(DS1, "N077", "DS_X"))),
    ("в N077 есть строка (A = DS1, B = Ni)", FoundRow("N077", (("A", DS1), ("B", NamePart("Ni"))))),
    ("NOVOR={0, ПДДММГГН}", Or((Among(name("NOVOR"), ("0",)), Newborn(name("NOVOR"))))),
    ("NOVOR=ПДДММГГН", Newborn(name("NOVOR"))),
    ("NOVOR<>{0, ПДДММГГН}", Not(Or((Among(name("NOVOR"), ("0",)), Newborn(name("NOVOR")))))),
    ("KD=1 хотя бы в одном из элементов USL, входящих в SL", Every("USL", equal("KD", "1"), some=True)),
    ("W=1 или KD<>1 во всех элементах SL, относящихся к данному Z_SL", Or((equal("W", "1"), Every("SL", Compare(KD, "<>", Value("1")))))),
    ("(W=1 или KD<>1) во всех элементах SL", Every("SL", Or((equal("W", "1"), Compare(KD, "<>", Value("1")))))),
]  # fmt: skip

WEI = name("WEI")
ALLOWED: list[tuple[str, Condition]] = [
    ("7", Compare(WEI, "=", Value("7"))),
    ("3.7", Compare(WEI, "=", Value("3.7"))),
    ("Q077", Compare(WEI, "=", Value("Q077"))),
    ("нет", Compare(WEI, "=", Value("нет"))),
    ("{1, 2}", Among(WEI, ("1", "2"))),
    ("1,2,3", Among(WEI, ("1", "2", "3"))),
    ("0;1", Among(WEI, ("0", "1"))),
    ("{0 … 17}", Among(WEI, (("0", "17"),))),
    ("<70.0", Compare(WEI, "<", Value("70.0"))),
    ("<>7", Compare(WEI, "<>", Value("7"))),
    ("<>{7, 8}", Among(WEI, ("7", "8"), negated=True)),
    (">DATE_1", Compare(WEI, ">", DATE_1)),
    ("не равен 7", Compare(WEI, "<>", Value("7"))),
    ("YEAR", Compare(WEI, "=", name("YEAR"))),
    ("SCHET.PLAT", Compare(WEI, "=", name("SCHET.PLAT"))),
    ("2<WEI<70", And((Compare(WEI, ">", Value("2")), Compare(WEI, "<", Value("70"))))),
    ("{0, ПДДММГГН}", Or((Among(WEI, ("0",)), Newborn(WEI)))),
    ("KD = 7", equal("KD", "7")),
    ("KD не пусто", Filled(KD)),
    ("элемент присутствует", Present(WEI)),
]

ERRORS: list[tuple[str, str, int, str]] = [
    ("", "empty", 0, ""),
    ("   ", "empty", 0, ""),
    ("KD=7 и SMO_ОК=1", "lookalike", 11, ""),
    ("KD=7 и ОКATO=1", "lookalike", 7, ""),
    ("Pi=Т", "lookalike", 3, ""),
    ("тип файла={H, Х}", "lookalike", 10, ""),
    ("KD?7", "character", 2, ""),
    ("KD='7", "quote", 3, ""),
    ("KD=", "ended", 3, "operand"),
    ("KD", "ended", 2, "sign"),
    ("KD=7 W=1", "unexpected", 5, "end"),
    ("KD={1, 2", "ended", 8, "close_list"),
    ("KD={1 2}", "unexpected", 6, "close_list"),
    ("KD={}", "unexpected", 4, "value"),
    ("(KD=7", "ended", 5, "close"),
    ("KD=7)", "unexpected", 4, "end"),
    ("KD=7 и", "ended", 6, "operand"),
    ("и KD=7", "unexpected", 0, "operand"),
    ("KD<{1, 2}", "unexpected", 3, "operand"),
    ("7=8", "unexpected", 2, "name"),
    ("7", "unexpected", 0, "condition"),
    ("KD {1, 2}", "unexpected", 3, "sign"),
    ("Тег NAPR должен быть", "unexpected", 9, "presence"),
    ("элемент присутствует", "ended", 20, "name"),
    ("KD из диапазона 1", "unexpected", 16, "list"),
    ("KD={18, 21 … 100}", "value", 8, "value"),
    ('с отчетного периода "маи 2022"', "value", 20, "month"),
    ("с отчетного периода 2022", "unexpected", 20, "month"),
    ("DATE_1>31.13.2022", "value", 7, "date"),
    ("возраст на дату выписки < 7", "unexpected", 16, "day"),
    ("возраст 21", "ended", 10, "unit"),
    ("возраст 21 год и W=1", "unexpected", 17, "and_older"),
    ("разница в часах между DR и DATE_1 > 3", "unexpected", 10, "unit"),
    ("в N077 есть строка (A DS1)", "unexpected", 22, "equal"),
    ("DS1 найден в {1}", "unexpected", 13, "book"),
    ("KD=7 во всех элементах", "ended", 22, "section"),
    ("FAM между (1 и 2)", "unexpected", 4, "sign"),
    ("ADRES в порядке", "unexpected", 6, "sign"),
    ("Сумма больше нуля", "unexpected", 0, "operand"),
    ("NULL=7", "unexpected", 5, "name"),
    ("(" * 60 + "KD=7" + ")" * 60, "deep", 51, ""),
]


@pytest.mark.parametrize(("text", "tree"), CONDITIONS, ids=[text for text, _ in CONDITIONS])
def test_conditions(text: str, tree: Condition) -> None:
    assert parse_condition(text) == tree
    assert parse_condition(pretty(tree)) == tree


@pytest.mark.parametrize(("text", "tree"), ALLOWED, ids=[text for text, _ in ALLOWED])
def test_what_is_allowed_is_said_of_the_element(text: str, tree: Condition) -> None:
    assert parse_allowed(text, WEI) == tree


def test_a_value_alone_needs_an_element() -> None:
    with pytest.raises(ConditionError) as raised:
        parse_allowed("{1, 2}")
    assert (raised.value.code, raised.value.position, raised.value.expected) == ("unexpected", 0, "name")


@pytest.mark.parametrize(("text", "code", "position", "expected"), ERRORS, ids=[text[:40] for text, _, _, _ in ERRORS])
def test_errors_point_at_the_place(text: str, code: str, position: int, expected: str) -> None:
    with pytest.raises(ConditionError) as raised:
        parse_condition(text)
    error = raised.value
    assert (error.code, error.position, error.expected) == (code, position, expected)
    for lang in messages.LANGUAGES:
        sentence = error.text(lang)
        assert "{" not in sentence.replace(error.found, "") and " - " not in sentence
        assert error.code == "empty" or str(position + 1) in sentence


def test_a_name_knows_its_place_but_is_the_same_name_anywhere() -> None:
    tree = parse_condition("KD=7 и  W=1")
    assert isinstance(tree, And)
    assert [one.at for one in syntax.names_of(tree)] == [0, 8]
    assert tree == parse_condition("  KD = 7 и W = 1")


def test_every_expectation_of_the_parser_has_its_words() -> None:
    asked = set()
    for path in SOURCE.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        asked |= set(re.findall(r'(?:self\.fail|self\.must|self\.name|self\.word_of_book)\(\s*"([a-z_]+)"', text))
        asked |= set(re.findall(r'ConditionError\([^()]*?"([a-z_]+)"\)', text)) - {"character", "lookalike", "deep", "empty"}
    told = {key.removeprefix("official.expected.") for key in messages.catalogue() if key.startswith("official.expected.")}
    assert asked - {"", "en"} <= told
    assert len(told) > 20


# ---------------------------------------------------------------- properties

WORDS = st.from_regex(r"[A-Z][A-Z]{1,5}(?:_[A-Z0-9]{1,3}){0,2}", fullmatch=True).filter(
    lambda text: text not in {"AND", "OR", "NOT", "IN", "IS", "NULL", "NIL", "BETWEEN", "ISNULL", "YY", "MM"}
)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map(lambda parts: Name(tuple(parts)))
#: Values as the books have them, and texts that need quotes.
TEXTS = st.one_of(
    st.integers(0, 999999).map(str),
    st.from_regex(r"[0-9]{1,4}\.[0-9]{1,4}", fullmatch=True),
    st.from_regex(r"[A-Z][0-9]{2}(?:\.[0-9]{1,2})?", fullmatch=True),
    st.from_regex(r"[a-z]{2}[0-9]{2}(?:\.[0-9]{3})?", fullmatch=True),
    st.from_regex(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9])", fullmatch=True),
    st.sampled_from(["нет", "ДД9", "gem", "IV", "IIIА", "два слова", 'с "кавычкой"', "A", "DS1", "и", "пусто"]),
)
VALUES = TEXTS.map(Value)
SECTIONS = WORDS
UNITS = st.sampled_from(["years", "months", "days"])
SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
TOTALS = st.lists(st.tuples(st.sampled_from([1, -1]), NAMES), min_size=2, max_size=4).map(lambda terms: Total(tuple(terms)))
SHIFTED = st.builds(Shifted, of=NAMES, by=st.integers(-200, 200).filter(bool), unit=UNITS)
DAYS = st.one_of(
    st.builds(DaysBetween, first=NAMES, last=NAMES, unit=st.sampled_from(["years", "months", "days", "calendar_years"])),
    st.builds(DaysBetween, first=NAMES, last=NAMES, unit=st.just("days"), inclusive=st.just(True)),
)
OPERANDS: st.SearchStrategy[Operand] = st.one_of(
    NAMES, TOTALS, SHIFTED, DAYS, st.builds(LastLetter, of=NAMES), st.builds(Head, of=NAMES, letters=st.integers(1, 25)),
    st.builds(DatePart, part=st.sampled_from(["year", "month"]), of=NAMES), st.just(Today()),
)  # fmt: skip
AGES = st.builds(Age, unit=st.sampled_from(["years", "months", "days", "calendar_years"]), on=st.none() | NAMES)
LISTS = st.lists(st.one_of(TEXTS, st.tuples(TEXTS, TEXTS)), min_size=1, max_size=4).map(tuple)
LATIN = st.sampled_from([Value(letter) for letter in "MSTHC"])
SIMPLE: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Compare, left=OPERANDS, sign=SIGNS, right=OPERANDS),
    st.builds(Compare, left=OPERANDS, sign=SIGNS, right=VALUES),
    st.builds(Compare, left=AGES, sign=SIGNS, right=VALUES),
    st.builds(
        Compare, left=st.builds(NamePart, st.sampled_from(["Pi", "Pp"])) | st.just(FileKind()), sign=st.just("="), right=LATIN
    ),
    st.builds(Compare, left=st.builds(NamePart, st.sampled_from(["Ni", "Np", "YY", "MM"])), sign=SIGNS, right=NAMES),
    st.builds(Among, left=OPERANDS, values=LISTS, negated=st.booleans()),
    st.builds(Among, left=AGES, values=LISTS, negated=st.booleans()),
    st.builds(Present, name=NAMES, negated=st.booleans()),
    st.builds(Filled, name=NAMES, negated=st.booleans()),
    st.builds(Found, name=NAMES, book=WORDS, column=st.just("") | WORDS),
    st.builds(FoundRow, book=WORDS, pairs=st.lists(st.tuples(WORDS, OPERANDS), min_size=1, max_size=3).map(tuple)),
    st.builds(Period, sign=SIGNS, month=st.from_regex(r"20[0-9]{2}-(?:0[1-9]|1[0-2])", fullmatch=True)),
    st.builds(Newborn, name=NAMES),
)


def _all(parts: list[Condition]) -> Condition:
    return And(tuple(one for part in parts for one in (part.parts if isinstance(part, And) else (part,))))


def _some(parts: list[Condition]) -> Condition:
    return Or(tuple(one for part in parts for one in (part.parts if isinstance(part, Or) else (part,))))


TREES: st.SearchStrategy[Condition] = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(_all),
        st.lists(inner, min_size=2, max_size=3).map(_some),
        st.builds(Not, part=inner),
        st.builds(Every, section=SECTIONS, condition=inner, some=st.booleans()),
    ),
    max_leaves=6,
)


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_the_normal_spelling_reads_back_as_the_same_tree(tree: Condition) -> None:
    assert parse_condition(pretty(tree)) == tree


@given(TREES, st.data())
@settings(max_examples=100, deadline=None)
def test_a_sign_that_does_not_belong_is_found_where_it_stands(tree: Condition, data: st.DataObject) -> None:
    text = pretty(tree)
    outside = [at for at, letter in enumerate(text) if letter == " " and not _quoted(text, at)]
    at = data.draw(st.sampled_from(outside))
    with pytest.raises(ConditionError) as raised:
        parse_condition(f"{text[:at]}?{text[at + 1 :]}")
    assert (raised.value.code, raised.value.position, raised.value.found) == ("character", at, "?")


@given(TREES)
@settings(max_examples=100, deadline=None)
def test_a_cyrillic_letter_in_a_name_is_found_where_it_stands(tree: Condition) -> None:
    names = syntax.names_of(parse_condition(pretty(tree)))
    if not names:
        return
    text, end = pretty(tree), names[0].at + len(str(names[0]))
    with pytest.raises(ConditionError) as raised:
        parse_condition(f"{text[:end]}О{text[end:]}")
    assert (raised.value.code, raised.value.position) == ("lookalike", end)


@given(TREES)
@settings(max_examples=100, deadline=None)
def test_what_breaks_off_does_not_parse_or_means_less(tree: Condition) -> None:
    """No prefix of a condition is read as the whole of it."""
    text = pretty(tree)
    for cut in range(1, len(text), 7):
        try:
            found = parse_condition(text[:cut])
        except ConditionError as error:
            assert 0 <= error.position <= cut
        else:
            assert found != tree


ALPHABET = "KD DATE_Z_1 ds1 и или не в из возраст лет присутствует {},;()<>=-+…'\"«».0123456789ОАХ?/"


@given(
    st.one_of(
        st.text(max_size=60),
        st.text(alphabet=ALPHABET, max_size=60),
        st.lists(st.sampled_from(ALPHABET.split()), max_size=12).map(" ".join),
    )
)
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_parser(text: str) -> None:
    for parse in (parse_condition, parse_allowed):
        try:
            tree = parse(text, WEI)
        except ConditionError as error:
            assert 0 <= error.position <= len(text)
            assert error.text("ru") and error.text("en")
        else:
            assert parse_condition(pretty(tree), WEI) == tree


def test_codes_and_names_are_told_apart() -> None:
    assert all(is_code(text) for text in ("Q07", "Q07.1", "N077", "A18.05.002.001", "sh0001", "st19.027", "gemop1"))
    assert not any(is_code(text) for text in ("DS1", "ds1", "W", "DATE_Z_1", "usl_ok", "gem", "SL.DS1", "NAZ_R"))


@pytest.mark.parametrize(
    ("by", "said"),
    [(1, "1 месяц"), (2, "2 месяца"), (5, "5 месяцев"), (11, "11 месяцев"), (21, "21 месяц"), (112, "112 месяцев")],
)
def test_numbers_agree_with_their_nouns(by: int, said: str) -> None:
    assert operand(Shifted(DATE_1, -by, "months")) == f"DATE_1 - {said}"


def _quoted(text: str, at: int) -> bool:
    """Whether a place lies inside quotes of the normal spelling."""
    closing = None
    for letter in text[:at]:
        if closing is None and letter in '"«':
            closing = '"' if letter == '"' else "»"
        elif letter == closing:
            closing = None
    return closing is not None
