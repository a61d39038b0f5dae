"""Roaming over OCPI 2.2.1: the site is a charge point operator, its partners are mobility service providers.

`model` holds the objects of the specification as pydantic models, one file per module; `wording` makes them of the
site; `server` answers partners, `client` asks them, `handshake` exchanges credentials. `courier` pushes what they are
to be told, in order, and waits for those that are away; `roamer` watches the site and makes sessions and charge detail
records of what guests do; `commands` carries out what partners ask for. `service` puts them together.

Decided: no hub, and no version but 2.2.1. What a partner says is believed only as far as its own parties go. A partner
that is dead, slow or hostile costs bounded memory and blocks nobody.
"""
