/**
 * What was typed at the checkout, until it has become an order: whoever goes back to change the cart, or has to sign in
 * again, finds it as they left it. In memory only, and for nobody but the person who typed it.
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
