/**
 * Toasts: short messages in a corner that disappear by themselves. Not Mantine's notifications, because those would add
 * dragging, transitions and a scroll lock to every first load.
 */
import { describeError } from "@/api/problem";

export interface Toast {
  id: number;
  tone: "good" | "bad";
  title?: string;
  text: string;
  lastsMs: number;
}

/** The maximum number of toasts shown at once; the oldest is removed for a new one. */
const MAX_SHOWN = 3;

let shown: readonly Toast[] = [];
let last = 0;
const listeners = new Set<() => void>();

function update(next: readonly Toast[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

function show(made: Omit<Toast, "id">): void {
  update([...shown, { ...made, id: ++last }].slice(-MAX_SHOWN));
}

export const toasts = {
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
  shown: () => shown,
  dismiss: (id: number) => update(shown.filter((one) => one.id !== id)),
};

/** Shows an error that has no place of its own on the page. */
export function toastFailure(error: unknown): void {
  show({ tone: "bad", ...describeError(error), lastsMs: 8000 });
}

export function toast(text: string): void {
  show({ tone: "good", text, lastsMs: 4000 });
}
