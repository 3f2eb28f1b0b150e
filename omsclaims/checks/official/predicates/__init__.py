"""What do rows of the check books mean that say it in words only? Predicates written by hand, each bound to the id of its row.

A predicate is registered under the ids of its rows and returns where they are broken; it is listed as `by hand` wherever coverage
is told. Sums over what lies below, uniqueness, pairs of rows and comparisons inside a classifier stand here.
"""

from __future__ import annotations

from omsclaims.checks.official.predicates import classifiers, header, sums  # noqa: F401 - importing registers them
from omsclaims.checks.official.predicates.base import Made, Predicate, of, registered
from omsclaims.checks.official.predicates.regional import regional_book

__all__ = ["Made", "Predicate", "of", "regional_book", "registered"]
