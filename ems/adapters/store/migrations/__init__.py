"""How the tables came to be, in the order in which it happened; Alembic reads this folder at every start.

Lives here: `env.py`, which runs inside the transaction of the connection it is given, and one file per revision in
`versions/`. A released revision is never changed. A new one runs at a start on a site that nobody can reach: within
seconds, whatever the tables hold, and the program before it must find its bookkeeping if it is put back.
Never here: the tables of today (`schema.py`), reading or writing of rows.
Who may import it: nobody; `migration.py` names it to Alembic.
"""
