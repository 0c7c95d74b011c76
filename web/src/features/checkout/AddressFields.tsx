import { countries } from "@/format/countries";
import { NativeSelect, Stack, TextInput } from "@mantine/core";
import type { FormErrors, UseFormReturnType } from "@mantine/form";
import type { AddressFields as Fields } from "./address";
import classes from "./CheckoutPage.module.css";

export type AddressForm = UseFormReturnType<Fields, Fields, (values: Fields) => FormErrors>;

/** Named as browsers expect, so that they can fill all of it in at once. */
export function AddressFields({ form }: { form: AddressForm }) {
  const text = (name: keyof Fields, label: string, known: string, maxLength = 200) => (
    <TextInput label={label} name={name} autoComplete={`shipping ${known}`} maxLength={maxLength} {...form.getInputProps(name)} />
  );
  return (
    <Stack gap="md">
      {text("name", "Full name", "name")}
      {text("line1", "Street and number", "address-line1")}
      {text("line2", "Flat, floor, company (optional)", "address-line2")}
      <div className={classes.two}>
        {text("postal_code", "Postal code", "postal-code", 20)}
        {text("city", "City", "address-level2")}
        {text("region", "State or region (optional)", "address-level1")}
        <NativeSelect
          label="Country"
          name="country"
          autoComplete="shipping country"
          data={countries as { value: string; label: string }[]}
          {...form.getInputProps("country")}
        />
      </div>
    </Stack>
  );
}
