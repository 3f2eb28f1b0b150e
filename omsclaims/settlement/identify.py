"""Who is insured, where and by whom, on the day the care ended? (Rules 158n 1, 59, 133; design: law.md 1 and 11.)

Evidence stands in this order: the person's row in the register of the territory; the billed insurer, which belongs to a
territory; the territory that issued the policy (ST_OKATO). The first digits of an ЕНП say where it was issued, not where it is
valid now, and are no evidence.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import polars as pl

from omsclaims import contract, findings
from omsclaims.nsi import Books
from omsclaims.periods import age_expr
from omsclaims.settlement.insured import with_certificates

if TYPE_CHECKING:
    from omsclaims.context import Context

#: Hexadecimal digits of a person's key: 128 bits.
KEY_DIGITS: Final = 32
_ROW_IN_PACKAGE: Final = (1 << contract.PACKAGE_SHIFT) - 1


def identify(tables: Mapping[str, pl.DataFrame], context: Context) -> dict[str, pl.DataFrame]:
    """Each case's person, insurer, territory and attachment on DATE_Z_2.

    tables   cases, z_sl (_row, _parent), patient (_parent, policy, spolis), person (package, id_pac, fam, im, ot, w, dr),
             reg_insured, reg_attachment, reg_certificate (ends of temporary certificates, where there are any); a case without
             z_sl, patient or person rows stays, with what is known
    returns  identified (contract), one row a case in the order of case_key, without any personal value;
             findings: I.1 a policy number stands for several people in the register, I.2 two insurers hold one person
    """
    billed = _billed(tables, context)
    certificates = tables.get("reg_certificate", contract.TABLES["reg_certificate"].empty())
    register = _register(with_certificates(tables["reg_insured"], certificates, context.law))
    people, ambiguous = _find_people(billed, register)
    held = _policy_on_the_day(people, register)
    placed = _place_by_insurer_or_policy(held, context)
    attached = _attach(placed, tables["reg_attachment"])
    keyed = attached.join(_person_keys(attached, context.secret), on="case_key", how="left")
    overlapping = _overlapping_policies(people, register)
    return {
        "identified": contract.check("identified", _finish(keyed).sort("case_key")),
        "findings": findings.concat([ambiguous, overlapping]),
    }


def normal(text: pl.Expr) -> pl.Expr:
    """A name or number for comparison: capital letters, Ё as Е, single spaces; an empty one is null."""
    plain = text.str.to_uppercase().str.replace_all("Ё", "Е", literal=True).str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(plain == "").then(None).otherwise(plain)


def _number(series: pl.Expr, number: pl.Expr) -> pl.Expr:
    """One text for a policy of the old kind or a temporary certificate: series and number without spaces."""
    bare = [normal(part).str.replace_all(" ", "", literal=True).fill_null("") for part in (series, number)]
    text = pl.concat_str(bare, separator="|")
    return pl.when(bare[1] == "").then(None).otherwise(text)


def _text_column(table: pl.DataFrame, name: str) -> pl.Expr:
    """Column `name`, or nulls where this version of the format has no such element."""
    return pl.col(name) if name in table.columns else pl.lit(None, dtype=pl.String).alias(name)


def _billed(tables: Mapping[str, pl.DataFrame], context: Context) -> pl.DataFrame:
    """One row a case: what was billed about the person, and the day of the look-ups."""
    patient = tables["patient"]
    policies = (
        tables["z_sl"]
        .select(case_key="_row", zap_row="_parent")
        .join(
            patient.select(pl.col("_parent").alias("zap_row"), _text_column(patient, "policy"), _text_column(patient, "spolis"))
            .sort("zap_row")
            .unique("zap_row", keep="first", maintain_order=True),
            on="zap_row",
            how="left",
        )
        .select("case_key", "policy", "spolis")
    )
    # A person that stands twice in an L file is the structure check's finding; the first row counts here.
    person = tables["person"].select("package", "id_pac", "fam", "im", "ot", "w", "dr")
    person = person.unique(["package", "id_pac"], keep="first", maintain_order=True)
    cases = tables["cases"].select(
        "case_key", "package", "n_zap", "idcase", "id_pac", "vpolis", "st_okato", "smo_ok", "novor", "date_z_1", "date_z_2",
        billed_smo="smo",
    )  # fmt: skip
    joined = cases.join(policies, on="case_key", how="left").join(person, on=["package", "id_pac"], how="left")
    old = pl.col("vpolis").is_in([1, 2])
    return joined.with_columns(
        day=pl.coalesce("date_z_2", "date_z_1", pl.lit(context.month.last)),
        billed_enp=pl.when(old).then(None).otherwise(normal(pl.col("policy"))),
        billed_number=_number(pl.col("spolis"), pl.col("policy")),
        newborn=pl.col("novor").fill_null("0") != "0",
        old_number=old.fill_null(False),
    )


def _register(reg_insured: pl.DataFrame) -> pl.DataFrame:
    """Policy periods with one key of the person: the ЕНП, or the number where a person has none yet."""
    number = _number(pl.col("spolis"), pl.col("npolis"))
    return reg_insured.select(
        reg_id=pl.coalesce(pl.concat_str([pl.lit("E|"), normal(pl.col("enp"))]), pl.concat_str([pl.lit("N|"), number])),
        reg_enp=normal(pl.col("enp")),
        reg_number=number,
        reg_dr="dr",
        register_w="w",
        reg_smo="smo",
        policy_from="policy_from",
        policy_to="policy_to",
        place="place",
        died_on="died_on",
    ).filter(pl.col("reg_id").is_not_null())


def _find_people(billed: pl.DataFrame, register: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`billed` plus `reg_id`, the person in the register or null; findings I.1.

    An old number that stands for several people is decided by the billed birth date, or by nothing.
    """
    by_enp = register.select(billed_enp="reg_enp", enp_reg_id="reg_id").drop_nulls().unique("billed_enp")
    numbers = register.select("reg_number", "reg_id", "reg_dr").drop_nulls("reg_number").unique(["reg_number", "reg_id"])
    asked = billed.filter(pl.col("old_number")).select("case_key", "billed_number", "dr")
    candidates = asked.join(numbers, left_on="billed_number", right_on="reg_number").with_columns(
        several=pl.col("reg_id").n_unique().over("case_key") > 1
    )
    chosen = candidates.filter(~pl.col("several") | (pl.col("dr") == pl.col("reg_dr")))
    chosen = chosen.filter(pl.col("reg_id").n_unique().over("case_key") == 1)
    by_number = chosen.select("case_key", number_reg_id="reg_id").unique("case_key")
    people = billed.join(by_enp, on="billed_enp", how="left").join(by_number, on="case_key", how="left")
    lost = candidates.filter("several").join(by_number, on="case_key", how="anti").select("case_key").unique()
    ambiguous = _case_findings(people.join(lost, on="case_key", how="semi"), "I.1", "ZAP/PACIENT/NPOLIS")
    return people.with_columns(reg_id=pl.coalesce("number_reg_id", "enp_reg_id")), ambiguous


