"""From `site.yaml` to checked domain objects: every problem at once, as path:line with a remedy.

Lives here: an empty site (`blank`), changes of a file (`edit`) and those to come (`site_draft`),
finding the site and the shipped data (`places`), reading YAML with the line of every value (`document`),
the shape of the file (`schema`, `shape`, in words `wording`), cross checks (`checks` and the files it names), building
frozen settings (`build`, `load`), the tariff beside the site (`tariff`), passwords, the catalogue of station models,
the last good copy (`revision`), and what `ems check` prints (`report`). `load.load` is the way in.
Never here: sockets, threads, clocks, logging; what a meter model means (its adapter knows).
Who may import it: `assembly`, and above it `cli` and `sim`. Adapters do not: assembly hands them what they need.

Decisions. A bad file is a list of findings, never an exception, and no check stops at the first problem: an entry
that is wrong is left out and the rest is checked on. Units stand in the keys, so that a number cannot be mistaken for
another unit silently. Keys and ids are the text as written, so `0012` stays `0012`. YAML is version 1.2, in which
`17:00` and `no` are text. A station without a proven way to fall back counts with its rated maximum in the fallback
check. Stations are listened for on every network of the machine by default, because they are never on the machine
itself; the web page on loopback only, because it has no TLS of its own.
"""
