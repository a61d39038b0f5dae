"""Every check that needs more than one value, in the order in which a reader of the file meets them.

A check is a function from the draft to findings; none stops another. To add one, write it in the file of its subject
and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ems.settings import (
    access,
    balance,
    doors,
    drivers,
    installation,
    mail,
    metering,
    notices,
    ocpi,
    oidc,
    outlets,
    payment,
    reports,
    restrictions,
    service,
    storage,
    topology,
)
from ems.settings.draft import Draft
from ems.settings.finding import Finding, in_order

Check = Callable[[Draft], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    installation.voltage,
    installation.tariff,
    installation.listeners,
    topology.identifiers,
    topology.roots,
    topology.parents,
    topology.circles,
    topology.ratings,
    topology.base_loads,
    topology.fallback,
    balance.values,
    balance.fallback,
    metering.models,
    metering.connections,
    metering.addresses,
    metering.roles,
    metering.assignments,
    metering.periods,
    metering.proofs,
    storage.places,
    storage.amounts,
    storage.currents,
    storage.meters,
    storage.steering,
    outlets.identifiers,
    outlets.circuits,
    outlets.models,
    outlets.currents,
    outlets.fallbacks,
    outlets.switching,
    outlets.wirings,
    restrictions.scopes,
    restrictions.values,
    restrictions.policy,
    service.classes,
    service.calendar,
    doors.free_tag,
    access.unprotected,
    payment.provider,
    drivers.reach,
    payment.secrets,
    oidc.provider,
    ocpi.reach,
    ocpi.partners,
    ocpi.names,
    mail.server,
    reports.exports,
    notices.targets,
    notices.files,
)


def run_checks(draft: Draft) -> tuple[Finding, ...]:
    """Every finding of every check."""
    return in_order(finding for check in CHECKS for finding in check(draft))
