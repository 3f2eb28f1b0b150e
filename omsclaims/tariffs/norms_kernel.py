"""How many insured stand in each cell on a day? One pass over the rows of the register, person by person (law.md 4.1, 4.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


@njit(cache=True)
def count(
    person: npt.NDArray[np.uint32],
    first: Int32Array,
    last: Int32Array,
    died: Int32Array,
    place: Int32Array,
    sex: npt.NDArray[np.int8],
    born: Int32Array,
    day: int,
    men: Int32Array,
    women: Int32Array,
    places: int,
) -> Int64Array:
    """counts[place, sex, number of the group]. Rows lie by person and first day; the last that holds speaks.

    men, women  birth dates by which a person has entered each group, falling; born after the first one: counted behind the last
    sex         1 or 2; all others are counted under sex 0
    """
    groups = max(men.size, women.size) + 1
    counts = np.zeros((places, 3, groups), np.int64)
    rows = person.size
    held = -1  # the row that speaks for the person
    for row in range(rows):
        if first[row] <= day and last[row] >= day and died[row] >= day:
            held = row
        if held >= 0 and (row + 1 == rows or person[row + 1] != person[row]):
            if sex[held] == 1:
                number = _entered(men, born[held])
                counts[place[held], 1, number] += 1
            elif sex[held] == 2:
                number = _entered(women, born[held])
                counts[place[held], 2, number] += 1
            else:
                counts[place[held], 0, 0] += 1
            held = -1
    return counts


@njit(cache=True)
def _entered(dates: Int32Array, born: int) -> int:
    """Number of the last group that who is born on this day has entered; the number of groups where there is none."""
    number = dates.size
    for at in range(dates.size):
        if born > dates[at]:
            break
        number = at
    return number
