"""Who settles what with another territory? Items of bills between funds and their states, the place fund, the home fund.

Rules 158n 133-151; law.md 11. `items` is the state machine that both sides share: the states follow from the items of the files
and are never stored. `place` is the fund of the territory of care.
"""
