"""The gateway's settings: defaults, rate limits, and errors for invalid values."""

from __future__ import annotations

from pathlib import Path

import pytest

from serai.chassis.settings import SettingsError, load
from serai.gateway.rate_limits import RateLimit
from serai.gateway.settings import GatewaySettings


def _settings(**environ: str) -> GatewaySettings:
    return load(GatewaySettings, {"SERAI_MODE": "local", **environ}).check()


def test_the_default_rate_limits() -> None:
    limits = _settings().limits()
    assert limits["default"] is None
    assert limits["sign_in"] == limits["register"] == limits["reset"] == RateLimit(60, 30)
    assert limits["orders"] == limits["payments"] == RateLimit(600, 600)
    assert limits["mail"] == RateLimit(60, 30)


def test_every_rate_limit_is_a_setting() -> None:
    for name in _settings().limits():
        changed = _settings(**{f"SERAI_LIMIT_{name.upper()}": "7/3"}).limits()
        assert changed[name] == RateLimit(7, 3)


@pytest.mark.parametrize("name", ["SERAI_LIMIT_ORDER", "SERAI_LIMIT_", "SERAI_LIMIT_sign_in", "SERAI_LIMIT_ORDER_FILE"])
def test_an_unknown_limit_variable_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        _settings(**{name: "60"})
    assert "SERAI_LIMIT_ORDERS" in str(caught.value)


def test_a_limit_may_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("7/3\n")
    assert _settings(SERAI_LIMIT_MAIL_FILE=str(tmp_path / "limit")).limits()["mail"] == RateLimit(7, 3)


def test_all_invalid_settings_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        _settings(
            SERAI_PORT="70000",
            SERAI_GATEWAY_BIND="everywhere",
            SERAI_HOSTS="shop.example,a/b",
            SERAI_CORS_ORIGINS="*",
            SERAI_TRUSTED_HOPS="-1",
            SERAI_LIMIT_ORDERS="many",
            SERAI_TLS_CERT="/nowhere/cert.pem",
        )
    reported = "\n".join(caught.value.problems)
    for name in (
        "PORT",
        "GATEWAY_BIND",
        "HOSTS",
        "CORS_ORIGINS",
        "TRUSTED_HOPS",
        "LIMIT_ORDERS",
        "TLS_CERT",
        "TLS_KEY",
    ):
        assert f"SERAI_{name}" in reported
