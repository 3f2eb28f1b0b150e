"""Why does this case cost what it costs? The formula, each factor, the unrounded and the rounded amount, and where they stand.

The explanation is read from the columns of `priced_sl`; every figure it prints can be typed into a desk calculator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from omsclaims import messages
from omsclaims.law import UNCONFIRMED, federal_parameters
from omsclaims.law.agreement import Agreement
from omsclaims.money import format_amount, round_fraction, show_amount
from omsclaims.tariffs.amounts import decimals
from omsclaims.tariffs.grouper.beside import DEAREST, LIST, NONE, ONLY, UNKNOWN
from omsclaims.tariffs.grouper.rules import rules
from omsclaims.tariffs.stays import UNPAID

Row = Mapping[str, Any]

#: Factors in the order of the formula; shown where the row has them.
_FACTORS: Final = ("rate4", "quantity2", "kz5", "dzp5", "ks5", "kus5", "kd5", "kd_kslp5", "kslp5", "share5")
_DETAIL: Final = re.compile(r"([^;()]+)\(([^=;()]+)=(\d+)\*(\w+)(?:\*(\d+))?\)")
#: How sources begin that are no row of the agreement: parameters of the law, rules of the groups of one stay.
_LAW, _RULE = "law:", "grouper:"
#: What the formula of a КСГ ends in when dialysis is paid on top of the group.
_DIALYSIS: Final = "_dialysis"


@dataclass(frozen=True, slots=True)
class _Detail:
    """A line of the sources that carries figures: a complexity coefficient, or a service.

    coefficient  of a service of dialysis; None for the others
    """

    source: str
    code: str
    value: int
    by: str
    coefficient: int | None


def explain(row: Row, lang: str, agreement: Agreement | None = None) -> list[str]:
    """Lines for a person about one row of `priced_sl` (as a dict).

    agreement  when given, each source is named with its reference

    A row without a price says so and shows the factors that were found.
    """
    kind = row["payment_kind"]
    if kind is None:
        return [messages.text("priced.no_kind", lang)]
    name = messages.text(f"kind.{kind}", lang)
    lines = [_head(row, name, lang)]
    if row["formula"] is not None:
        lines.append(messages.text("priced.formula", lang, formula=_formula(str(row["formula"]), lang)))
    lines.extend(_beside_lines(row, lang))
    lines.extend(_factor_lines(row, lang))
    if row["price_kop"] is None:
        lines.append(messages.text("priced.no_price", lang))
    else:
        lines.extend(_computation(row, lang))
        lines.append(messages.text("priced.price", lang, amount=show_amount(row["price_kop"], lang)))
    lines.extend(_source_lines(row, lang, agreement))
    return lines


def _formula(name: str, lang: str) -> str:
    """The formula in words; what dialysis adds to a group stands behind it, that the group is not paid before it."""
    group = name.removesuffix(_DIALYSIS)
    text = messages.text(f"formula.{group.removesuffix(UNPAID)}", lang)
    if group.endswith(UNPAID):
        text = messages.text("formula.unpaid", lang, formula=text)
    return text + messages.text("formula.plus_dialysis", lang) if name.endswith(_DIALYSIS) else text


def _beside_lines(row: Row, lang: str) -> list[str]:
    """Of a stay with several groups: whether this one is paid, beside which, and why; else the reasons that all are missing."""
    beside = row.get("beside")  # months that were closed before the contract had the column say nothing
    if beside in (None, ONLY):
        return []
    if beside in (DEAREST, UNKNOWN):
        return ["  " + messages.text(f"priced.beside.{beside}", lang)]
    group = {"group": row["beside_group"]}
    if beside != NONE:
        reason = _reason(str(beside), lang)
        return ["  " + messages.text("priced.beside.reason", lang, reason=reason, **group)]
    lines = ["  " + messages.text("priced.beside.none", lang, **group)]
    return lines + ["    " + messages.text("priced.beside.missing", lang, reason=_reason(name, lang)) for name in rules().beside]


def _reason(name: str, lang: str) -> str:
    """A reason of the list in words; one of a changed list by its name."""
    key = f"grouper.rule.{name}"
    return messages.text(key, lang) if messages.has(key) else name


def _head(row: Row, name: str, lang: str) -> str:
    """Kind of payment and the group or key by which the tariff was found."""
    if row["group"] is None:
        return name
    key = f"priced.head.{row['payment_kind']}"
    return messages.text(key if messages.has(key) else "priced.head", lang, kind=name, group=row["group"])


def plain_number(value: Fraction, at_least: int = 0) -> str:
    """An exact decimal with a point and no grouping; at least so many decimals. The value must have finitely many."""
    places = at_least
    while (value * 10**places).denominator != 1:
        places += 1
        if places > 200:
            raise ValueError(f"{value} has no finite decimal form")
    scaled = int(value * 10**places)
    if places == 0:
        return str(scaled)
    digits = str(abs(scaled)).rjust(places + 1, "0")
    return f"{'-' if scaled < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _value(row: Row, column: str) -> Fraction:
    """A factor of the row as an exact number."""
    return Fraction(int(row[column]), 10 ** decimals(column))


def _shown(row: Row, column: str) -> str:
    return plain_number(_value(row, column), 2 if column == "rate4" else 0)


def _factor_lines(row: Row, lang: str) -> list[str]:
    """One line for each factor that the row has, with level, place and reason of interruption where they say more."""
    kind = str(row["payment_kind"])
    if kind in ("service", "per_capita"):  # services have a line each; inside the per-capita money nothing is multiplied
        return []
    lines = []
    for column in _FACTORS:
        if (
            row[column] is None
            or (column == "share5" and row["interrupted"] is None)
            or (kind == "vmp" and column == "quantity2")
        ):
            continue
        lines.append(
            "  " + messages.text(_factor_key(column, row), lang, value=_shown(row, column), note=_note(row, column, lang))
        )
        if column == "kslp5":
            lines += _complexity_lines(row, lang)
    return lines


def _factor_key(column: str, row: Row) -> str:
    """The text of a factor: what it is called in the formula of its kind of payment."""
    kind = str(row["payment_kind"])
    if column in ("rate4", "quantity2") and "_uet" in str(row["formula"]):
        return f"factor.{column}.uet"
    if column == "rate4":
        return "factor.rate4.ksg" if kind.startswith("ksg") else "factor.rate4.vmp" if kind == "vmp" else "factor.rate4"
    return "factor.clinic5" if column == "kus5" and not kind.startswith("ksg") else f"factor.{column}"


def _note(row: Row, column: str, lang: str) -> str:
    """What says more about a factor: level, place, the reason of interruption in words."""
    note = {"kus5": row["level"], "kd5": row["place"], "share5": row["interrupted"]}.get(column)
    if column == "share5" and messages.has(f"interrupted.{note}"):
        return f"{note} - {messages.text(f'interrupted.{note}', lang)}"
    return "-" if note is None else str(note)


def _complexity_lines(row: Row, lang: str) -> list[str]:
    """A line for each coefficient of complexity."""
    lines = []
    for detail in _complexity(row):
        value = plain_number(Fraction(detail.value, 10**5))
        key = "priced.kslp_kd" if detail.by == "kd" and "add" in str(row["formula"]) else "priced.kslp"
        lines.append("    " + messages.text(key, lang, code=detail.code, value=value, source=detail.source))
    return lines


def _details(row: Row) -> list[_Detail]:
    """Lines of the sources that carry figures."""
    found = _DETAIL.findall(row["sources"] or "")
    return [_Detail(source, code, int(value), by, int(more) if more else None) for source, code, value, by, more in found]


def _complexity(row: Row) -> list[_Detail]:
    """Coefficients of complexity of a КСГ; its services of dialysis are the other lines with figures."""
    return [detail for detail in _details(row) if detail.coefficient is None]


def _computation(row: Row, lang: str) -> list[str]:
    """The computation with its numbers, by kind of payment."""
    kind = str(row["payment_kind"])
    if kind == "per_capita":
        return []
    if kind == "service":
        return _services(row, lang)
    if kind == "vmp":
        d, kd = _shown(row, "dzp5"), _shown(row, "kd5")
        exact = _value(row, "rate4") * (_value(row, "kd5") * _value(row, "dzp5") + 1 - _value(row, "dzp5"))
        return _rounded(f"{_shown(row, 'rate4')} x ({kd} x {d} + 1 - {d})", exact, row, lang)[0]
    if kind.startswith("ksg"):
        lines = _ksg_in_steps(row, lang) if "_steps" in str(row["formula"]) else _ksg_once(row, lang)
        return lines + _dialysis(row, lang)
    columns = ["rate4", "quantity2", *(["kus5"] if row["kus5"] is not None else [])]
    return _rounded(*_product(row, columns), row, lang)[0]


def _product(row: Row, columns: Sequence[str]) -> tuple[str, Fraction]:
    """A product as text and as number."""
    exact = Fraction(1)
    for column in columns:
        exact *= _value(row, column)
    return " x ".join(_shown(row, column) for column in columns), exact


def _rounded(expression: str, roubles: Fraction, row: Row, lang: str) -> tuple[list[str], int]:
    """The line of a computation with its exact and its rounded result; and the latter in kopecks."""
    kopecks = round_fraction(roubles * 100, row["step_kop"])
    params = {"expression": expression, "exact": plain_number(roubles, 2), "amount": format_amount(kopecks)}
    return ["  " + messages.text("priced.step", lang, step=format_amount(row["step_kop"]), **params)], kopecks


def _bracket(row: Row) -> tuple[str, Fraction]:
    """((1 - D) + D x KS x KUS x KD): what the coefficients of clinic and place do to the wage share."""
    d = _value(row, "dzp5")
    product = d * _value(row, "ks5") * _value(row, "kus5") * _value(row, "kd5")
    factors = " x ".join(_shown(row, column) for column in ("dzp5", "ks5", "kus5", "kd5"))
    return f"((1 - {_shown(row, 'dzp5')}) + {factors})", (1 - d) + product


def _added(row: Row) -> list[tuple[str, Fraction]]:
    """The amounts that complexity adds, one a coefficient."""
    amounts_added = []
    for detail in _complexity(row):
        value, rate = Fraction(detail.value, 10**5), _value(row, "rate4")
        text = f"{_shown(row, 'rate4')} x {plain_number(value)}"
        if detail.by == "kd":
            text, rate = f"{text} x {_shown(row, 'kd5')}", rate * _value(row, "kd5")
        amounts_added.append((text, rate * value))
    return amounts_added


def _ksg_once(row: Row, lang: str) -> list[str]:
    """Once rounded: group and complexity in one expression."""
    bracket, inner = _bracket(row)
    share, share_text = _value(row, "share5"), _shown(row, "share5")
    alone = "_group" in str(row["formula"])
    base, group = _product(row, ["rate4", "kz5"])
    expression, exact = f"{base} x {bracket}", group * inner
    multiplies = str(row["formula"]).startswith("ksg_multiply")
    extra = [] if multiplies else _added(row)
    multiplier = _value(row, "kslp5") if multiplies and row["kslp5"] else Fraction(1)
    if multiplies and alone and multiplier != 1:
        outer = f"({share_text} + {plain_number(multiplier)} - 1)"
        return _rounded(f"{expression} x {outer}", exact * (share + multiplier - 1), row, lang)[0]
    if multiplier != 1:
        expression, exact = f"{expression} x {plain_number(multiplier)}", exact * multiplier
    if alone:
        expression, exact = f"{expression} x {share_text}", exact * share
    for text, amount in extra:
        expression, exact = f"{expression} + {text}", exact + amount
    if not alone and row["interrupted"] is not None:
        expression = f"({expression}) x {share_text}"
        exact *= share
    return _rounded(expression, exact, row, lang)[0]


def _ksg_in_steps(row: Row, lang: str) -> list[str]:
    """Rounded after each step (law.md 8.8)."""
    lines, weighted = _rounded(*_product(row, ["rate4", "kz5"]), row, lang)
    bracket, inner = _bracket(row)
    more, group = _rounded(f"{format_amount(weighted)} x {bracket}", Fraction(weighted, 100) * inner, row, lang)
    lines += more
    extra = 0
    if str(row["formula"]).startswith("ksg_multiply"):
        if row["kslp5"]:
            text = f"{format_amount(group)} x {_shown(row, 'kslp5')}"
            more, total = _rounded(text, Fraction(group, 100) * _value(row, "kslp5"), row, lang)
            lines, extra = lines + more, total - group
    else:
        for text, amount in _added(row):
            more, part = _rounded(text, amount, row, lang)
            lines, extra = lines + more, extra + part
    if row["interrupted"] is not None:
        alone = "_group" in str(row["formula"])
        before = group if alone else group + extra
        text = f"{format_amount(before)} x {_shown(row, 'share5')}"
        lines += _rounded(text, Fraction(before, 100) * _value(row, "share5"), row, lang)[0]
    if extra:
        lines.append("  " + messages.text("priced.sum", lang, group=format_amount(group), extra=format_amount(extra)))
    return lines


def _dialysis(row: Row, lang: str) -> list[str]:
    """A line for each service of dialysis on top of a group, and what they are together."""
    lines: list[str] = []
    together = 0
    for detail in _details(row):
        if detail.coefficient is not None:
            more, kopecks = _rounded(*_service(detail), row, lang)
            lines, together = lines + more, together + kopecks
    if lines:
        group = format_amount(row["price_kop"] - together)
        lines.append("  " + messages.text("priced.sum_dialysis", lang, group=group, dialysis=format_amount(together)))
    return lines


def _service(detail: _Detail) -> tuple[str, Fraction]:
    """A service as text and as number: tariff x number, times the coefficient of the kind of dialysis where it has one."""
    rate, quantity = Fraction(detail.value, 10**4), Fraction(int(detail.by), 100)
    expression, exact = f"{detail.code}: {plain_number(rate, 2)} x {plain_number(quantity)}", rate * quantity
    if detail.coefficient is None:
        return expression, exact
    coefficient = Fraction(detail.coefficient, 10**5)
    return f"{expression} x {plain_number(coefficient)}", exact * coefficient


def _services(row: Row, lang: str) -> list[str]:
    """A line for each service: tariff x number, rounded by itself."""
    lines = []
    for detail in _details(row):
        expression, exact = _service(detail)
        if row["kus5"] is not None:
            expression, exact = f"{expression} x {_shown(row, 'kus5')}", exact * _value(row, "kus5")
        lines += _rounded(expression, exact, row, lang)[0]
    return lines


def _source_lines(row: Row, lang: str, agreement: Agreement | None) -> list[str]:
    """Where the figures stand: rows of the agreement by their reference, then parameters of the law with theirs."""
    sources = list(dict.fromkeys(re.sub(r"\(.*\)$", "", part) for part in str(row["sources"] or "").split(";") if part))
    by_reference: dict[str, list[str]] = {}
    for source in sources:
        if not source.startswith((_LAW, _RULE)):
            reference = "" if agreement is None else f" - {agreement.reference_of(source)}"
            by_reference.setdefault(reference, []).append(source)
    lines = [
        "  " + messages.text("priced.source", lang, source=", ".join(sorted(rows, key=_place)), reference=reference)
        for reference, rows in by_reference.items()
    ]
    lines += [_law_line(source, lang) for source in sources if source.startswith(_LAW)]
    return lines + [_rule_line(source, lang) for source in sources if source.startswith(_RULE)]


def _place(source: str) -> tuple[bool, str, int]:
    """Order of sources: the agreement itself, then its tables by name, each by line."""
    file, _, line = source.partition(":")
    return file != "agreement.yaml", file, int(line) if line.isdigit() else 0


def _law_line(source: str, lang: str) -> str:
    """A parameter of the law, `law:<name>@<since>`: its meaning, since when, its reference."""
    name, _, since = source.removeprefix(_LAW).partition("@")
    parameter = federal_parameters().by_name.get(name)
    if parameter is None:
        return "  " + messages.text("priced.source", lang, source=source, reference="")
    value = next((value for value in parameter.values if str(value.since) == since), parameter.values[-1])
    meaning = parameter.meaning_ru if lang == "ru" else parameter.meaning_en
    params = {"name": name, "value": value.value, "since": since, "meaning": meaning, "reference": value.reference}
    doubt = " - " + messages.text("law.unconfirmed_mark", lang) if value.sure == UNCONFIRMED else ""
    return "  " + messages.text("priced.law", lang, **params) + doubt


def _rule_line(source: str, lang: str) -> str:
    """A row of the list of groups that are paid beside another, or the list itself: what it says, since when, its reference."""
    if source == LIST:
        return "  " + messages.text("priced.rule_list", lang, source=source)
    name, _, since = source.removeprefix(_RULE).partition("@")
    row = rules().beside.get(name)
    if row is None:  # of a changed list
        return "  " + messages.text("priced.source", lang, source=source, reference="")
    doubt = " - " + messages.text("law.unconfirmed_mark", lang) if row.sure == UNCONFIRMED else ""
    params = {"source": source, "rule": _reason(name, lang), "since": since, "reference": row.reference}
    return "  " + messages.text("priced.rule", lang, **params) + doubt
