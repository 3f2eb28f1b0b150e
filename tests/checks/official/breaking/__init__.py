"""Is every executed row of the official check books caught when a registry breaks it, and silent when none does?

    scenarios   clean registries, as data -> documents
    documents   a document -> the archive as it would be sent; one change of it
    shelf       the books: the published ones, and made-up ones for those that are not at hand
    replay      a document -> the rows that fire
    search      the change of a document that breaks a row with the fewest others firing
    table       what is told of it

The pinned changes stand in breaks.yaml: for each row the kind, the scenario, the change, and the rows that must fire with it.
It lives with the tests because it needs the rooms `checks` and `registry` together, and no user of the program needs it.
"""
