"""Which rows compare values inside a classifier? Histology and markers (N008, N009, N011, N012), documents (F011)."""

from __future__ import annotations

import polars as pl

from omsclaims.checks.official import classifiers as books
from omsclaims.checks.official.lines import Lines, Value
from omsclaims.checks.official.masks import MaskError, pattern
from omsclaims.checks.official.predicates.base import At, Made, Row, by_hand
from omsclaims.checks.official.resolve import Editions, Site

_MORPHOLOGY, _MARKER = 1, 2  #: DIAG_TIP
_AMBULANCE = 4  #: USL_OK


@by_hand("006F.00.0470")
def morphology_of_diagnosis(row: Row, site: Site, editions: Editions) -> Made | None:
    """DIAG_TIP=1 and DS1 in N009: DIAG_CODE is one that N009 has for DS1."""
    return _of_diagnosis(editions, _MORPHOLOGY, "N009", "DS_Mrf", "ID_Mrf")


@by_hand("006F.00.0490")
def marker_of_diagnosis(row: Row, site: Site, editions: Editions) -> Made | None:
    """DIAG_TIP=2 and DS1 in N012: DIAG_CODE is one that N012 has for DS1."""
    return _of_diagnosis(editions, _MARKER, "N012", "DS_Igh", "ID_Igh")


def _of_diagnosis(editions: Editions, kind: int, book: str, diagnosis: str, code: str) -> Made:
    at = At(editions, "b_diag")
    columns = tuple(books.column_of(book, one) for one in (diagnosis, code))
    at.books.extend((book, one) for one in columns)

    def fits(lines: Lines) -> pl.Series:
        """Whether the code is one of its diagnosis; null where the book has nothing of the diagnosis."""
        days = lines.at("b_diag", Value("sl.date_2", "sl", "date_2"))
        whole = lines.at("b_diag", Value("sl.ds1", "sl", "ds1"))
        codes = lines.tables["b_diag"]["diag_code"]
        said = pl.Series([None], dtype=pl.Boolean).new_from_index(0, codes.len())
        for name in (whole, whole.str.head(3)):  # the books list categories (C16) and single diagnoses
            listed = books.known(lines.books, book, columns[0], name, days)
            same = books.together(lines.books, book, columns, [name, codes], days)
            said = pl.select(pl.when(listed).then(same | said.fill_null(False)).otherwise(said)).to_series()
        return said

    return at.made((at("b_diag.diag_tip") == kind) & ~at.computed(f"{book} of the diagnosis", fits), at("b_diag.diag_code"))


@by_hand("006F.00.0480")
def result_of_morphology(row: Row, site: Site, editions: Editions) -> Made | None:
    """DIAG_TIP=1: the result belongs to the code in N008."""
    return _result(editions, _MORPHOLOGY, "N008", "ID_R_M", "ID_Mrf")


@by_hand("006F.00.0500")
def result_of_marker(row: Row, site: Site, editions: Editions) -> Made | None:
    """DIAG_TIP=2: the result belongs to the code in N011."""
    return _result(editions, _MARKER, "N011", "ID_R_I", "ID_Igh")


def _result(editions: Editions, kind: int, book: str, result: str, code: str) -> Made:
    at = At(editions, "b_diag")
    listed = at.member("b_diag.diag_rslt", book, result, "sl.date_2")
    same = at.together(("b_diag.diag_rslt", "b_diag.diag_code"), book, (result, code), "sl.date_2")
    return at.made((at("b_diag.diag_tip") == kind) & listed & ~same, at("b_diag.diag_rslt"))


@by_hand("004F.00.0460", "004F.00.1700")
def series_of_document(row: Row, site: Site, editions: Editions) -> Made | None:
    """DOCSER fits the mask that F011 has for its DOCTYPE."""
    return _document(site, editions, "docser", "series_mask")


@by_hand("004F.00.0470", "004F.00.1710")
def number_of_document(row: Row, site: Site, editions: Editions) -> Made | None:
    """DOCNUM fits the mask that F011 has for its DOCTYPE."""
    return _document(site, editions, "docnum", "number_mask")


