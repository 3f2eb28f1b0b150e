"""What may a condition compare? Operands and lists of values of the language of the check books (checks.md 1.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from omsclaims.checks.official import syntax
from omsclaims.checks.official.lexing import ConditionError, Token
from omsclaims.checks.official.syntax import (
    Age,
    AgeUnit,
    DatePart,
    DaysBetween,
    FileKind,
    Head,
    LastLetter,
    Name,
    NamePart,
    Operand,
    Shifted,
    Today,
    Total,
    Value,
)
from omsclaims.checks.official.words import AND, LITERALS, OR, RESERVED, UNITS, Words, is_word_value, plain

Values = tuple[str | tuple[str, str], ...]

#: The mark of a newborn as the books write it: sex, birth date, number.
NEWBORN: Final = "ПДДММГГН"
_PARTS: Final[dict[str, syntax.NamePartCode]] = {"Pi": "Pi", "Ni": "Ni", "Pp": "Pp", "Np": "Np", "YY": "YY", "MM": "MM"}
#: Most steps that an enumeration with a gap (`18, 21 … 111`) may have.
_MOST_STEPS: Final = 1000


class Operands(Words):
    """The words of one text, read as operands and lists."""

    # ---------------------------------------------------------------- lists of values

    def is_values(self) -> bool:
        """Whether a list of values stands here, not a sum in brackets."""
        if self.here.text == "{" and self.here.kind == "bracket":
            return True
        return self.here.text == "(" and (self.ahead(1).kind in LITERALS or is_word_value(self.ahead(1)))

    def is_more_values(self) -> bool:
        """Whether the list goes on behind the value just read: `X <> 76, 90`."""
        if self.here.kind != "separator" or self.here.text not in ",;" or self.ahead(1).kind not in ("number", "text", "code"):
            return False
        return self.ahead(2).kind in ("end", "separator") or self.one_of(tuple(AND | OR), 2) or self.ahead(2).text == ")"

    def list_of_values(self) -> Values:
        if self.here.kind != "bracket" or self.here.text not in "{(":
            raise self.fail("list")
        closing = "}" if self.next().text == "{" else ")"
        made = self.bare_values()
        if not self.mark(closing):
            raise self.fail("close_list")
        return made

    def bare_values(self) -> Values:
        found: list[str | tuple[str, str]] = []
        while True:
            start = self.here
            low = self.value()
            if self.here.kind == "dash":
                gap = self.next().text == "…"
                high = self.value()
                found += self.progression(found, low, high, start) if gap else [(low, high)]
            else:
                found.append(low)
            if not (self.mark(",") or self.mark(";")):
                return tuple(found)

    def progression(self, before: list[str | tuple[str, str]], low: str, high: str, start: Token) -> list[str | tuple[str, str]]:
        """`0 … 17` is a range; `18, 21, 24 … 111` goes on in the steps that it began with."""
        last = before[-1] if before else None
        if not isinstance(last, str) or not (last.isdigit() and low.isdigit() and high.isdigit()):
            return [(low, high)]
        step, ends = int(low) - int(last), int(high) - int(low)
        if step == 1:
            return [(low, high)]
        if step < 1 or ends < 0 or ends % step or ends // step > _MOST_STEPS:
            raise ConditionError("value", start.at, f"{low} … {high}", "value")
        return [str(one) for one in range(int(low), int(high) + 1, step)]

    def value(self) -> str:
        """One literal of a list."""
        token = self.next()
        if token.kind in LITERALS or is_word_value(token):
            return token.text
        if token.kind == "name" and "." not in token.text and "/" not in token.text and token.text.upper() not in RESERVED:
            return token.text
        raise self.fail("value", token)

    # ---------------------------------------------------------------- operands

    def operand(self, partner: Operand | None, *, left: bool = False) -> Operand:
        """An operand; `partner`: what it is compared with, which says how a lone letter is to be read."""
        made = self.worded()
        if made is not None:
            return made
        token = self.here
        if token.kind in LITERALS or is_word_value(token):
            return Value(self.next().text)
        if token.kind != "name" and token.text not in ("-", "("):
            raise self.fail("operand")
        if token.text.lower() in ("null", "nil") or self.is_("пусто"):
            self.next()
            return Value("")
        if token.text in _PARTS:
            self.next()
            return NamePart(_PARTS[token.text])
        if isinstance(partner, NamePart | FileKind) and len(token.text) == 1:
            return Value(self.next().text)
        if not left and token.kind == "name" and token.text.islower() and "_" not in token.text:
            return Value(self.next().text)  # `CODE_SH = gem`: names stand on the left, or in capitals
        return self.sum_of_names()

    def worded(self) -> Operand | None:
        """Operands that begin with a Russian word."""
        if self.here.kind != "word":
            return None
        if self.take("последний", "символ") or self.take("последняя", "цифра"):
            return LastLetter(self.name())
        if self.take("первые"):
            number = self.number()
            if not self.one_of(("символ", "символа", "символов")):
                raise self.fail("letters")
            self.next()
            return Head(self.name(), number)
        if self.take("сегодня"):
            return Today()
        if self.one_of(("текущая", "текущей", "текущую")) and self.one_of(("дата", "даты", "дате", "дату", "датой"), 1):
            self.at += 2
            self.take("обработки", "файла")
            return Today()
        if self.take("тип", "файла"):
            return FileKind()
        if self.one_of(("год", "месяц")) and self.ahead(1).kind == "name":
            part: Literal["year", "month"] = "year" if plain(self.next()) == "год" else "month"
            return DatePart(part, self.name())
        if self.take("пусто"):
            return Value("")
        return self.days_between()

    def days_between(self) -> Operand | None:
        """`разница в днях между A и B` is A - B; `число дней с A по B` counts both days."""
        if self.take("число", "дней", "с"):
            first = self.name()
            self.must("until", "по")
            return DaysBetween(first, self.name(), "days", inclusive=True)
        if not self.is_("разница"):
            return None
        self.next()
        unit: AgeUnit = "calendar_years"
        if not self.take("календарных", "лет"):
            self.must("unit", "в")
            unit = self.unit()
        self.must("between", "между")
        last = self.name()
        self.must("and", "и")
        return DaysBetween(self.name(), last, unit)

    def sum_of_names(self) -> Operand:
        """`SUMMAV-(SANK_MEK+SANK_MEE)`, one name, or a date with a term: `DATE_Z_1 - 3 месяца`."""
        if (
            self.here.kind == "name"
            and self.is_sign_of_sum(1)
            and self.ahead(2).kind == "number"
            and plain(self.ahead(3)) in UNITS
        ):
            of = self.name()
            by = -1 if self.next().kind == "dash" else 1
            number = self.number()
            return Shifted(of, by * number, self.unit())
        terms = self.terms(1)
        return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else Total(tuple(terms))

    def is_sign_of_sum(self, steps: int = 0) -> bool:
        token = self.ahead(steps)
        return (token.kind == "dash" and token.text == "-") or (token.kind == "separator" and token.text == "+")

    def terms(self, outer: int) -> list[tuple[int, Name]]:
        sign = outer
        if self.is_sign_of_sum():
            sign = outer * (-1 if self.next().kind == "dash" else 1)
        found = self.term(sign)
        while self.is_sign_of_sum():
            sign = outer * (-1 if self.next().kind == "dash" else 1)
            found += self.term(sign)
        return found

    def term(self, sign: int) -> list[tuple[int, Name]]:
        if not self.mark("("):
            return [(sign, self.name("operand"))]
        self.deeper()
        found = self.terms(sign)
        self.depth -= 1
        if not self.mark(")"):
            raise self.fail("close")
        return found

    # ---------------------------------------------------------------- the age of the patient

    def age_unit(self, age: Age) -> Age:
        if self.take("по", "году", "рождения"):
            return replace(age, unit="calendar_years")
        if self.is_("в") and self.one_of(("годах", "месяцах", "днях"), 1):
            self.next()
            return replace(age, unit=self.unit())
        return age

    def age_day(self, age: Age) -> Age:
        """The day on which the age is meant: a name, or the beginning or the end of the (completed) case."""
        if not self.take("на"):
            return age
        if not (self.take("дату") or self.take("день")):
            return replace(age, on=self.name())
        if self.here.kind == "name":
            return replace(age, on=self.name())
        end = self.take("окончания")
        if not end:
            self.must("day", "начала")
        completed = self.take("законченного")
        self.must("day", "случая")
        if self.mark("("):
            on = self.name()
            if not self.mark(")"):
                raise self.fail("close")
            return replace(age, on=on)
        return replace(age, on=Name((f"DATE_{'Z_' if completed else ''}{2 if end else 1}",)))


def latin(left: Operand, values: Values, start: Token) -> None:
    """Raises where a part of the file's name is compared with a Cyrillic letter: names of files are Latin (`Pi=Т`)."""
    if isinstance(left, NamePart | FileKind):
        for one in values:
            if not (isinstance(one, str) and one.isascii()):
                raise ConditionError("lookalike", start.at, str(one))
