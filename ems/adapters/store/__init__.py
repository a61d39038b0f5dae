"""What must survive: transactions, sessions, grants, measurements, alarms, and the journal of every tick.

Lives here: the database behind one writer thread (`store.py` puts the parts together; read it first), the ledger that
answers what was running when the controller stopped, the daybook of what people changed and the audit of who did, users
with their tokens and logins, tabs, receipts and payments, alarms as people handle them and what others are told, the
recorder that writes down what changed from tick to tick, 15-minute aggregates, retention, what the page and `ems
export` read; the journal, its codec and `replay`.
Never here: a decision about current; any wait on the control path.
Who may import it: `ems.assembly`, and `ems.cli` for `export` and `replay`.

Decisions, and why:

- *One writer thread owns the one writing connection.* Callers hand over a row and go on. Rows wait in memory, merged
  by primary key, so what waits is bounded by what exists on the site, and by a number beyond that; every write is an
  upsert, so a retry is harmless.
- *Samples may be lost, records may not.* Samples wait in a ring that drops its oldest. Transactions, sessions, grants
  and alarms stay until they are on disk, through a full, read-only or failing disk; a corrupt file is put aside under
  its date, what is still readable in it is copied, and what is open is written again from memory.
- *Durability per commit.* SQLite in WAL mode does not sync at a commit under `synchronous=NORMAL`: a killed process
  loses no commit, a power cut those since the last checkpoint. That is right for samples each 10 s and spares flash.
  Transactions and session ends commit under FULL, which syncs the log before the caller is answered (PostgreSQL:
  `synchronous_commit`). One connection switches between the two, outside of transactions: a second one would only
  wait for the first, and a FULL commit also makes durable all that was committed before it.
- *The daybook is stored before it counts.* A change is one durable transaction of the rows that differ, with its audit
  row, or it is refused; nothing of it is merged, queued or tried again. Steps of a payment the same (`commit.py`).
- *Money is integers.* Amounts are minor units of their currency, prices of one unit millionths of it; nobody adds up
  receipts in floats.
- *Time first.* `sample` and `interval` are clustered by time without a rowid, in scaled integers (cA, W, Wh): 20 to 80
  times fewer bytes to the disk than one keyed by subject. Charts of a subject read the 15-minute intervals.
- *Times are UTC milliseconds*, so neither a time zone nor a changed clock can fold two moments into one.
- *The journal is not in the database.* It is a stream of compressed, checksummed records that can be read up to the
  last tick after a `kill -9`, and it must not be able to fill the database's disk.

SQLAlchemy (Core only), Alembic and psycopg are imported nowhere else; msgspec packs the journal; numpy only because
the controller's memory holds arrays.
"""
