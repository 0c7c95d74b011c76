/** The one thing about the order that its buyer wants to know first, and what can be done about it. */
import { LinkButton } from "@/ui/links";
import { usePay } from "@/api/payments";
import type { Order } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { money } from "@/format/money";
import { goToPaymentPage } from "@/orders/pay";
import { shortages } from "@/orders/shortages";
import { Notice } from "@/ui/Failure";
import { useOnPageRestore } from "@/ui/useOnPageRestore";
import { Button, Loader, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCreditCard, type Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./OrderPage.module.css";
import type { Confirming } from "./useBackFromPayment";

interface OrderBannerProps {
  order: Order;
  confirming: Confirming;
  backFromPayment: boolean;
}

export function OrderBanner({ order, confirming, backFromPayment }: OrderBannerProps) {
  if (order.status === "pending") {
    return (
      <Banner waiting title="Preparing your order">
        We are setting everything aside for you. This takes a moment.
      </Banner>
    );
  }
  if (confirming === "yes") {
    return (
      <Banner waiting title="Confirming your payment">
        You are back from the payment page. We are waiting for the bank’s word; this page shows it by itself.
      </Banner>
    );
  }
  if (confirming === "slow") {
    return (
      <Banner waiting title="The bank is taking its time">
        Your payment is still being confirmed. You can leave this page: we write to {order.email} as soon as it is through.
      </Banner>
    );
  }
  if (order.status === "awaiting_payment") return <PaymentNeeded order={order} backFromPayment={backFromPayment} />;
  if (order.status === "paid" && backFromPayment) {
    return (
      <Banner icon={IconCircleCheck} title="Thank you, your order is paid">
        The confirmation is on its way to {order.email}. We tell you when it ships.
      </Banner>
    );
  }
  if (order.status === "rejected") return <Rejected order={order} />;
  if (order.status === "refunding") {
    return (
      <Banner waiting title="Your money is on its way back">
        Banks take a few days to show a refund. We write to {order.email} when it is done.
      </Banner>
    );
  }
  return null;
}

function PaymentNeeded({ order, backFromPayment }: { order: Order; backFromPayment: boolean }) {
  const pay = usePay(order.id);
  useOnPageRestore(pay.reset);
  const until = order.payment?.expires_at;
  return (
    <>
      <Banner
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
      </Banner>
      <Notice error={pay.error} />
    </>
  );
}

function Rejected({ order }: { order: Order }) {
  const short = shortages(order.failure?.items);
  const nameOf = (variantId: string) => order.items.find((item) => item.variant_id === variantId)?.name ?? "A product";
  return (
    <Banner
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
    </Banner>
  );
}

interface BannerProps {
  title: string;
  children: ReactNode;
  icon?: Icon;
  tone?: "good" | "attention";
  waiting?: boolean;
  action?: ReactNode;
}

function Banner({ title, children, icon: Picture, tone = "good", waiting = false, action }: BannerProps) {
  return (
    <section className={classes.banner} data-tone={tone} role="status">
      {waiting ? <Loader size={28} aria-hidden /> : Picture && <Picture size={30} stroke={1.6} className={classes.bannerIcon} aria-hidden />}
      <div className={classes.bannerText}>
        <Title order={2}>{title}</Title>
        <p>{children}</p>
      </div>
      {action}
    </section>
  );
}
