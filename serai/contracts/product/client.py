"""How cart and order call the product service."""

from __future__ import annotations

from uuid import UUID

from serai.chassis.calls.client import ServiceClient
from serai.contracts.product.inventory import Held, HeldLine, HoldLine, HoldRequest
from serai.contracts.product.offers import ChooseVariant, VariantFacts, Variants, VariantsRequest


class ProductClient(ServiceClient):
    callee = "product"

    async def variants(self, variant_ids: list[UUID]) -> list[VariantFacts]:
        """Names, prices and availability as of now."""
        asked = VariantsRequest(variant_ids)
        answer = await self._call("variants", "POST", "/internal/variants", Variants, body=asked, retryable=True)
        return answer.items

    async def choose(self, product_id: UUID, variant_id: UUID | None) -> VariantFacts:
        """The variant somebody puts into a cart. Raises `NotFound` (not for sale), `VariantRequired`."""
        asked = ChooseVariant(product_id, variant_id)
        return await self._call("choose", "POST", "/internal/choices", VariantFacts, body=asked, retryable=True)

    async def hold(self, hold_id: str, lines: list[HoldLine]) -> list[HeldLine]:
        """Hold all lines or none; repeating it answers the first answer. Raises `OutOfStock`, `HoldClosed`."""
        path = f"/internal/holds/{hold_id}"
        answer = await self._call("hold", "PUT", path, Held, body=HoldRequest(lines), timeout_s=5.0, retryable=True)
        return answer.lines

    async def commit(self, hold_id: str) -> None:
        """Held becomes sold. Raises `HoldClosed` for a hold that was released, `NotFound` for one that never was."""
        await self._call("commit_hold", "POST", f"/internal/holds/{hold_id}/commit", type(None), retryable=True)

    async def release(self, hold_id: str) -> None:
        """Held becomes available again, and a late hold under this id is refused. Raises `HoldClosed` if committed."""
        await self._call("release_hold", "POST", f"/internal/holds/{hold_id}/release", type(None), retryable=True)

    async def put_back(self, hold_id: str) -> None:
        """Units sold under this hold return to stock, once. Raises `NotFound` for a hold that was not committed."""
        await self._call("return_hold", "POST", f"/internal/holds/{hold_id}/return", type(None), retryable=True)
