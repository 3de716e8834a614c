"""Which services can be verified at the same time: those whose requests do not reach one another. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from obsctl.spec.stack import Service


def disturb(one: Service, other: Service) -> bool:
    """Whether requests to one of the services may be counted by the other, by what their contracts say.

    They share a component, an address, or a trace of one of them crosses a component of the other. Nobody sends
    requests to a service that has none to drive, so nothing disturbs it.
    """
    if not one.drive or not other.drive:
        return False
    shared_addresses = {c.url for c in one.components} & {c.url for c in other.components}
    return bool(shared_addresses - {""} or _crossed(one) & _own(other) or _crossed(other) & _own(one))


def batches(services: Sequence[Service]) -> list[tuple[Service, ...]]:
    """The services, in batches to verify one after the other; those of a batch do not disturb one another."""
    made: list[list[Service]] = []
    for service in services:
        fitting = next((batch for batch in made if not any(disturb(service, other) for other in batch)), None)
        if fitting is None:
            made.append([service])
        else:
            fitting.append(service)
    return [tuple(batch) for batch in made]


def _own(service: Service) -> frozenset[str]:
    return frozenset((*service.contract.components, *(c.name for c in service.components)))


def _crossed(service: Service) -> frozenset[str]:
    return _own(service) | {name for rule in service.contract.traces for name in rule.components}
