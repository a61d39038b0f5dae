"""The physical world against which the same controller runs: vehicles, stations, meters, weather, faults.

Lives here, from the inside out:
  * physics as small functions over frozen records: `vehicle`, `charging_profile`, `profile_stack`, `pilot`, `world`,
    `breaker`; what is odd about real stations: `quirks`, `station_kinds`;
  * real clients and servers made of them: `virtual_station` (with its `station_…` parts), `virtual_meter`, put together
    in `virtual_site`, of which `demo` is the program's own use;
  * runs without an event loop, the `core_…` files: `core_run` moves time, `core_plant` is the physical side,
    `core_daemon` the controller's side, `core_reports` what the one hears of the other;
  * who comes and what fails: `sessions` in the forms of `acn_data`, `acn_sim_queue` and `boulder_data`, or of any
    table (`session_table`, its headings in `session_columns`); `arrivals`, `placement`, `scenario`, `faults`;
  * who judges: `observer` adds up what truly flows, `invariants` holds the laws;
  * whole simulations: `simulate`, their `findings` and `pictures`;
  * forecasts held against what happened: `forecast_backtest`, `session_backtest`, on courses of `recorded_series`.
Never here: anything that decides. Nothing in this room may be imported by the rest of the program, but by `cli`.

Decisions. The virtual station is written from OCPP 1.6 itself and shares no line with the central system, so that a
misreading on one side is caught by the other. Randomness comes from a numpy generator that is passed in; the same seed
gives the same run. Currents are added as phasors with unit power factor: that is what a clamp around the conductor
would show, where the controller adds magnitudes and so stays on the safe side.

Third parties: numpy for sums; websockets (client side) in `station_link` alone; matplotlib in `pictures` alone.
"""
