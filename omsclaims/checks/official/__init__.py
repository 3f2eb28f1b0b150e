"""What do the official check books (Q015 format and logic, Q016 МЭК, Q022 and Q023 regional) find in a registry?

The books are data: a row says which element it is about, when, and what is allowed. They are loaded, not rewritten:

    syntax     the tree of a condition
    grammar    text -> tree, with the place of what does not parse
"""
