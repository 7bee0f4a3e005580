"""Try registered versions on the project's functional suites."""

from __future__ import annotations

from infra.registry import Registry
from infra.settings import Settings
from models.bundle.bundle import Bundle
from models.bundle.functional import SuiteResult, run_suites
from models.evaluation.functional_file import Functional, functional_suites
from models.policies import POLICY_SETS


def suites_of(settings: Settings) -> tuple[Functional, ...]:
    """By the policies of the policy set in use; raises WrittenError, which lists every fault."""
    return functional_suites(POLICY_SETS[settings.policy_set].keys)


def tried_on(
    settings: Settings, suites: tuple[Functional, ...], on: str, beside: str = ""
) -> tuple[SuiteResult, ...]:
    """A version, an alias or a number, beside another where that is named."""
    registry = Registry(settings)
    bundles = [
        Bundle.load(registry.fetch(registry.resolve(name)), threads=settings.threads)
        for name in filter(None, (on, beside))
    ]
    return run_suites(suites, *bundles)
