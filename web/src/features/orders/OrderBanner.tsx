/** The most important information about an order for its buyer, with the next action if there is one. */
import { LinkButton } from "@/ui/links";
import { usePay } from "@/api/payments";
import type { Order } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { money } from "@/format/money";
import { goToPaymentPage } from "@/orders/pay";
import { shortages } from "@/orders/shortages";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/orderPages";
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
      <Banner waiting title={texts.preparing}>
        {texts.preparingText}
      </Banner>
    );
  }
  if (confirming === "yes") {
    return (
      <Banner waiting title={texts.confirming}>
        {texts.confirmingText}
      </Banner>
    );
  }
  if (confirming === "slow") {
    return (
      <Banner waiting title={texts.confirmingSlow}>
        {texts.confirmingSlowText(order.email)}
      </Banner>
    );
  }
  if (order.status === "awaiting_payment") return <PaymentNeeded order={order} backFromPayment={backFromPayment} />;
  if (order.status === "paid" && backFromPayment) {
    return (
      <Banner icon={IconCircleCheck} title={texts.confirmed}>
        {texts.confirmedText(order.email)}
      </Banner>
    );
  }
  if (order.status === "rejected") return <Rejected order={order} />;
  if (order.status === "refunding") {
    return (
      <Banner waiting title={texts.refunding}>
        {texts.refundingText(order.email)}
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
        title={backFromPayment ? texts.paymentFailed : texts.paymentNeeded}
        action={
          <Button
            size="md"
            loading={pay.isPending || pay.isSuccess}
            onClick={() =>
              pay.mutate(undefined, { onSuccess: ({ checkout_url }) => checkout_url && goToPaymentPage(checkout_url) })
            }
          >
            {order.total ? common.pay(money(order.total)) : common.payUnknown}
          </Button>
        }
      >
        {until && Date.parse(until) > Date.now() ? texts.reservedUntil(atTime(until)) : texts.stillReserved}
      </Banner>
      <Notice error={pay.error} />
    </>
  );
}

function Rejected({ order }: { order: Order }) {
  const short = shortages(order.failure?.items);
  const nameOf = (variantId: string) => order.items.find((item) => item.variant_id === variantId)?.name ?? texts.aProduct;
  return (
    <Banner
      icon={IconAlertTriangle}
      tone="attention"
      title={texts.rejected}
      action={
        <LinkButton to="/cart" variant="default">
          {common.viewCart}
        </LinkButton>
      }
    >
      {order.failure?.code === "out_of_stock" && short.length > 0
        ? texts.rejectedFor(short.map(({ variantId, available }) => common.shortage(nameOf(variantId), available)).join(", "))
        : texts.rejectedText}
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
