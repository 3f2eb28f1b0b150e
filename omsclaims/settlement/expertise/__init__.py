"""What follows control of a closed month? Expertise (МЭЭ, ЭКМП): samples, acts, deductions and fines, appeals, resubmission.

Orders 230, 36, 231n; Rules 126-132; design: law.md 10. Every public stage is a function of tables and a context:

- `sampling.sample` draws planned samples and targeted lists from a closed month
- `acts.accept` holds acts as they came against the cases they name
- `deductions.deduct` makes money of grounds: non-payment and fines, what a month posts of them
- `appeals.claim`, `appeals.decide` follow a clinic's claim to the fund's decision
- `resubmission.link` finds the refusal that a case billed again answers
"""
