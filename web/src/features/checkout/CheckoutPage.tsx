import { cartQuery } from "@/api/cart";
import { RegisterForm } from "@/session/RegisterForm";
import { SignInForm } from "@/session/SignInForm";
import { useSession } from "@/session/current";
import { texts } from "@/texts/checkout";
import { texts as common } from "@/texts/common";
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
  const wasAnonymous = useRef(false);
  // The form that had the focus is removed after the sign-in.
  useEffect(() => {
    if (user && wasAnonymous.current) focusContent();
    wasAnonymous.current = phase === "anonymous";
  }, [phase, user]);
  return (
    <Page title={texts.title}>
      {cart.isError && !cart.data ? (
        <Failure error={cart.error} onRetry={cart.refetch} />
      ) : !cart.data || phase === "restoring" ? (
        <Skeleton height={420} radius="lg" />
      ) : cart.data.items.length === 0 ? (
        <Message
          icon={IconShoppingBag}
          title={texts.empty}
          action={
            <>
              <LinkButton to="/products" search={{}}>
                {common.browse}
              </LinkButton>
              {user ? (
                <LinkButton to="/orders" variant="default">
                  {common.yourOrders}
                </LinkButton>
              ) : (
                <LinkButton to="/sign-in" search={{ next: "/checkout" }} variant="default">
                  {common.signIn}
                </LinkButton>
              )}
            </>
          }
        >
          {user ? texts.emptyText : texts.emptyGuestText}
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

/** Signing in or registering during the checkout. The guest's cart is added to that of the account. */
function SignInOrRegister() {
  const [choice, setChoice] = useState("register");
  return (
    <Card title={texts.yourDetails}>
      <SegmentedControl
        fullWidth
        mb="lg"
        aria-label={texts.haveAccount}
        value={choice}
        onChange={setChoice}
        data={[
          { value: "register", label: texts.newCustomer },
          { value: "sign-in", label: texts.returningCustomer },
        ]}
      />
      <div className={classes.account}>
        {choice === "register" ? (
          <RegisterForm onDone={() => undefined} submitLabel={texts.createAccountAndContinue} />
        ) : (
          <SignInForm onDone={() => undefined} submitLabel={texts.signInAndContinue} />
        )}
      </div>
    </Card>
  );
}
