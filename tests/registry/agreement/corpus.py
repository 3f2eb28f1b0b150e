"""Which files has a reader to get right that random ones never hit? A hand-written corpus of structures, spellings and encodings.

Every case has a name and says, where XML or the house decides it, whether the file is to be read or refused as unreadable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from omsclaims.registry import formats
from tests.registry import documents

from . import generate, markup, nasty
from .adapter import Named

Expected = Literal["read", "refused"]
Changes = dict[str, Callable[[bytes, bytes], bytes]]
DECLARATION: Final = '<?xml version="1.0" encoding="windows-1251"?>\n'
#: Records to a file of the packed corpus.
PACKED: Final = 50
UTF8: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Case:
    """One file of the corpus. `expected`: whether it is read at all; None where that is not decided here."""

    name: str
    data: bytes
    named: Named
    expected: Expected | None = None
    record: bytes | None = None  # the record that the case is about, where all else is that of `base`
    base: tuple[str, str] | None = None  # name of the base and codec


@dataclass(frozen=True, slots=True)
class Base:
    """A faultless small file in pieces: what the cases change. `text`, `number`, `date` are leaves of the first record."""

    name: str
    named: Named
    root: str
    record: str
    header: str
    records: tuple[str, ...]
    text: tuple[str, str]  # tag, value as written
    number: tuple[str, str]
    date: tuple[str, str]
    inner: str  # tag of a structure (or a leaf) in the middle of a record

    def whole(
        self, records: tuple[str, ...] | None = None, *, declaration: str = DECLARATION, header: str | None = None,
        opened: str | None = None, closed: str | None = None, tail: str = "\n", codec: str = "cp1251", between: str = "\n",
    ) -> bytes:  # fmt: skip
        """The file out of its pieces, some of them others."""
        pieces = [self.header if header is None else header, *(self.records if records is None else records)]
        body = between.join(["", *pieces, ""])
        text = f"{declaration}{opened or f'<{self.root}>'}{body}{closed if closed is not None else f'</{self.root}>'}{tail}"
        return nasty.encoded(text, codec)

    def changed(self, old: str, new: str, **pieces: str) -> bytes:
        """The file with a change in its first record; the place must be there."""
        assert old in self.records[0], (self.name, old)
        return self.whole((self.records[0].replace(old, new, 1), *self.records[1:]), **pieces)

    def leaf(self, which: tuple[str, str], content: str, **pieces: str) -> bytes:
        """The file with another content of a leaf."""
        tag, value = which
        return self.changed(f"<{tag}>{value}</{tag}>", f"<{tag}>{content}</{tag}>", **pieces)

    def element(self, which: tuple[str, str], new: str, **pieces: str) -> bytes:
        """The file with a leaf replaced by something else."""
        tag, value = which
        return self.changed(f"<{tag}>{value}</{tag}>", new, **pieces)

    def case(self, name: str, which: tuple[str, str], new: str, codec: str = "cp1251") -> Case:
        """A case that is to be read and differs in one leaf (`new` is the whole element) of the first record alone."""
        declaration = UTF8 if codec == "utf-8" else DECLARATION
        tag, value = which
        leaf = f"<{tag}>{value}</{tag}>"
        assert leaf in self.records[0], (self.name, leaf)
        record = self.records[0].replace(leaf, new, 1)
        data = self.whole((record, *self.records[1:]), declaration=declaration, codec=codec)
        return Case(f"{self.name}: {name}", data, self.named, "read", nasty.encoded(record, codec), (self.name, codec))

    def raw(self, which: tuple[str, str], content: bytes, **pieces: str) -> bytes:
        """The file with bytes as the content of a leaf."""
        return self.leaf(which, "@@here@@", **pieces).replace(b"@@here@@", content, 1)


def _person(number: int) -> str:
    return (
        f"<PERS><ID_PAC>p{number}</ID_PAC><FAM>Иванов</FAM><IM>Пётр</IM><W>1</W><DR>1980-02-01</DR><DOST>1</DOST><DOST>3</DOST>"
        "<SNILS>000-000-000 00</SNILS></PERS>"
    )


def _case(number: int) -> str:
    return f"""<ZAP><N_ZAP>{number}</N_ZAP><PR_NOV>0</PR_NOV>
