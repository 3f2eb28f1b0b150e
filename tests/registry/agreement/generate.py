"""What do files of every edition look like? Random documents out of the format tables, seeded and cheap.

A document keeps its header, its records and its end apart, so that records of many documents can be put into one file.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Final

from omsclaims.registry import formats
from omsclaims.registry.formats import Field, Format

from . import nasty
from .adapter import Named

#: Encodings of a file by the name of the codec.
ENCODINGS: Final = {"cp1251": "windows-1251", "utf-8": "UTF-8"}
#: Values of a field made beforehand, and how many times as often a value is taken at all: the rest are made anew.
_POOL: Final = 40
_FRESH: Final = 1.15
_RECORD: Final = {"main": "ZAP", "person": "PERS", "protocol": "PR"}
#: Names that number things: their values differ in a tidy document.
_NUMBERS: Final = frozenset({"N_ZAP", "IDCASE", "ID_PAC", "SL_ID", "IDSERV"})
_CASES: Final = frozenset({"Z_SL", "SLUCH"})
_LETTERS: Final = "АБВЯабвяёЁ№ABCxyz019.-_>\"'"


@dataclass(frozen=True, slots=True)
class Document:
    """One file in three parts; `data` is the whole."""

    edition: str
    codec: str
    named: Named
    head: bytes  # declaration, opening tag of the root, header
    records: tuple[bytes, ...]
    tail: bytes

    @property
    def data(self) -> bytes:
        """The file."""
        return self.head + b"".join(self.records) + self.tail


@dataclass(slots=True)
class Node:
    """One element of an edition with the values to choose from, written as whole elements."""

    name: str
    field: Field | None
    must: bool
    repeats: bool
    good: tuple[str, ...]  # plain texts with the five entities at most
    fancy: tuple[str, ...]  # as good, in any spelling
    odd: tuple[str, ...]
    fresh: Callable[[random.Random], str] | None  # a new value, for those that neither edition nor schema fixes
    children: tuple[Node, ...]


@dataclass(slots=True)
class _State:
    """What the making of one document goes by, and what it counts."""

    pick: random.Random
    density: float  # how often an optional element is there
    fancy: float  # how often a good value is spelled in an unusual way
    odds: float  # how often a value is odd
    loose: float  # how often an element is missing, repeated, moved or unknown
    tidy: bool  # numbers differ, totals are right
    number: int = 0
    cases: int = 0
    kopecks: int = 0
    lines: list[tuple[int, str]] = field(default_factory=list)


def named(edition: Format) -> Named:
    """A name for files of an edition that decides nothing; kind and period are given."""
    return Named("x", "x", edition.kind, edition.period_from)


@cache
def tree(edition_id: str) -> Node:
    """The elements of an edition with their values; the root has the name of the root."""
    edition = formats.get(edition_id)
    return Node(edition.root, None, True, False, (), (), (), None, _children(edition, ""))


def _children(edition: Format, path: str) -> tuple[Node, ...]:
    nodes = []
    for item in edition.children.get(path, ()):
        good, fancy, odd = ((), (), ()) if item.form == "S" else _values(edition, item)
        fresh = _fresh(item) if len(good) == _POOL else None
        must = item.must == "O"
        nodes.append(Node(item.name, item, must, item.repeats, good, fancy, odd, fresh, _children(edition, item.path)))
    return tuple(nodes)


def record_tag(edition: Format) -> str:
    """The tag of the records of an edition: that of its family, else the first structure of the root that repeats."""
    top = [item for item in edition.children[""] if item.form == "S"]
    usual = _RECORD[edition.family]
    return usual if any(item.name == usual for item in top) else next(item.name for item in top if item.repeats)


# --- values ------------------------------------------------------------------------------------------------------------


def _values(edition: Format, item: Field) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Elements with values of the field's type, plain and in unusual spellings, and odd ones."""
    pick = random.Random(f"{edition.id} {item.path}")
    make = _MAKERS[item.form]
    fixed = {"ZGLV/VERSION": edition.version, "SCHET/YEAR": edition.period_from[:4], "SCHET/MONTH": edition.period_from[5:]}
    if fixed.get(item.path):
        good = [fixed[item.path]]
    elif item.values:
        good = list(item.values)
    else:
        good = [make(item, pick) for _ in range(_POOL)]
    fancy = [_respelled(pick.choice(good), item, pick) for _ in range(_POOL)]
    return _whole(item, good), _whole(item, fancy), tuple(_odd(item, pick) for _ in range(_POOL))


def _fresh(item: Field) -> Callable[[random.Random], str]:
    return lambda pick: f"<{item.name}>{_MAKERS[item.form](item, pick)}</{item.name}>"


