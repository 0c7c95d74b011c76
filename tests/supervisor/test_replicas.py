"""Parsing of `--replicas`, and what replicas share."""

from pathlib import Path

import pytest

from serai.supervisor import environment, ports, replicas
from serai.supervisor.home import Home
from tests.supervisor.test_environment import setup


def test_numbers_can_be_separated_by_commas_or_repeated() -> None:
    expected = {"order": 2, "gateway": 3, "discovery": 2}
    assert replicas.parse(["order=2,gateway=3", "discovery=2"]) == expected
    assert replicas.parse(["order=2, gateway=3 ,discovery=2"]) == expected
    assert replicas.parse(["order=2", "gateway=3", "discovery=2", "order=2"]) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("order=0", "N from 1 to 8"),
        ("order=9", "N from 1 to 8"),
        ("order=-1", "N from 1 to 8"),
        ("order=1.5", "N from 1 to 8"),
        ("order=²", "N from 1 to 8"),
        ("order=", "N from 1 to 8"),
        ("order", "N from 1 to 8"),
        ("ordre=2", "there is no 'ordre'"),
        ("", "there is no ''"),
        ("order=2,", "there is no ''"),
        ("order=2 gateway=2", "N from 1 to 8"),
        ("postgres=2", "only one postgres"),
        ("sandbox=2", "only one sandbox"),
        ("order=2,order=3", "given twice"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replicas.parse([text])


def test_every_discovery_and_gateway_has_a_stored_port(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    names = ports.port_names({"discovery": 2, "gateway": 3})
    several = ports.allocate(home, names)
    assert {"discovery", "discovery-2", "gateway-2", "gateway-3"} <= several.keys()
    assert "gateway" not in several
    assert len(set(several.values())) == len(several)
    # With fewer replicas, the ports of the others stay reserved.
    assert ports.allocate(home, ports.port_names({})).items() <= several.items()
    assert ports.allocate(home, names) == several


def test_the_port_of_the_first_gateway_is_not_allocated(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    first = ports.allocate(home)
    again = ports.allocate(home, taken=frozenset({first["discovery"]}))
    assert first["discovery"] not in again.values()


def test_services_know_every_registry_and_each_gateway_has_its_own_folder(tmp_path: Path) -> None:
    config = setup(tmp_path, {}, {"discovery": 2, "gateway": 2}, {"discovery-2": 11, "gateway-2": 12})
    registries = "http://127.0.0.1:1,http://127.0.0.1:11"
    assert environment.for_service(config, "cart", "cart-1", database=True)["SERAI_DISCOVERY_URL"] == registries
    assert environment.for_discovery(config, 2)["SERAI_BIND"] == "127.0.0.1:11"
    first, second = environment.for_gateway(config, 1), environment.for_gateway(config, 2)
    assert (first["SERAI_PORT"], second["SERAI_PORT"]) == ("8080", "12")
    assert first["SERAI_HOME"] == str(tmp_path)
    assert second["SERAI_HOME"] == str(tmp_path / "gateways" / "gateway-2")
    assert config.gateway_urls == ["http://127.0.0.1:8080", "http://127.0.0.1:12"]


def test_a_gateway_waits_for_others_to_take_over_only_if_there_are_several(tmp_path: Path) -> None:
    alone = environment.for_gateway(setup(tmp_path, {}), 1)
    beside = environment.for_gateway(setup(tmp_path, {}, {"gateway": 2}, {"gateway-2": 12}), 1)
    chosen = environment.for_gateway(setup(tmp_path, {"SERAI_DRAIN_SPREAD_S": "7"}), 1)
    assert [each["SERAI_DRAIN_SPREAD_S"] for each in (alone, beside, chosen)] == ["0", "1", "7"]


def test_postgresql_allows_the_connections_of_all_replicas() -> None:
    assert environment.connections({}, {}) == 200
    assert environment.connections({}, {"SERAI_DATABASE_POOL": "nonsense"}) == 200
    everything = dict.fromkeys(replicas.NAMES, replicas.MAX_REPLICAS)
    assert environment.connections(everything, {}) > 7 * 8 * 5
    assert environment.connections({}, {"SERAI_DATABASE_POOL": "50"}) > 7 * 50
