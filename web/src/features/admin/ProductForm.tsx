import { useShopCurrency } from "@/api/cart";
import { categoriesQuery } from "@/api/catalog";
import { fieldErrors, isRefusal } from "@/api/problem";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/products";
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
  const categoryList = useId();
  const wrong = fieldErrors(error);
  useEffect(() => {
    const errors = isRefusal(error, "sku_taken") ? takenSkus(form.getValues(), initial) : toFormErrors(wrong ?? {});
    if (Object.keys(errors).length === 0) return;
    form.setErrors(errors);
    focusFirstOf(errors);
    // Runs once for each error.
  }, [error]);
  const { options, variants, attributes } = form.values;

  return (
    <form noValidate onSubmit={form.onSubmit(onSubmit, focusFirstOf)}>
      <Stack gap="lg">
        <Card title={texts.general}>
          <Stack gap="md">
            <TextInput label={texts.name} maxLength={200} {...form.getInputProps("name")} />
            <Textarea label={texts.description} autosize minRows={3} maxLength={20000} {...form.getInputProps("description")} />
            <Group grow align="start">
              <div>
                <TextInput label={texts.category} maxLength={60} list={categoryList} autoComplete="off" {...form.getInputProps("category")} />
                <datalist id={categoryList}>{categories?.map(({ slug }) => <option key={slug} value={slug} />)}</datalist>
              </div>
              <NativeSelect label={common.status} data={PRODUCT_STATUSES as { value: string; label: string }[]} {...form.getInputProps("status")} />
            </Group>
          </Stack>
        </Card>

        <Card title={texts.optionsAndVariants}>
          <Stack gap="md">
            {options.map((option, index) => (
              <div key={index} className={classes.option}>
                <TextInput
                  label={texts.option}
                  placeholder={texts.optionPlaceholder}
                  maxLength={60}
                  {...form.getInputProps(`options.${index}.name`)}
                />
                <TextInput
                  label={texts.optionValues}
                  placeholder={texts.optionValuesPlaceholder}
                  {...form.getInputProps(`options.${index}.values`)}
                />
                <Remove label={texts.removeOption(option.name)} onClick={() => form.removeListItem("options", index)} />
              </div>
            ))}
            {options.length < 5 && (
              <Add label={texts.addOption} onClick={() => form.insertListItem("options", { name: "", values: "" })} />
            )}
            {variants.map((variant, index) => (
              <fieldset key={variant.id ?? `new-${index}`} className={classes.variant}>
                <legend className="hidden-visually">{texts.variantNumber(index + 1)}</legend>
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
                <TextInput label={texts.sku} maxLength={64} {...form.getInputProps(`variants.${index}.sku`)} />
                <TextInput
                  label={texts.priceIn(currency)}
                  inputMode="decimal"
                  {...form.getInputProps(`variants.${index}.price`)}
                />
                {variant.id === null && (
                  <TextInput label={texts.inStock} inputMode="numeric" {...form.getInputProps(`variants.${index}.stock`)} />
                )}
                {variants.length > 1 && (
                  <Remove label={texts.removeVariant(variant.sku)} onClick={() => form.removeListItem("variants", index)} />
                )}
              </fieldset>
            ))}
            {variants.length < 100 && options.length > 0 && (
              <Add label={texts.addVariant} onClick={() => form.insertListItem("variants", emptyVariant())} />
            )}
          </Stack>
        </Card>

        <Card title={texts.details}>
          <Stack gap="md">
            {attributes.map((attribute, index) => (
              <Group key={index} align="start" wrap="nowrap">
                <TextInput aria-label={texts.detailName} placeholder={texts.detailNamePlaceholder} maxLength={60} w="11rem" {...form.getInputProps(`attributes.${index}.name`)} />
                <TextInput aria-label={texts.detailValue(attribute.name)} placeholder={texts.detailValuePlaceholder} maxLength={500} flex={1} {...form.getInputProps(`attributes.${index}.value`)} />
                <Remove beside="field" label={texts.removeDetail(attribute.name)} onClick={() => form.removeListItem("attributes", index)} />
              </Group>
            ))}
            {attributes.length < 50 && (
              <Add label={texts.addDetail} onClick={() => form.insertListItem("attributes", { name: "", value: "" })} />
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

/** The API's price has an amount and a currency; the form has a single field for it. */
function toFormErrors(errors: Record<string, string>): Record<string, string> {
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
