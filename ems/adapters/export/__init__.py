"""Tables of data as files for others: CSV, JSON and Parquet.

Lives here: one module per kind of file, each of which turns the rows of a `DataTable` into pieces of bytes as they are
read, so that a year needs no more memory than some thousand rows.
Never here: what is in a table.
Who may import it: `ems.assembly` and `ems.cli`.

Decisions, and why:

- *Two kinds of CSV.* For programs: RFC 4180, UTF-8 without a byte order mark, commas, points, times in UTC; a mark
  would become part of the name of the first column. For a spreadsheet, which is asked for by a language: with the mark,
  because Excel reads a file without one in the code page of the machine; the separator and the decimal sign of that
  language, because it splits columns by them; times as the clocks of the site show them, without an offset, because it
  takes anything else for text. What the offset was stands in a column of its own: one hour of the year comes twice.
- *Formulas are inert.* Text that a spreadsheet would run gets an apostrophe before it, also behind a separator inside
  of it: a program set to another separator splits there (OWASP, CSV injection).
- *Parquet needs pyarrow*, which is larger than everything else together (a wheel of 55 MB), so it is the extra
  `ems[parquet]`, imported nowhere else and only when a Parquet file is asked for.
"""
