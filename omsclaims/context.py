"""What does a stage need to know besides its tables? The frozen surroundings of one run.

A stage is a public function `stage(tables, context) -> tables`: it reads no file, no clock and no global.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from omsclaims.law import Parameters
from omsclaims.law.agreement import Agreement
from omsclaims.nsi import Books
from omsclaims.periods import Month

Role = Literal["fund", "insurer"]
Payments = Literal["planned", "actual"]


@dataclass(frozen=True)
class Context:
    """Surroundings of one run.

    month      the reporting month that is settled
    as_of      the day whose knowledge is used (registers, editions); recorded in the audit chain
    territory  two-digit code of the territory (F010 KOD_TF)
    role       whose workspace it is
    books      editions chosen for the reporting period
    law        federal parameters
    agreement  tariff agreement of the territory and year
    secret     key of the workspace, from which keys of persons are made (HMAC); never stored in results
    payments   planned: the closing makes advances and final payments; actual: it only says what is due, money moves by events
    """

    month: Month
    as_of: date
    territory: str
    role: Role
    books: Books
    law: Parameters
    agreement: Agreement
    secret: bytes
    payments: Payments = "planned"