def _case_findings(cases: pl.DataFrame, rule: str, element: str) -> pl.DataFrame:
    """Findings of level case without a ground of refusal; the policy is shown masked."""
    masked = [findings.mask(value) for value in cases["policy"].to_list()]
    return findings.conform(
        cases.select(
            "package", "n_zap", "id_pac", "idcase", pl.col("case_key").alias("z_row"),
            rule=pl.lit(rule), level=pl.lit("case"), element=pl.lit(element),
            value=pl.Series(masked, dtype=pl.String), params=pl.lit("{}"),
        )
    )  # fmt: skip


def _policy_on_the_day(people: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """`people` plus the policy period that counts: it holds the day, else the nearest earlier one, else the first later one."""
    periods = people.filter(pl.col("reg_id").is_not_null()).select("case_key", "reg_id", "day").join(register, on="reg_id")
    ended = pl.col("policy_to").fill_null(pl.date(9999, 12, 31)) < pl.col("day")
    later = pl.col("policy_from") > pl.col("day")
    distance = (
        pl.when(ended).then((pl.col("day") - pl.col("policy_to")).dt.total_days())
        .when(later).then((pl.col("policy_from") - pl.col("day")).dt.total_days())
        .otherwise(0)
    )  # fmt: skip
    best = (
        periods.with_columns(
            rank=pl.when(ended).then(1).when(later).then(2).otherwise(0),
            distance=distance,
            # Death is a fact about the person, whichever of his rows says it.
            died_on=pl.coalesce("died_on", pl.col("died_on").min().over("case_key")),
        )
        # Rows that differ in nothing else are told by what they say, never by the order in which the register was loaded.
        .sort(
            "case_key",
            "rank",
            "distance",
            "policy_from",
            "reg_smo",
            "policy_to",
            "place",
            "reg_dr",
            "register_w",
            "died_on",
            descending=[False, False, False, True, *[False] * 6],
        )
        .unique("case_key", keep="first", maintain_order=True)
        .drop("reg_id", "day", "rank", "distance", "reg_number")
    )
    return people.join(best, on="case_key", how="left")


def _overlapping_policies(people: pl.DataFrame, register: pl.DataFrame) -> pl.DataFrame:
    """Findings I.2: two insurers hold one person on the day of care; the later policy was taken."""
    holds = (pl.col("policy_from") <= pl.col("day")) & (pl.col("policy_to").is_null() | (pl.col("policy_to") >= pl.col("day")))
    twice = (
        people.filter(pl.col("reg_id").is_not_null())
        .select("case_key", "reg_id", "day")
        .join(register.select("reg_id", "reg_smo", "policy_from", "policy_to"), on="reg_id")
        .filter(holds)
        .group_by("case_key")
        .agg(insurers=pl.col("reg_smo").n_unique())
        .filter(pl.col("insurers") > 1)
    )
    return _case_findings(people.join(twice, on="case_key", how="semi").sort("case_key"), "I.2", "ZAP/PACIENT/NPOLIS")


def _territories(books: Books) -> pl.DataFrame:
    """Codes of territories and their OKATO (book F010), a territory once."""
    rows = books.require("F010").rows.select(territory="code", okato=pl.col("okato").cast(pl.String), since="valid_from")
    return rows.sort("since", "territory").unique("territory", keep="last", maintain_order=True).drop("since").sort("territory")


def _insurers_okato(books: Books) -> pl.DataFrame:
    """Insurers of the Federation and the OKATO of their territory (book F002), when the book is loaded."""
    empty = pl.DataFrame(schema={"billed_smo": pl.String, "f002_okato": pl.String})
    if not books.has("F002"):
        return empty
    rows = books.require("F002").rows
    column = next((name for name in ("okato", "tf_okato") if name in rows.columns), None)
    if column is None:
        return empty
    named = rows.sort("valid_from", "code").select(billed_smo="code", f002_okato=pl.col(column).cast(pl.String))
    return named.unique("billed_smo", keep="last", maintain_order=True)


def _place_by_insurer_or_policy(held: pl.DataFrame, context: Context) -> pl.DataFrame:
    """Status, territory, OKATO and the evidence of each case (columns status, territory, okato, evidence)."""
    territories = _territories(context.books)
    by_okato = territories.unique("okato", keep="first", maintain_order=True)
    own_okato = dict(territories.iter_rows()).get(context.territory)
    known = (
        held.join(_insurers_okato(context.books), on="billed_smo", how="left")
        .join(by_okato.select(f002_okato="okato", f002_territory="territory"), on="f002_okato", how="left")
        .with_columns(prefix=pl.col("billed_smo").str.slice(0, 2))
        .join(territories.select(prefix="territory", prefix_territory="territory"), on="prefix", how="left")
        .join(by_okato.select(smo_ok="okato", smo_ok_territory="territory"), on="smo_ok", how="left")
        .join(by_okato.select(st_okato="okato", issued_territory="territory"), on="st_okato", how="left")
    )
    # SMO_OK is the OKATO of an insurer whose code the clinic does not know: it speaks for the insurer, only where SMO is silent.
    by_insurer = pl.coalesce("f002_territory", "prefix_territory", "smo_ok_territory")
    elsewhere = pl.coalesce(by_insurer, "issued_territory")
    in_register = pl.col("reg_smo").is_not_null()
    placed = known.with_columns(
        evidence=pl.when(in_register).then(pl.lit("register"))
        .when(by_insurer.is_not_null()).then(pl.lit("insurer_prefix"))
        .when(pl.col("issued_territory").is_not_null()).then(pl.lit("st_okato"))
        .otherwise(pl.lit("none")),
        status=pl.when(in_register).then(pl.lit("own"))
        .when(elsewhere.is_not_null() & (elsewhere != context.territory)).then(pl.lit("other"))
        .otherwise(pl.lit("unknown")),
        elsewhere=elsewhere,
    )  # fmt: skip
    own, other = pl.col("status") == "own", pl.col("status") == "other"
    with_territory = placed.with_columns(territory=pl.when(own).then(pl.lit(context.territory)).when(other).then("elsewhere"))
    okatos = territories.select("territory", "okato")
    if own_okato is None:
        okatos = pl.concat([okatos, pl.DataFrame({"territory": [context.territory], "okato": [None]}, schema=okatos.schema)])
    return with_territory.join(okatos, on="territory", how="left")


def _attach(placed: pl.DataFrame, reg_attachment: pl.DataFrame) -> pl.DataFrame:
    """`placed` plus `attached_mo`: the clinic of attachment on the day; of two, the one chosen later."""
    attachments = reg_attachment.select(
        reg_enp=normal(pl.col("enp")), attached_mo="mo", begun="attached_from", ended="attached_to"
    )
    # A newborn has no attachment of its own before its policy.
    asked = placed.filter(pl.col("reg_enp").is_not_null() & ~pl.col("newborn")).select("case_key", "reg_enp", "day")
    found = (
        asked.join(attachments, on="reg_enp")
        .filter((pl.col("begun") <= pl.col("day")) & (pl.col("ended").is_null() | (pl.col("ended") >= pl.col("day"))))
        .sort("case_key", "begun", "attached_mo", descending=[False, True, False])
        .unique("case_key", keep="first", maintain_order=True)
        .select("case_key", "attached_mo")
    )
    return placed.join(found, on="case_key", how="left")


def _person_keys(cases: pl.DataFrame, secret: bytes) -> pl.DataFrame:
    """case_key and person_key: HMAC-SHA256 of what tells the person, computed once for each distinct person.

    What tells a person: the ЕНП of the register, the billed ЕНП, names and birth date, the number of the policy, and when
    nothing at all is given the place in the package, so that two nobodies are never one person. A newborn is known by the
    mother's policy and NOVOR.
    """
    names = [normal(pl.col(name)).fill_null("") for name in ("fam", "im", "ot")]
    has_names = pl.any_horizontal(*(part != "" for part in names)) & pl.col("dr").is_not_null() & ~pl.col("newborn")
    by_name = pl.concat_str([pl.lit("name"), *names, pl.col("dr").cast(pl.String)], separator="|")
    row = (pl.col("case_key") & pl.lit(_ROW_IN_PACKAGE)).cast(pl.String)
    adult = pl.coalesce(
        pl.concat_str([pl.lit("enp"), pl.coalesce("reg_enp", "billed_enp")], separator="|"),
        pl.when(has_names).then(by_name),
        pl.concat_str([pl.lit("number"), "billed_number"], separator="|"),
        pl.concat_str([pl.lit("place"), "package", pl.col("id_pac").fill_null(""), row], separator="|"),
    )
    child = pl.concat_str([adult, pl.lit("novor"), "novor"], separator="|")
    told = cases.select("case_key", told=pl.when("newborn").then(child).otherwise(adult))
    distinct = told["told"].unique().sort()
    keyed = pl.DataFrame({"told": distinct, "person_key": _hashed(distinct, secret)})
    return told.join(keyed, on="told").select("case_key", "person_key")


def _hashed(told: pl.Series, secret: bytes) -> pl.Series:
    """HMAC-SHA256 of each text; null for null."""
    keys = [None if text is None else hmac.digest(secret, text.encode(), "sha256").hex()[:KEY_DIGITS] for text in told]
    return pl.Series("person_key", keys, dtype=pl.String)


def keys_of_enp(enp: pl.Series, secret: bytes) -> pl.Series:
    """person_key of the person who has an ЕНП, as `identify` gives it to the cases of that person (vouchers, notices)."""
    told = enp.to_frame("enp").select(pl.concat_str([pl.lit("enp"), normal(pl.col("enp"))], separator="|")).to_series()
    return _hashed(told, secret)


def _finish(cases: pl.DataFrame) -> pl.DataFrame:
    """The contract's columns: ages by the billed birth date, comparison with the register, no personal values."""
    own = pl.col("status") == "own"
    # A birth date after the day gives no age: `birth_after_start` says what is wrong.
    age = {
        name: pl.when(pl.col("dr") <= pl.col(name)).then(age_expr(pl.col("dr"), pl.col(name)).cast(pl.Int64))
        for name in ("date_z_1", "date_z_2")
    }
    # The register's row of a newborn is the mother's: her sex, birth and death say nothing about the child.
    of_person = own & ~pl.col("newborn")
    return cases.with_columns(
        smo=pl.when(own).then("reg_smo").when(pl.col("status") == "other").then("billed_smo"),
        died_on=pl.when(of_person).then("died_on"),
        register_w=pl.when(of_person).then("register_w"),
        w=pl.col("w").cast(pl.Int64),
        age_start=age["date_z_1"],
        age_days_start=pl.when(pl.col("dr") <= pl.col("date_z_1")).then((pl.col("date_z_1") - pl.col("dr")).dt.total_days()),
        age_end=age["date_z_2"],
        birth_after_start=(pl.col("dr") > pl.col("date_z_1")).fill_null(False),
        birth_differs=(of_person & (pl.col("dr") != pl.col("reg_dr"))).fill_null(False),
    )
