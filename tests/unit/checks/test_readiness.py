from __future__ import annotations

from dataclasses import replace

from obsctl.checks.base import CheckStatus
from obsctl.checks.readiness_driven import ReadinessDriven
from obsctl.checks.readiness_roles import ReadinessRoles
from obsctl.endpoints import Endpoints
from tests.unit.checks.world import healthy


def test_ready_roles_are_named_with_their_probes(ready: Endpoints) -> None:
    verdict = ReadinessRoles().run(replace(healthy().context(10.0), endpoints=ready))
    assert (verdict.status, verdict.summary) == (CheckStatus.PASS, "1 endpoint ready: metrics")
    assert verdict.evidence[0].query == f"GET {ready.all[0].probe}"


def test_a_role_that_is_not_ready_is_named_with_the_reason(ready: Endpoints, unready: Endpoints) -> None:
    both = Endpoints((*ready, *unready))
    verdict = ReadinessRoles().run(replace(healthy().context(0.1), endpoints=both))
    assert (verdict.status, verdict.summary) == (CheckStatus.FAIL, "logs not ready")
    assert "503" in verdict.evidence[0].answer
    assert "obsctl logs" in verdict.hint


def test_a_stack_that_cannot_be_asked_is_not_ready() -> None:
    verdict = ReadinessRoles().run(replace(healthy().context(0.1), endpoints=Endpoints()))
    assert verdict.status is CheckStatus.FAIL


def test_a_service_without_drive_steps_is_skipped() -> None:
    world = healthy()
    world.service = replace(world.service, drive=())
    assert ReadinessDriven().run(world.context(0.1)).status is CheckStatus.SKIP


def test_the_request_id_of_a_failed_step_is_in_the_evidence() -> None:
    world = healthy()
    first = replace(world.run.requests[0], status=0, error="refused the connection")
    world.change_run(requests=(first,))
    verdict = ReadinessDriven().run(world.context(0.1))
    assert verdict.status is CheckStatus.FAIL
    assert first.request_id in verdict.evidence[0].answer
    assert "not sent because of that: project, match, result" in verdict.summary
