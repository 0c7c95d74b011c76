import { orderQuery, useCancelOrder } from "@/api/orders";
import { useUpdateOrder } from "@/api/admin";
import { fieldErrors } from "@/api/problem";
import type { Order } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { AdminPage } from "@/admin/AdminPage";
import { DeliveryAddress } from "@/orders/DeliveryAddress";
import { OrderItems } from "@/orders/OrderItems";
import { OrderStatusBadge } from "@/orders/OrderStatusBadge";
import { OrderSums } from "@/orders/OrderSums";
import { OrderTimeline } from "@/orders/OrderTimeline";
import { sumsOf } from "@/orders/sums";
import { useCan } from "@/session/current";
import { texts } from "@/texts/admin/orders";
import { texts as shared } from "@/texts/common";
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

export function AdminOrderPage() {
  const { id } = route.useParams();
  const order = useQuery({
    ...orderQuery(id),
    enabled: useCan("orders:read"),
    refetchInterval: ({ state }) => (["pending", "refunding"].includes(state.data?.status ?? "") ? 2000 : false),
  });
  return (
    <AdminPage
      needs="orders:read"
      title={order.data?.number ? texts.orderNumber(order.data.number) : order.data ? texts.unnumbered : texts.order}
      aside={order.data && <OrderStatusBadge status={order.data.status} />}
    >
      {order.data ? (
        <Loaded order={order.data} />
      ) : order.isError ? (
        <Failure error={order.error} onRetry={order.refetch} />
      ) : (
        <Skeleton height={420} radius="lg" />
      )}
    </AdminPage>
  );
}

function Loaded({ order }: { order: Order }) {
  return (
    <div className={classes.layout}>
      <div className={classes.column}>
        <NextStep order={order} />
        <Card title={texts.items}>
          <OrderItems items={order.items} />
          <div className={classes.sums}>
            <OrderSums sums={sumsOf(order)} />
          </div>
        </Card>
        {order.payment && <Refunds order={order} paymentId={order.payment.id} />}
      </div>
      <div className={classes.column}>
        <Card title={texts.progress}>
          <OrderTimeline order={order} />
        </Card>
        <Card title={texts.deliverTo}>
          <DeliveryAddress of={order.shipping_address} />
          <p className={classes.email}>{order.email}</p>
          {order.note && <p className={classes.note}>{texts.note(order.note)}</p>}
        </Card>
        {order.fulfilments.length > 0 && (
          <Card title={texts.packages}>
            {order.fulfilments.map(({ shipped_at, tracking_number }) => (
              <p key={shipped_at} className={classes.package}>
                <strong>{tracking_number ?? texts.noTracking}</strong>
                {atTime(shipped_at)}
              </p>
            ))}
          </Card>
        )}
      </div>
    </div>
  );
}

/** The next step of an order, and its cancellation. */
function NextStep({ order }: { order: Order }) {
  const update = useUpdateOrder(order.id);
  const cancel = useCancelOrder(order.id);
  const [tracking, setTracking] = useState("");
  const [asking, ask] = useDisclosure(false);
  const cancellable = CANCELLABLE.includes(order.status);
  if (!cancellable && order.status !== "shipped") return null;
  const wrong = fieldErrors(update.error)?.tracking_number;
  return (
    <Card title={order.status === "shipped" ? texts.shipped : order.status === "paid" ? texts.toShip : texts.awaitingPayment}>
      {!wrong && <Notice error={update.error ?? cancel.error} />}
      {order.status === "paid" && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            update.mutate(
              { status: "shipped", tracking_number: tracking.trim() || null },
              { onSuccess: () => toast(texts.markedShipped) },
            );
          }}
        >
          <Group align="end">
            <TextInput
              label={texts.trackingNumber}
              maxLength={100}
              value={tracking}
              error={wrong}
              onChange={(event) => setTracking(event.currentTarget.value)}
            />
            <Button type="submit" size="md" loading={update.isPending}>
              {texts.markShipped}
            </Button>
          </Group>
        </form>
      )}
      {order.status === "shipped" && (
        <Button
          loading={update.isPending}
          onClick={() => update.mutate({ status: "delivered" }, { onSuccess: () => toast(texts.markedDelivered) })}
        >
          {texts.markDelivered}
        </Button>
      )}
      {cancellable && (
        <Button variant="subtle" color="clay" mt="md" px={0} onClick={ask.open}>
          {shared.cancelOrder}
        </Button>
      )}
      <Confirm
        opened={asking}
        onClose={ask.close}
        title={order.number ? texts.cancelQuestion(order.number) : texts.cancelQuestionUnnumbered}
        confirmLabel={shared.cancelOrder}
        cancelLabel={shared.keepOrder}
        pending={cancel.isPending}
        onConfirm={() => cancel.mutate(undefined, { onSuccess: () => toast(texts.canceled), onSettled: ask.close })}
      >
        {order.status === "paid" ? texts.cancelPaidText : texts.cancelUnpaidText}
      </Confirm>
    </Card>
  );
}