<PACIENT><ID_PAC>p{number}</ID_PAC><VPOLIS>3</VPOLIS><ENP>7500000000000000</ENP><SMO>75001</SMO><NOVOR>0</NOVOR></PACIENT>
<Z_SL><IDCASE>10{number}</IDCASE><USL_OK>3</USL_OK><VIDPOM>12</VIDPOM><FOR_POM>3</FOR_POM><LPU>750001</LPU>
<DATE_Z_1>2022-04-01</DATE_Z_1><DATE_Z_2>2022-04-02</DATE_Z_2><RSLT>301</RSLT><ISHOD>304</ISHOD>
<SL><SL_ID>s{number}</SL_ID><PODR>1</PODR><PROFIL>97</PROFIL><DET>0</DET><NHISTORY>Б-17</NHISTORY><DATE_1>2022-04-01</DATE_1>
<DATE_2>2022-04-02</DATE_2><DS1>J06.9</DS1><DS2>I10</DS2><DS2>E11.9</DS2><PRVS>76</PRVS><VERS_SPEC>V021</VERS_SPEC><IDDOKT>01</IDDOKT><SUM_M>100.00</SUM_M>
<USL><IDSERV>u{number}</IDSERV><LPU>750001</LPU><PODR>1</PODR><PROFIL>97</PROFIL><DET>0</DET><DATE_IN>2022-04-01</DATE_IN>
<DATE_OUT>2022-04-01</DATE_OUT><DS>J06.9</DS><CODE_USL>A01</CODE_USL><KOL_USL>1.00</KOL_USL><TARIF>100.00</TARIF>
<SUMV_USL>100.00</SUMV_USL><MR_USL_N><MR_N>1</MR_N></MR_USL_N></USL></SL>
<IDSP>29</IDSP><SUMV>100.00</SUMV></Z_SL></ZAP>"""


PERSONS: Final = Base(
    "L", Named("LM750001T75_22041", "HM750001T75_22041"), "PERS_LIST", "PERS",
    "<ZGLV><VERSION>3.2</VERSION><DATA>2022-05-03</DATA><FILENAME>LM750001T75_22041</FILENAME><FILENAME1>HM750001T75_22041</FILENAME1></ZGLV>",
    (_person(1), _person(2)), ("FAM", "Иванов"), ("W", "1"), ("DR", "1980-02-01"), "IM",
)  # fmt: skip
MAIN: Final = Base(
    "H", Named("HM750001T75_22041", "HM750001T75_22041"), "ZL_LIST", "ZAP",
    "<ZGLV><VERSION>3.2</VERSION><DATA>2022-05-03</DATA><FILENAME>HM750001T75_22041</FILENAME><SD_Z>2</SD_Z></ZGLV>\n"
    "<SCHET><CODE>1</CODE><CODE_MO>750001</CODE_MO><YEAR>2022</YEAR><MONTH>4</MONTH><NSCHET>1</NSCHET><DSCHET>2022-05-03</DSCHET>"
    "<SUMMAV>200.00</SUMMAV></SCHET>",
    (_case(1), _case(2)), ("NHISTORY", "Б-17"), ("SUMV", "100.00"), ("DATE_Z_1", "2022-04-01"), "SL",
)  # fmt: skip
PROTOCOL: Final = Base(
    "FLK", Named("F", "F", kind="FLK_P"), "FLK_P", "PR", "<FNAME>FH</FNAME><FNAME_I>H</FNAME_I>",
    ("<PR><OSHIB>904</OSHIB><IM_POL>Б</IM_POL><IDCASE>1</IDCASE></PR>", "<PR><OSHIB>905</OSHIB></PR>"),
    ("IM_POL", "Б"), ("IDCASE", "1"), ("OSHIB", "904"), "IM_POL",
)  # fmt: skip
BASES: Final = (PERSONS, MAIN)


@cache
def cases() -> tuple[Case, ...]:
    """The whole corpus in a fixed order."""
    found: list[Case] = []
    for group in _GROUPS:
        for case in group():
            found.append(replace(case, name=f"{group.__name__.strip('_')}/{case.name}"))
    return tuple(found)


def packed() -> tuple[Case, ...]:
    """The corpus in fewer files: cases that differ in one record alone stand together, some dozens in a file."""
    found: list[Case] = []
    groups: dict[tuple[str, str], list[Case]] = {}
    for case in cases():
        if case.base is None:
            found.append(case)
        else:
            groups.setdefault(case.base, []).append(case)
    for (name, codec), group in groups.items():
        base = next(base for base in BASES if base.name == name)
        empty = base.whole((), declaration=UTF8 if codec == "utf-8" else DECLARATION, codec=codec)
        at = empty.index(f"</{base.root}>".encode())
        for first in range(0, len(group), PACKED):
            part = group[first : first + PACKED]
            body = b"\n".join(case.record for case in part if case.record is not None)
            found.append(Case(f"packed/{part[0].name} to {part[-1].name}", empty[:at] + body + empty[at:], base.named, "read"))
    return tuple(found)


def small() -> tuple[Case, ...]:
    """One case of every twelve, and all of the roots: for a kernel that runs uncompiled."""
    return tuple(case for number, case in enumerate(cases()) if number % 12 == 0 or case.name.startswith("roots/"))


def _each(base: Base, group: dict[str, bytes], expected: Expected | None) -> Iterator[Case]:
    for name, data in group.items():
        yield Case(f"{base.name}: {name}", data, base.named, expected)


# --- the file as a whole -----------------------------------------------------------------------------------------------


def _roots() -> Iterator[Case]:
    for base in BASES:
        good, record = base.whole(), base.records[0]
        root, other = base.root, "PERS_LIST" if base.root == "ZL_LIST" else "ZL_LIST"
        body = good[good.index(b"<" + root.encode()) :]
        yield from _each(
            base,
            {
                "as it should be": good,
                "no newline at the end": base.whole(tail=""),
                "blanks behind the root": base.whole(tail=" \n\t\r\n  "),
                "compact": base.whole(between="", tail="", declaration=DECLARATION.strip()),
                "comment behind the root": base.whole(tail="<!-- a -->"),
                "comment with a record behind the root": base.whole(tail=f"\n<!-- {record} -->\n"),
                "PI behind the root": base.whole(tail="<?a b?>"),
                "comment with the root behind the root": base.whole(tail=f"<!-- </{root}> -->"),
                "comment before the root": base.whole(opened=f"<!-- a --><{root}>"),
                "PI before the root": base.whole(opened=f"<?a b?>\n<{root}>"),
                "comment with a record tag before the root": base.whole(opened=f"<!-- <{base.record}> --><{root}>"),
                "comment with the root before the root": base.whole(opened=f"<!-- <{root}> --><{root}>"),
                "root with a blank": base.whole(opened=f"<{root} >"),
                "root with a newline": base.whole(opened=f"<{root}\n>"),
                "root closed with a blank": base.whole(closed=f"</{root} >"),
                "root closed with a newline": base.whole(closed=f"</{root}\n>"),
                "many blanks between records": base.whole(between="\n" * 500),
                "root with an attribute": base.whole(opened=f'<{root} a="1">'),
                "root with > in an attribute": base.whole(opened=f'<{root} a="a>b">'),
                "root with single quotes": base.whole(opened=f"<{root} a='\"'>"),
                "root with xml:lang": base.whole(opened=f'<{root} xml:lang="ru">'),
                "root with the schema of an instance": base.whole(
                    opened=f'<{root} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd">'
                ),
            },
            "read",
        )
        yield from _each(
            base,
            {
                "two roots": good + body,
                "two files": good + good,
                "another root behind": good + b"<a/>",
                "another kind of root behind": good + f"<{other}></{other}>".encode(),
                "text behind the root": base.whole(tail="text"),
                "NBSP behind the root": base.whole(tail="\u00a0"),
                "reference behind the root": base.whole(tail="&#32;"),
                "CDATA behind the root": base.whole(tail="<![CDATA[ ]]>"),
                "text before the root": base.whole(opened=f"text<{root}>"),
                "record behind the root": base.whole(tail=record),
                "record before the root": base.whole(opened=f"{record}<{root}>"),
                "root never closed": base.whole(closed=""),
                "root closed twice": base.whole(closed=f"</{root}></{root}>"),
                "root never opened": base.whole(opened=" "),
                "no root at all": nasty.encoded(DECLARATION + base.header + record, "cp1251"),
                "one record alone": nasty.encoded(DECLARATION + record, "cp1251"),
                "nothing but a declaration": DECLARATION.encode(),
                "declaration and blanks": (DECLARATION + "\n\n  ").encode(),
                "declaration and a comment": (DECLARATION + "<!-- a -->").encode(),
                "nothing": b"",
                "one blank": b" ",
                "one newline": b"\n",
                "one byte": b"<",
                "a letter": b"a",
                "BOM alone": b"\xef\xbb\xbf",
                "root of another kind": good.replace(root.encode(), other.encode()),
                "root in small letters": good.replace(root.encode(), root.lower().encode()),
                "root closed in small letters": base.whole(closed=f"</{root.lower()}>"),
                "root closed by another": base.whole(closed=f"</{other}>"),
                "root that only starts alike": good.replace(root.encode(), root.encode() + b"S"),
                "root is a prefix": good.replace(root.encode(), root.encode()[:-1]),
                "root in an unknown one": nasty.encoded(f"{DECLARATION}<A>{body.decode('cp1251')}</A>", "cp1251"),
                "root in itself": base.whole(opened=f"<{root}><{root}>"),
                "empty root of another kind": nasty.encoded(f"{DECLARATION}<{other}/>", "cp1251"),
                "root with a namespace": base.whole(opened=f'<{root} xmlns="urn:a">'),
                "root with a prefix": base.whole(opened=f'<a:{root} xmlns:a="u">', closed=f"</a:{root}>"),
                "root with a prefix of nothing": base.whole(opened=f"<a:{root}>", closed=f"</a:{root}>"),
                "attribute without quotes": base.whole(opened=f"<{root} a=1>"),
                "attribute without value": base.whole(opened=f"<{root} a>"),
                "attribute twice": base.whole(opened=f'<{root} a="1" a="2">'),
                "< in an attribute": base.whole(opened=f'<{root} a="<">'),
                "comment never closed before the root": base.whole(opened=f"<!-- <{root}>"),
                "comment never closed behind": base.whole(tail="<!-- a"),
                "comment with two dashes behind": base.whole(tail="<!-- -- -->"),
                "PI never closed behind": base.whole(tail="<?a"),
                "DOCTYPE behind the root": base.whole(tail="<!DOCTYPE a>"),
                "DOCTYPE": base.whole(opened=f"<!DOCTYPE {root}><{root}>"),
                "DOCTYPE with an entity": base.whole(opened=f'<!DOCTYPE a [<!ENTITY b "c">]><{root}>'),
                "DOCTYPE in small letters": base.whole(opened=f"<!doctype {root}><{root}>"),
                "NUL behind the root": base.whole(tail="\x00"),
                "control Z behind the root": base.whole(tail="\x1a"),
                "NUL between records": base.whole(between="\n\x00"),
                "NUL before the root": base.whole(opened=f"\x00<{root}>"),
            },
            "refused",
        )
        yield from _each(
            base,
            {
                "empty root": nasty.encoded(f"{DECLARATION}<{root}></{root}>", "cp1251"),
                "empty root in one tag": nasty.encoded(f"{DECLARATION}<{root}/>", "cp1251"),
                "root with a prefix declared only": base.whole(opened=f'<{root} xmlns:a="u">'),
                "root with nothing but text": nasty.encoded(f"{DECLARATION}<{root}>text</{root}>", "cp1251"),
                "DOCTYPE in a comment": base.whole(opened=f"<!-- <!DOCTYPE a> --><{root}>"),
                "root with an empty namespace": base.whole(opened=f'<{root} xmlns="">'),
            },
            None,
        )


def _declarations() -> Iterator[Case]:
    for base in BASES:
        for number, declaration in enumerate(nasty.DECLARATIONS):
            for codec in ("cp1251", "utf-8"):
                yield Case(
                    f"{base.name}: {number} {declaration[:60]!r} over {codec}",
                    base.whole(declaration=declaration, codec=codec),
                    base.named,
                )
            ascii_only = base.leaf(base.text, "a", declaration=declaration).replace("Пётр".encode("cp1251"), b"P")
            yield Case(
                f"{base.name}: {number} {declaration[:60]!r} over ASCII",
                ascii_only.replace("Иванов".encode("cp1251"), b"I").replace(b"\xc1-", b"B-"),
                base.named,
            )


def _encodings() -> Iterator[Case]:
    names = {
        "koi8-r": "KOI8-R",
        "iso8859-5": "ISO-8859-5",
        "cp866": "IBM866",
        "mac-cyrillic": "x-mac-cyrillic",
        "utf-16": "UTF-16",
        "utf-16-le": "UTF-16LE",
        "utf-16-be": "UTF-16BE",
        "utf-32": "UTF-32",
        "utf-7": "UTF-7",
    }
    for base in BASES:
        good = base.whole(codec="utf-8").decode()
        body = good[good.index("\n") :]
        for codec, declared in names.items():
            for said in (declared, "windows-1251", "UTF-8"):
                data = f'<?xml version="1.0" encoding="{said}"?>{body}'.encode(codec, "replace")
                # Other one-byte alphabets under the name of windows-1251 are letters of it as well: nobody can tell.
                known: Expected | None = (
                    "refused" if said not in ("windows-1251", "UTF-8") or codec.startswith(("utf-16", "utf-32")) else None
                )
                yield Case(f"{base.name}: {codec} bytes said to be {said}", data, base.named, known)
        utf8, cp1251 = base.whole(declaration=UTF8, codec="utf-8"), base.whole()
        yield from _each(
            base,
            {
                "UTF-8": utf8,
                "UTF-8 with BOM": b"\xef\xbb\xbf" + utf8,
                "UTF-8 with BOM, no declaration": b"\xef\xbb\xbf" + base.whole(declaration="", codec="utf-8"),
                "UTF-8 without declaration": base.whole(declaration="", codec="utf-8"),
            },
            "read",
        )
        yield from _each(
            base,
            {
                "UTF-8 said, windows-1251 written": base.whole(declaration=UTF8),
                "windows-1251 said, UTF-8 written": base.whole(codec="utf-8"),
                "nothing said, windows-1251 written": base.whole(declaration=""),
                "windows-1251 with the BOM of UTF-8": b"\xef\xbb\xbf" + cp1251,
                "BOM twice": b"\xef\xbb\xbf" * 2 + utf8,
                "half a BOM": b"\xef\xbb" + utf8,
                "BOM of UTF-16 before windows-1251": b"\xff\xfe" + cp1251,
                "BOM of UTF-16 big end before UTF-8": b"\xfe\xff" + utf8,
                "blank before the declaration": b" " + cp1251,
                "newline before the declaration": b"\n" + cp1251,
                "BOM and blank before the declaration": b"\xef\xbb\xbf " + utf8,
                "NBSP before the declaration": b"\xa0" + cp1251,
                "NUL before the declaration": b"\x00" + cp1251,
                "BOM behind the declaration": utf8.replace(b"?>", b"?>\xef\xbb\xbf", 1),
                "second record in windows-1251": base.whole(declaration=UTF8, codec="utf-8")[:-40]
                + cp1251[-40:].replace(b"</", b"\xc8</", 1),
                "last letter cut in two": utf8.replace("Б-17".encode(), b"\xd0", 1).replace("Иванов".encode(), b"\xd0", 1),
            },
            "refused",
        )
        yield Case(
            f"{base.name}: BOM amid UTF-8",
            base.raw(base.text, b"a\xef\xbb\xbfb", declaration=UTF8, codec="utf-8"),
            base.named,
            "read",
        )
        yield Case(f"{base.name}: first record windows-1251, second UTF-8", _joined(base), base.named)


def _joined(base: Base) -> bytes:
    first, second = (base.whole(codec=codec) for codec in ("cp1251", "utf-8"))
    return first[: first.rindex(f"<{base.record}>".encode())] + second[second.rindex(f"<{base.record}>".encode()) :]


def _bytes() -> Iterator[Case]:
    for base in BASES:
        for raw in nasty.BYTES:
            for declaration, codec in ((DECLARATION, "cp1251"), (UTF8, "utf-8")):
                yield Case(
                    f"{base.name}: {raw!r} in a text of {codec}",
                    base.raw(base.text, b"a" + raw + b"b", declaration=declaration, codec=codec),
                    base.named,
                )
        for raw in (b"\x00", b"\x98", b"\xa0", b"\x1f", b"\xff", b"\x7f", b"\x85"):
            yield Case(
                f"{base.name}: {raw!r} in a number",
                base.raw(base.number, b"1" + raw),
                base.named,
                "refused" if raw in (b"\x00", b"\x98", b"\x1f") else None,
            )
            yield Case(
                f"{base.name}: {raw!r} in a tag",
                base.whole().replace(f"<{base.number[0]}>".encode(), f"<{base.number[0]}".encode() + raw + b">", 1),
                base.named,
                "refused",
            )
            yield Case(
                f"{base.name}: {raw!r} between elements",
                base.whole().replace(f"<{base.number[0]}>".encode(), raw + f"<{base.number[0]}>".encode(), 1),
                base.named,
            )
        yield Case(f"{base.name}: NUL for every blank", base.whole().replace(b"\n", b"\x00"), base.named, "refused")


def _newlines() -> Iterator[Case]:
    for base in BASES:
        good = base.whole()
        for name, end in {
            "CRLF": b"\r\n",
            "lone CR": b"\r",
            "LF CR": b"\n\r",
            "two LF": b"\n\n",
            "CR CR LF": b"\r\r\n",
            "tabs": b"\t",
            "form feeds": b"\x0c",
            "NEL": b"\x85",
        }.items():
            yield Case(
                f"{base.name}: {name}",
                good.replace(b"\n", end),
                base.named,
                "refused" if end == b"\x0c" else None if end == b"\x85" else "read",
            )
            yield Case(f"{base.name}: {name} in a text", base.raw(base.text, b"a" + end + b"b"), base.named)
            yield Case(f"{base.name}: {name} at both ends of a text", base.raw(base.text, end + b"b" + end), base.named)
            yield Case(f"{base.name}: nothing but {name} in a text", base.raw(base.text, end), base.named)
            yield Case(f"{base.name}: {name} in a number", base.raw(base.number, b"1" + end), base.named)
            yield Case(f"{base.name}: {name} in a date", base.raw(base.date, end + b"2022-04-01"), base.named)


def _truncated() -> Iterator[Case]:
    """The file broken off at every byte: never a file."""
    for base in (PERSONS, PROTOCOL):
        whole = base.whole(between="", tail="", declaration=DECLARATION.strip())
        for at in range(len(whole)):
            yield Case(f"{base.name}: {at} of {len(whole)} bytes", whole[:at], base.named, "refused")
    whole = MAIN.whole()
    for at in sorted({*range(0, len(whole), 29), *range(len(whole) - 12, len(whole) - 1)}):
        yield Case(f"H: {at} of {len(whole)} bytes", whole[:at], MAIN.named, "refused")


# --- records and structures --------------------------------------------------------------------------------------------


def _records() -> Iterator[Case]:
    for base in BASES:
        first, second = base.records
        tag, header = base.record, base.header
        yield from _each(
            base,
            {
                "no records": base.whole(()),
                "one record": base.whole((first,)),
                "the same record twice": base.whole((first, first)),
                "records in the wrong order": base.whole((second, first)),
                "empty record": base.whole((first, f"<{tag}></{tag}>")),
                "empty record in one tag": base.whole((first, f"<{tag}/>", second)),
                "only an empty record": base.whole((f"<{tag}/>",)),
                "empty record with a blank": base.whole((first, f"<{tag} />", second)),
                "record of blanks": base.whole((first, f"<{tag}>\n  \n</{tag}>", second)),
                "record of text": base.whole((first, f"<{tag}>text</{tag}>", second)),
                "300 records": base.whole((first,) * 300),
                "300 empty records": base.whole((f"<{tag}/>",) * 300),
                "header behind the records": base.whole((first, second, header), header=""),
                "header between the records": base.whole((first, header, second), header=""),
                "header twice": base.whole(header=header + header),
                "header before and behind": base.whole((first, second, header)),
                "no header": base.whole(header=""),
                "empty header": base.whole(header="<ZGLV/>"),
                "records before and behind the header": base.whole((first, header, second, first), header=header),
                "text between records": base.whole(between="\ntext\n"),
                "NBSP between records": base.whole(between="\u00a0"),
                "comment between records": base.whole(between="\n<!-- a -->\n"),
                "comment with the end of a record between": base.whole(between=f"\n<!-- </{tag}> -->\n"),
                "comment with a record between": base.whole(between=f"\n<!-- {first} -->\n"),
                "PI between records": base.whole(between=f"\n<?a </{tag}> ?>\n"),
                "CDATA of blanks between records": base.whole(between="<![CDATA[ ]]>"),
                "CDATA of text between records": base.whole(between="<![CDATA[text]]>"),
                "CDATA with a record between": base.whole(between=f"<![CDATA[{first}]]>"),
                "reference between records": base.whole(between="&#10;"),
                "&amp; between records": base.whole(between="&amp;"),
                "letter reference between records": base.whole(between="&#65;"),
                "unknown element between records": base.whole((first, "<NOBODY>1</NOBODY>", second)),
                "unknown structure between records": base.whole((first, "<NOBODY><A>1</A></NOBODY>", second)),
                "unknown element before the header": base.whole(header="<NOBODY/>" + header),
                "unknown element behind the records": base.whole((first, second, "<NOBODY/>")),
                "record in an unknown element": base.whole((f"<NOBODY>{first}</NOBODY>", second)),
                "records only in an unknown element": base.whole((f"<NOBODY>{first}{second}</NOBODY>",)),
                "unknown element with the end of a record": base.whole((first, f"<NOBODY><{tag}/></NOBODY>", second)),
                "record in a record": base.changed(f"<{tag}>", f"<{tag}>{second}"),
                "record at the end of a record": base.whole((first[: -len(f"</{tag}>")] + second + f"</{tag}>", second)),
                "record in a leaf": base.leaf(base.text, second),
                "record in the header": base.whole(header=header.replace("</ZGLV>", f"{first}</ZGLV>")),
                "header in a record": base.changed(f"<{tag}>", f"<{tag}>{header}"),
                "root in a record": base.changed(f"<{tag}>", f"<{tag}><{base.root}></{base.root}>"),
                "leaf of a record beside the records": base.whole((first, f"<{base.text[0]}>a</{base.text[0]}>", second)),
                "leaf of a record in the header": base.whole(
                    header=header.replace("<ZGLV>", f"<ZGLV><{base.text[0]}>a</{base.text[0]}>")
                ),
                "leaf of the header in a record": base.changed(f"<{tag}>", f"<{tag}><VERSION>3.1</VERSION>"),
                "record of the other kind": base.whole((first, (MAIN if base is PERSONS else PERSONS).records[0], second)),
                "record with an attribute": base.changed(f"<{tag}>", f'<{tag} a="1">'),
                "record with > in an attribute": base.changed(f"<{tag}>", f'<{tag} a="</{tag[:2]}>">'.replace("</", "/")),
                "record with a namespace": base.changed(f"<{tag}>", f'<{tag} xmlns="u">'),
                "record with a prefix": base.whole((f'<a:{tag} xmlns:a="u"></a:{tag}>', second)),
                "record with a blank": base.changed(f"<{tag}>", f"<{tag} >"),
                "record with a newline": base.changed(f"<{tag}>", f"<{tag}\r\n>"),
                "record closed with a blank": base.changed(f"</{tag}>", f"</{tag} >"),
                "record closed with a newline": base.changed(f"</{tag}>", f"</{tag}\n>"),
                "every record closed with blanks": base.whole().replace(f"</{tag}>".encode(), f"</{tag} \t>".encode()),
                "record in small letters": base.whole((first, second.replace(f"{tag}>", f"{tag.lower()}>"))),
                "record that only starts alike": base.whole((first, second.replace(f"{tag}>", f"{tag}S>"))),
                "record of a shorter name": base.whole((first, second.replace(f"{tag}>", f"{tag[:-1]}>"))),
                "record of 100 kB": base.leaf(base.text, "Ж" * 100_000),
                "record of 100 kB of references": base.leaf(base.text, "&quot;" * 20_000),
                "record of 100 kB of leaves": base.changed(f"</{tag}>", "<NOBODY>1</NOBODY>" * 6_000 + f"</{tag}>"),
                "record of 100 kB of blanks": base.changed(f"</{tag}>", "\n" * 100_000 + f"</{tag}>"),
                "3,000 repeats of one leaf": base.changed(f"<{base.inner}>", "<DOST>1</DOST>" * 3_000 + f"<{base.inner}>"),
                "first record far into the file, comment": base.whole(header=("<!--" + "x" * 30_000 + "-->") * 3 + header),
                "first record far into the file, blanks": base.whole(header=header + "\n" * 70_000),
                "first record far into the file, comments with records": base.whole(
                    header=f"<!-- <{tag}></{tag}> -->" * 4_000 + header
                ),
                "first record far into the file, unknown elements": base.whole(header=header + "<NOBODY>1</NOBODY>" * 5_000),
                "header far into the file": base.whole(header="\n" * 70_000 + header),
            },
            "read",
        )
        yield from _each(
            base,
            {
                "record never closed": base.changed(f"</{tag}>", ""),
                "last record never closed": base.whole((first, second.replace(f"</{tag}>", ""))),
                "record never opened": base.changed(f"<{tag}>", ""),
                "record closed twice": base.changed(f"</{tag}>", f"</{tag}></{tag}>"),
                "record opened twice": base.changed(f"<{tag}>", f"<{tag}><{tag}>"),
                "end of a record before the first": base.whole(header=header + f"</{tag}>"),
                "blank before the name": base.changed(f"<{tag}>", f"< {tag}>"),
                "blank before the slash": base.changed(f"</{tag}>", f"< /{tag}>"),
                "blank behind the slash": base.changed(f"</{tag}>", f"</ {tag}>"),
                "end in small letters": base.changed(f"</{tag}>", f"</{tag.lower()}>"),
                "start in small letters": base.changed(f"<{tag}>", f"<{tag.lower()}>"),
                "end of a longer name": base.changed(f"</{tag}>", f"</{tag}S>"),
                "end of a shorter name": base.changed(f"</{tag}>", f"</{tag[:-1]}>"),
                "end with an attribute": base.changed(f"</{tag}>", f'</{tag} a="1">'),
                "end that is empty": base.changed(f"</{tag}>", f"</{tag}/>"),
                "end in an attribute": base.changed(f"<{tag}>", f'<{tag} a="</{tag}>">'),
                "structures crossed": base.changed(f"</{tag}>", f"<A></{tag}></A>"),
                "tag never ended": base.changed(f"<{tag}>", f"<{tag}"),
                "end never ended": base.changed(f"</{tag}>", f"</{tag}"),
                "no name": base.changed(f"<{tag}>", f"<{tag}><></>"),
                "no name in an end": base.changed(f"</{tag}>", "</>"),
                "< alone between": base.whole(between="\n<\n"),
                "& alone between": base.whole(between="\n&\n"),
                "]]> between": base.whole(between="\n]]>\n"),
                "comment never closed between": base.whole((first, "<!-- a", second)),
                "CDATA never closed between": base.whole((first, "<![CDATA[ a", second)),
                "PI never closed between": base.whole((first, "<?a", second)),
                "declaration between": base.whole((first, DECLARATION, second)),
                "DOCTYPE between": base.whole((first, "<!DOCTYPE a>", second)),
                "ENTITY between": base.whole((first, "<!ENTITY a 'b'>", second)),
                "comment with two dashes between": base.whole((first, "<!-- -- -->", second)),
                "comment ending in three dashes": base.whole((first, "<!-- a --->", second)),
                "prefix of nothing": base.whole((f"<a:{tag}></a:{tag}>", second)),
                "attribute twice on a record": base.changed(f"<{tag}>", f'<{tag} a="1" a="1">'),
            },
            "refused",
        )


def _structures() -> Iterator[Case]:
    """Elements missing, twice, misplaced, unknown: leaves, flattened structures, own tables."""
    record = MAIN.records[0]
    seen: set[str] = set()
    for item in markup.elements(record.encode("cp1251")):
        tag = item.name.decode()
        text = record.encode("cp1251")[item.start : item.end].decode("cp1251")
        if tag in ("ZAP", "LPU", "PODR", "PROFIL", "DET") or tag in seen:
            continue
        seen.add(tag)
        yield Case(f"no {tag}", MAIN.changed(text, ""), MAIN.named, "read")
        yield Case(f"{tag} twice", MAIN.changed(text, text + text), MAIN.named, "read")
        yield Case(f"{tag} first in the record", MAIN.changed("<N_ZAP>", f"{text}<N_ZAP>"), MAIN.named, "read")
        yield Case(f"{tag} emptied", MAIN.changed(text, f"<{tag}/>"), MAIN.named, "read")
    yield from _each(
        MAIN,
        {
            "PACIENT behind Z_SL": MAIN.whole(
                (record.replace("</ZAP>", record[record.index("<PACIENT>") : record.index("<Z_SL>")] + "</ZAP>"),)
            ),
            "USL before the leaves of SL": MAIN.changed("<SL_ID>", "<USL><IDSERV>0</IDSERV></USL><SL_ID>"),
            "USL in Z_SL": MAIN.changed("<IDSP>", "<USL><IDSERV>0</IDSERV></USL><IDSP>"),
            "SL between the leaves of Z_SL": MAIN.changed("<USL_OK>", "<SL><SL_ID>0</SL_ID></SL><USL_OK>"),
            "SL in SL": MAIN.changed("<SL_ID>", "<SL><SL_ID>0</SL_ID></SL><SL_ID>"),
            "Z_SL in Z_SL": MAIN.changed("<IDCASE>", "<Z_SL><IDCASE>1</IDCASE></Z_SL><IDCASE>"),
            "ZAP in SL": MAIN.changed("<SL_ID>", "<ZAP><N_ZAP>5</N_ZAP></ZAP><SL_ID>"),
            "PERS in ZAP": MAIN.changed("<N_ZAP>", "<PERS><ID_PAC>1</ID_PAC></PERS><N_ZAP>"),
            "two Z_SL": MAIN.changed("</Z_SL>", "</Z_SL>" + record[record.index("<Z_SL>") : record.index("</ZAP>")]),
            "two PACIENT": MAIN.changed("<Z_SL>", "<PACIENT><ID_PAC>q</ID_PAC></PACIENT><Z_SL>"),
            "two Z_SL not side by side": MAIN.changed("<PACIENT>", "<Z_SL><IDCASE>1</IDCASE></Z_SL><PACIENT>"),
            "repeats not side by side": MAIN.changed("<PRVS>76</PRVS>", "<PRVS>76</PRVS><DS2>A00</DS2>"),
            "repeats with another between": MAIN.changed("<DS2>I10</DS2>", "<DS2>I10</DS2><NOBODY/>"),
            "leaf where a structure is": MAIN.changed("<PACIENT>", "<SL>5</SL><PACIENT>"),
            "text where SL is": MAIN.changed("<SL><SL_ID>", "<SL>text<SL_ID>"),
            "KSG_KPG with leaves": MAIN.changed(
                "<PRVS>", "<KSG_KPG><N_KSG>1</N_KSG><SL_KOEF><IDSL>1</IDSL><Z_SL>1.00000</Z_SL></SL_KOEF></KSG_KPG><PRVS>"
            ),
            "KSG_KPG where it belongs": MAIN.changed("<SUM_M>", "<SUM_M>").replace(
                b"<PRVS>76",
                b"<KSG_KPG><N_KSG>st01</N_KSG><VER_KSG>2022</VER_KSG><KSG_PG>0</KSG_PG><KOEF_Z>1.00000</KOEF_Z></KSG_KPG><PRVS>76",
                1,
            ),
            "flattened structure twice": MAIN.changed(
                "<PRVS>", "<KSG_KPG><N_KSG>1</N_KSG></KSG_KPG><KSG_KPG><N_KSG>2</N_KSG></KSG_KPG><PRVS>"
            ),
            "flattened structure empty": MAIN.changed("<PRVS>", "<KSG_KPG/><PRVS>"),
            "flattened structure of text": MAIN.changed("<PRVS>", "<KSG_KPG>text</KSG_KPG><PRVS>"),
            "Z_SL as a leaf in SL": MAIN.changed("<SL_ID>", "<Z_SL>1</Z_SL><SL_ID>"),
            "SL as an empty leaf": MAIN.changed("<SL><SL_ID>", "<SL/><SL><SL_ID>"),
            "header leaf missing": MAIN.whole(header=MAIN.header.replace("<SD_Z>2</SD_Z>", "")),
            "header leaf twice": MAIN.whole(header=MAIN.header.replace("<SD_Z>2</SD_Z>", "<SD_Z>2</SD_Z><SD_Z>3</SD_Z>")),
            "SCHET before ZGLV": MAIN.whole(header="".join(reversed(MAIN.header.split("\n")))),
            "SCHET twice": MAIN.whole(header=MAIN.header + MAIN.header.split("\n")[1]),
            "no SCHET": MAIN.whole(header=MAIN.header.split("\n")[0]),
            "SCHET behind the records": MAIN.whole(
                (*MAIN.records, MAIN.header.split("\n")[1]), header=MAIN.header.split("\n")[0]
            ),
            "SCHET in ZGLV": MAIN.whole(header=MAIN.header.replace("</ZGLV>\n", "") + "</ZGLV>"),
            "unknown leaf in SCHET": MAIN.whole(header=MAIN.header.replace("<CODE>", "<NOBODY>1</NOBODY><CODE>")),
            "unknown version": MAIN.whole(header=MAIN.header.replace("3.2", "9.9")),
            "no version": MAIN.whole(header=MAIN.header.replace("<VERSION>3.2</VERSION>", "")),
            "older version": MAIN.whole(header=MAIN.header.replace("3.2", "3.1")),
            "version with a comment": MAIN.whole(header=MAIN.header.replace("3.2", "3<!-- -->.2")),
            "version as CDATA": MAIN.whole(header=MAIN.header.replace("3.2", "<![CDATA[3.2]]>")),
            "version by references": MAIN.whole(header=MAIN.header.replace("3.2", "&#51;.2")),
            "version with blanks": MAIN.whole(header=MAIN.header.replace("3.2", " 3.2\n")),
            "totals of others": MAIN.whole(header=MAIN.header.replace("200.00", "1.00").replace(">2<", ">7<")),
            "header value wrong": MAIN.whole(header=MAIN.header.replace("<DATA>2022-05-03", "<DATA>2022-02-30")),
            "header leaf empty": MAIN.whole(header=MAIN.header.replace("<NSCHET>1</NSCHET>", "<NSCHET/>")),
            "header with attributes": MAIN.whole(header=MAIN.header.replace("<ZGLV>", '<ZGLV a="1">')),
            "header with a comment": MAIN.whole(header=MAIN.header.replace("<SD_Z>", "<!-- a --><SD_Z>")),
            "header with a comment holding ZAP": MAIN.whole(header=MAIN.header.replace("<SD_Z>", "<!-- <ZAP></ZAP> --><SD_Z>")),
            "header with text": MAIN.whole(header=MAIN.header.replace("<SD_Z>", "text<SD_Z>")),
            "header with CDATA": MAIN.whole(header=MAIN.header.replace("<NSCHET>1", "<NSCHET><![CDATA[<ZAP></ZAP>]]>")),
            "header without leaves": MAIN.whole(header="<ZGLV></ZGLV><SCHET></SCHET>"),
            "no leaf at all": MAIN.whole(("<ZAP><PACIENT/><Z_SL><SL><USL/></SL></Z_SL></ZAP>",)),
        },
        "read",
    )
    for base in BASES:
        inner, leaf = base.inner, base.text
        cyrillic = leaf[0].translate(str.maketrans("AOHM", "АОНМ"))
        opened = f"<{leaf[0]}>"
        yield from _each(
            base,
            {
                "unknown leaf first": base.changed(f"<{base.record}>", f"<{base.record}><NOBODY>1</NOBODY>"),
                "unknown leaf last": base.changed(f"</{base.record}>", f"<NOBODY>1</NOBODY></{base.record}>"),
                "unknown leaf amid": base.changed(opened, f"<NOBODY>1</NOBODY>{opened}"),
                "unknown empty leaf": base.changed(opened, f"<NOBODY/>{opened}"),
                "unknown structure": base.changed(opened, f"<NOBODY><A>1</A><B/></NOBODY>{opened}"),
                "unknown structure with a comment": base.changed(
                    opened, f"<NOBODY><!-- a --><A>1<!-- b --></A></NOBODY>{opened}"
                ),
                "unknown structure with a PI": base.changed(opened, f"<NOBODY><?a b?><A/></NOBODY>{opened}"),
                "unknown leaf with CDATA": base.changed(opened, f"<NOBODY><![CDATA[<a>&]]></NOBODY>{opened}"),
                "unknown leaf with references": base.changed(opened, f"<NOBODY>&lt;&#1046;&quot;</NOBODY>{opened}"),
                "unknown leaf with attributes": base.changed(opened, f"<NOBODY a='1' b=\"2\">1</NOBODY>{opened}"),
                "unknown leaf with letters": base.changed(opened, f"<NOBODY>Жук</NOBODY>{opened}"),
                "unknown leaf with blanks": base.changed(opened, f"<NOBODY> \n </NOBODY>{opened}"),
                "unknown structure with blanks": base.changed(opened, f"<NOBODY>\r\n  <A>1</A>\r\n</NOBODY>{opened}"),
                "unknown leaf twice": base.changed(opened, f"<NOBODY>1</NOBODY><NOBODY>2</NOBODY>{opened}"),
                "many unknown leaves": base.changed(
                    opened, "".join(f"<N{number}>1</N{number}>" for number in range(300)) + opened
                ),
                "unknown nested 40 deep": base.changed(opened, "<A>" * 40 + "</A>" * 40 + opened),
                "element with text in a leaf": base.leaf(leaf, "<b>a</b>"),
                "elements in a number": base.leaf(base.number, "<b>1</b>"),
                "element in a date": base.leaf(base.date, "2022-04-01<b/>"),
                "the leaf in itself": base.leaf(leaf, f"{opened}a</{leaf[0]}>"),
                "only an element in a leaf": base.leaf(leaf, "<b/>"),
                "blanks and an element in a leaf": base.leaf(leaf, " <b/> "),
                "text between leaves": base.changed(opened, f"text{opened}"),
                "text at the start of a record": base.changed(f"<{base.record}>", f"<{base.record}>text"),
                "text at the end of a record": base.changed(f"</{base.record}>", f"text</{base.record}>"),
                "NBSP between leaves": base.changed(opened, f"\u00a0{opened}"),
                "reference between leaves": base.changed(opened, f"&#32;{opened}"),
                "&quot; between leaves": base.changed(opened, f"&quot;{opened}"),
                "CDATA of blanks between leaves": base.changed(opened, f"<![CDATA[ \n]]>{opened}"),
                "empty CDATA between leaves": base.changed(opened, f"<![CDATA[]]>{opened}"),
                "CDATA of text between leaves": base.changed(opened, f"<![CDATA[a]]>{opened}"),
                "PI between leaves": base.changed(opened, f"<?a?>{opened}"),
                "comment between leaves": base.changed(opened, f"<!-- a -->{opened}"),
                "comment with a tag between leaves": base.changed(opened, f"<!-- {opened} -->{opened}"),
                "comment with the end of a record": base.changed(opened, f"<!-- </{base.record}> -->{opened}"),
                "comment with text around": base.changed(opened, f"text<!-- a -->text{opened}"),
                "comment at the start of a record": base.changed(f"<{base.record}>", f"<{base.record}><!-- a -->"),
                "comment at the end of a record": base.changed(f"</{base.record}>", f"<!-- a --></{base.record}>"),
                "attribute on a structure or leaf": base.changed(f"<{inner}>", f'<{inner} a="1">'),
                "namespace on a structure or leaf": base.changed(f"<{inner}>", f'<{inner} xmlns="u">'),
                "prefix of a namespace there": base.changed(f"<{inner}>", f'<{inner} xmlns:p="u">'),
                "prefixed unknown leaf": base.changed(opened, f'<p:A xmlns:p="u">1</p:A>{opened}'),
                "known leaf with a prefix": base.changed(opened, f'<p:{leaf[0]} xmlns:p="u">1</p:{leaf[0]}>{opened}'),
                "no leaf between comments": base.element(leaf, "<!-- a --><!-- b -->"),
                "unknown leaf from Cyrillic": base.changed(opened, f"<ПОЛЕ>1</ПОЛЕ>{opened}"),
                "known letters that look alike": base.element(
                    leaf,
                    f"<{cyrillic}>a</{cyrillic}>",
                ),
            },
            "read",
        )

    for base in BASES:
        deep, tag = "<A>" * 200 + "</A>" * 200, base.record
        yield Case(f"{base.name}: unknown nested 200 deep", base.changed(f"<{tag}>", f"<{tag}>{deep}"), base.named)
        yield Case(f"{base.name}: comment of 70 kB", base.whole(header=f"<!--{'x' * 70_000}-->{base.header}"), base.named)


def _names() -> Iterator[Case]:
    for base in BASES:
        opened = f"<{base.text[0]}>"
        for name in nasty.NAMES:
            for kind, new in (("leaf", f"<{name}>1</{name}>"), ("empty", f"<{name}/>")):
                yield Case(f"{base.name}: {kind} {name[:40]!r} of {len(name)}", base.changed(opened, new + opened), base.named)
        tag, value = base.text
        for name in (tag + "1", tag[:-1], tag.lower(), tag.title(), tag + tag, "_" + tag):
            yield Case(
                f"{base.name}: {tag} written {name}", base.element(base.text, f"<{name}>{value}</{name}>"), base.named, "read"
            )
        for opened, closed in (
            (tag, tag.lower()),
            (tag, tag + "1"),
            (tag + "1", tag),
            (tag, tag[:-1]),
            (tag[:-1], tag),
            (tag, "A" * 16 + tag),
        ):
            yield Case(
                f"{base.name}: opened {opened} closed {closed}",
                base.element(base.text, f"<{opened}>{value}</{closed}>"),
                base.named,
                "refused",
            )
        for size in (13, 15, 16, 17, 24, 31, 32, 33, 40, 63, 64, 65):
            name, other = "N" * size, "N" * (size - 1) + "M"
            yield Case(
                f"{base.name}: last of {size} letters differs",
                base.changed(f"<{tag}>", f"<{name}>1</{other}><{tag}>"),
                base.named,
                "refused",
            )
            yield Case(
                f"{base.name}: name of {size} letters", base.changed(f"<{tag}>", f"<{name}>1</{name}><{tag}>"), base.named, "read"
            )


def _tags() -> Iterator[Case]:
    """Spellings of one leaf."""
    good = (
        "<{}/>",
        "<{} />",
        "<{}></{}>",
        "<{}\n/>",
        "<{}\t\r\n/>",
        "<{} ></{} >",
        "<{}\n>a</{}\n>",
        "<{} >a</{}>",
        "<{}>a</{} >",
        "<{}>\n</{}>",
        "<{}/>\n",
        "<{}/><!-- a -->",
    )
    bad = (
        "< {}>a</{}>",
        "<{}>a< /{}>",
        "<{}>a</ {}>",
        "<{}>a</{}",
        "<{}>a<{}>",
        "<{}>a",
        "a</{}>",
        "</{}>a<{}>",
        "<{}/ >",
        "<{}/>a</{}>",
        "</{}/>",
        "<//{}>",
        "<{}//>",
        "<{}>>a<</{}>",
        "<<{}>a</{}>",
        "<{}>a</{}></{}>",
        "<{}><{}>a</{}>",
        "<{}\x00>a</{}>",
        "<{}\u00a0>a</{}>",
        "<{}\x0c>a</{}>",
        "<!{}>a</!{}>",
        "<?{}>a</{}>",
        "<{}?>a</{}>",
        "<{}>a</{}?>",
        "<{}=>a</{}>",
        "<{}&>a</{}&>",
        "<{};>a</{};>",
    )
    for base in BASES:
        for which in (base.text, base.number, base.date):
            for shape in good:
                yield base.case(f"{shape.format(which[0], which[0])!r}", which, shape.replace("{}", which[0]))
        for shape in bad:
            yield Case(
                f"{base.name}: {shape!r}", base.element(base.text, shape.replace("{}", base.text[0])), base.named, "refused"
            )


# --- values ------------------------------------------------------------------------------------------------------------


def _filled(which: tuple[str, str], content: str) -> str:
    return f"<{which[0]}>{content}</{which[0]}>"


def _values() -> Iterator[Case]:
    for base in BASES:
        for which, choices in ((base.number, nasty.NUMBERS), (base.date, nasty.DATES), (base.text, nasty.TEXTS)):
            for content in choices:
                for codec in ("cp1251", "utf-8"):
                    if codec == "utf-8" and content.isascii() and which is not base.text:
                        continue
                    name = f"{which[0]} {content[:40]!r} of {len(content)} in {codec}"
                    yield base.case(name, which, _filled(which, content), codec)
    for which in (("KOL_USL", "1.00"), ("IDCASE", "101"), ("USL_OK", "3"), ("SUM_M", "100.00"), ("PRVS", "76")):
        for content in nasty.NUMBERS:
            yield MAIN.case(f"{which[0]} {content[:40]!r} of {len(content)}", which, _filled(which, content))


def _contents() -> Iterator[Case]:
    """Markup within leaves."""
    for base in BASES:
        for which in (base.text, base.number):
            for content in nasty.MARKUP:
                yield Case(f"{base.name}: {which[0]} {content!r}", base.leaf(which, content), base.named)
        for attribute in nasty.ATTRIBUTES:
            tag, value = base.text
            yield Case(
                f"{base.name}: {tag} with {attribute!r}",
                base.element(base.text, f"<{tag}{attribute}>{value}</{tag}>"),
                base.named,
            )
            yield Case(
                f"{base.name}: {base.record} with {attribute!r}",
                base.changed(f"<{base.record}>", f"<{base.record}{attribute}>"),
                base.named,
            )


def _lengths() -> Iterator[Case]:
    """Texts exactly at and over the greatest length, in letters of one byte and of many, written out and by reference."""
    for base, tag, most in (
        (MAIN, ("NHISTORY", "Б-17"), 50),
        (MAIN, ("IDDOKT", "01"), 25),
        (PERSONS, ("FAM", "Иванов"), 40),
        (PERSONS, ("SNILS", "000-000-000 00"), 14),
    ):
        for letter in ("a", "Ж", "&amp;", "&#1046;", "&#x1F600;", "&#xA0;"):
            for size in (most - 1, most, most + 1, most * 2, most * 5 + 1):
                yield base.case(f"{tag[0]} of {size} letters {letter}", tag, _filled(tag, letter * size))
        for letter in ("Ж", "日", "😀", "a\u0301"):
            for size in (most - 1, most, most + 1):
                yield base.case(f"UTF-8: {tag[0]} of {size} letters {letter}", tag, _filled(tag, letter * size), "utf-8")
    text = MAIN.text
    for size in (11, 12, 13, 14, 15, 16, 17, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127, 128, 129):
        for letter in ("a", "Ж"):
            for end in ("", "&quot;", "&#1046;", "\n"):
                yield MAIN.case(f"text of {size} letters {letter} and {end!r}", text, _filled(text, letter * size + end))
        yield MAIN.case(f"UTF-8: text of {size} letters", text, _filled(text, "Ж" * size), "utf-8")


# --- every edition -----------------------------------------------------------------------------------------------------


def _editions() -> Iterator[Case]:
    """The same few changes for every edition: minimal and full files made from its table, one change to a record."""
    for format_id in formats.format_ids():
        edition = formats.get(format_id)
        named, tag = generate.named(edition), generate.record_tag(edition).encode()
        for chance, which in ((None, "minimal"), (0.3, "by chance")):
            plain = documents.document(edition, full=False, chance=chance, records=max(len(_PLAIN), len(_MARKED)))
            yield Case(f"{format_id}: {which}, plain changes", _changed_records(plain, tag, _PLAIN), named, "read")
            yield Case(f"{format_id}: {which}, comments and attributes", _changed_records(plain, tag, _MARKED), named, "read")
        small = documents.document(edition, full=False, records=2)
        others = {"as it should be": small, "compact": _compact(small), "CRLF": small.replace(b"\n", b"\r\n")}
        if format_id in _ALONE:
            others |= {name: change(small, tag) for name, change in {**_PLAIN, **_MARKED}.items()}
            others["full"] = documents.document(edition, full=True, records=2)
            others["60 records"] = documents.document(edition, full=False, records=60)
        others["in UTF-8"] = documents.document(edition, full=True, records=1, encoding="UTF-8")
        others["no records"] = documents.document(edition, full=False, records=0)
        for name, data in others.items():
            yield Case(f"{format_id}: {name}", data, named, "read")


def _changed_records(data: bytes, tag: bytes, changes: Changes) -> bytes:
    """The file with one change in each record."""
    records = [item for item in markup.elements(data) if item.depth == 1 and item.name == tag]
    for item, change in reversed(list(zip(records, changes.values(), strict=False))):
        changed = change(b"<R>" + data[item.start : item.end] + b"</R>", tag)[3:-4]
        data = data[: item.start] + changed + data[item.end :]
    return data


def _compact(data: bytes) -> bytes:
    return b"".join(line.strip() for line in data.splitlines())


def _leaf_of(data: bytes, tag: bytes, number: int) -> markup.Element:
    """A leaf of the first record, by its ordinal from a third of the way."""
    at = data.index(b"<" + tag + b">")
    leaves = [item for item in markup.elements(data) if item.leaf and item.start > at and item.depth > 1]
    return leaves[(len(leaves) // 3 + number) % len(leaves)]


def _spliced(number: int, make: Callable[[bytes, bytes], bytes]) -> Callable[[bytes, bytes], bytes]:
    """A change of one leaf of a record: `make` gets its tag and its content."""

    def change(data: bytes, tag: bytes) -> bytes:
        item = _leaf_of(data, tag, number)
        return data[: item.start] + make(item.name, data[item.inner : item.inner_end]) + data[item.end :]

    return change


def _reversed(data: bytes, tag: bytes) -> bytes:
    """The elements of the first record from the last to the first."""
    found = markup.elements(data)
    record = next(item for item in found if item.name == tag and item.depth == 1)
    inside = [item for item in found if item.depth == 2 and record.start < item.start < record.end]
    body = b"".join(data[item.start : item.end] for item in reversed(inside))
    return data[: record.inner] + body + data[record.inner_end :]


#: Changes of a record that a scanner of a subset of XML may well read.
_PLAIN: Final[Changes] = {
    "nothing": lambda data, tag: data,
    "unknown element": lambda data, tag: data.replace(b"</" + tag + b">", b"<NOBODY><A>1</A></NOBODY></" + tag + b">", 1),
    "text in the record": lambda data, tag: data.replace(b"</" + tag + b">", b"text</" + tag + b">", 1),
    "record emptied": lambda data, tag: (
        data[: data.rindex(b"<" + tag + b">")] + b"<" + tag + b"/>" + data[data.rindex(b"</" + tag + b">") + len(tag) + 3 :]
    ),
    "leaf gone": _spliced(0, lambda name, content: b""),
    "leaf twice": _spliced(1, lambda name, content: (b"<" + name + b">" + content + b"</" + name + b">") * 2),
    "leaf empty": _spliced(2, lambda name, content: b"<" + name + b"/>"),
    "leaf of blanks": _spliced(3, lambda name, content: b"<" + name + b"> \n</" + name + b">"),
    "leaf of rubbish": _spliced(5, lambda name, content: b"<" + name + b">-1,5\xd0\xe0&quot;</" + name + b">"),
    "leaf of a reference": _spliced(6, lambda name, content: b"<" + name + b">&#x31;" + content + b"</" + name + b">"),
    "leaves from the last to the first": _reversed,
    "leaf gone, others reversed": lambda data, tag: _reversed(_spliced(7, lambda name, content: b"")(data, tag), tag),
}
#: Changes of a record that belong to the slow path.
_MARKED: Final[Changes] = {
    "comment before": lambda data, tag: data.replace(b"<" + tag + b">", b"<!-- </" + tag + b"> --><" + tag + b">"),
    "comment in the record": lambda data, tag: data.replace(b"<" + tag + b">", b"<" + tag + b"><!-- a -->", 1),
    "attribute on a record": lambda data, tag: data.replace(b"<" + tag + b">", b"<" + tag + b" a='>'>", 1),
    "leaf of CDATA": _spliced(4, lambda name, content: b"<" + name + b"><![CDATA[</" + name + b">]]></" + name + b">"),
    "leaf of a comment": _spliced(5, lambda name, content: b"<" + name + b">" + content + b"<!-- a --></" + name + b">"),
    "nothing": lambda data, tag: data,
}
#: Editions, one of each shape, for which every change also stands in a file of its own.
_ALONE: Final = frozenset({"H_3.2", "H_2.1", "T_3.1", "C_3.1", "X_3.1_2021-08", "L_3.2", "RD_3.2", "A_3.1", "FLK_P"})

_GROUPS: Final[tuple[Callable[[], Iterator[Case]], ...]] = (
    _roots,
    _declarations,
    _encodings,
    _bytes,
    _newlines,
    _truncated,
    _records,
    _structures,
    _names,
    _tags,
    _values,
    _contents,
    _lengths,
    _editions,
)
