"""Does identification weigh the evidence in its order, tell people apart, and keep personal values out?"""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from omsclaims import contract
from omsclaims.nsi import book_from_rows
from omsclaims.settlement import identify
from tests.settlement import settlement_samples as samples

ENP, OTHER_ENP = "7500000000000017", "3800000000000025"


def insured(enp: str | None = ENP, **changes: object) -> dict[str, object]:
    return {
        "enp": enp, "fam": "ИВАНОВ", "im": "ИВАН", "ot": None, "w": 1, "dr": date(1980, 5, 6), "vpolis": 3, "npolis": enp,
        "smo": "75901", "policy_from": date(2020, 1, 1), "policy_to": None, "place": "north", "died_on": None, **changes,
    }  # fmt: skip


def tables(
    cases: list[dict[str, object]], policies: list[str | None], register: list[dict[str, object]],
    people: list[dict[str, object]] | None = None, attachments: list[dict[str, object]] | None = None,
    series: list[str | None] | None = None,
) -> dict[str, pl.DataFrame]:  # fmt: skip
    keys = [int(str(case["case_key"])) for case in cases]
    zaps = [key + 1_000_000 for key in keys]
    given = people or [{"fam": "ИВАНОВ", "im": "ИВАН", "ot": None, "w": 1, "dr": date(1980, 5, 6)}] * len(cases)
    person = [{"package": case["package"], "id_pac": case["id_pac"], **who} for case, who in zip(cases, given, strict=True)]
    return {
        "cases": samples.rows("cases", *cases),
        "z_sl": pl.DataFrame({"_row": keys, "_parent": zaps}),
        "zap": pl.DataFrame({"_row": zaps}),
        "patient": pl.DataFrame(
            {"_row": zaps, "_parent": zaps, "policy": policies, "spolis": series or [None] * len(cases)},
            schema_overrides={"policy": pl.String, "spolis": pl.String},
        ),
        "person": pl.DataFrame(
            person,
            schema={
                "package": pl.String,
                "id_pac": pl.String,
                "fam": pl.String,
                "im": pl.String,
                "ot": pl.String,
                "w": pl.Int64,
                "dr": pl.Date,
            },
        ),
        "reg_insured": samples.rows("reg_insured", *register),
        "reg_attachment": samples.rows("reg_attachment", *(attachments or [])),
    }


def one(result: dict[str, pl.DataFrame], key: int = 1) -> dict[str, object]:
    return result["identified"].filter(pl.col("case_key") == key).row(0, named=True)


def test_register_first_even_when_the_policy_was_issued_elsewhere() -> None:
    # The ЕНП begins with 38, SMO and ST_OKATO name Irkutsk: the register of 75 holds the person, so he is ours.
    row = insured(OTHER_ENP)
    given = tables([samples.case(1, smo="38001", st_okato="25000")], [OTHER_ENP], [row])
    who = one(identify(given, samples.context()))
    assert (who["evidence"], who["status"], who["smo"], who["territory"], who["okato"]) == (
        "register",
        "own",
        "75901",
        "75",
        "76000",
    )
    assert (who["place"], who["policy_from"], who["birth_differs"]) == ("north", date(2020, 1, 1), False)


def test_insurers_prefix_before_st_okato() -> None:
    given = tables([samples.case(1, smo="38001", st_okato="76000")], [OTHER_ENP], [])
    who = one(identify(given, samples.context()))
    assert (who["evidence"], who["status"], who["smo"], who["territory"], who["okato"]) == (
        "insurer_prefix", "other", "38001", "38", "25000",
    )  # fmt: skip


def test_st_okato_when_the_insurer_says_nothing() -> None:
    given = tables(
        [samples.case(1, smo=None, st_okato="25000"), samples.case(2, smo=None, st_okato="76000")], [OTHER_ENP] * 2, []
    )
    result = identify(given, samples.context())
    assert (one(result)["evidence"], one(result)["status"], one(result)["territory"]) == ("st_okato", "other", "38")
    # Issued here but in no register of ours: nobody is known to pay.
    assert (one(result, 2)["status"], one(result, 2)["territory"], one(result, 2)["smo"]) == ("unknown", None, None)


def test_first_digits_of_the_policy_are_no_evidence() -> None:
    who = one(identify(tables([samples.case(1)], [OTHER_ENP], []), samples.context()))
    assert (who["evidence"], who["status"], who["territory"]) == ("none", "unknown", None)


