"""The client with which cart and order call the product service."""

from __future__ import annotations

from uuid import UUID

from serai.chassis.calls.client import ServiceClient
from serai.contracts.product.inventory import Held, HeldLine, HoldLine, HoldRequest
from serai.contracts.product.offers import ChooseVariant, VariantFacts, Variants, VariantsRequest


class ProductClient(ServiceClient):
    callee = "product"

    async def variants(self, variant_ids: list[UUID]) -> list[VariantFacts]:
        """The current names, prices and availability of variants."""
        request = VariantsRequest(variant_ids)
        answer = await self._call("variants", "POST", "/internal/variants", Variants, body=request, retryable=True)
        return answer.items

    async def choose(self, product_id: UUID, variant_id: UUID | None) -> VariantFacts:
        """The variant that a buyer adds to a cart. Raises `NotFound` (not for sale), `VariantRequired`."""
        request = ChooseVariant(product_id, variant_id)
        return await self._call("choose", "POST", "/internal/choices", VariantFacts, body=request, retryable=True)

    async def hold(self, hold_id: str, lines: list[HoldLine]) -> list[HeldLine]:
        """Hold the stock of all lines or of none. A repeated request gets the first response. Raises `OutOfStock`,
        `HoldClosed`.
        """
        path = f"/internal/holds/{hold_id}"
        answer = await self._call("hold", "PUT", path, Held, body=HoldRequest(lines), timeout_s=5.0, retryable=True)
        return answer.lines

    async def commit(self, hold_id: str) -> None:
        """Mark the held units as sold. Raises `HoldClosed` if the hold was released, `NotFound` if there is none."""
        await self._call("commit_hold", "POST", f"/internal/holds/{hold_id}/commit", type(None), retryable=True)

    async def release(self, hold_id: str) -> None:
        """Make the held units available again. A later hold with this id is refused. Raises `HoldClosed` if
        committed.
        """
        await self._call("release_hold", "POST", f"/internal/holds/{hold_id}/release", type(None), retryable=True)

    async def put_back(self, hold_id: str) -> None:
        """Return the units sold under this hold to stock, once. Raises `NotFound` for a hold that was not committed."""
        await self._call("return_hold", "POST", f"/internal/holds/{hold_id}/return", type(None), retryable=True)
