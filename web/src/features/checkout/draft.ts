/**
 * Keeps what was typed at the checkout until the order is placed, so that it survives a visit to the cart or another
 * sign-in. In memory only, and only for the user who typed it.
 */
import type { AddressFields } from "./address";

export interface Draft {
  address: AddressFields | null;
  note: string;
  method: string | null;
}

const EMPTY: Draft = { address: null, note: "", method: null };

let owner: string | null = null;
let kept = EMPTY;

export function draftOf(userId: string): Draft {
  return owner === userId ? kept : EMPTY;
}

export function keepDraft(userId: string, changed: Partial<Draft>): void {
  kept = { ...draftOf(userId), ...changed };
  owner = userId;
}

export function forgetDraft(): void {
  kept = EMPTY;
}
