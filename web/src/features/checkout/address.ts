/** Converts addresses between the form, which has no nulls, and the API. */
import type { Address } from "@/api/schemas";
import { likelyCountry } from "@/format/countries";
import { texts } from "@/texts/checkout";

export interface AddressFields {
  name: string;
  line1: string;
  line2: string;
  city: string;
  region: string;
  postal_code: string;
  country: string;
}

export function emptyAddress(name: string): AddressFields {
  return { name, line1: "", line2: "", city: "", region: "", postal_code: "", country: likelyCountry() };
}

export function toFields(address: Address): AddressFields {
  return { ...address, line2: address.line2 ?? "", region: address.region ?? "" };
}

export function toAddress(fields: AddressFields): Address {
  const trimmed = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, value.trim()]),
  ) as unknown as AddressFields;
  return { ...trimmed, line2: trimmed.line2 || null, region: trimmed.region || null };
}

const REQUIRED: readonly [keyof AddressFields, string][] = [
  ["name", texts.enterFullName],
  ["line1", texts.enterStreetAddress],
  ["city", texts.enterCity],
  ["postal_code", texts.enterPostalCode],
  ["country", texts.chooseCountry],
];

export function missing(fields: AddressFields): Partial<Record<keyof AddressFields, string>> {
  return Object.fromEntries(REQUIRED.filter(([name]) => fields[name].trim() === ""));
}

export function isComplete(fields: AddressFields): boolean {
  return Object.keys(missing(fields)).length === 0;
}
