"""What does control (МЭК) look for? Two files per group of rules: `<group>.yaml` declares, `<group>.py` finds (order 231n).

A declaration (`catalogue.Rule`) has the keys

    pass        registry | person | case | patient | history | volumes (checks.md 2.4); `also`: further passes
    level       file | case | sl | usl | element (C220: the level of the element)
    code        ground of refusal, F014 number without its final point; old_code for care before `catalogue.NEW_CODES_SINCE`
    kinds       files it looks at; absent: all
    books       without them the rule is not executed, and `executed` says so; tables likewise
    reference   rows of the federal check books (Q015 format and logic, Q016 МЭК, Q022/Q023 regional) or of the control order
    parameters  name -> values by the date from which they hold (date of care), sure: see omsclaims.law

Importing this package registers the predicates of every group.
"""

from omsclaims.checks.control import (  # noqa: F401 - importing a group registers its predicates
    age_sex,
    books,
    dates,
    death,
    diagnosis,
    dispensary,
    duplicates,
    header,
    licence,
    policy,
    referral,
    result,
    sums,
    tariff,
    vmp,
    volumes,
)
