import { useAddToCart } from "@/api/cart";
import { isRefusal } from "@/api/problem";
import type { Order } from "@/api/schemas";
import { toast, toastFailure } from "@/ui/toast";
import { Button } from "@mantine/core";
import { IconRepeat } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

/** Puts everything of an order into the cart again, as far as it is still to be had. */
export function OrderAgain({ order }: { order: Order }) {
  const add = useAddToCart();
  const navigate = useNavigate();
  const [working, setWorking] = useState(false);

  async function again() {
    setWorking(true);
    const left: string[] = [];
    try {
      for (const { product_id, variant_id, quantity, name } of order.items) {
        try {
          await add.mutateAsync({ product_id, variant_id, quantity });
        } catch (error) {
          if (!isRefusal(error)) throw error;
          left.push(name);
        }
      }
      if (left.length > 0) toast(`Not to be had as before: ${left.join(", ")}.`);
      if (left.length < order.items.length) await navigate({ to: "/cart" });
    } catch (error) {
      toastFailure(error);
    } finally {
      setWorking(false);
    }
  }

  return (
    <Button variant="default" leftSection={<IconRepeat size={18} />} loading={working} onClick={() => void again()}>
      Order again
    </Button>
  );
}