def test_our_insurer_without_a_row_in_the_register_is_unknown() -> None:
    who = one(identify(tables([samples.case(1, smo="75901", st_okato="25000")], [OTHER_ENP], []), samples.context()))
    assert (who["status"], who["evidence"]) == ("unknown", "insurer_prefix")


def test_book_of_insurers_is_heard_before_the_prefix() -> None:
    book = book_from_rows(
        "F002", "test", pl.DataFrame({"code": ["38001"], "valid_from": [None], "valid_to": [None], "tf_okato": ["01000"]})
    )
    books = samples.context().books.with_books({"F002": book})
    who = one(identify(tables([samples.case(1, smo="38001")], [OTHER_ENP], []), samples.context(books=books)))
    assert who["territory"] == "22"


@pytest.mark.parametrize(
    ("periods", "taken"),
    [
        ([("2020-01-01", "2022-03-01", "75901"), ("2022-03-02", None, "75902")], "75902"),  # holds the day
        ([("2020-01-01", "2021-01-01", "75901"), ("2021-06-01", "2022-02-01", "75902")], "75902"),  # nearest earlier
        ([("2020-01-01", "2021-01-01", "75901"), ("2022-03-11", None, "75902")], "75901"),  # earlier before later
        ([("2022-05-01", None, "75902"), ("2022-04-01", "2022-04-30", "75903")], "75903"),  # first later
    ],
)
def test_policy_period_on_the_day_of_care(periods: list[tuple[str, str | None, str]], taken: str) -> None:
    register = [
        insured(policy_from=date.fromisoformat(begin), policy_to=date.fromisoformat(end) if end else None, smo=smo)
        for begin, end, smo in periods
    ]
    given = tables([samples.case(1)], [ENP], register)
    assert one(identify(given, samples.context()))["smo"] == taken
    reversed_register = {**given, "reg_insured": given["reg_insured"].reverse()}
    assert one(identify(reversed_register, samples.context()))["smo"] == taken


def test_old_policy_and_certificate_lead_to_the_same_person_as_the_enp() -> None:
    register = [
        insured(),
        insured(vpolis=1, spolis="45 АБ", npolis="123456", policy_to=date(2021, 1, 1)),
        insured(vpolis=2, npolis="123456789", policy_to=date(2021, 2, 1)),
    ]
    cases = [samples.case(1), samples.case(2, vpolis=1), samples.case(3, vpolis=2)]
    result = identify(tables(cases, [ENP, "123456", "123456789"], register, series=[None, "45аб", None]), samples.context())
    assert result["identified"]["status"].to_list() == ["own"] * 3
    assert result["identified"]["person_key"].n_unique() == 1
    assert result["identified"]["smo"].to_list() == ["75901"] * 3


def test_one_old_number_of_two_people_is_decided_by_birth_date_or_found() -> None:
    register = [
        insured("1" * 16, vpolis=2, npolis="123456789"),
        insured("2" * 16, vpolis=2, npolis="123456789", dr=date(1990, 1, 1), smo="75902"),
    ]
    told = identify(tables([samples.case(1, vpolis=2)], ["123456789"], register), samples.context())
    assert (one(told)["smo"], told["findings"].height) == ("75901", 0)
    nobody = [{"fam": "ИВАНОВ", "im": "ИВАН", "ot": None, "w": 1, "dr": date(2000, 1, 1)}]
    lost = identify(tables([samples.case(1, vpolis=2)], ["123456789"], register, nobody), samples.context())
    assert one(lost)["status"] == "unknown"
    assert lost["findings"].select("rule", "idcase", "value").rows() == [("I.1", 1, "1***9")]


def test_two_insurers_at_a_time_are_found_and_the_later_taken() -> None:
    register = [insured(), insured(smo="75902", policy_from=date(2022, 2, 1))]
    result = identify(tables([samples.case(1)], [ENP], register), samples.context())
    assert one(result)["smo"] == "75902"
    assert result["findings"]["rule"].to_list() == ["I.2"]


