"""The grouper held against its own workbooks: `python -m tests.grouper`, a part of it in the tests."""
