"""What a finished span of time adds up to: pure functions from records of the past to sheets of figures.

Lives here: periods on the clock of the site, what is read of the past (`record`), one file per subject (frequency and
service time, utilisation, uptime, peaks, readiness, what it would have been without control), the sheets in which all
of it is told, and when an export is due.
Never here: a database, a clock, a format. Who may import it: everything from `settings` upwards.

Decisions, and why:

- *A session belongs to the period in which it began, energy to the quarter hour in which it flowed.* So the energy of
  two months adds up to what the meters say, and nobody is counted twice.
- *Days are those of the site's clock.* A day has 23, 24 or 25 hours; nothing is divided by 24.
- *One form for all.* Every subject ends as a `Sheet`, a table with typed columns; the page, the PDF, CSV and JSON are
  written from that alone, so they cannot contradict each other.
- *What was not measured is told, not guessed.* Shares are of what is known, and how much that is stands beside them.
"""
