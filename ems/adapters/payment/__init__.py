"""Whoever holds and takes the money of drivers: one file per provider.

Lives here: `sandbox`, which is built in, holds nothing and shows a page to approve or decline on; `stripe`, the hosted
Checkout of Stripe with a hold on the card, of which what the session cost is captured.
Never here: when something is due (`ems.domain.billing.payment` says that, `ems.runtime.cashier` does it), card data, a
state of our own that could contradict the provider's.
Who may import it: `ems.assembly`.

Decisions: the controller asks the provider how a checkout stands every few seconds, because behind a router nobody can
reach it from outside; a signed notice only makes it ask at once. The `stripe` package is synchronous, so each call runs
in a thread; it is imported nowhere else, and only where a site wants it.
"""
