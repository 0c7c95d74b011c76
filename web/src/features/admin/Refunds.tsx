import { refundsQuery, useRefund } from "@/api/admin";
import { fieldErrors } from "@/api/problem";
import type { Order, Refund } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { major, money, parseMajor } from "@/format/money";
import { Card } from "@/ui/Card";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Failure";
import { Price } from "@/ui/Price";
import { toast } from "@/ui/toast";
import { Badge, Button, Checkbox, Group, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import classes from "./OrderPage.module.css";

const STATES: Readonly<Record<Refund["status"], { label: string; color: string }>> = {
  pending: { label: "Under way", color: "gray" },
  succeeded: { label: "Done", color: "teal" },
  failed: { label: "Failed", color: "clay" },
};
const REFUNDABLE: readonly Order["status"][] = ["paid", "shipped", "delivered", "refunding", "refunded"];

/** What went back to the buyer, and giving back all or a part of the rest. */
export function Refunds({ order, paymentId }: { order: Order; paymentId: string }) {
  const refunds = useQuery({ ...refundsQuery(paymentId), enabled: REFUNDABLE.includes(order.status) });
  if (!REFUNDABLE.includes(order.status) || !order.total) return null;
  const given = (refunds.data ?? [])
    .filter(({ status }) => status !== "failed")
    .reduce((sum, { amount }) => sum + amount.amount, 0);
  const left = order.total.amount - Math.max(given, order.refunded?.amount ?? 0);
  return (
    <Card title="Refunds">
      <Notice error={refunds.error} />
      {refunds.data && refunds.data.length > 0 && (
        <ul className={classes.refunds}>
          {refunds.data.map(({ id, amount, reason, status, created_at }) => (
            <li key={id}>
              <span>
                {reason || "No reason given"}
                <small>{atTime(created_at)}</small>
              </span>
              <Badge color={STATES[status].color} variant="light" tt="none">
                {STATES[status].label}
              </Badge>
              <Price of={amount} />
            </li>
          ))}
        </ul>
      )}
      {left > 0 ? (
        <RefundForm key={left} order={order} paymentId={paymentId} left={left} currency={order.total.currency} />
      ) : (
        <p>Everything has gone back.</p>
      )}
    </Card>
  );
}

interface RefundFormProps {
  order: Order;
  paymentId: string;
  left: number;
  currency: string;
}

function RefundForm({ order, paymentId, left, currency }: RefundFormProps) {
  const refund = useRefund(paymentId, order.id);
  const [typed, setTyped] = useState(major(left, currency));
  const [reason, setReason] = useState("");
  const [restock, setRestock] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [asked, setAsked] = useState<number | null>(null);
  const all = asked === left;

  function ask(event: FormEvent) {
    event.preventDefault();
    const amount = parseMajor(typed, currency);
    if (amount === null || amount === 0) setProblem("Enter an amount such as 19.90.");
    else if (amount > left) setProblem(`There is no more than ${money({ amount: left, currency })} left.`);
    else {
      setProblem(null);
      setAsked(amount);
    }
  }

  const wrong = fieldErrors(refund.error);
  return (
    <form onSubmit={ask}>
      <Stack gap="md" align="flex-start">
        {!wrong && <Notice error={refund.error} />}
        <Group align="start" w="100%">
          <TextInput
            label={`Amount (${currency})`}
            inputMode="decimal"
            w="9rem"
            value={typed}
            error={problem ?? wrong?.["amount.amount"]}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <TextInput
            label="Reason (optional)"
            maxLength={500}
            flex={1}
            miw="12rem"
            value={reason}
            error={wrong?.reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </Group>
        <Checkbox
          label="The goods come back to the shelf"
          checked={restock}
          onChange={(event) => setRestock(event.currentTarget.checked)}
        />
        <Button type="submit" variant="default">
          Give back…
        </Button>
      </Stack>
      <Confirm
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={`Give back ${money({ amount: asked ?? 0, currency })}?`}
        confirm="Give it back"
        keep="Not yet"
        pending={refund.isPending}
        onConfirm={() =>
          refund.mutate(
            {
              ...(!all && { amount: { amount: asked ?? 0, currency } }),
              reason: reason.trim() || null,
              ...(restock && { restock: true }),
            },
            { onSuccess: () => toast("The refund is under way."), onSettled: () => setAsked(null) },
          )
        }
      >
        It goes to the card that order {order.number} was paid with, and cannot be taken back.
      </Confirm>
    </form>
  );
}
