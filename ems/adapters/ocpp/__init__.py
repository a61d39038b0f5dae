"""The central system of all charging stations.

Lives here: what every OCPP version shares (frames, the call queue, the connection, the handshake, the server) and one
folder per version (`v16/`) that knows its messages. A station is followed by one `Connection` at a time; what it says
becomes events, what it is told comes as `LimitOrder`; what people ask of it comes as `StationRequest`, behind every
limit. What was said last on each line is kept for those who look for a fault (`timeline.py`).
Never here: arithmetic on amperes, decisions. Who may import it: `assembly`.

Decisions. The package `ocpp` gives enums and JSON schemas; its receive loop is not used, because it dies on hostile
frames, deadlocks when a handler calls, and hides refusals. Lenient in: whatever can be understood is used, one bad
sample does not cost nine good ones, and no frame costs the connection. Strict out: everything we send is checked
against the schema first. Nothing here waits without a deadline, and every queue is bounded.
"""
