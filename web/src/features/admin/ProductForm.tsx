import { useShopCurrency } from "@/api/cart";
import { categoriesQuery } from "@/api/catalogue";
import { fieldErrors, isRefusal } from "@/api/problem";
import { Card } from "@/ui/Card";
import { Notice } from "@/ui/Failure";
import { focusFirstOf } from "@/ui/focus";
import { useFocusMainOnUnmount } from "@/ui/useFocusMainOnUnmount";
import { ActionIcon, Button, Group, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId } from "react";
import classes from "./ProductPage.module.css";
import { emptyVariant, validateProduct, takenSkus, PRODUCT_STATUSES, valuesOf, type ProductFields } from "./productForm";

interface ProductFormProps {
  initial: ProductFields;
  error: unknown;
  pending: boolean;
  submitLabel: string;
  onSubmit: (fields: ProductFields) => void;
}

export function ProductForm({ initial, error, pending, submitLabel, onSubmit }: ProductFormProps) {
  const currency = useShopCurrency();
  const { data: categories } = useQuery(categoriesQuery);
  const form = useForm<ProductFields>({ initialValues: initial, validate: (fields) => validateProduct(fields, currency) });
  const known = useId();
  const wrong = fieldErrors(error);
  useEffect(() => {
    const errors = isRefusal(error, "sku_taken") ? takenSkus(form.getValues(), initial) : inTheForm(wrong ?? {});
    if (Object.keys(errors).length === 0) return;
    form.setErrors(errors);
    focusFirstOf(errors);
    // Once per answer.
  }, [error]);
  const { options, variants, attributes } = form.values;

  return (
    <form noValidate onSubmit={form.onSubmit(onSubmit, focusFirstOf)}>
      <Stack gap="lg">
        <Card title="What it is">
          <Stack gap="md">
            <TextInput label="Name" maxLength={200} {...form.getInputProps("name")} />
            <Textarea label="Description" autosize minRows={3} maxLength={20000} {...form.getInputProps("description")} />
            <Group grow align="start">
              <div>
                <TextInput label="Category" maxLength={60} list={known} autoComplete="off" {...form.getInputProps("category")} />
                <datalist id={known}>{categories?.map(({ slug }) => <option key={slug} value={slug} />)}</datalist>
              </div>
              <NativeSelect label="State" data={PRODUCT_STATUSES as { value: string; label: string }[]} {...form.getInputProps("status")} />
            </Group>
          </Stack>
        </Card>

        <Card title="Options and variants">
          <Stack gap="md">
            {options.map((option, index) => (
              <div key={index} className={classes.option}>
                <TextInput
                  label="Option"
                  placeholder="Size"
                  maxLength={60}
                  {...form.getInputProps(`options.${index}.name`)}
                />
                <TextInput
                  label="Values, with commas between them"
                  placeholder="S, M, L"
                  {...form.getInputProps(`options.${index}.values`)}
                />
                <Remove label={`Remove the option ${option.name}`} onClick={() => form.removeListItem("options", index)} />
              </div>
            ))}
            {options.length < 5 && (
              <Add label="Add an option" onClick={() => form.insertListItem("options", { name: "", values: "" })} />
            )}
            {variants.map((variant, index) => (
              <fieldset key={variant.id ?? `new-${index}`} className={classes.variant}>
                <legend className="hidden-visually">Variant {index + 1}</legend>
                {options.map((option) =>
                  option.name ? (
                    <NativeSelect
                      key={option.name}
                      label={option.name}
                      data={["", ...valuesOf(option)]}
                      {...form.getInputProps(`variants.${index}.options.${option.name}`)}
                      value={variant.options[option.name] ?? ""}
                    />
                  ) : null,
                )}
                <TextInput label="SKU" maxLength={64} {...form.getInputProps(`variants.${index}.sku`)} />
                <TextInput
                  label={`Price (${currency})`}
                  inputMode="decimal"
                  {...form.getInputProps(`variants.${index}.price`)}
                />
                {variant.id === null && (
                  <TextInput label="In stock" inputMode="numeric" {...form.getInputProps(`variants.${index}.stock`)} />
                )}
                {variants.length > 1 && (
                  <Remove label={`Remove the variant ${variant.sku}`} onClick={() => form.removeListItem("variants", index)} />
                )}
              </fieldset>
            ))}
            {variants.length < 100 && options.length > 0 && (
              <Add label="Add a variant" onClick={() => form.insertListItem("variants", emptyVariant())} />
            )}
          </Stack>
        </Card>

        <Card title="Details">
          <Stack gap="md">
            {attributes.map((attribute, index) => (
              <Group key={index} align="start" wrap="nowrap">
                <TextInput aria-label="Detail" placeholder="Material" maxLength={60} w="11rem" {...form.getInputProps(`attributes.${index}.name`)} />
                <TextInput aria-label={`Value of ${attribute.name}`} placeholder="Oak" maxLength={500} flex={1} {...form.getInputProps(`attributes.${index}.value`)} />
                <Remove beside="field" label={`Remove the detail ${attribute.name}`} onClick={() => form.removeListItem("attributes", index)} />
              </Group>
            ))}
            {attributes.length < 50 && (
              <Add label="Add a detail" onClick={() => form.insertListItem("attributes", { name: "", value: "" })} />
            )}
          </Stack>
        </Card>

        <Notice error={error}>{wrong ? Object.values(wrong).join(" ") : undefined}</Notice>
        <Group>
          <Button type="submit" size="md" loading={pending}>
            {submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The API speaks of a price as an amount and its currency; here it is one field. */
function inTheForm(errors: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).map(([field, text]) => [field.replace(/\.price\.amount$/, ".price"), text]));
}

function Add({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <Button variant="subtle" leftSection={<IconPlus size={18} />} onClick={onClick} className={classes.add ?? ""}>
      {label}
    </Button>
  );
}

function Remove({ label, onClick, beside = "label" }: { label: string; onClick: () => void; beside?: "label" | "field" }) {
  const button = useFocusMainOnUnmount<HTMLButtonElement>();
  return (
    <ActionIcon ref={button} variant="subtle" color="gray" size={42} mt={beside === "label" ? 25 : 0} aria-label={label} onClick={onClick}>
      <IconTrash size={18} />
    </ActionIcon>
  );
}
