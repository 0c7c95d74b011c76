import { cartQuery, useCartIsChanging } from "@/api/cart";
import type { Cart } from "@/api/schemas";
import { OrderSums } from "@/orders/OrderSums";
import { useSession } from "@/session/current";
import { texts } from "@/texts/cart";
import { texts as common } from "@/texts/common";
import { Card } from "@/ui/Card";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { LinkButton } from "@/ui/links";
import { Alert, Button, Skeleton, Stack } from "@mantine/core";
import { IconAlertTriangle, IconShoppingBag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { CartLine } from "./CartLine";
import classes from "./CartPage.module.css";
import { usePriceChanges } from "./priceChanges";

export function CartPage() {
  const cart = useQuery({ ...cartQuery, refetchOnMount: "always" });
  return (
    <Page title={texts.title}>
      {cart.data ? (
        <Filled cart={cart.data} />
      ) : cart.isError ? (
        <Failure error={cart.error} onRetry={cart.refetch} />
      ) : (
        <Skeleton height={320} radius="lg" />
      )}
    </Page>
  );
}

function Filled({ cart }: { cart: Cart }) {
  const { user } = useSession();
  const changing = useCartIsChanging();
  const changes = usePriceChanges(cart);
  if (cart.items.length === 0) return <Empty />;
  const short = cart.items.filter((item) => item.quantity > item.available);
  const allGone = short.every(({ available }) => available === 0);
  return (
    <div className={classes.layout}>
      <section aria-label={texts.contents}>
        {short.length > 0 && (
          <Alert
            color="clay"
            variant="light"
            icon={<IconAlertTriangle />}
            mb="md"
            title={allGone ? texts.unavailable(short.length) : texts.notEnough(short.length)}
          >
            {allGone ? texts.unavailableText(short.length) : texts.notEnoughText}
          </Alert>
        )}
        <ul className={classes.lines}>
          {cart.items.map((item) => (
            <CartLine key={item.id} item={item} formerPrice={changes.get(item.variant_id)} />
          ))}
        </ul>
      </section>
      <Card title={texts.summary} className={classes.summary}>
        <OrderSums sums={{ subtotal: cart.subtotal }} />
        <p className={classes.next}>{texts.atCheckout}</p>
        <Stack gap="sm" mt="lg">
          {short.length > 0 || changing ? (
            <Button size="lg" disabled>
              {texts.checkOut}
            </Button>
          ) : (
            <LinkButton to="/checkout" size="lg">
              {texts.checkOut}
            </LinkButton>
          )}
          <LinkButton to="/products" search={{}} variant="subtle">
            {texts.continueShopping}
          </LinkButton>
        </Stack>
        <p className={classes.small}>
          {user ? texts.nothingCharged : texts.signInNext}
        </p>
      </Card>
    </div>
  );
}

function Empty() {
  return (
    <Message
      icon={IconShoppingBag}
      title={texts.empty}
      action={
        <LinkButton to="/products" search={{}} size="md">
          {common.browse}
        </LinkButton>
      }
    >
      {texts.emptyText}
    </Message>
  );
}
