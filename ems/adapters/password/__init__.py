"""Passwords of people: hashed and compared with argon2id.

Lives here: argon2, imported nowhere else. Passwords of stations are not here (`ems.settings.password`): they are made
by us and compared hundreds of times after a power cut.
Never here: who somebody is, what a login opens.
Who may import it: `assembly` and `cli`.
"""
