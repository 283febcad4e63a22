"""Requests generated from our own description: whatever comes, the answer is one described."""

from __future__ import annotations

from typing import Any

import schemathesis
from cprs_server.config.settings import Settings
from endpoints_app import application
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

schema = schemathesis.openapi.from_asgi("/openapi.json", application(Settings()))


@schema.parametrize()
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_those_described(case: schemathesis.Case[Any]) -> None:
    # What a description cannot say (a question is needed, a budget too small) is refused too.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
