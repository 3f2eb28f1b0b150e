"""What does a condition of the official check books say? Text -> the tree of `syntax`, or the place where it stops making sense.

The language is that of the books Q015, Q016, Q022 and Q023 (checks.md 1.4), read by recursive descent, one method per rule:

    condition = all { ИЛИ all }                        all = one { И one }          И: и, and, a comma
    one       = ( "(" condition ")" | НЕ "(" condition ")" | simple ) [ quantity name ]
    quantity  = ВО ВСЕХ ЭЛЕМЕНТАХ | ХОТЯ БЫ В ОДНОМ ИЗ ЭЛЕМЕНТОВ
    simple    = presence | period | kind of the file | row of a book | operand { sign operand } | operand relation list
    presence  = [ТЕГ] name { (, | И) name } ПРИСУТСТВУЕТ | ОТСУТСТВУЕТ | [НЕ] ЗАПОЛНЕН | ПУСТО | [NOT] NULL, in either order
    operand   = name | value | sum of names | date +- term | age | days between | last letter | part of a date | today ...
    list      = "{" value { , value } "}" | "(" ... ")" | value , value      a value may be a range: 4-8, 0 … 17

What is allowed (`parse_allowed`) is said of the element itself: a value, a list, a sign with an operand, or a whole condition.
`spelling.pretty` writes a tree back in one normal spelling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from omsclaims.checks.official.lexing import ConditionError, Token
from omsclaims.checks.official.operands import NEWBORN, Operands, Values, latin
from omsclaims.checks.official.spelling import pretty
from omsclaims.checks.official.syntax import (
    Age,
    Among,
    And,
    Compare,
    Condition,
    Every,
    FileKind,
    Filled,
    Found,
    FoundRow,
    Name,
    Newborn,
    Not,
    Operand,
    Or,
    Period,
    Present,
    Sign,
    Value,
)
from omsclaims.checks.official.words import AND, LITERALS, OR, RESERVED, UNITS, is_word_value, plain

__all__ = ["ConditionError", "parse_allowed", "parse_condition", "pretty"]

_TAGS: Final = frozenset({"тег", "теги", "тэг", "тэги", "элемент", "элементы", "поле", "поля"})
_MONTHS: Final = (
    "январь", "февраль", "март", "апрель", "май", "июнь", "июль", "август", "сентябрь", "октябрь", "ноябрь", "декабрь",
)  # fmt: skip
_TURNED: Final[dict[Sign, Sign]] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def parse_condition(text: str, target: Name | None = None) -> Condition:
    """The tree of a condition (USL_TEST).

    target  the element of the row, for conditions that say "the element" without its name

    Raises ConditionError.
    """
    return _Parser(text, target).condition()


def parse_allowed(text: str, target: Name | None = None) -> Condition:
    """The tree of what is allowed (VAL_EL), said of `target`: `{1, 2}`, `3.1`, `<500.0`, `SCHET.PLAT` or a whole condition.

    Raises ConditionError.
    """
    return _Parser(text, target).allowed()


class _Parser(Operands):
    """The words of one text, read as a condition."""

    # ---------------------------------------------------------------- conditions

    def condition(self) -> Condition:
        made = self.any_of()
        self.remark()
        if self.here.kind != "end":
            raise self.fail("end")
        return made

    def allowed(self) -> Condition:
        """The rule of VAL_EL: values and names alone are what the element must be equal to."""
        if self.only_values():
            return self.listed(self.own(), self.bare_values(), "=")
        if len(self.words) == 2 and self.here.kind == "name":
            return self.compared(self.own(), "=", self.operand(None), self.words[0])
        self.relative = True
        return self.condition()

    def only_values(self) -> bool:
        return all(
            token.kind in LITERALS
            or is_word_value(token)
            or (token.kind == "separator" and token.text in ",;")
            or (token.kind == "dash" and token.text == "…")
            for token in self.words[:-1]
        )

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.one_of(tuple(OR)):
            self.next()
            parts.append(self.all_of())
        return _joined(Or, parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self.another():
            self.next()
            parts.append(self.one())
        return _joined(And, parts)

    def another(self) -> bool:
        """Whether И or a comma that means it stands here."""
        if self.here.kind == "separator" and self.here.text == ",":
            return not self.is_remark(1)
        return self.one_of(tuple(AND))

    def one(self) -> Condition:
        if self.mark("("):
            made = self.inner()
        elif self.one_of(("не", "not")) and self.ahead(1).text == "(":
            self.at += 2
            made = Not(self.inner())
        else:
            made = self.simple()
        return self.quantified(made)

    def inner(self) -> Condition:
        """What stands in brackets, the opening one taken."""
        self.deeper()
        made = self.any_of()
        self.depth -= 1
        if not self.mark(")"):
            raise self.fail("close")
        return made

    def quantified(self, made: Condition) -> Condition:
        """`во всех элементах SL`, `хотя бы в одном из элементов ONK_USL, входящих в ONK_SL`."""
        every = self.take("во", "всех", "элементах")
        if not every and not self.take("хотя", "бы", "в", "одном", "из", "элементов"):
            return made
        section = str(self.name("section"))
        steps = 1 if self.here.text == "," else 0
        if self.one_of(("относящихся", "входящих"), steps):
            self.at += steps + 1
            if not self.take("к", "данному"):
                self.must("section", "в")
            self.name("section")
        return Every(section, made, some=not every)

    def is_remark(self, steps: int) -> bool:
        return self.is_("pi", "и", "pp", "определяются", steps=steps)

    def remark(self) -> None:
        """The remark that the parts of the name are taken from FILENAME."""
        if self.here.kind == "separator" and self.here.text in ",;" and self.is_remark(1):
            self.at += 5
            self.must("end", "по", "полю")
            self.name()

    # ---------------------------------------------------------------- simple conditions

    def simple(self) -> Condition:
        self.take("в", "основном", "файле")
        for rule in (self.period, self.kind_of_file, self.row_of_book, self.age, self.presence):
            made = rule()
            if made is not None:
                return made
        return self.comparison()

    def period(self) -> Condition | None:
        """`до отчетного периода "..." [включительно]`, `с отчетного периода "..."`, `отчетный период >= "..."`."""
        if self.take("до", "отчетного", "периода"):
            month = self.month()
            return Period("<=" if self.take("включительно") else "<", month)
        if self.take("с", "отчетного", "периода"):
            return Period(">=", self.month())
        if self.take("отчетный", "период"):
            return Period(self.sign(), self.month())
        return None

    def month(self) -> str:
        token = self.next()
        if token.kind != "text":
            raise self.fail("month", token)
        word, _, year = token.text.strip().lower().partition(" ")
        if word in _MONTHS and year.strip().isdigit() and len(year.strip()) == 4:
            return f"{year.strip()}-{_MONTHS.index(word) + 1:02d}"
        year, _, number = token.text.strip().partition("-")
        if len(year) == 4 and year.isdigit() and len(number) == 2 and number.isdigit() and 1 <= int(number) <= 12:
            return token.text.strip()
        raise ConditionError("value", token.at, token.text, "month")

    def kind_of_file(self) -> Condition | None:
        """`основной файл относится к типу передаваемых данных из множества {...}`, `имя файла начинается на X`."""
        if self.take("основной", "файл", "относится", "к", "типу", "передаваемых", "данных"):
            self.must("list", "из", "множества")
            return Among(FileKind(), self.list_of_values())
        if self.take("имя", "файла", "начинается"):
            if not self.take("на"):
                self.must("value", "с")
            return Compare(FileKind(), "=", self.operand(FileKind()))
        return None

    def row_of_book(self) -> Condition | None:
        """`в N009 есть строка (ID_MRF = DIAG_CODE, DS_MRF = первые 3 символа DS1)`."""
        if not (self.is_("в") and self.is_("есть", "строка", steps=2)):
            return None
        self.next()
        book = self.book()
        self.at += 2
        if not self.mark("("):
            raise self.fail("open")
        pairs: list[tuple[str, Operand]] = []
        while True:
            column = self.word_of_book("column")
            token = self.next()
            if token.kind != "sign" or token.text != "=":
                raise self.fail("equal", token)
            pairs.append((column, self.operand(None)))
            if not self.mark(","):
                break
        if not self.mark(")"):
            raise self.fail("close")
        return FoundRow(book, tuple(pairs))

    # ---------------------------------------------------------------- presence

    def presence(self) -> Condition | None:
        """Names with a verb of presence before or behind them; None where something else stands here."""
        start = self.at
        tagged = self.one_of(tuple(_TAGS))
        if tagged:
            self.next()
        verb = self.verb()
        names = self.names()
        if verb is None and (names or tagged):
            verb = self.verb()
        elif verb is not None and not names and not tagged:
            raise self.fail("name")
        if verb is None:
            if tagged:
                raise self.fail("presence")
            self.at = start
            return None
        kind, negated = verb
        return _joined(And, [kind(name, negated) for name in names or [self.own()]])

    def names(self) -> list[Name]:
        """As many names joined by commas and И as stand here and have a verb behind them."""
        found: list[Name] = []
        while self.here.kind == "name" and self.here.text.upper() not in RESERVED:
            found.append(self.name())
            if self.ahead(1).kind == "name" and (self.one_of(("и",)) or self.here.text == ","):
                following = self.ahead(2)
                if following.text == "," or self.one_of(("и",), 2) or self.is_verb(2):
                    self.at += 1
                    continue
            break
        return found

    def is_verb(self, steps: int) -> bool:
        start, self.at = self.at, self.at + steps
        found = self.verb() is not None
        self.at = start
        return found

    def verb(self) -> tuple[Callable[[Name, bool], Present | Filled], bool] | None:
        """A verb of presence: which condition, and whether it is denied."""
        if self.one_of(("присутствует", "присутствуют")):
            self.next()
            return Present, False
        if self.one_of(("отсутствует", "отсутствуют")):
            self.next()
            return Present, True
        start = self.at
        not_ = self.take("не") or self.take("not")
        if self.one_of(("заполнен", "заполнена", "заполнено", "заполнены")):
            self.next()
            return Filled, not_
        if self.one_of(("пуст", "пусто", "пустой", "пустая", "пустое")) or (not_ and self.one_of(("null",))):
            self.next()
            return Filled, not not_
        self.at = start
        if self.take("is"):
            not_ = self.take("not")
            self.must("presence", "null")
            return Filled, not not_
        return None

    # ---------------------------------------------------------------- comparisons

    def comparison(self) -> Condition:
        """An operand with what is said of it; in `relative` texts the operand may be missing: it is the target."""
        if self.relative and self.here.text == "{":
            return self.listed(self.own(), self.list_of_values(), "=")
        if self.relative and (self.here.kind == "sign" or self.is_relation()):
            return self.said_of(self.own())
        if self.is_("isnull") and self.ahead(1).text == "(":
            return self.or_else()
        start = self.here
        left = self.operand(None, left=True)
        if isinstance(left, Value) and self.here.kind != "sign":
            raise self.fail("sign" if self.here.kind != "end" else "condition", self.here if self.here.kind != "end" else start)
        return self.said_of(left)

    def is_relation(self) -> bool:
        """Whether words of a relation stand here: `не равен`, `из диапазона`, `NOT IN`."""
        if self.one_of(("не", "not")):
            return self.ahead(1).kind in ("word", "name")
        return self.one_of(
            ("in", "between", "из", "входит", "найден", "равен", "равна", "равно", "больше", "более", "меньше", "менее")
        )

    def said_of(self, left: Operand) -> Condition:
        """What is said of an operand: signs, lists, words."""
        if self.here.kind == "sign":
            return self.chain(left)
        between = self.between(left)
        if between is not None:
            return between
        start = self.at
        denied = self.take("не") or self.take("not")
        if self.take("in") or self.range_words():
            return self.listed(left, self.list_of_values(), "<>" if denied else "=")
        if self.take("найден", "в") or self.take("найдено", "в"):
            return self.found_in(left, denied)
        self.at = start
        spoken = self.spoken_sign()
        if spoken is not None:
            return self.related(left, spoken)
        if denied and (self.ahead(1).kind in LITERALS or is_word_value(self.ahead(1))):
            self.next()  # `SMO не 41001`
            return self.related(left, "<>")
        raise self.fail("sign")

    def range_words(self) -> bool:
        """`из диапазона`, `в диапазоне`, `входит в множество` ..."""
        for words in (("из",), ("в",), ("входит", "в"), ("входят", "в")):
            sets = ("диапазона", "множества", "диапазоне", "множестве", "диапазон", "множество", "списке", "списка", "список")
            if self.is_(*words) and self.one_of(sets, len(words)):
                self.at += len(words) + 1
                return True
        return False

    def between(self, left: Operand) -> Condition | None:
        if not self.take("between"):
            return None
        if not self.mark("("):
            raise self.fail("open")
        low = self.operand(left)
        if not self.mark(","):
            raise self.fail("comma")
        high = self.operand(left)
        if not self.mark(")"):
            raise self.fail("close")
        return And((Compare(left, ">=", low), Compare(left, "<=", high)))

    def found_in(self, left: Operand, denied: bool) -> Condition:
        if not isinstance(left, Name):
            raise self.fail("name")
        book, _, column = self.book().partition(".")
        made = Found(left, book, column)
        return Not(made) if denied else made

    def chain(self, left: Operand) -> Condition:
        """`a <= X < b`; each pair of neighbours is a comparison of its own."""
        parts: list[Condition] = []
        while self.here.kind == "sign":
            sign: Sign = self.sign()
            start = self.here
            if self.is_values():
                parts.append(self.listed(left, self.list_of_values(), sign, start))
                break
            right = self.operand(left)
            if isinstance(right, Value) and self.is_more_values():
                self.at -= 1
                parts.append(self.listed(left, self.bare_values(), sign, start))
                break
            parts.append(self.compared(left, sign, right, start))
            left = right
        return _joined(And, parts)

    def spoken_sign(self) -> Sign | None:
        """`равен`, `не равен`, `больше [или равен]`, `не больше` ..."""
        denied = self.is_("не")
        steps = int(denied)
        found: Sign | None = None
        if self.one_of(("равен", "равна", "равно", "равны"), steps):
            found = "<>" if denied else "="
        elif self.one_of(("больше", "более"), steps):
            found = "<=" if denied else ">"
        elif self.one_of(("меньше", "менее", "младше"), steps):
            found = ">=" if denied else "<"
        if found is None:
            return None
        self.at += steps + 1
        if found in "<>" and self.is_("или") and self.one_of(("равен", "равна", "равно"), 1):
            self.at += 2
            found = "<=" if found == "<" else ">="
        return found

    def related(self, left: Operand, sign: Sign) -> Condition:
        """The right side of a sign: a list or an operand."""
        start = self.here
        if self.is_values():
            return self.listed(left, self.list_of_values(), sign, start)
        return self.compared(left, sign, self.operand(left), start)

    def compared(self, left: Operand, sign: Sign, right: Operand, start: Token) -> Condition:
        """One comparison; literals go to the right, empty texts and the mark of a newborn have trees of their own."""
        if isinstance(left, Value):
            if isinstance(right, Value):
                raise self.fail("name", start)
            left, sign, right = right, _TURNED[sign], left
        if isinstance(right, Value):
            latin(left, (right.text,), start)
            if right.text == "":
                if not isinstance(left, Name) or sign not in ("=", "<>"):
                    raise self.fail("value", start)
                return Filled(left, negated=sign == "=")
            if right.text == NEWBORN and isinstance(left, Name) and sign in ("=", "<>"):
                return Newborn(left) if sign == "=" else Not(Newborn(left))
        return Compare(left, sign, right)

    def or_else(self) -> Condition:
        """`ISNULL(X, v) = w`: an absent X counts as v."""
        self.at += 2
        name = self.name()
        if not self.mark(","):
            raise self.fail("comma")
        other = self.value()
        if not self.mark(")"):
            raise self.fail("close")
        made = self.said_of(name)
        held = _holds(made, other)
        if held is None:
            raise self.fail("sign")
        if isinstance(made, Filled):
            return made
        return Or((Filled(name, negated=True), made)) if held else And((Filled(name), made))

    def listed(self, left: Operand, values: Values, sign: Sign, start: Token | None = None) -> Condition:
        """`left` is (not) one of the values; the mark of a newborn among them is a condition of its own."""
        if sign not in ("=", "<>"):
            raise self.fail("operand", start)
        latin(left, values, start or self.words[0])
        if len(values) == 1 and start is None and isinstance(values[0], str) and not self.relative:
            return self.compared(left, sign, Value(values[0]), self.here)
        if isinstance(left, Name) and NEWBORN in values:
            rest = tuple(one for one in values if one != NEWBORN)
            made: Condition = Or((Among(left, rest), Newborn(left))) if rest else Newborn(left)
            return made if sign == "=" else Not(made)
        return Among(left, values, negated=sign == "<>")

    # ---------------------------------------------------------------- age

    def age(self) -> Condition | None:
        """`Возраст ЗЛ>=18 лет`, `возраст меньше 18 лет на дату начала ... (DATE_Z_1)`, `возраст 65 лет и старше`."""
        if not self.take("возраст"):
            return None
        if self.one_of(("зл", "пациента")):
            self.next()
        age = self.age_day(self.age_unit(Age()))
        if self.here.kind == "number":
            made: Condition = Compare(age, ">=", Value(str(self.number())))
            unit = self.unit()
            self.must("and_older", "и")
            if not (self.take("старше") or self.take("более")):
                raise self.fail("and_older")
        else:
            made = self.said_of(age)
            unit = self.unit() if plain(self.here) in UNITS else "years"
        if age.unit == "years":
            age = replace(age, unit=unit)
        if age.on is None:
            age = self.age_day(age)
        return _of_age(made, age)


# ---------------------------------------------------------------- small things


def _joined(kind: type[And] | type[Or], parts: list[Condition]) -> Condition:
    """Parts under one И or ИЛИ; what is joined the same way already is taken apart, one part needs no joint."""
    flat: list[Condition] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def _of_age(node: Condition, age: Age) -> Condition:
    """The comparison with the age as it is known now that the whole of it was read."""
    if isinstance(node, And):
        return And(tuple(_of_age(part, age) for part in node.parts))
    assert isinstance(node, Compare | Among)
    return replace(node, left=age)


def _holds(node: Condition, value: str) -> bool | None:
    """Whether a comparison with values holds for one value; None where it cannot be said."""
    if isinstance(node, Filled):
        return (value == "") == node.negated
    if isinstance(node, Among) and all(isinstance(one, str) for one in node.values):
        return (value in node.values) != node.negated
    if isinstance(node, Compare) and isinstance(node.right, Value) and node.sign in ("=", "<>"):
        return (value == node.right.text) == (node.sign == "=")
    return None
