"""The demo shop: its products, its accounts and its past orders. It stands above the services and uses them; no service
knows of it."""

from __future__ import annotations

from pathlib import Path

#: A zip file with the pictures of the demo products. The product service serves what is in it (SERAI_MEDIA_ARCHIVE).
PICTURES = Path(__file__).with_name("pictures.zip")
