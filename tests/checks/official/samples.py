"""Rows and registries for the tests of the check books: a row is a few cells, a record is a few elements."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import polars as pl

from omsclaims import nsi
from omsclaims.checks import official
from omsclaims.registry.reader import PackageRead, read_package

NAME = "HM750001T75_21041"
COLUMNS = (
    "id_el", "type_d", "nsi_obj", "nsi_el", "usl_test", "val_el", "min_len", "max_len", "mask_val", "comment", "desc_test",
)  # fmt: skip
_CELLS = {
    "element": "id_el", "kinds": "type_d", "book": "nsi_obj", "column": "nsi_el", "when": "usl_test", "allowed": "val_el",
    "least": "min_len", "most": "max_len", "mask": "mask_val", "comment": "comment", "says": "desc_test",
}  # fmt: skip
ABSENT = "элемент должен отсутствовать при выполнении условия"


def row(code: str, element: str, **cells: Any) -> dict[str, Any]:
    """One row: `element` below the root of the main file, or with `PERS_LIST/`; other cells by the names of _CELLS."""
    path = element if element.startswith(("ZL_LIST", "PERS_LIST")) else f"ZL_LIST/{element}"
    made: dict[str, Any] = dict.fromkeys(COLUMNS)
    made |= {"code": code, "valid_from": cells.pop("since", date(2019, 11, 1)), "valid_to": cells.pop("until", None)}
    made |= {"id_el": path, "type_d": "C;D;H;L;R;T;X"}
    return made | {_CELLS[name]: str(value) for name, value in cells.items()}


def book(*rows: dict[str, Any], name: str = "Q015", published: date = date(2021, 2, 12)) -> nsi.Book:
    """An edition of a check book."""
    kinds = {"code": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, **dict.fromkeys(COLUMNS, pl.String), "row": pl.Int64}
    numbered = [{**one, "row": number} for number, one in enumerate(rows, 1)]
    return nsi.Book(name, "test", pl.DataFrame(numbered, schema=kinds), published=published)


def codes(name: str, *rows: tuple[Any, ...], columns: tuple[str, ...] = ("code",)) -> nsi.Book:
    """A classifier, in force since ever; a row may end with two dates."""
    width = len(columns)
    made = [
        {**dict(zip(columns, one, strict=False)), "valid_from": one[width] if len(one) > width else nsi.SINCE_EVER,
         "valid_to": one[width + 1] if len(one) > width + 1 else None}
        for one in rows
    ]  # fmt: skip
    frame = pl.DataFrame(made, schema={**dict.fromkeys(columns, pl.String), "valid_from": pl.Date, "valid_to": pl.Date})
    return nsi.Book(name, "test", frame if "code" in columns else frame.with_columns(code=pl.first()))


def case(
    number: int, *, patient: str = "", case: str = "", sl: str = "", usl: str = "", days: tuple[str, str] = ("2021-04-05", "2021-04-09"),
    more: str = "",
) -> str:  # fmt: skip
    """One record: what is given stands at the end of its structure. `more`: further structures of Z_SL behind SL."""
    first, last = days
    services = f"<USL><IDSERV>u{number}</IDSERV><DATE_IN>{first}</DATE_IN><DATE_OUT>{last}</DATE_OUT>{usl}</USL>" if usl else ""
    return (
        f"<ZAP><N_ZAP>{number}</N_ZAP><PR_NOV>0</PR_NOV>"
        f"<PACIENT><ID_PAC>p{number}</ID_PAC><VPOLIS>3</VPOLIS><NPOLIS>7500000000000000</NPOLIS>{patient}<NOVOR>0</NOVOR></PACIENT>"
        f"<Z_SL><IDCASE>{number}0</IDCASE><USL_OK>1</USL_OK>{case}<DATE_Z_1>{first}</DATE_Z_1><DATE_Z_2>{last}</DATE_Z_2>"
        f"<SL><SL_ID>s{number}</SL_ID><DATE_1>{first}</DATE_1><DATE_2>{last}</DATE_2>{sl}{services}</SL>{more}"
        f"<SUMV>100.00</SUMV></Z_SL></ZAP>"
    )


def person(number: int, more: str = "", born: str = "1980-02-29", sex: int = 1) -> str:
    """The person of a record."""
    return f"<PERS><ID_PAC>p{number}</ID_PAC>{more}<W>{sex}</W><DR>{born}</DR></PERS>"


def package(*records: str, persons: str | None = None, header: str = "", name: str = NAME, version: str = "3.1") -> PackageRead:
    """A package of records; of persons those given, else one for each of nine records."""
    period = f"<YEAR>20{name[-5:-3]}</YEAR><MONTH>{int(name[-3:-1])}</MONTH>"
    main = (
        f"<ZL_LIST><ZGLV><VERSION>{version}</VERSION><DATA>2021-05-03</DATA><FILENAME>{name}</FILENAME><SD_Z>{len(records)}</SD_Z></ZGLV>"
        f"<SCHET><CODE>1</CODE><CODE_MO>750001</CODE_MO>{period}<NSCHET>1</NSCHET><DSCHET>2021-05-01</DSCHET>"
        f"<SUMMAV>{len(records)}00.00</SUMMAV>{header}</SCHET>{''.join(records)}</ZL_LIST>"
    )
    other = f"L{name[1:]}"
    people = "".join(person(number) for number in range(1, 10)) if persons is None else persons
    their = f"<PERS_LIST><ZGLV><VERSION>3.2</VERSION><FILENAME>{other}</FILENAME><FILENAME1>{name}</FILENAME1></ZGLV>{people}</PERS_LIST>"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for stem, text in ((name, main), (other, their)):
            archive.writestr(f"{stem}.xml", f'<?xml version="1.0" encoding="windows-1251"?>{text}'.encode("cp1251"))
    return read_package(made.getvalue(), f"{name}.zip")


def check(read: PackageRead, *books: nsi.Book, today: date = date(2021, 5, 5)) -> official.Checked:
    """What the books find in a package."""
    assert read.format is not None
    chosen = nsi.Books({one.name: one for one in books})
    return official.check(read.tables, read.format, read.person_format, chosen, read.name, today)


def fired(read: PackageRead, *books: nsi.Book) -> dict[str, list[int | None]]:
    """Row -> records (N_ZAP) with a finding."""
    found = check(read, *books).findings
    return {str(code): part["n_zap"].to_list() for (code,), part in found.partition_by("rule", as_dict=True).items()}
