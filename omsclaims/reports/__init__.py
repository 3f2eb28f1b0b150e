"""What do people and other funds get from a month? Answers, R files, acts, protocols, the page of the month (law.md 4.7, 10, 11).

Every function here turns tables into bytes, text or other tables: it opens no file and reads no clock; the conductor writes what
comes out. The same tables give the same bytes.
"""
