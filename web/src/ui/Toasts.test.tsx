import { act, fireEvent, render, screen } from "@testing-library/react";
import { MantineProvider } from "@mantine/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { toast, toasts } from "./toast";
import { Toasts } from "./Toasts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  for (const { id } of toasts.shown()) toasts.dismiss(id);
  vi.useRealTimers();
});

function showing(...texts: string[]) {
  const view = render(
    <MantineProvider>
      <Toasts />
    </MantineProvider>,
  );
  act(() => texts.forEach(toast));
  return view;
}

test("a toast disappears by itself", () => {
  const { unmount } = showing("Saved.");
  expect(screen.getByRole("status").textContent).toContain("Saved.");
  act(() => void vi.advanceTimersByTime(4000));
  expect(screen.queryByText("Saved.")).toBeNull();
  unmount();
});

test("a toast stays while the pointer is over it", () => {
  const { unmount } = showing("Saved.");
  fireEvent.pointerEnter(screen.getByText("Saved."));
  act(() => void vi.advanceTimersByTime(20_000));
  expect(screen.getByText("Saved.")).toBeTruthy();
  unmount();
});

test("a fourth toast replaces the oldest", () => {
  const { unmount } = showing("One", "Two", "Three", "Four");
  expect(toasts.shown().map(({ text }) => text)).toEqual(["Two", "Three", "Four"]);
  unmount();
});
