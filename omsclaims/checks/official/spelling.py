"""How is a condition written in one normal spelling? The tree of `syntax` -> text that the grammar reads back as the same tree.

The books write one thing in many ways; coverage, `explain` and the corrections show it in this one.
"""

from __future__ import annotations

import re
from typing import Final

from omsclaims.checks.official import syntax
from omsclaims.checks.official.syntax import Condition, Operand

#: Values that need no quotes: numbers, dates, codes (the shapes of `lexing`).
_BARE: Final = re.compile(
    r"\d+(?:\.\d+)*|\d{4}-\d{2}-\d{2}|(?:[A-Z]\d\d|[a-z]+\d\d|[a-z]{3,}\d)[A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*", re.ASCII
)
#: Forms after one, two to four, and all other numbers.
_UNITS: Final = {"years": ("год", "года", "лет"), "months": ("месяц", "месяца", "месяцев"), "days": ("день", "дня", "дней")}
_LETTERS: Final = ("символ", "символа", "символов")
_IN_UNITS: Final = {"years": "в годах", "months": "в месяцах", "days": "в днях"}
_PARTS: Final = {"year": "год", "month": "месяц"}


def pretty(node: Condition) -> str:
    """A condition in normal spelling."""
    if isinstance(node, syntax.And):
        return " и ".join(_inside(part, (syntax.Or,)) for part in node.parts)
    if isinstance(node, syntax.Or):
        return " или ".join(pretty(part) for part in node.parts)
    if isinstance(node, syntax.Not):
        return f"не ({pretty(node.part)})"
    if isinstance(node, syntax.Every):
        every = "хотя бы в одном из элементов" if node.some else "во всех элементах"
        return f"({pretty(node.condition)}) {every} {node.section}"
    if isinstance(node, syntax.Compare):
        return f"{operand(node.left)} {node.sign} {operand(node.right)}"
    if isinstance(node, syntax.Among):
        return f"{operand(node.left)} {'<>' if node.negated else '='} {{{_values(node.values)}}}"
    if isinstance(node, syntax.Present):
        return f"{node.name} {'отсутствует' if node.negated else 'присутствует'}"
    if isinstance(node, syntax.Filled):
        return f"{node.name} {'не ' if node.negated else ''}заполнен"
    if isinstance(node, syntax.Found):
        return f"{node.name} найден в {node.book}{'.' if node.column else ''}{node.column}"
    if isinstance(node, syntax.FoundRow):
        return f"в {node.book} есть строка ({', '.join(f'{column} = {operand(one)}' for column, one in node.pairs)})"
    if isinstance(node, syntax.Period):
        return f'отчетный период {node.sign} "{node.month}"'
    return f"{node.name} = ПДДММГГН"


def _inside(node: Condition, weaker: tuple[type, ...]) -> str:
    return f"({pretty(node)})" if isinstance(node, weaker) else pretty(node)


def operand(node: Operand) -> str:
    """An operand in normal spelling."""
    if isinstance(node, syntax.Name):
        return str(node)
    if isinstance(node, syntax.Value):
        return value(node.text)
    if isinstance(node, syntax.Today):
        return "сегодня"
    if isinstance(node, syntax.NamePart):
        return node.part
    if isinstance(node, syntax.FileKind):
        return "тип файла"
    if isinstance(node, syntax.Age):
        by = "по году рождения" if node.unit == "calendar_years" else _IN_UNITS[node.unit]
        return f"возраст {by}{'' if node.on is None else f' на {node.on}'}"
    if isinstance(node, syntax.DaysBetween):
        if node.inclusive:
            return f"число дней с {node.first} по {node.last}"
        by = "календарных лет" if node.unit == "calendar_years" else _IN_UNITS[node.unit]
        return f"разница {by} между {node.last} и {node.first}"
    if isinstance(node, syntax.DatePart):
        return f"{_PARTS[node.part]} {node.of}"
    if isinstance(node, syntax.Shifted):
        return f"{node.of} {'-' if node.by < 0 else '+'} {_counted(abs(node.by), _UNITS[node.unit])}"
    if isinstance(node, syntax.LastLetter):
        return f"последний символ {node.of}"
    if isinstance(node, syntax.Head):
        return f"первые {_counted(node.letters, _LETTERS)} {node.of}"
    first, *rest = node.terms
    return ("-" if first[0] < 0 else "") + str(first[1]) + "".join(f" {'-' if sign < 0 else '+'} {name}" for sign, name in rest)


def _counted(number: int, forms: tuple[str, str, str]) -> str:
    """A number with its noun in the form that Russian asks for."""
    if number % 10 == 1 and number % 100 != 11:
        return f"{number} {forms[0]}"
    return f"{number} {forms[1] if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else forms[2]}"


def value(text: str) -> str:
    """A value, in quotes where it could be taken for something else."""
    if _BARE.fullmatch(text):
        return text
    return f'"{text}"' if '"' not in text else f"«{text}»"


def _values(values: tuple[str | tuple[str, str], ...]) -> str:
    return ", ".join(value(one) if isinstance(one, str) else f"{value(one[0])}-{value(one[1])}" for one in values)
