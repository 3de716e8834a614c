"""Secrets of the environment reach the process that needs them, and nothing that is written down."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from obsctl.access.options import AuthOptions
from obsctl.access.secret_text import SecretText
from obsctl.errors import UsageError
from obsctl.ops.targets import with_secrets
from obsctl.render.desired import Desired
from obsctl.render.stack import embedded
from obsctl.spec.contract import Contract
from obsctl.spec.stack import Component, Service, Stack


def desired(folder: Path) -> Desired:
    auth = AuthOptions(None, SecretText("", "env", "TOKEN"))
    web = Component("web", "http://127.0.0.1:5000", auth=auth)
    return embedded(Stack("shop", folder, (Service("shop", Contract("shop", ("web",)), (web,)),)), version="1")


def test_another_secret_means_another_process_and_the_secret_is_nowhere(tmp_path: Path) -> None:
    stack = desired(tmp_path)
    first, again, second = (with_secrets(stack, {"TOKEN": value}) for value in ("one-secret", "one-secret", "another"))
    assert first == again
    assert first.processes[0].fingerprint != second.processes[0].fingerprint
    assert "one-secret" not in repr(first)
    (target,) = json.loads(first.processes[0].files[0].text)["scrape"]["targets"]
    assert target["auth"] == {"bearer": "${env:TOKEN}"}


def test_a_stack_without_secrets_is_left_as_it_is(tmp_path: Path) -> None:
    plain = replace(desired(tmp_path), processes=())
    assert with_secrets(plain, {}) == plain


def test_a_secret_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the environment variable TOKEN is not set"):
        with_secrets(desired(tmp_path), {})
