"""Of an address that may itself be a secret, everybody may read the server."""

from __future__ import annotations

import pytest

from ems.domain.web_address import server_of


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example.com/services/T02A/B07/q9Zr4tKw", "https://hooks.example.com/…"),
        ("https://anna:pw@back.example.com:8443/?token=abc", "https://back.example.com:8443/…"),
        ("https://back.example.com?token=abc", "https://back.example.com/…"),
        ("https://anna:p@ss@back.example.com", "https://back.example.com"),
        ("http://[::1]:8080/hook", "http://[::1]:8080/…"),
        ("https://back.example.com/", "https://back.example.com"),
        ("https://back.example.com", "https://back.example.com"),
    ],
)
def test_of_path_and_query_it_is_only_said_that_there_is_something(url: str, shown: str) -> None:
    assert server_of(url) == shown


def test_what_is_no_address_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValueError, match="this is no web address") as refused:
        server_of("q9Zr4tKw")
    assert "q9Zr4tKw" not in str(refused.value)
