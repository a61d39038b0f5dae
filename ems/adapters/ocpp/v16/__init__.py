"""OCPP 1.6 over JSON: its messages, in the words of the standard (edition 2 with errata 4).

`station.py` is the dialect of one station: `handlers` of what it sends, `set_up` after it connected, `profiles` for
what it is told about currents, `requests` for what people ask of it (`wording` says it in OCPP, `raw_profiles` what
speaks against the charging profiles of experts). `transactions.py` keeps the book of who charges, `samples.py` reads
meter values.
"""
