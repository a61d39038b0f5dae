"""How hard Hypothesis tries: quickly by default, with `--hypothesis-profile=thorough --timeout=0` before a release."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000, stateful_step_count=60)
settings.load_profile("quick")
