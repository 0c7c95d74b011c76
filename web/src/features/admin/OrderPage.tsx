import { orderQuery, useCancelOrder } from "@/api/orders";
import { useUpdateOrder } from "@/api/office";
import { fieldErrors } from "@/api/problem";
import type { Order } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { OfficePage } from "@/office/OfficePage";
import { DeliveryAddress } from "@/orders/DeliveryAddress";
import { OrderItems } from "@/orders/OrderItems";
import { OrderState } from "@/orders/OrderState";
import { OrderSums } from "@/orders/OrderSums";
import { OrderTimeline } from "@/orders/OrderTimeline";
import { useCan } from "@/session/current";
import { Card } from "@/ui/Card";
import { Confirm } from "@/ui/Confirm";
import { Failure, Notice } from "@/ui/Failure";
import { toast } from "@/ui/toast";
import { Button, Group, Skeleton, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import classes from "./OrderPage.module.css";
import { Refunds } from "./Refunds";

const route = getRouteApi("/admin/orders/$id");
const CANCELLABLE: readonly Order["status"][] = ["awaiting_payment", "paid"];

export function OfficeOrderPage() {
  const { id } = route.useParams();
  const order = useQuery({
    ...orderQuery(id),
    enabled: useCan("orders:read"),
    refetchInterval: ({ state }) => (["pending", "refunding"].includes(state.data?.status ?? "") ? 2000 : false),
  });
  return (
    <OfficePage
      needs="orders:read"
      title={order.data ? `Order ${order.data.number ?? "without a number"}` : "Order"}
      aside={order.data && <OrderState status={order.data.status} />}
    >
      {order.data ? (
        <Shown order={order.data} />
      ) : order.isError ? (
        <Failure error={order.error} onRetry={order.refetch} />
      ) : (
        <Skeleton height={420} radius="lg" />
      )}
    </OfficePage>
  );
}

function Shown({ order }: { order: Order }) {
  return (
    <div className={classes.layout}>
      <div className={classes.column}>
        <NextStep order={order} />
        <Card title="Items">
          <OrderItems items={order.items} />
          <div className={classes.sums}>
            <OrderSums order={order} />
          </div>
        </Card>
        {order.payment && <Refunds order={order} paymentId={order.payment.id} />}
      </div>
      <div className={classes.column}>
        <Card title="Progress">
          <OrderTimeline order={order} />
        </Card>
        <Card title="Deliver to">
          <DeliveryAddress of={order.shipping_address} />
          <p className={classes.mail}>{order.email}</p>
          {order.note && <p className={classes.note}>“{order.note}”</p>}
        </Card>
        {order.fulfilments.length > 0 && (
          <Card title="Parcels">
            {order.fulfilments.map(({ shipped_at, tracking_number }) => (
              <p key={shipped_at} className={classes.parcel}>
                <strong>{tracking_number ?? "Without tracking"}</strong>
                {atTime(shipped_at)}
              </p>
            ))}
          </Card>
        )}
      </div>
    </div>
  );
}

/** What is to be done with the order next, and the way out. */
function NextStep({ order }: { order: Order }) {
  const update = useUpdateOrder(order.id);
  const cancel = useCancelOrder(order.id);
  const [tracking, setTracking] = useState("");
  const [asking, ask] = useDisclosure(false);
  const cancellable = CANCELLABLE.includes(order.status);
  if (!cancellable && order.status !== "shipped") return null;
  const wrong = fieldErrors(update.error)?.tracking_number;
  return (
    <Card title={order.status === "shipped" ? "On its way" : order.status === "paid" ? "To be shipped" : "Waiting for payment"}>
      {!wrong && <Notice error={update.error ?? cancel.error} />}
      {order.status === "paid" && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            update.mutate(
              { status: "shipped", tracking_number: tracking.trim() || null },
              { onSuccess: () => toast("Marked as shipped; the buyer gets a mail.") },
            );
          }}
        >
          <Group align="end">
            <TextInput
              label="Tracking number (optional)"
              maxLength={100}
              value={tracking}
              error={wrong}
              onChange={(event) => setTracking(event.currentTarget.value)}
            />
            <Button type="submit" size="md" loading={update.isPending}>
              Mark as shipped
            </Button>
          </Group>
        </form>
      )}
      {order.status === "shipped" && (
        <Button
          loading={update.isPending}
          onClick={() => update.mutate({ status: "delivered" }, { onSuccess: () => toast("Marked as delivered.") })}
        >
          Mark as delivered
        </Button>
      )}
      {cancellable && (
        <Button variant="subtle" color="clay" mt="md" px={0} onClick={ask.open}>
          Cancel this order
        </Button>
      )}
      <Confirm
        opened={asking}
        onClose={ask.close}
        title={`Cancel ${order.number ?? "this order"}?`}
        confirm="Cancel the order"
        keep="Keep it"
        pending={cancel.isPending}
        onConfirm={() => cancel.mutate(undefined, { onSuccess: () => toast("The order is cancelled."), onSettled: ask.close })}
      >
        {order.status === "paid" ? "Everything that was paid goes back to the buyer." : "Nothing was paid. The goods go back on the shelf."}
      </Confirm>
    </Card>
  );
}