def test_newborn_has_the_mothers_insurer_and_a_key_of_its_own() -> None:
    child = {"fam": None, "im": None, "ot": None, "w": 2, "dr": date(2022, 3, 1)}
    mother = {"fam": "ИВАНОВА", "im": "АННА", "ot": None, "w": 2, "dr": date(1980, 5, 6)}
    cases = [samples.case(1), samples.case(2, novor="201032201"), samples.case(3, novor="201032202")]
    given = tables(cases, [ENP] * 3, [insured(w=2, died_on=date(2022, 3, 2))], [mother, child, child])
    result = identify(given, samples.context())
    assert result["identified"]["smo"].to_list() == ["75901"] * 3
    assert result["identified"]["person_key"].n_unique() == 3
    baby = one(result, 2)
    # The mother's birth date, sex and death are not the child's.
    assert (baby["birth_differs"], baby["register_w"], baby["died_on"], baby["age_start"]) == (
        False,
        None,
        None,
        0,
    )
    assert one(result)["died_on"] == date(2022, 3, 2)


def test_key_without_a_policy_is_made_of_names_and_birth_date() -> None:
    people = [
        {"fam": "Королёв", "im": " Пётр ", "ot": None, "w": 1, "dr": date(1990, 1, 1)},
        {"fam": "КОРОЛЕВ", "im": "ПЕТР", "ot": None, "w": 1, "dr": date(1990, 1, 1)},
        {"fam": "КОРОЛЕВ", "im": "ПЕТР", "ot": None, "w": 1, "dr": date(1990, 1, 2)},
        {"fam": None, "im": None, "ot": None, "w": 1, "dr": None},
        {"fam": None, "im": None, "ot": None, "w": 1, "dr": None},
    ]
    result = identify(tables([samples.case(key) for key in range(1, 6)], [None] * 5, [], people), samples.context())
    keys = result["identified"]["person_key"].to_list()
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    other_workspace = identify(tables([samples.case(1)], [ENP], []), samples.context(secret=b"another"))
    assert (
        one(other_workspace)["person_key"] != one(identify(tables([samples.case(1)], [ENP], []), samples.context()))["person_key"]
    )


def test_birth_after_start_age_and_difference_from_the_register() -> None:
    people = [{"fam": "А", "im": "Б", "ot": None, "w": 2, "dr": date(2022, 3, 5)}]
    who = one(identify(tables([samples.case(1)], [ENP], [insured()], people), samples.context()))
    assert (who["birth_after_start"], who["age_start"], who["age_end"], who["age_days_start"]) == (True, None, 0, None)
    assert (who["birth_differs"], who["w"], who["register_w"]) == (True, 2, 1)


def test_two_rows_of_one_policy_are_told_by_what_they_say() -> None:
    rows = [insured(place="north", w=1), insured(place="south", w=2), insured(place="east", w=1)]
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        who = one(identify(tables([samples.case(1)], [ENP], [rows[i] for i in order]), samples.context()))
        assert (who["place"], who["register_w"]) == ("east", 1)


def test_attachment_on_the_day_the_care_ended() -> None:
    attachments = [
        {"enp": ENP, "mo": "750901", "attached_from": date(2020, 1, 1), "attached_to": date(2022, 3, 9)},
        {"enp": ENP, "mo": "750902", "attached_from": date(2022, 3, 10), "attached_to": None},
    ]
    given = tables([samples.case(1), samples.case(2, date_z_2=date(2022, 3, 9))], [ENP, ENP], [insured()], None, attachments)
    assert identify(given, samples.context())["identified"]["attached_mo"].to_list() == ["750902", "750901"]


def test_no_personal_value_leaves_and_the_order_of_rows_does_not_show() -> None:
    cases = [samples.case(key, smo="38001" if key % 2 else None) for key in range(1, 9)]
    given = tables(cases, [ENP, OTHER_ENP] * 4, [insured()])
    result = identify(given, samples.context())["identified"]
    contract.check("identified", result)
    text = result.write_csv()
    for secret in (ENP, OTHER_ENP, "ИВАН", "1980-05-06"):
        assert secret not in text
    shuffled = {name: table.sample(fraction=1, shuffle=True, seed=7) for name, table in given.items()}
    assert identify(shuffled, samples.context())["identified"].equals(result)


def test_a_case_without_person_and_patient_rows_stays() -> None:
    given = tables([samples.case(1)], [ENP], [insured()])
    bare = {**given, "person": given["person"].clear(), "patient": given["patient"].clear(), "z_sl": given["z_sl"].clear()}
    who = one(identify(bare, samples.context()))
    assert (who["status"], who["evidence"], who["age_start"]) == ("unknown", "none", None)
    assert who["person_key"] is not None
