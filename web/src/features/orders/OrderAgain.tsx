import { useAddToCart } from "@/api/cart";
import { isRefusal } from "@/api/problem";
import type { Order } from "@/api/schemas";
import { texts } from "@/texts/orderPages";
import { toast, toastFailure } from "@/ui/toast";
import { Button } from "@mantine/core";
import { IconRepeat } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

/** Adds the items of an order to the cart again, except those that are no longer available. */
export function OrderAgain({ order }: { order: Order }) {
  const add = useAddToCart();
  const navigate = useNavigate();
  const [working, setWorking] = useState(false);

  async function addAll() {
    setWorking(true);
    const unavailable: string[] = [];
    try {
      for (const { product_id, variant_id, quantity, name } of order.items) {
        try {
          await add.mutateAsync({ product_id, variant_id, quantity });
        } catch (error) {
          if (!isRefusal(error)) throw error;
          unavailable.push(name);
        }
      }
      if (unavailable.length > 0) toast(texts.notAvailableAgain(unavailable.join(", ")));
      if (unavailable.length < order.items.length) await navigate({ to: "/cart" });
    } catch (error) {
      toastFailure(error);
    } finally {
      setWorking(false);
    }
  }

  return (
    <Button variant="default" leftSection={<IconRepeat size={18} />} loading={working} onClick={() => void addAll()}>
      {texts.orderAgain}
    </Button>
  );
}
