"""How hard Hypothesis tries: quickly by default, with `--hypothesis-profile=thorough --timeout=0` before a release. How
many tests run beside each other.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("quick"), max_examples=1000, stateful_step_count=60)
settings.load_profile("quick")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: a daemon that is watched for a minute of its own leaves its core idle."""
    return (os.cpu_count() or 1) + 1
