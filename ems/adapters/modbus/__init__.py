"""Meters that are read over Modbus, and batteries that are told what to do: TCP, RTU over TCP through a gateway, and
serial RTU.

Read `poller.py` first; it is the service that the daemon runs. The way of a reading:
`link` (one per bus or gateway: turns, pauses, back-off) → `wire` (one open connection, the only place that knows
pymodbus) → `frame` (is this the answer to what was asked?) → `decode` (registers to values, by the `register_map` of
the meter model) → `reading` (values to currents per site phase, if they can be true) → `MeterRead` or `MeterFailed`.
`setpoint` tells a battery its power over the same link, and writes only what its model declares (`writes`). `probe`
finds out what hangs on a bus. Meter models are data, `config/meters/*.yaml`; this room gets them as plain mappings and
reads no files.

Never here: what a missing or frozen meter means for the vehicles, or what a battery is to do (`ems.control`).
Who may import it: `assembly`, `cli`, `sim`.

Decisions
- A register value reaches the core only if function code, unit and register count of the answer are those of the
  request. Nobody repairs a doubtful answer; the reading fails, with a reason that names register and value.
- RTU answers carry no transaction number, so a late answer looks like the answer to a later request. After a request
  was not answered, that number of registers is therefore not asked of that unit for a while; blocks are read in pieces
  of other lengths instead (`late.py`). This costs a few short reads instead of a long silence.
- pymodbus carries bytes and builds frames; its retries and reconnecting are off, because they repeat requests blindly,
  storm gateways that accept and close, and wait up to five minutes after a repair.
- Registers are decoded with `struct`: the data layer depends on no library, and a value that is not available stays
  not available instead of becoming a number.
"""
