"""What did the commission of the territory agree for the year? The tariff agreement: one folder, checked as a whole.

A folder holds `agreement.yaml` (who, when, rates, rules, options) and CSV tables (groups, levels, clinics, tariffs). Every row
is dated; a row without dates holds as long as the agreement. `load_agreement` returns the agreement or raises AgreementError
with ALL problems, each with file and line. The tables are frames with scaled integers: a column with decimals bears their
number as its last digit (`weight5`: 93000 = 0.93000, `tariff4`: 0.0001 rouble). A key that no table holds is no matter of
loading: pricing makes it a coded finding of the case (Rules 158n chapter XI; design: law.md 7-9).

rows     what a row of each table is            model    the agreement as it was loaded
loading  a folder becomes an agreement          checks   what will show as findings, what departs from federal lists
percapita  contradictions in the tables of per-capita money, the partition of a date
diff     two agreements compared                overlay  a what-if laid over an agreement and the law
"""

from omsclaims.law.agreement.checks import against_law, coverage, month_findings
from omsclaims.law.agreement.diff import diff
from omsclaims.law.agreement.loading import RuleProblem, kept_agreement, load_agreement
from omsclaims.law.agreement.model import (
    Agreement,
    AgreementError,
    Control,
    Financing,
    Head,
    Norms,
    Problem,
    RuleParameter,
    RuleSwitch,
    Volumes,
)
from omsclaims.law.agreement.overlay import Change, apply_overlay, read_overlay
from omsclaims.law.agreement.percapita import OWN_PARTITION, partition_on
from omsclaims.law.agreement.rows import (
    ANY,
    CAPITATION_KINDS,
    FILES,
    KINDS,
    MAIN_FILE,
    PLACED,
    SECTIONS,
    SETTINGS,
    Decimals,
    Kind,
    Row,
    Setting,
    TableSpec,
    cell_text,
    decimals_of,
    frame_column,
    frame_schema,
    key_text,
    spec_of,
)

__all__ = [
    "ANY",
    "CAPITATION_KINDS",
    "FILES",
    "KINDS",
    "MAIN_FILE",
    "OWN_PARTITION",
    "PLACED",
    "SECTIONS",
    "SETTINGS",
    "Agreement",
    "AgreementError",
    "Change",
    "Control",
    "Decimals",
    "Financing",
    "Head",
    "Kind",
    "Norms",
    "Problem",
    "Row",
    "RuleParameter",
    "RuleProblem",
    "RuleSwitch",
    "Setting",
    "TableSpec",
    "Volumes",
    "against_law",
    "apply_overlay",
    "cell_text",
    "coverage",
    "decimals_of",
    "diff",
    "frame_column",
    "frame_schema",
    "kept_agreement",
    "key_text",
    "load_agreement",
    "month_findings",
    "partition_on",
    "read_overlay",
    "spec_of",
]
