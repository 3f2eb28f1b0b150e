"""Which КСГ has a case? The grouper: workbooks compiled, candidates, choice, two groups in one stay (law.md 8.1, 8.6).

book        KSG.ST.* or KSG.DS.* -> Grouper
cases       tables of a month or package -> the cases as the grouper sees them
candidates  which groups each case can have
choice      which one it has, and why
beside      which groups of one stay are paid
grouping    all of it for a month: several editions, findings
"""

from omsclaims.tariffs.grouper.book import Grouper, compile_grouper
from omsclaims.tariffs.grouper.cases import cases_of
from omsclaims.tariffs.grouper.choice import decide
from omsclaims.tariffs.grouper.matching import candidates

__all__ = ["Grouper", "candidates", "cases_of", "compile_grouper", "decide"]