def _document(site: Site, editions: Editions, element: str, column: str) -> Made:
    table = site.table
    at = At(editions, table)
    at.books.append(("F011", column))

    def fits(lines: Lines) -> pl.Series:
        """Whether the text fits the mask of its document; null without one that can be read."""
        kinds, texts = lines.tables[table]["doctype"], lines.tables[table][element]
        frame = pl.DataFrame({"kind": kinds.cast(pl.String), "text": texts})
        said: pl.Expr = pl.lit(None, dtype=pl.Boolean)
        for code, mask in lines.books.require("F011").rows.select("code", column).unique(maintain_order=True).iter_rows():
            made = document_pattern(mask or "")
            if made is not None:
                said = pl.when(pl.col("kind") == code).then(pl.col("text").str.contains(made)).otherwise(said)
        return frame.with_columns(said.alias("fits"))["fits"]

    return at.made(~at.computed(f"{element} fits", fits), at(f"{table}.{element}"))


def document_pattern(mask: str) -> str | None:
    """A mask of F011 as a regular expression; None for an empty mask, and for one that cannot be read.

    R Roman figures, Б a Russian letter, S any sign, 9 a digit, 0 a digit that may be left out.
    """
    if not mask.strip():
        return None
    found, place = "", 0
    letters = {"R": "[IVXLCDM]", "Б": "[А-ЯЁ]", "S": ".", "9": "[0-9]", "0": "[0-9]?", "-": "-", " ": " "}
    while place < len(mask):
        one = mask[place]
        if one not in letters:
            try:
                return pattern(mask)
            except MaskError:
                return None
        run = 1
        while place + run < len(mask) and mask[place + run] == one:
            run += 1
        found += f"{letters[one]}{{1,{max(run, 6)}}}" if one == "R" else ".{1,20}" if one == "S" else letters[one] * run
        place += run
    return f"^{found}$"


@by_hand("006F.00.0440")
def secondary_is_no_complication(row: Row, site: Site, editions: Editions) -> Made | None:
    """No DS2 of a case is one of its DS3."""
    if editions.site("main", "ZAP/Z_SL/SL/DS3") is None:
        return None
    at = At(editions, "ds2")

    def both(lines: Lines) -> pl.Series:
        """Whether the diagnosis stands among the complications of its case, too."""
        complications = lines.tables["ds3"].select("_parent", pl.col("ds3").alias("ds2")).drop_nulls().unique()
        marked = complications.with_columns(both=pl.lit(True))
        found = (
            lines.tables["ds2"].select("_parent", "ds2").join(marked, on=["_parent", "ds2"], how="left", maintain_order="left")
        )
        return found["both"].fill_null(False)

    return at.made(at.computed("ds2 is ds3", both), at("ds2.ds2"))


@by_hand("003K.00.0650", "003K.00.0660", "003K.00.0670", "003K.00.0680", "003K.00.0690", "003K.00.0700")
def subrubric_where_there_is_one(row: Row, site: Site, editions: Editions) -> Made | None:
    """A diagnosis is given to its subrubric where M001 has one on the day; not asked of ambulance (USL_OK=4)."""
    if not site.known:
        return None
    at = At(editions, site.table)
    at.books.append(("M001", "code"))

    def coarse(lines: Lines) -> pl.Series:
        """Whether the diagnosis is a rubric that M001 divides further."""
        codes = lines.books.require("M001").rows["code"]
        divided = codes.filter(codes.str.contains(".", literal=True)).str.head(3).unique()
        return lines.tables[site.table][site.column].is_in(divided.implode())

    ambulance = at("z_sl.usl_ok") == _AMBULANCE if editions.site("main", "ZAP/Z_SL/USL_OK") else pl.lit(False)
    wrong = at.computed(f"{site.path} has subrubrics", coarse) & ~ambulance.fill_null(False)
    return at.made(wrong, at(f"{site.table}.{site.column}"))
