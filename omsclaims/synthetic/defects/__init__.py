"""Which rules are broken on purpose, and how? One entry per way to break a rule, with what must be found.

Rules are those of the control catalogue, of structure (S.*) and of missing tariffs (P.1). A module per part of the catalogue has
RARE (defects that only few cases can take: these are dealt first) and USUAL. Not planted here, and why: C084, C085 refuse the
whole package (`files`); C191, C192 (the plan runs out) are worked out in `truth`. Every rule has a defect: `make planted`.
"""

from __future__ import annotations

from typing import Final

from omsclaims.synthetic.defects import (
    care_diagnoses,
    care_examinations,
    care_groups,
    care_oncology,
    general,
    grouping,
    persons,
    registers,
    repeats,
    vouchers,
)
from omsclaims.synthetic.planting import Defect

_PARTS: Final = (
    vouchers, persons, repeats, registers, general, care_diagnoses, care_oncology, care_examinations, care_groups, grouping,
)  # fmt: skip

#: Everything that is planted, in the order of planting. Names: the rule, and what is done where a rule has several ways.
DEFECTS: Final[tuple[Defect, ...]] = (
    *(defect for part in _PARTS for defect in part.RARE),
    *(defect for part in _PARTS for defect in part.USUAL),
)

#: Ways to break a rule that only a handful of cases allow, or that take a bill of their own: a few each.
ONCE: Final = frozenset({"S.913", "S.908", "S.909"}) | persons.ONCE | registers.ONCE


def rules() -> frozenset[str]:
    """Rules that `DEFECTS` break as the defect itself."""
    return frozenset(defect.name.split(" ")[0] for defect in DEFECTS if not defect.sound)