def _whole(item: Field, contents: list[str]) -> tuple[str, ...]:
    return tuple(f"<{item.name}>{content}</{item.name}>" for content in contents)


def _text(item: Field, pick: random.Random) -> str:
    """A text that fits, some of its letters written as entities; now and then of exactly the greatest length."""
    least = max(item.min_length, 1)
    size = item.length if pick.random() < 0.15 else pick.randint(least, max(least, min(item.length, 40)))
    letters = [pick.choice(_LETTERS) for _ in range(size)]
    if pick.random() < 0.3:
        letters[pick.randrange(size)] = pick.choice(("&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "€"))
    if pick.random() < 0.1 and size > 2:
        letters[size // 2] = pick.choice((" ", "\n", "\t", "\u00a0"))
    return "".join(letters)


def _respelled(content: str, item: Field, pick: random.Random) -> str:
    """The same or a like value: a letter by number, letters outside windows-1251, CDATA, comments."""
    at = pick.randrange(len(content))
    sort = pick.random()
    if sort < 0.2 and "&" not in content:
        return f"<![CDATA[{content}]]>"
    if sort < 0.3:
        return content + pick.choice(("<!-- a -->", "<?a b?>", "<!---->"))
    if sort < 0.8 and content[at].isascii() and "&" not in content:
        return content[:at] + pick.choice(("&#{};", "&#x{:x};", "&#0{};")).format(ord(content[at])) + content[at + 1 :]
    if item.form == "T" and "&" not in content:
        return content[:at] + pick.choice(("&#x416;", "日", "&#x1F600;", "&#160;", "&#13;", "&#10;")) + content[at + 1 :]
    return content


def _number(item: Field, pick: random.Random) -> str:
    """A number that fits: of any length, with as many decimals as it likes."""
    whole = min(item.length, 18) - item.decimals
    digits = whole if pick.random() < 0.15 else pick.randint(1, min(whole, 9))
    text = str(pick.randrange(10**digits))
    if pick.random() < 0.1:
        text = "0" * pick.randint(1, 20) + text
    if item.decimals and pick.random() < 0.9:
        size = item.decimals if pick.random() < 0.7 else pick.randint(1, item.decimals)
        text += "." + "".join(pick.choice("0123456789") for _ in range(size))
    return text


def _date(_item: Field, pick: random.Random) -> str:
    first = date(1, 1, 1) if pick.random() < 0.1 else date(1930, 1, 1)
    last = date(9999, 12, 31) if pick.random() < 0.1 else date(2030, 12, 31)
    return (first + timedelta(days=pick.randrange((last - first).days + 1))).isoformat()


_MAKERS: Final[dict[str, Callable[[Field, random.Random], str]]] = {"T": _text, "N": _number, "D": _date}


def _odd(item: Field, pick: random.Random) -> str:
    """An element whose value is wrong, or right in an unusual way; well-formed more often than not."""
    name, sort = item.name, pick.random()
    if sort < 0.12:
        return pick.choice(
            (f"<{name}/>", f"<{name} />", f"<{name}></{name}>", f"<{name}>\n</{name}>", f"<{name} ></{name} >", f"<{name}\n/>")
        )
    if sort < 0.2 and item.form == "T":
        size = item.length + pick.choice((0, 1, 1, 2, 30))
        return f"<{name}>{pick.choice(_LETTERS[:17]) * size}</{name}>"
    if sort < 0.24:
        return f"<{name}{pick.choice(nasty.ATTRIBUTES[: nasty.PROPER])}>{pick.choice(nasty.TEXTS)}</{name}>"
    lists = {"N": nasty.NUMBERS, "D": nasty.DATES, "T": nasty.TEXTS}
    chosen = lists[item.form] if pick.random() < 0.8 else pick.choice((nasty.NUMBERS, nasty.DATES, nasty.TEXTS))
    return f"<{name}>{pick.choice(chosen)}</{name}>"


# --- structures --------------------------------------------------------------------------------------------------------


def _times(node: Node, state: _State) -> int:
    """How often an element stands there."""
    chance = state.pick.random()
    if state.loose and chance < state.loose:
        return state.pick.choice((0, 0, 2))
    present = node.must or chance < state.density
    if not present:
        return 0
    if node.repeats:
        more = state.pick.random()
        return 1 if more < 0.7 else 2 if more < 0.9 else 3
    return 1


def _fill(node: Node, depth: int, state: _State, leave: str = "") -> None:
    """The children of a structure; `leave` names the one that is left out."""
    pick, lines = state.pick, state.lines
    for child in node.children:
        if child.name == leave:
            continue
        for _ in range(_times(child, state)):
            if child.field is not None and child.field.form == "S":
                _structure(child, depth, state)
            elif state.odds and pick.random() < state.odds:
                lines.append((depth, child.odd[int(pick.random() * len(child.odd))]))
            elif state.tidy and child.name in _NUMBERS:
                state.number += 1
                lines.append((depth, f"<{child.name}>{state.number}</{child.name}>"))
            else:
                choices = child.fancy if state.fancy and pick.random() < state.fancy else child.good
                at = int(pick.random() * len(choices) * _FRESH)
                element = child.fresh(pick) if child.fresh and at >= len(choices) else choices[at % len(choices)]
                lines.append((depth, element))
                if child.name == "SUMV":
                    state.kopecks += _kopecks(element[6:-7])
    if state.loose and pick.random() < state.loose:
        lines.append(
            (depth, pick.choice(("<NOBODY/>", "<NOBODY>1</NOBODY>", "<NOBODY><KNOWS>1</KNOWS></NOBODY>", "<ZAP_>a</ZAP_>")))
        )


def _structure(node: Node, depth: int, state: _State) -> None:
    state.cases += node.name in _CASES
    opened = len(state.lines)
    state.lines.append((depth, f"<{node.name}>"))
    _fill(node, depth + 1, state)
    if len(state.lines) == opened + 1 and state.pick.random() < 0.5:
        state.lines[opened] = (depth, f"<{node.name}/>")
    else:
        state.lines.append((depth, f"</{node.name}>"))


def _kopecks(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * 100 + int(fraction.ljust(2, "0")) if whole.isdigit() and (fraction or "0").isdigit() else 0


#: Ways to write lines of (depth, text).
_STYLES: Final[dict[str, Callable[[list[tuple[int, str]]], str]]] = {
    "compact": lambda lines: "".join([text for _, text in lines]),
    "lines": lambda lines: "".join([f"{text}\n" for _, text in lines]),
    "indented": lambda lines: "".join(["  " * depth + text + "\n" for depth, text in lines]),
    "tabs": lambda lines: "".join(["\t" * depth + text + "\r\n" for depth, text in lines]),
    "blank": lambda lines: "".join([f"\n {text} \n" for _, text in lines]),
}


def document(edition_id: str, pick: random.Random, codec: str = "cp1251", records: int | None = None) -> Document:
    """A random document of an edition: tidy and valid, or with odd values, or loose in structure; plain or in any spelling."""
    edition = formats.get(edition_id)
    root, record = tree(edition_id), record_tag(edition)
    sort = pick.random()
    state = _State(
        pick,
        density=pick.choice((0.0, 0.05, 0.15, 0.3, 0.6)),
        fancy=pick.choice((0.0, 0.0, 0.0, 0.0, 0.01, 0.2)),
        odds=0.0 if sort < 0.5 else pick.choice((0.004, 0.02, 0.1, 0.4)),
        loose=0.0 if sort < 0.6 else pick.choice((0.01, 0.05)),
        tidy=sort < 0.3 or pick.random() < 0.5,
        number=pick.randrange(10**6),
    )
    style = _STYLES[pick.choice(("compact", "compact", "lines", "indented", "tabs", "blank"))]
    node = next(child for child in root.children if child.name == record)
    made = []
    for _ in range(pick.choice((1, 1, 1, 2, 3)) if records is None else records):
        state.lines = []
        _structure(node, 1, state)
        made.append(nasty.encoded(style(state.lines), codec))
    end = "\r\n" if style is _STYLES["tabs"] else "" if style is _STYLES["compact"] else "\n"
    head = style([(0, f"<{edition.root}>"), *_header(root, record, state)])
    declaration = f'<?xml version="1.0" encoding="{ENCODINGS[codec]}"?>{end}'
    tail = f"</{edition.root}>{end}"
    return Document(
        edition_id, codec, named(edition), nasty.encoded(declaration + head, codec), tuple(made), nasty.encoded(tail, codec)
    )


def _header(root: Node, record: str, state: _State) -> list[tuple[int, str]]:
    """The lines before the records; the totals of a tidy document are those of its records."""
    state.lines = []
    kopecks, cases = state.kopecks, state.cases
    _fill(root, 1, state, leave=record)
    if not state.tidy:
        return state.lines
    totals = {"<SD_Z>": f"<SD_Z>{cases}</SD_Z>", "<SUMMAV>": f"<SUMMAV>{kopecks // 100}.{kopecks % 100:02d}</SUMMAV>"}
    return [(depth, totals.get(text[: text.find(">") + 1], text)) for depth, text in state.lines]


def seeded(*parts: object) -> random.Random:
    """A source of random numbers that depends on the parts alone."""
    return random.Random(" ".join(str(part) for part in parts))
