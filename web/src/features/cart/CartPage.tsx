import { cartQuery, useCartIsChanging } from "@/api/cart";
import type { Cart } from "@/api/schemas";
import { useSession } from "@/session/current";
import { Card } from "@/ui/Card";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { Totals } from "@/ui/Totals";
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
    <Page title="Cart">
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
  return (
    <div className={classes.layout}>
      <section aria-label="What is in your cart">
        {short.length > 0 && (
          <Alert
            color="clay"
            variant="light"
            icon={<IconAlertTriangle />}
            mb="md"
            title={short.length === 1 ? "One thing is not to be had as it stands" : "Some things are not to be had as they stand"}
          >
            Others were faster. Change what is marked below, then you can go on.
          </Alert>
        )}
        <ul className={classes.lines}>
          {cart.items.map((item) => (
            <CartLine key={item.id} item={item} formerPrice={changes.get(item.variant_id)} />
          ))}
        </ul>
      </section>
      <Card title="Summary" className={classes.summary}>
        <Totals lines={[]} total={{ label: "Subtotal", of: cart.subtotal }} />
        <p className={classes.next}>Shipping and tax come in the next step, before you pay.</p>
        <Stack gap="sm" mt="lg">
          {short.length > 0 || changing ? (
            <Button size="lg" disabled>
              Check out
            </Button>
          ) : (
            <LinkButton to="/checkout" size="lg">
              Check out
            </LinkButton>
          )}
          <LinkButton to="/products" search={{}} variant="subtle">
            Go on shopping
          </LinkButton>
        </Stack>
        <p className={classes.small}>
          {user ? "Nothing is charged before you have seen the total." : "Sign in or create an account in the next step; your cart comes along."}
        </p>
      </Card>
    </div>
  );
}

function Empty() {
  return (
    <Message
      icon={IconShoppingBag}
      title="Your cart is empty"
      action={
        <LinkButton to="/products" search={{}} size="md">
          Browse the shop
        </LinkButton>
      }
    >
      Whatever you put in stays here, on this device and in your account.
    </Message>
  );
}
