"""Rules of products that need no database."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from serai.chassis.ids import is_id
from serai.product.catalogue.domain import slugs_of
from serai.product.search.domain import is_slug


@given(st.text(max_size=300), st.uuids())
def test_every_name_has_a_slug_that_fits_a_path_and_is_no_id(name: str, product_id: UUID) -> None:
    slugs = slugs_of(name, product_id)
    assert len(set(slugs)) == 3
    assert all(is_slug(slug) and not is_id(slug) and slug == slug.lower() for slug in slugs)
