"""Does `explain` print figures that give the amount with a desk calculator, for each kind of payment (Must show 7)?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from omsclaims import messages
from omsclaims.workspace import Workspace

from .cli_samples import run

MARCH = "2022-03"

#: Kind of payment -> what the priced part must have besides.
KINDS: dict[str, pl.Expr] = {
    "ksg_inpatient": pl.col("kslp5").fill_null(0) == 0,
    "ksg_inpatient with complexity": (pl.col("kslp5") > 0) & pl.col("interrupted").is_null(),
    "ksg_inpatient interrupted": pl.col("interrupted").is_not_null(),
    "ksg_day": pl.lit(True),
    "visit": pl.lit(True),
    "episode": pl.lit(True),
    "call": pl.lit(True),
    "exam": pl.lit(True),
    "vmp": pl.lit(True),
    "service": pl.lit(True),
    "per_capita": pl.lit(True),
}
_STEP = {
    "en": re.compile(
        r"^  (?:[A-Z]\d\d[\w.]*: )?(?P<expression>[^=:]+) = (?P<exact>[\d.]+), rounded to (?P<step>[\d.]+) roubles: (?P<amount>[\d.]+)$"
    ),
    "ru": re.compile(
        r"^  (?:[A-Z]\d\d[\w.]*: )?(?P<expression>[^=:]+) = (?P<exact>[\d.]+), округлено до (?P<step>[\d.]+) руб\.: (?P<amount>[\d.]+)$"
    ),
}
_FACTOR = re.compile(r"^ +(?P<name>\D.*) = (?P<value>\d+(?:\.\d+)?)(?: roubles| руб\.| \([^)]*\)|, [^=]*)?$")


def desk_calculator(expression: str) -> Decimal:
    """The value of an expression of decimals, +, -, x and brackets: nothing of the program is asked."""

    def value(node: ast.AST) -> Decimal:
        if isinstance(node, ast.BinOp):
            left, right = value(node.left), value(node.right)
            return (
                left + right if isinstance(node.op, ast.Add) else left - right if isinstance(node.op, ast.Sub) else left * right
            )
        assert isinstance(node, ast.Constant), ast.dump(node)
        return Decimal(text[node.col_offset : node.end_col_offset])

    text = expression.replace(" x ", " * ")
    assert re.fullmatch(r"[\d.()+*\s-]+", text), expression
    with localcontext() as context:
        context.prec = 60
        return value(ast.parse(text, mode="eval").body)


def rounded(exact: Decimal, step: Decimal) -> Decimal:
    return (exact / step).quantize(Decimal(1), ROUND_HALF_UP) * step


def amount(text: str) -> Decimal:
    """An amount as people read it: 1 234,50 or 1,234.50."""
    plain = text.replace(" ", "")
    return Decimal(plain.replace(",", ".") if re.search(r",\d\d$", plain) else plain.replace(",", ""))


def steps(lines: list[str], lang: str) -> Iterator[tuple[str, Decimal]]:
    """Each computation that is printed, done again; the rounded results."""
    for line in lines:
        found = _STEP[lang].match(line)
        if found:
            exact = desk_calculator(found["expression"])
            assert exact == Decimal(found["exact"]), line
            assert rounded(exact, Decimal(found["step"])) == Decimal(found["amount"]), line
            yield found["expression"], Decimal(found["amount"])


def chosen(folder: Path, kind: str) -> dict[str, Any]:
    """An accepted case of one part, of this kind: the one with the largest amount says the most."""
    for month in (MARCH, "2022-02"):
        with Workspace.open(folder) as store:
            view, priced = store.run_table(month, "cases_view"), store.run_table(month, "priced_sl")
        alone = priced.filter(pl.len().over("case_key") == 1).filter(
            (pl.col("payment_kind") == kind.split(maxsplit=1)[0]) & KINDS[kind]
        )
        rows = alone.join(view.drop("payment_kind", "price_kop", "place"), on="case_key").filter(pl.col("oplata") == 1)
        if rows.height:
            return rows.sort("sumv_kop", "case_key", descending=[True, False]).row(0, named=True)
    raise AssertionError(f"the made-up territory has no accepted case: {kind}")


@pytest.mark.parametrize("lang", ["ru", "en"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_the_figures_printed_give_the_amount(closed: Any, kind: str, lang: str) -> None:
    case = chosen(closed.folder, kind)
    said = run("explain", f"{case['package']}/{case['n_zap']}/{case['idcase']}", "--workspace", closed.folder, lang=lang)
    assert said.code == 0
    lines = said.text.split("\n")
    billed, accepted = Decimal(case["sumv_kop"]) / 100, Decimal(case["sump_kop"]) / 100
    done = list(steps(lines, lang))
    assert sum((result for _, result in done), Decimal(0)) == billed == accepted
    assert bool(done) == (kind != "per_capita")
    # Every number of the expressions stands in a line above that says what it is.
    factors = {found["value"] for line in lines if (found := _FACTOR.match(line)) and not _STEP[lang].match(line)}
    if kind.split(maxsplit=1)[0] != "service":  # the line of a service names tariff and number by itself
        used = {number for expression, _ in done for number in re.findall(r"\d+(?:\.\d+)?", expression)}
        assert used <= factors | {"1"}, used - factors
    decision = lines[[bool(line.startswith(("Решение:", "Decision:"))) for line in lines].index(True)]
    shown = [amount(number) for number in re.findall(r"\d[\d ,.]*\d", decision)]
    assert shown == [billed, Decimal(0), accepted]
    assert messages.text(f"kind.{kind.split(maxsplit=1)[0]}", lang) in said.text
    source = {"ru": "источник: agreement.yaml:", "en": "source: agreement.yaml:"}[lang]
    assert any(line.strip().startswith(source) and " - " in line for line in lines), "no reference of the agreement"
    assert "{" not in said.text


def test_an_interrupted_case_names_the_law_and_the_reason(closed: Any) -> None:
    case = chosen(closed.folder, "ksg_inpatient interrupted")
    name = f"{case['package']}/{case['n_zap']}/{case['idcase']}"
    said = run("explain", name, "--workspace", closed.folder, lang="en")
    assert re.search(r"share paid of an interrupted case \(reason \d - [a-z].*\) = 0\.\d+", said.text)
    if "law:" in str(case["sources"]):
        assert re.search(r"source: law, tariffs\.\w+ = \d+ since \d{4}-\d\d-\d\d \(.+\) - \S+", said.text)


#: What is decided of a group beside the dearest -> what explain says of it; {group}: the dearest.
BESIDE = {
    "none": {
        "ru": "не оплачивается рядом с {group}, самой дорогой группой госпитализации; нет ни одного основания:",
        "en": "not paid beside {group}, the dearest group of the stay; none of the reasons is there:",
    },
    "other_class": {
        "ru": "оплачивается рядом с самой дорогой группой госпитализации {group}: перевод с диагнозом другого класса МКБ-10",
        "en": "paid beside {group}, the dearest group of the stay: transfer with a diagnosis of another ICD-10 chapter",
    },
    "blood_and_devices": {
        "ru": "оплачивается рядом с самой дорогой группой госпитализации {group}: реинфузия крови",
        "en": "paid beside {group}, the dearest group of the stay: reinfusion of blood",
    },
}


@pytest.mark.parametrize("lang", ["ru", "en"])
@pytest.mark.parametrize("beside", list(BESIDE))
def test_a_stay_with_two_groups_says_which_is_paid_and_why(closed: Any, beside: str, lang: str) -> None:
    with Workspace.open(closed.folder) as store:
        view, priced = store.run_table(MARCH, "cases_view"), store.run_table(MARCH, "priced_sl")
    accepted = view.filter(pl.col("oplata") == 1).drop("payment_kind", "price_kop", "place")
    case = priced.filter(pl.col("beside") == beside).join(accepted, on="case_key").sort("case_key").row(0, named=True)
    said = run("explain", f"{case['package']}/{case['n_zap']}/{case['idcase']}", "--workspace", closed.folder, lang=lang)
    assert said.code == 0
    assert BESIDE[beside][lang].format(group=case["beside_group"]) in said.text
    # Figures are printed for both groups; what is billed is what is paid, of an unpaid group nothing.
    paid = dict(priced.filter(pl.col("case_key") == case["case_key"]).select("group", "price_kop").iter_rows())
    assert (paid[case["group"]] == 0) == (beside == "none")
    done = [result for _, result in steps(said.text.split("\n"), lang)]
    alone = sum(done) - sum(Decimal(price) / 100 for price in paid.values())
    assert len(done) == 2 and (alone > 0) == (beside == "none")
    assert case["sumv_kop"] == case["sump_kop"] == sum(paid.values())
    source = "grouper:beside" if beside == "none" else f"grouper:{beside}@2022-01-01"
    assert source in said.text and "law.md 8.6" in said.text


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_refused_case_names_the_ground_and_its_clause(closed: Any, lang: str) -> None:
    with Workspace.open(closed.folder) as store:
        refused = store.run_table(MARCH, "cases_view").filter(pl.col("ground_rule") == "C113").sort("case_key")
    case = refused.row(0, named=True)
    said = run("explain", f"{case['package']}/{case['n_zap']}/{case['idcase']}", "--workspace", closed.folder, lang=lang)
    code, kod = case["ground_code"], case["ground_kod"]
    title = messages.text("rule.C113.title", lang)
    ground = {
        "ru": f"Основание отказа: пункт {code} перечня оснований (приказ 231н; F014, код {kod}): {title}, правило C113",
        "en": f"Ground of refusal: {code} of the list of grounds (order 231n; F014, Kod {kod}): {title}, rule C113",
    }[lang]
    assert ground in said.text
    assert code == "1.4.5"
    # What was billed, what the formula gives, and that nothing of it is paid.
    done = [result for _, result in steps(said.text.split("\n"), lang)]
    finding = next(line for line in said.text.split("\n") if "C113" in line)
    assert str(sum(done)) in finding
    decision = next(line for line in said.text.split("\n") if line.startswith(("Решение:", "Decision:")))
    billed = Decimal(case["sumv_kop"]) / 100
    assert [amount(number) for number in re.findall(r"\d[\d ,.]*\d", decision)] == [billed, billed, Decimal(0)]


def test_names_of_cases(closed: Any) -> None:
    """PACKAGE/N_ZAP/IDCASE names one case, a bare IDCASE its candidates, anything else nothing."""
    with Workspace.open(closed.folder) as store:
        view = store.run_table(MARCH, "cases_view").sort("package", "n_zap")
    case = view.row(0, named=True)
    many = run("explain", case["idcase"], "--workspace", closed.folder, lang="en")
    assert many.code == 2
    assert f"There are several cases {case['idcase']}; name one:" in many.text
    assert f"  {case['package']}/{case['n_zap']}/{case['idcase']}  ({MARCH})" in many.text
    alone = view.filter(pl.col("idcase").is_unique()).filter(pl.col("idcase") == pl.col("idcase").max())
    biggest = alone["idcase"][0]
    one = run("explain", biggest, "--workspace", closed.folder, lang="en")
    assert one.code in (0, 2)  # alone in March; February may hold it, too
    for unknown in ("999999999", f"{case['package']}/1", f"{case['package']}/x/1", "ABC", f"{case['package']}/9999/1"):
        said = run("explain", unknown, "--workspace", closed.folder, lang="ru")
        assert said.code == 2
        assert f"Случая {unknown} в закрытых месяцах нет" in said.text
