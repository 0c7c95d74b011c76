/** The one thing about the order that its buyer wants to know first, and what can be done about it. */
import { LinkButton } from "@/ui/links";
import { usePay } from "@/api/payments";
import type { Order } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { money } from "@/format/money";
import { goToPaymentPage } from "@/orders/pay";
import { shortages } from "@/orders/shortages";
import { Notice } from "@/ui/Failure";
import { useShownAgain } from "@/ui/useShownAgain";
import { Button, Loader, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCreditCard, type Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./OrderPage.module.css";
import type { Confirming } from "./useBackFromPayment";

interface OrderNewsProps {
  order: Order;
  confirming: Confirming;
  backFromPayment: boolean;
}

export function OrderNews({ order, confirming, backFromPayment }: OrderNewsProps) {
  if (order.status === "pending") {
    return (
      <News waiting title="Preparing your order">
        We are setting everything aside for you. This takes a moment.
      </News>
    );
  }
  if (confirming === "yes") {
    return (
      <News waiting title="Confirming your payment">
        You are back from the payment page. We are waiting for the bank’s word; this page shows it by itself.
      </News>
    );
  }
  if (confirming === "slow") {
    return (
      <News waiting title="The bank is taking its time">
        Your payment is still being confirmed. You can leave this page: we write to {order.email} as soon as it is through.
      </News>
    );
  }
  if (order.status === "awaiting_payment") return <ToBePaid order={order} backFromPayment={backFromPayment} />;
  if (order.status === "paid" && backFromPayment) {
    return (
      <News icon={IconCircleCheck} title="Thank you, your order is paid">
        The confirmation is on its way to {order.email}. We tell you when it ships.
      </News>
    );
  }
  if (order.status === "rejected") return <Rejected order={order} />;
  if (order.status === "refunding") {
    return (
      <News waiting title="Your money is on its way back">
        Banks take a few days to show a refund. We write to {order.email} when it is done.
      </News>
    );
  }
  return null;
}

function ToBePaid({ order, backFromPayment }: { order: Order; backFromPayment: boolean }) {
  const pay = usePay(order.id);
  useShownAgain(pay.reset);
  const until = order.payment?.expires_at;
  return (
    <>
      <News
        icon={backFromPayment ? IconAlertTriangle : IconCreditCard}
        tone="attention"
        title={backFromPayment ? "The payment did not go through" : "This order waits for your payment"}
        action={
          <Button
            size="md"
            loading={pay.isPending || pay.isSuccess}
            onClick={() =>
              pay.mutate(undefined, { onSuccess: ({ checkout_url }) => checkout_url && goToPaymentPage(checkout_url) })
            }
          >
            {order.total ? `Pay ${money(order.total)}` : "Pay"}
          </Button>
        }
      >
        Nothing has been charged.{" "}
        {until && Date.parse(until) > Date.now()
          ? `Everything is set aside for you until ${atTime(until)}.`
          : "Everything is still set aside for you."}
      </News>
      <Notice error={pay.error} />
    </>
  );
}

function Rejected({ order }: { order: Order }) {
  const short = shortages(order.failure?.items);
  const nameOf = (variantId: string) => order.items.find((item) => item.variant_id === variantId)?.name ?? "A product";
  return (
    <News
      icon={IconAlertTriangle}
      tone="attention"
      title="This order could not be placed"
      action={
        <LinkButton to="/cart" variant="default">
          To the cart
        </LinkButton>
      }
    >
      {order.failure?.code === "out_of_stock" && short.length > 0
        ? short.map(({ variantId, available }) => `${nameOf(variantId)}: ${available === 0 ? "sold out" : `${available} left`}. `)
        : "Something in it is not to be had as ordered. "}
      Nothing was charged.
    </News>
  );
}

interface NewsProps {
  title: string;
  children: ReactNode;
  icon?: Icon;
  tone?: "good" | "attention";
  waiting?: boolean;
  action?: ReactNode;
}

function News({ title, children, icon: Picture, tone = "good", waiting = false, action }: NewsProps) {
  return (
    <section className={classes.news} data-tone={tone} role="status">
      {waiting ? <Loader size={28} aria-hidden /> : Picture && <Picture size={30} stroke={1.6} className={classes.newsIcon} aria-hidden />}
      <div className={classes.newsText}>
        <Title order={2}>{title}</Title>
        <p>{children}</p>
      </div>
      {action}
    </section>
  );
}
