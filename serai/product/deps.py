"""What a handler of this service is given."""

from __future__ import annotations

from serai.chassis.data.database import Database
from serai.product.catalogue import Catalogue
from serai.product.media import Media
from serai.product.pictures import Studio


class Deps:
    def __init__(self, db: Database, catalogue: Catalogue, studio: Studio, media: Media, currency: str) -> None:
        self.db = db
        self.catalogue = catalogue
        self.studio = studio
        self.media = media
        self.currency = currency
