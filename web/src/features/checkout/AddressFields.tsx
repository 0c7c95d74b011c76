import { countries } from "@/format/countries";
import { texts } from "@/texts/checkout";
import { NativeSelect, Stack, TextInput } from "@mantine/core";
import type { FormErrors, UseFormReturnType } from "@mantine/form";
import type { AddressFields as Fields } from "./address";
import classes from "./CheckoutPage.module.css";

export type AddressForm = UseFormReturnType<Fields, Fields, (values: Fields) => FormErrors>;

/** The fields of an address, with the names and autocomplete tokens that browsers need to fill them in. */
export function AddressFields({ form }: { form: AddressForm }) {
  const text = (name: keyof Fields, label: string, known: string, maxLength = 200) => (
    <TextInput label={label} name={name} autoComplete={`shipping ${known}`} maxLength={maxLength} {...form.getInputProps(name)} />
  );
  return (
    <Stack gap="md">
      {text("name", texts.fullName, "name")}
      {text("line1", texts.streetAddress, "address-line1")}
      {text("line2", texts.apartment, "address-line2")}
      <div className={classes.two}>
        {text("postal_code", texts.postalCode, "postal-code", 20)}
        {text("city", texts.city, "address-level2")}
        {text("region", texts.region, "address-level1")}
        <NativeSelect
          label={texts.country}
          name="country"
          autoComplete="shipping country"
          data={countries as { value: string; label: string }[]}
          {...form.getInputProps("country")}
        />
      </div>
    </Stack>
  );
}
