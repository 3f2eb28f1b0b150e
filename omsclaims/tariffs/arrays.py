"""How are columns handed to compiled code? As arrays of one type, whoever owns them.

numba compiles a function anew for each type of its arrays, and whether an array may be written to is a part of the type: a column
of polars may or may not be writable, as it happened to be made.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def held(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same values, read-only and in one piece."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
