"""What does care cost? Prices of cases by the tariff agreement, exact, with the factors they were made of (law.md 7-9, 16)."""

from omsclaims.tariffs.explain import explain
from omsclaims.tariffs.grouper.path import lines as path_of_group
from omsclaims.tariffs.pricing import group, price

__all__ = ["explain", "group", "path_of_group", "price"]
