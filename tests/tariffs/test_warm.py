"""Is everything that a month calls compiled by warming up?"""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from numba import config

from omsclaims import money
from omsclaims.periods import parse_partition
from omsclaims.tariffs import norms, warm
from omsclaims.tariffs.grouper.grouping import group, prices_by_weight
from tests.settlement import settlement_samples as samples
from tests.tariffs.grouper.grouper_cases import case_table, groupers

PARTITION = parse_partition([{"code": "all", "sex": "mf", "from": 0, "to": None}])


@pytest.mark.skipif(bool(config.DISABLE_JIT), reason="nothing is compiled where the compiler is off")
def test_nothing_is_left_to_compile_when_a_month_comes() -> None:
    warm.prepare()
    before = {kernel.__name__: list(kernel.signatures) for kernel in warm.kernels()}  # type: ignore[attr-defined]
    assert all(before.values())
    lines = [
        {"ds1": "A00.0"},
        {"ds1": "I21.0", "services": "A16.12.004.001"},
        {"ds1": "C34.1", "ds2": "E11.2", "criteria": "sh0052"},
    ]
    group(case_table(*lines), groupers(), prices_by_weight(groupers()))
    person = {"enp": "1" * 16, "smo": "75901", "w": 1, "dr": date(1980, 1, 1), "policy_from": date(2020, 1, 1), "place": "north"}
    register = samples.rows("reg_insured", {**person, "policy_to": None, "died_on": None}, {**person, "enp": None, "npolis": "7"})
    norms.count(norms.members_of(register), PARTITION, [date(2022, 3, 1)])
    column = np.arange(1, 60_000, dtype=np.int64)
    money.exact_amounts([money.Term((column, column), 4), money.Term((column,), 2)])
    money.share_rows(np.array([10, 20]), column, column % 2)
    after = {kernel.__name__: list(kernel.signatures) for kernel in warm.kernels()}  # type: ignore[attr-defined]
    assert after == before
