import type { Address } from "@/api/schemas";
import { countryName } from "@/format/countries";
import classes from "./DeliveryAddress.module.css";

export function DeliveryAddress({ of }: { of: Address }) {
  const lines = [of.name, of.line1, of.line2, `${of.postal_code} ${of.city}`, of.region, countryName(of.country)];
  return (
    <address className={classes.address}>
      {lines.filter(Boolean).map((line, index) => (
        <span key={index}>{line}</span>
      ))}
    </address>
  );
}
