"""Lists that people hand in, as spreadsheets and other programs write them: who leaves when, and who may charge.

Lives here: finding out the form of a table (`table`), and a folder for each kind of list: its columns, what its cells
say, and one sentence with a remedy for each row that cannot be taken.
Never here: what becomes of a list; that is `ems.domain.pull_out` and `ems.domain.access.tag_list`.
Who may import it: `ems.assembly`.

Decided: nothing is guessed silently, and of a list with a refused row nothing is taken, because half a list is worse
than yesterday's. Columns that mean nothing here are named once and left out; two that say the same are refused.
"""
