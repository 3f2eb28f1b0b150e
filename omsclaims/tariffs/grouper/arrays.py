"""How do the kernels of the grouper see a workbook, its rules and cases? Tuples of arrays of numbers, and nothing else.

They stand apart from what fills them (book, cases), so that the kernels know them without knowing that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class RowArrays(NamedTuple):
    """The rows in order of their key (pattern of the main diagnosis, service, criterion); 0 is "any" in every part of it.

    key, first, last    hash table of keys: rows first .. last - 1; first -1 where a slot is empty
    need                bits of age, sex, duration and fractions that the case must have
    ds2, ds3            patterns of the secondary diagnosis and of the complication, 0: none asked
    group, number, marks  КСГ as its place in `groups`; № of the row; bits that rules of the choice ask of the row
    category_first, category_patterns  ranges and letters that the category of a diagnosis lies in
    pattern_has         per pattern: bit 1 some row asks for a service, too, bit 2 for a criterion
    service_has         per service: bit 1 some row asks for a main diagnosis, too, bit 2 for a criterion
    criterion_has       per criterion: bit 1 some row asks for a main diagnosis, too
    """

    key: Int64s
    first: Int32s
    last: Int32s
    need: Int64s
    ds2: Int32s
    ds3: Int32s
    group: Int32s
    number: Int32s
    marks: Int64s
    category_first: Int32s
    category_patterns: Int32s
    pattern_has: npt.NDArray[np.uint8]
    service_has: npt.NDArray[np.uint8]
    criterion_has: npt.NDArray[np.uint8]


class RuleArrays(NamedTuple):
    """The rules of the choice as bits (the place of a rule in `chosen`), and per group of this book the bits of some of them.

    exceptions     rules that are exceptions; the others are priorities
    groups         per group the rules that are about it
    asks_row       rules that ask something of the row of the workbook (`marks` says whether it is met)
    possible       per group the rules for which it is enough that this group is a candidate, too
    asks_possible  rules that ask for such a group
    impossible     per group the rules that do not hold where this group is a candidate
    """

    exceptions: int
    groups: Int64s
    asks_row: int
    possible: Int64s
    asks_possible: int
    impossible: Int64s


class Encoded(NamedTuple):
    """Cases as numbers of one grouper; `x_first[i] .. x_first[i + 1] - 1` are the values of case i in `x`.

    exact     number of the main diagnosis among the codes of the book, 0: none of them
    category  its category of three characters; the last: it has none
    have      bits of sex, age, duration and fractions (book.bit_places)
    service, criterion, ds2, ds3   numbers of the codes of the book; those that it does not know are left out (services and
              criteria) or 0 (diagnoses, which a range may still take)
    """

    exact: Int32s
    category: Int32s
    have: npt.NDArray[np.int64]
    service_first: Int32s
    service: Int32s
    criterion_first: Int32s
    criterion: Int32s
    ds2_first: Int32s
    ds2: Int32s
    ds2_category: Int32s
    ds3_first: Int32s
    ds3: Int32s
    ds3_category: Int32s
