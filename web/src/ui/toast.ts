/**
 * Short words in a corner that go away by themselves. Kept here instead of by the library's notifications, which brought
 * dragging, transitions and a scroll lock into every visitor's first load.
 */
import { describeError } from "@/api/problem";

export interface Toast {
  id: number;
  tone: "good" | "bad";
  title?: string;
  text: string;
  lastsMs: number;
}

/** More than these at once nobody reads; the oldest makes room. */
const MOST = 3;

let shown: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function become(next: readonly Toast[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

function show(made: Omit<Toast, "id">): void {
  become([...shown, { ...made, id: ++last }].slice(-MOST));
}

export const toasts = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  shown: () => shown,
  dismiss: (id: number) => become(shown.filter((one) => one.id !== id)),
};

/** For a failure with no place of its own on the page. */
export function toastFailure(error: unknown): void {
  show({ tone: "bad", ...describeError(error), lastsMs: 8000 });
}

export function toast(text: string): void {
  show({ tone: "good", text, lastsMs: 4000 });
}
