import { cartQuery } from "@/api/cart";
import { RegisterForm } from "@/session/RegisterForm";
import { SignInForm } from "@/session/SignInForm";
import { useSession } from "@/session/current";
import { Card } from "@/ui/Card";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { focusContent } from "@/ui/focus";
import { LinkButton } from "@/ui/links";
import { SegmentedControl, Skeleton } from "@mantine/core";
import { IconShoppingBag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { CheckoutForm } from "./CheckoutForm";
import classes from "./CheckoutPage.module.css";
import { Summary } from "./Summary";

export function CheckoutPage() {
  const { phase, user } = useSession();
  const cart = useQuery(cartQuery);
  const wasNobody = useRef(false);
  // The form that had the focus is gone once it is known who orders.
  useEffect(() => {
    if (user && wasNobody.current) focusContent();
    wasNobody.current = phase === "anonymous";
  }, [phase, user]);
  return (
    <Page title="Checkout">
      {cart.isError && !cart.data ? (
        <Failure error={cart.error} onRetry={cart.refetch} />
      ) : !cart.data || phase === "restoring" ? (
        <Skeleton height={420} radius="lg" />
      ) : cart.data.items.length === 0 ? (
        <Message
          icon={IconShoppingBag}
          title="There is nothing to check out"
          action={
            <>
              <LinkButton to="/products" search={{}}>
                Browse the shop
              </LinkButton>
              {user ? (
                <LinkButton to="/orders" variant="default">
                  Your orders
                </LinkButton>
              ) : (
                <LinkButton to="/sign-in" search={{ next: "/checkout" }} variant="default">
                  Sign in
                </LinkButton>
              )}
            </>
          }
        >
          {user
            ? "Your cart is empty. If you have just paid, you find the order under your orders."
            : "This cart is empty. What you have put into your own is there once you sign in."}
        </Message>
      ) : user ? (
        <CheckoutForm key={user.id} cart={cart.data} user={user} />
      ) : (
        <div className={classes.layout}>
          <SignInOrRegister />
          <Summary cart={cart.data} />
        </div>
      )}
    </Page>
  );
}

/** Signing in or registering in the middle of a purchase; the guest's cart comes along. */
function SignInOrRegister() {
  const [way, setWay] = useState("register");
  return (
    <Card title="Who is ordering?">
      <SegmentedControl
        fullWidth
        mb="lg"
        aria-label="Do you have an account?"
        value={way}
        onChange={setWay}
        data={[
          { value: "register", label: "I am new here" },
          { value: "sign-in", label: "I have an account" },
        ]}
      />
      <div className={classes.who}>
        {way === "register" ? (
          <RegisterForm onDone={() => undefined} submitLabel="Create account and go on" />
        ) : (
          <SignInForm onDone={() => undefined} submitLabel="Sign in and go on" />
        )}
      </div>
    </Card>
  );
}
