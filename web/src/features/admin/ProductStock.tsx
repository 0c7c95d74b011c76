import { ledgerQuery, useAdjustStock } from "@/api/admin";
import { fieldErrors } from "@/api/problem";
import type { Product } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { Table } from "@/admin/Table";
import { texts } from "@/texts/admin/products";
import { Card } from "@/ui/Card";
import { Notice } from "@/ui/Failure";
import { toast } from "@/ui/toast";
import { Button, Group, NativeSelect, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import classes from "./ProductPage.module.css";

/** The stock of each variant and its ledger. Stock changes only by entries in the ledger. */
export function ProductStock({ product }: { product: Product }) {
  const ledger = useQuery(ledgerQuery(product.id));
  const adjust = useAdjustStock(product.id);
  const form = useForm({
    initialValues: { variant_id: product.variants[0]?.id ?? "", delta: "", reason: "" },
    validate: {
      delta: (value) => (/^[+-]?\d{1,6}$/.test(value.trim()) && Number(value) !== 0 ? null : texts.enterQuantityChange),
      reason: (value) => (value.trim() ? null : texts.enterReason),
    },
  });
  const skuOf = (id: string) => product.variants.find((variant) => variant.id === id)?.sku ?? texts.archivedVariant;
  const wrong = fieldErrors(adjust.error);
  return (
    <Card title={texts.stock}>
      <ul className={classes.levels}>
        {product.variants.map(({ id, sku, options, stock }) => (
          <li key={id}>
            <span>{[sku, ...Object.values(options)].join(" · ")}</span>
            <strong className="numbers">{stock.available}</strong>
          </li>
        ))}
      </ul>
      <form
        noValidate
        onSubmit={form.onSubmit(({ variant_id, delta, reason }) =>
          adjust.mutate(
            { variant_id, delta: Number(delta), reason: reason.trim() },
            {
              onSuccess: ({ available }) => {
                toast(texts.stockChanged(available));
                form.setValues({ delta: "", reason: "" });
              },
              onError: (error) => form.setErrors(fieldErrors(error) ?? {}),
            },
          ),
        )}
      >
        <Stack gap="md">
          {!wrong && <Notice error={adjust.error} />}
          <Group align="start">
            <NativeSelect
              label={texts.variant}
              data={product.variants.map(({ id, sku }) => ({ value: id, label: sku }))}
              {...form.getInputProps("variant_id")}
            />
            <TextInput label={texts.quantityChange} inputMode="numeric" w="14rem" {...form.getInputProps("delta")} />
            <TextInput label={texts.reason} placeholder={texts.reasonPlaceholder} maxLength={200} flex={1} miw="12rem" {...form.getInputProps("reason")} />
            <Button type="submit" size="md" mt={25} variant="default" loading={adjust.isPending}>
              {texts.saveStock}
            </Button>
          </Group>
        </Stack>
      </form>
      {ledger.data && ledger.data.length > 0 && (
        <div className={classes.ledger}>
          <Table label={texts.stockHistory} columns={[texts.date, texts.variant, { title: texts.change, align: "right" }, texts.reason]}>
            {ledger.data.map(({ at, variant_id, delta, reason }, index) => (
              <tr key={`${at}-${index}`}>
                <td>{atTime(at)}</td>
                <td>{skuOf(variant_id)}</td>
                <td data-align="right" className={delta > 0 ? classes.plus : undefined}>
                  {delta > 0 ? `+${delta}` : delta}
                </td>
                <td>{reason}</td>
              </tr>
            ))}
          </Table>
        </div>
      )}
    </Card>
  );
}
