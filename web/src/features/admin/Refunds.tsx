import { refundsQuery, useRefund } from "@/api/admin";
import { fieldErrors } from "@/api/problem";
import type { Order, Refund } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { major, money, parseMajor } from "@/format/money";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/orders";
import { Card } from "@/ui/Card";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Failure";
import { Price } from "@/ui/Price";
import { toast } from "@/ui/toast";
import { Badge, Button, Checkbox, Group, Stack, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import classes from "./OrderPage.module.css";

const COLORS: Readonly<Record<Refund["status"], string>> = { pending: "gray", succeeded: "teal", failed: "clay" };
const REFUNDABLE: readonly Order["status"][] = ["paid", "shipped", "delivered", "refunding", "refunded"];

/** The refunds of an order, and a form to refund the rest or a part of it. */
export function Refunds({ order, paymentId }: { order: Order; paymentId: string }) {
  const refunds = useQuery({ ...refundsQuery(paymentId), enabled: REFUNDABLE.includes(order.status) });
  if (!REFUNDABLE.includes(order.status) || !order.total) return null;
  const refunded = (refunds.data ?? [])
    .filter(({ status }) => status !== "failed")
    .reduce((sum, { amount }) => sum + amount.amount, 0);
  const left = order.total.amount - Math.max(refunded, order.refunded?.amount ?? 0);
  return (
    <Card title={texts.refunds}>
      <Notice error={refunds.error} />
      {refunds.data && refunds.data.length > 0 && (
        <ul className={classes.refunds}>
          {refunds.data.map(({ id, amount, reason, status, created_at }) => (
            <li key={id}>
              <span>
                {reason || texts.noReason}
                <small>{atTime(created_at)}</small>
              </span>
              <Badge color={COLORS[status]} variant="light" tt="none">
                {texts.refundStatuses[status]}
              </Badge>
              <Price of={amount} />
            </li>
          ))}
        </ul>
      )}
      {left > 0 ? (
        <RefundForm key={left} order={order} paymentId={paymentId} left={left} currency={order.total.currency} />
      ) : (
        <p>{texts.fullyRefunded}</p>
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
  const [confirming, setConfirming] = useState<number | null>(null);
  const all = confirming === left;

  function ask(event: FormEvent) {
    event.preventDefault();
    const amount = parseMajor(typed, currency);
    if (amount === null || amount === 0) setProblem(texts.enterAmount);
    else if (amount > left) setProblem(texts.amountTooHigh(money({ amount: left, currency })));
    else {
      setProblem(null);
      setConfirming(amount);
    }
  }

  const wrong = fieldErrors(refund.error);
  return (
    <form onSubmit={ask}>
      <Stack gap="md" align="flex-start">
        {!wrong && <Notice error={refund.error} />}
        <Group align="start" w="100%">
          <TextInput
            label={texts.amount(currency)}
            inputMode="decimal"
            w="9rem"
            value={typed}
            error={problem ?? wrong?.["amount.amount"]}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          <TextInput
            label={texts.reason}
            maxLength={500}
            flex={1}
            miw="12rem"
            value={reason}
            error={wrong?.reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </Group>
        <Checkbox
          label={texts.restock}
          checked={restock}
          onChange={(event) => setRestock(event.currentTarget.checked)}
        />
        <Button type="submit" variant="default">
          {texts.openRefund}
        </Button>
      </Stack>
      <Confirm
        opened={confirming !== null}
        onClose={() => setConfirming(null)}
        title={texts.refundQuestion(money({ amount: confirming ?? 0, currency }))}
        confirmLabel={texts.refund}
        cancelLabel={common.cancel}
        pending={refund.isPending}
        onConfirm={() =>
          refund.mutate(
            {
              ...(!all && { amount: { amount: confirming ?? 0, currency } }),
              reason: reason.trim() || null,
              ...(restock && { restock: true }),
            },
            { onSuccess: () => toast(texts.refundStarted), onSettled: () => setConfirming(null) },
          )
        }
      >
        {texts.refundText(order.number ?? "")}
      </Confirm>
    </form>
  );
}
