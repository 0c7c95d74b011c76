import { refetchCart, useSetQuantity } from "@/api/cart";
import { orderQuery, quoteQuery, recentOrdersQuery, usePlaceOrder } from "@/api/orders";
import { fieldErrors } from "@/api/problem";
import type { Cart, Order, User } from "@/api/schemas";
import { money } from "@/format/money";
import { goToPaymentPage } from "@/orders/pay";
import { shortages } from "@/orders/shortages";
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
  // The address as far as it can be quoted: complete, and not in the middle of being typed.
  const [settled, setSettled] = useState(draft.address && isComplete(draft.address) ? draft.address : null);
  const quote = useQuery(
    quoteQuery(
      { ...(settled && { shipping_address: toAddress(settled) }), ...(method && { shipping_method: method }) },
      cart.version,
    ),
  );
  // The shop looks at the address before it is ordered to: what it says stands beside the field it is about.
  const notAnAddress = fieldErrors(quote.error, "shipping_address");
  useEffect(() => {
    if (notAnAddress) form.setErrors(notAnAddress);
    // Once per answer.
  }, [quote.error]);
  const place = usePlaceOrder();
  const setQuantity = useSetQuantity();
  const prepared = usePreparedOrder(place.data, pay);
  const preparing = place.isPending || (place.data !== undefined && prepared?.status !== "rejected");
  const refused = place.error ?? prepared?.failure ?? null;
  const failure = refused ?? quote.error;
  const problem = useRef<HTMLDivElement>(null);
  // On a phone the Pay button is far below what is said here. Once it is drawn: before, there is nothing to scroll to.
  useEffect(() => {
    if (refused) problem.current?.scrollIntoView({ block: "center" });
  }, [refused]);

  function pay(order: Order) {
    // The order's page takes this one's place first: whoever comes back from Stripe's page lands there and can go on.
    void navigate({ to: "/orders/$id", params: { id: order.id }, replace: true }).then(() => {
      if (order.payment?.checkout_url) goToPaymentPage(order.payment.checkout_url);
    });
    forgetDraft();
    void refetchCart(client);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (preparing) return;
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

  /** Brings the cart down to what there is, after the shop said how much that is. */
  async function takeWhatThereIs(items: unknown) {
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
    <form noValidate onSubmit={submit} className={classes.layout} aria-busy={preparing}>
      <div className={classes.steps}>
        <div ref={problem} className={classes.problem}>
          {failure !== null && (
            <CheckoutProblem
              failure={failure}
              cart={cart}
              onTakeWhatThereIs={takeWhatThereIs}
              onAskAgain={place.error ? undefined : quote.refetch}
            />
          )}
        </div>
        <Card title="Where shall it go?">
          <div onBlur={() => isComplete(form.getValues()) && setSettled({ ...form.getValues() })}>
            <AddressFields form={form} />
          </div>
        </Card>
        <Card title="How shall it get there?">
          {!quote.data && <p className={classes.hint}>{quote.isFetching ? "Asking for the ways it can take…" : "We can say as soon as the order is possible."}</p>}
          <fieldset className={classes.ways} aria-label="Shipping method">
            {quote.data?.shipping_methods.map(({ id, name, price }) => (
              <label key={id} className={classes.way}>
                <input
                  type="radio"
                  name="shipping_method"
                  value={id}
                  checked={id === (method ?? quote.data.shipping_method)}
                  onChange={() => setMethod(id)}
                />
                <span>{name}</span>
                <span>{price.amount === 0 ? "Free" : <Price of={price} />}</span>
              </label>
            ))}
          </fieldset>
        </Card>
        <Card title="Anything we should know?">
          <Textarea
            aria-label="Note for the delivery (optional)"
            placeholder="A note for the delivery, if there is one"
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
          loading={preparing}
          disabled={!quote.data}
          leftSection={<IconLock size={18} />}
        >
          {total ? `Pay ${money(total)}` : "Pay"}
        </Button>
        <p className={classes.legal} role="status">
          {preparing
            ? "Setting your order aside and opening the payment page…"
            : `You pay on Stripe’s page. The confirmation goes to ${user.email}.`}
        </p>
      </Summary>
    </form>
  );
}

/** Starts with where the last order went, unless something has been typed already. */
function useLastAddress(form: AddressForm, wanted: boolean): void {
  const { data } = useQuery(recentOrdersQuery({ limit: 1 }));
  const last = data?.[0]?.shipping_address;
  useEffect(() => {
    if (wanted && last && !form.isTouched() && !form.isDirty()) form.setValues(toFields(last));
    // Once per address: the form is not overwritten by a later draw.
  }, [last]);
}

/** Follows an order that the shop is still preparing, until it can be paid or has been rejected. */
function usePreparedOrder(placed: Order | undefined, onReady: (order: Order) => void): Order | undefined {
  const { data } = useQuery({
    ...orderQuery(placed?.id ?? ""),
    enabled: placed !== undefined,
    refetchInterval: ({ state }) => (state.data?.status === "pending" ? 700 : false),
  });
  const order = placed && (data ?? placed);
  const left = useRef<string | null>(null);
  useEffect(() => {
    if (!order || order.status === "pending" || order.status === "rejected" || left.current === order.id) return;
    left.current = order.id;
    onReady(order);
  });
  return order;
}
