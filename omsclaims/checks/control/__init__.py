"""What does control (МЭК) look for? Two files per group of rules: `<group>.yaml` declares, `<group>.py` finds (order 231n).

A declaration (`catalogue.Rule`) has the keys

    pass        registry | person | case | patient | history | volumes (checks.md 2.4); `also`: further passes
    level       file | case | sl | usl | element (C220: the level of the element)
    code        ground of refusal, F014 number without its final point; old_code for care before `catalogue.NEW_CODES_SINCE`
    scope       what it needs to see (catalogue.SCOPES); absent: derived from pass and level
    since       first date of care (of the invoice, for a rule of a file) for which it holds; until: the last
    kinds       files it looks at; absent: all
    books       without them the rule is not executed, and `executed` says so; tables likewise. R001 and so on are tables that
                the region keeps (`regional.yaml`)
    attributes  book -> columns that the rule needs in it; without them it is not executed
    enabled     false: off unless the agreement switches it on (control.enabled_rules); `rule.<id>.off` says why
    same_as     rows of Q015 and Q016 that find the same or a part of it, so that one error is not told twice
    covers      further rows of the control catalogue that are parameters or parts of this rule
    found_by    rules of other rooms that find it: structure (S.*) and prices; it has no predicate here
    cascade     person | stay: what is refused takes these along; its function gets the refused cases in run.memo["refused"]
    reference   rows of the federal check books (Q015 format and logic, Q016 МЭК, Q022/Q023 regional) or of the control order
    parameters  name -> values by the date from which they hold (date of care); each stands on the reference of its rule

Importing this package registers the predicates of every group.
"""

from omsclaims.checks.control import (  # noqa: F401 - importing a group registers its predicates
    accidents,
    age_sex,
    books,
    dates,
    death,
    diagnosis,
    dispensary,
    duplicates,
    format,
    groups,
    header,
    licence,
    misc,
    oncology,
    policy,
    referral,
    resubmission,
    result,
    sums,
    tariff,
    vmp,
    volumes,
    vouchers,
)
