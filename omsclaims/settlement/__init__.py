"""Who owes whom? Identification, decisions of control, money of insurers and clinics, other territories, reserves, the ledger.

Rules 158n chapters IV, VIII, IX, X and XIV; design: law.md 4, 5, 9, 10, 11, 13. The public stages are `identify`, `consume` and
`line_use` (volumes of the commission), `voucher_register` and `voucher_uses` (high-tech care), `decide`, `refused`, `sanctions`,
`settle` and `identities`; every one is a function of tables and a context.
"""

from __future__ import annotations

from omsclaims.settlement.accidents import accident_cases, accident_deductions, without_accidents
from omsclaims.settlement.decide import decide, refused, sanctions
from omsclaims.settlement.identify import identify
from omsclaims.settlement.identities import Identity, identities
from omsclaims.settlement.settle import settle
from omsclaims.settlement.volumes import consume, line_use
from omsclaims.settlement.vouchers import voucher_register, voucher_uses

__all__ = [
    "Identity", "accident_cases", "accident_deductions", "consume", "decide", "identify", "identities", "line_use", "refused",
    "sanctions", "settle", "voucher_register", "voucher_uses", "without_accidents",
]  # fmt: skip
