import { refetchCart, useSetQuantity } from "@/api/cart";
import { orderQuery, quoteQuery, recentOrdersQuery, usePlaceOrder } from "@/api/orders";
import { fieldErrors } from "@/api/problem";
import type { Cart, Order, User } from "@/api/schemas";
import { money } from "@/format/money";
import { goToPaymentPage } from "@/orders/pay";
import { shortages } from "@/orders/shortages";
import { texts } from "@/texts/checkout";
import { texts as common } from "@/texts/common";
import { Card } from "@/ui/Card";
import { Price } from "@/ui/Price";
import { Button, Textarea } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconLock } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { emptyAddress, isComplete, missing, toAddress, toFields } from "./address";
import { AddressFields, type AddressForm } from "./AddressFields";
import { CheckoutProblem } from "./CheckoutProblem";
import classes from "./CheckoutPage.module.css";
import { draftOf, forgetDraft, keepDraft } from "./draft";
import { Summary } from "./Summary";

export function CheckoutForm({ cart, user }: { cart: Cart; user: User }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [draft] = useState(() => draftOf(user.id));
  const form = useForm({
    initialValues: draft.address ?? emptyAddress(user.name),
    validate: missing,
    onValuesChange: (address) => keepDraft(user.id, { address }),
  });
  useLastAddress(form, draft.address === null);
  const [note, setNote] = useState(draft.note);
  const [method, setMethod] = useState(draft.method);
  useEffect(() => keepDraft(user.id, { note, method }), [user.id, note, method]);
  // The address to quote for: complete, and not while it is being typed.
  const [quotedAddress, setQuotedAddress] = useState(draft.address && isComplete(draft.address) ? draft.address : null);
  const quote = useQuery(
    quoteQuery(
      { ...(quotedAddress && { shipping_address: toAddress(quotedAddress) }), ...(method && { shipping_method: method }) },
      cart.version,
    ),
  );
  // A quote validates the address; its errors are shown at their fields.
  const addressErrors = fieldErrors(quote.error, "shipping_address");
  useEffect(() => {
    if (addressErrors) form.setErrors(addressErrors);
    // Once per answer.
  }, [quote.error]);
  const place = usePlaceOrder();
  const setQuantity = useSetQuantity();
  const placed = usePlacedOrder(place.data, pay);
  const placing = place.isPending || (place.data !== undefined && placed?.status !== "rejected");
  const refused = place.error ?? placed?.failure ?? null;
  const failure = refused ?? quote.error;
  const problem = useRef<HTMLDivElement>(null);
  // On a phone the message is far above the Pay button. In an effect, because it must be rendered first.
  useEffect(() => {
    if (refused) problem.current?.scrollIntoView({ block: "center" });
  }, [refused]);

  function pay(order: Order) {
    // The order's page replaces the checkout in the history, so the back button of Stripe's page leads there.
    void navigate({ to: "/orders/$id", params: { id: order.id }, replace: true }).then(() => {
      if (order.payment?.checkout_url) goToPaymentPage(order.payment.checkout_url);
    });
    forgetDraft();
    void refetchCart(client);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (placing) return;
    const { hasErrors, errors } = form.validate();
    if (hasErrors) {
      document.querySelector<HTMLElement>(`[name="${Object.keys(errors)[0]}"]`)?.focus();
      return;
    }
    if (!quote.data) return;
    place.mutate(
      {
        shipping_address: toAddress(form.getValues()),
        shipping_method: method ?? quote.data.shipping_method,
        expected_total: quote.data.total,
        note: note.trim() || null,
      },
      {
        onError: (error) => {
          const wrong = fieldErrors(error, "shipping_address");
          if (wrong) form.setErrors(wrong);
          void refetchCart(client);
          void quote.refetch();
        },
      },
    );
  }

  /** Reduces the cart to the available quantities that an `out_of_stock` refusal states. */
  async function reduceToAvailable(items: unknown) {
    const changes = shortages(items).flatMap(({ variantId, available }) => {
      const line = cart.items.find((item) => item.variant_id === variantId);
      return line ? setQuantity.mutateAsync({ id: line.id, quantity: available }) : [];
    });
    await Promise.allSettled(changes);
    place.reset();
    void quote.refetch();
  }

  const total = quote.data?.total;
  return (
    <form noValidate onSubmit={submit} className={classes.layout} aria-busy={placing}>
      <div className={classes.steps}>
        <div ref={problem} className={classes.problem}>
          {failure !== null && (
            <CheckoutProblem
              failure={failure}
              cart={cart}
              onUseAvailable={reduceToAvailable}
              onRetry={place.error ? undefined : quote.refetch}
            />
          )}
        </div>
        <Card title={texts.deliveryAddress}>
          <div onBlur={() => isComplete(form.getValues()) && setQuotedAddress({ ...form.getValues() })}>
            <AddressFields form={form} />
          </div>
        </Card>
        <Card title={texts.deliveryMethod}>
          {!quote.data && <p className={classes.hint}>{quote.isFetching ? texts.loadingMethods : texts.methodsUnavailable}</p>}
          <fieldset className={classes.methods} aria-label={texts.deliveryMethod}>
            {quote.data?.shipping_methods.map(({ id, name, price }) => (
              <label key={id} className={classes.method}>
                <input
                  type="radio"
                  name="shipping_method"
                  value={id}
                  checked={id === (method ?? quote.data.shipping_method)}
                  onChange={() => setMethod(id)}
                />
                <span>{name}</span>
                <span>{price.amount === 0 ? common.free : <Price of={price} />}</span>
              </label>
            ))}
          </fieldset>
        </Card>
        <Card title={texts.deliveryNote}>
          <Textarea
            aria-label={texts.deliveryNote}
            autosize
            minRows={2}
            maxLength={1000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
        </Card>
      </div>
      <Summary cart={cart} quote={quote.data}>
        <Button
          type="submit"
          size="lg"
          fullWidth
          className={classes.pay ?? ""}
          loading={placing}
          disabled={!quote.data}
          leftSection={<IconLock size={18} />}
        >
          {total ? common.pay(money(total)) : common.payUnknown}
        </Button>
        <p className={classes.legal} role="status">
          {placing ? texts.redirecting : texts.paymentInfo(user.email)}
        </p>
      </Summary>
    </form>
  );
}

/** Fills the form with the address of the last order, unless the user has typed something. */
function useLastAddress(form: AddressForm, enabled: boolean): void {
  const { data } = useQuery(recentOrdersQuery({ limit: 1 }));
  const last = data?.[0]?.shipping_address;
  useEffect(() => {
    if (enabled && last && !form.isTouched() && !form.isDirty()) form.setValues(toFields(last));
    // Once per address, so that a later render does not overwrite the form.
  }, [last]);
}

/** Polls an order that is still pending until it can be paid or has been rejected. */
function usePlacedOrder(placed: Order | undefined, onReady: (order: Order) => void): Order | undefined {
  const { data } = useQuery({
    ...orderQuery(placed?.id ?? ""),
    enabled: placed !== undefined,
    refetchInterval: ({ state }) => (state.data?.status === "pending" ? 700 : false),
  });
  const order = placed && (data ?? placed);
  const handled = useRef<string | null>(null);
  useEffect(() => {
    if (!order || order.status === "pending" || order.status === "rejected" || handled.current === order.id) return;
    handled.current = order.id;
    onReady(order);
  });
  return order;
}
