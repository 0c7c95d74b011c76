"""The demo shop: products, accounts and past orders. It uses the services; no service depends on it."""

from __future__ import annotations

from pathlib import Path

#: A zip file with the pictures of the demo products, which the product service serves (SERAI_MEDIA_ARCHIVE).
PICTURES = Path(__file__).with_name("pictures.zip")
