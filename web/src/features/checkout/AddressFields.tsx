import { countries } from "@/format/countries";
import { NativeSelect, Stack, TextInput } from "@mantine/core";
import type { FormErrors, UseFormReturnType } from "@mantine/form";
import type { AddressFields as Fields } from "./address";
import classes from "./CheckoutPage.module.css";

export type AddressForm = UseFormReturnType<Fields, Fields, (values: Fields) => FormErrors>;

/** Named as browsers expect, so that they can fill all of it in at once. */
export function AddressFields({ form }: { form: AddressForm }) {
  return (
    <Stack gap="md">
      <TextInput label="Full name" name="name" autoComplete="shipping name" maxLength={200} {...form.getInputProps("name")} />
      <TextInput
        label="Street and number"
        name="line1"
        autoComplete="shipping address-line1"
        maxLength={200}
        {...form.getInputProps("line1")}
      />
      <TextInput
        label="Flat, floor, company (optional)"
        name="line2"
        autoComplete="shipping address-line2"
        maxLength={200}
        {...form.getInputProps("line2")}
      />
      <div className={classes.two}>
        <TextInput
          label="Postal code"
          name="postal_code"
          autoComplete="shipping postal-code"
          maxLength={20}
          {...form.getInputProps("postal_code")}
        />
        <TextInput
          label="City"
          name="city"
          autoComplete="shipping address-level2"
          maxLength={200}
          {...form.getInputProps("city")}
        />
        <TextInput
          label="State or region (optional)"
          name="region"
          autoComplete="shipping address-level1"
          maxLength={200}
          {...form.getInputProps("region")}
        />
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
