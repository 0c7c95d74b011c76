"""The environment of each process."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from serai.supervisor import environment, keys
from serai.supervisor.environment import Setup
from serai.supervisor.home import Home


def setup(
    folder: Path,
    environ: Mapping[str, str],
    replicas: Mapping[str, int] | None = None,
    more_ports: Mapping[str, int] | None = None,
) -> Setup:
    home = Home(folder)
    home.create()
    return Setup(
        home=home,
        keys=keys.load(home),
        ports={"discovery": 1, "stripe": 2, "mail": 3, "smtp": 4, "postgres": 5, **(more_ports or {})},
        admin_url="postgresql://serai:admins@/postgres?host=%2Fsomewhere&port=5",
        port=8080,
        bind="127.0.0.1",
        public_url="http://localhost:8080",
        environ=environ,
        replicas=replicas or {},
    )


def test_a_service_gets_only_its_own_secrets(tmp_path: Path) -> None:
    private = {"STRIPE_SECRET_KEY": "sk", "STRIPE_WEBHOOK_SECRET": "whsec", "SERAI_DATABASE_URL": "postgresql://boss"}
    config = setup(tmp_path, private)
    cart = environment.for_service(config, "cart", "cart-1", database=True)
    assert not set(private) & set(cart)
    assert "SERAI_JWT_KEYS" not in cart
    assert cart["SERAI_SERVICE_KEY"] == config.keys.seeds["cart"]
    password = config.keys.databases["cart"]
    assert cart["DATABASE_URL"] == f"postgresql://serai_cart:{password}@/serai_cart?host=%2Fsomewhere&port=5"


def test_only_the_gateway_gets_the_xds_token(tmp_path: Path) -> None:
    config = setup(tmp_path, {"SERAI_XDS_TOKEN": "xds"})
    assert environment.for_gateway(config, 1)["SERAI_XDS_TOKEN"] == "xds"
    assert "SERAI_XDS_TOKEN" not in environment.for_service(config, "cart", "cart-1", database=True)


def test_only_product_gets_the_path_of_the_demo_pictures(tmp_path: Path) -> None:
    config = setup(tmp_path, {})
    assert Path(environment.for_service(config, "product", "product-1", database=True)["SERAI_MEDIA_ARCHIVE"]).is_file()
    assert "SERAI_MEDIA_ARCHIVE" not in environment.for_service(config, "cart", "cart-1", database=True)


def test_the_size_of_the_pools_can_be_chosen(tmp_path: Path) -> None:
    assert environment.for_service(setup(tmp_path, {}), "cart", "cart-1", database=True)["SERAI_DATABASE_POOL"] == "4"
    chosen = setup(tmp_path, {"SERAI_DATABASE_POOL": "20"})
    assert environment.for_service(chosen, "cart", "cart-1", database=True)["SERAI_DATABASE_POOL"] == "20"


def test_services_keep_their_compiled_code(tmp_path: Path) -> None:
    config = setup(tmp_path, {"PYTHONDONTWRITEBYTECODE": "1", "PATH": "/bin"})
    cart = environment.for_service(config, "cart", "cart-1", database=True)
    assert "PYTHONDONTWRITEBYTECODE" not in cart
    assert cart["PATH"] == "/bin"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, True),
        ({"SERAI_DEMO_ORDERS": "on"}, True),
        ({"SERAI_DEMO_ORDERS": "off"}, False),
        ({"SMTP_URL": "smtp://mail.example"}, False),
        ({"STRIPE_SECRET_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}, False),
    ],
)
def test_a_shop_gets_past_orders_only_with_sandboxes(tmp_path: Path, environ: dict[str, str], expected: bool) -> None:
    assert setup(tmp_path, environ).demo_orders is expected
