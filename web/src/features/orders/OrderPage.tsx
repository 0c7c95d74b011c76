import { orderQuery, useCancelOrder } from "@/api/orders";
import { isNotFound } from "@/api/problem";
import type { Order } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { DeliveryAddress } from "@/orders/DeliveryAddress";
import { OrderItems } from "@/orders/OrderItems";
import { OrderStatusBadge } from "@/orders/OrderStatusBadge";
import { OrderSums } from "@/orders/OrderSums";
import { OrderTimeline } from "@/orders/OrderTimeline";
import { sumsOf } from "@/orders/sums";
import { SignedIn } from "@/session/SignedIn";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/orderPages";
import { texts as orderTexts } from "@/texts/orders";
import { Card } from "@/ui/Card";
import { Confirm } from "@/ui/Confirm";
import { Failure, Notice } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { LinkAnchor, LinkButton } from "@/ui/links";
import { toast } from "@/ui/toast";
import { Button, Group, Skeleton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArrowLeft, IconMapOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { OrderAgain } from "./OrderAgain";
import { OrderBanner } from "./OrderBanner";
import classes from "./OrderPage.module.css";
import { useBackFromPayment } from "./useBackFromPayment";

const route = getRouteApi("/orders/$id");

export function OrderPage() {
  return (
    <SignedIn title={texts.signInToSeeOrder}>
      <Loaded />
    </SignedIn>
  );
}

function Loaded() {
  const { id } = route.useParams();
  const { session_id: backFrom } = route.useSearch();
  const order = useQuery({
    ...orderQuery(id),
    refetchInterval: ({ state }) => pollAfter(state.data, backFrom !== undefined),
  });
  if (isNotFound(order.error)) return <NotFound />;
  if (!order.data) {
    return order.isError ? (
      <Failure error={order.error} onRetry={order.refetch} order={1} />
    ) : (
      <Page title={orderTexts.order} narrow>
        <Skeleton height={360} radius="lg" />
      </Page>
    );
  }
  return <Shown order={order.data} backFromPayment={backFrom !== undefined} />;
}

/** The polling interval in milliseconds: short while the buyer waits for a change, false if none will follow. */
function pollAfter(order: Order | undefined, back: boolean): number | false {
  if (!order) return false;
  if (order.status === "pending") return 800;
  if (order.status === "awaiting_payment") return back ? 1500 : 15_000;
  return order.status === "refunding" ? 4000 : false;
}

function Shown({ order, backFromPayment }: { order: Order; backFromPayment: boolean }) {
  const confirming = useBackFromPayment(order, backFromPayment);
  return (
    <Page
      title={order.number ? orderTexts.orderNumber(order.number) : texts.yourOrder}
      narrow
      above={
        <LinkAnchor to="/orders" search={{}} size="sm" c="dimmed" className={classes.back ?? ""}>
          <IconArrowLeft size={16} aria-hidden /> {common.yourOrders}
        </LinkAnchor>
      }
      aside={
        <Group gap="sm">
          <span className={classes.placed}>{texts.placedOn(onDay(order.created_at))}</span>
          <OrderStatusBadge status={order.status} />
        </Group>
      }
    >
      <OrderBanner order={order} confirming={confirming} backFromPayment={backFromPayment} />
      <div className={classes.layout}>
        <div className={classes.column}>
          <Card title={texts.items}>
            <OrderItems items={order.items} />
            <div className={classes.totals}>
              <OrderSums sums={sumsOf(order)} />
            </div>
          </Card>
          <Actions order={order} />
        </div>
        <div className={classes.column}>
          <Card title={texts.progress}>
            <OrderTimeline order={order} />
            <Tracking order={order} />
          </Card>
          <Card title={texts.delivery}>
            <DeliveryAddress of={order.shipping_address} />
            {order.note && <p className={classes.note}>{texts.note(order.note)}</p>}
            <p className={classes.email}>{texts.updatesGoTo(order.email)}</p>
          </Card>
        </div>
      </div>
    </Page>
  );
}

function Tracking({ order }: { order: Order }) {
  const numbers = order.fulfilments.flatMap(({ tracking_number }) => tracking_number ?? []);
  if (numbers.length === 0) return null;
  return (
    <p className={classes.tracking}>
      {texts.trackingNumber} <strong>{numbers.join(", ")}</strong>
    </p>
  );
}

function Actions({ order }: { order: Order }) {
  const cancel = useCancelOrder(order.id);
  const [asking, ask] = useDisclosure(false);

  return (
    <>
      <Notice error={cancel.error} />
      <Group gap="sm">
        {!["pending", "awaiting_payment"].includes(order.status) && <OrderAgain order={order} />}
        {order.status === "awaiting_payment" && (
          <Button variant="default" onClick={ask.open}>
            {common.cancelOrder}
          </Button>
        )}
      </Group>
      <Confirm
        opened={asking}
        onClose={ask.close}
        title={order.number ? texts.cancelQuestion(order.number) : texts.cancelQuestionUnnumbered}
        confirmLabel={common.cancelOrder}
        cancelLabel={common.keepOrder}
        pending={cancel.isPending}
        onConfirm={() =>
          cancel.mutate(undefined, {
            onSuccess: () => toast(texts.canceled),
            onSettled: ask.close,
          })
        }
      >
        {texts.cancelText}
      </Confirm>
    </>
  );
}

function NotFound() {
  return (
    <Message
      icon={IconMapOff}
      order={1}
      title={texts.notFound}
      action={
        <LinkButton to="/orders" search={{}}>
          {common.yourOrders}
        </LinkButton>
      }
    >
      {texts.notFoundText}
    </Message>
  );
}
