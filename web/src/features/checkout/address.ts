/** The address as a form holds it (no nulls), and as the API takes it. */
import type { Address } from "@/api/schemas";
import { likelyCountry } from "@/format/countries";

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

const NEEDED: readonly [keyof AddressFields, string][] = [
  ["name", "Enter the name on the door or parcel box."],
  ["line1", "Enter street and number."],
  ["city", "Enter the city or town."],
  ["postal_code", "Enter the postal code."],
  ["country", "Choose a country."],
];

export function missing(fields: AddressFields): Partial<Record<keyof AddressFields, string>> {
  return Object.fromEntries(NEEDED.filter(([name]) => fields[name].trim() === ""));
}

export function isComplete(fields: AddressFields): boolean {
  return Object.keys(missing(fields)).length === 0;
}
