"""What a handler of this service is given."""

from __future__ import annotations

from serai.chassis.data.database import Database
from serai.product.changes import Changes
from serai.product.media.files import MediaFiles
from serai.product.media.pictures import ImageOpener
from serai.product.search.cache import ProductCache


class Deps:
    def __init__(
        self,
        db: Database,
        changes: Changes,
        cache: ProductCache,
        opener: ImageOpener,
        files: MediaFiles,
        currency: str,
    ) -> None:
        self.db = db
        self.changes = changes
        self.cache = cache
        self.opener = opener
        self.files = files
        self.currency = currency
