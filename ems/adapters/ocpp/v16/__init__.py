"""OCPP 1.6 over JSON: its messages, in the words of the standard (edition 2 with errata 4).

`station.py` is the dialect of one station: `handlers` of what it sends, `set_up` after it connected, `profiles` for
what it is told. `transactions.py` keeps the book of who charges, `samples.py` reads meter values.
"""
