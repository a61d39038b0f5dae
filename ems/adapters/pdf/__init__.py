"""Reports as PDF.

Lives here: how sheets are laid out on paper. Never here: what they tell. Who may import it: `assembly`.

Decisions: `reportlab` is imported nowhere else. It needs nothing of the machine, unlike what renders HTML (Pango, or a
browser), sets a table of a thousand rows in a part of a second, and the same report gives the same bytes. Its own fonts
know Western Europe only, so the letters are those of DejaVu Sans, which matplotlib carries.
"""
