import { MantineProvider } from "@mantine/core";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { QuantityInput } from "./QuantityInput";

const onChange = vi.fn();
afterEach(() => {
  onChange.mockReset();
  cleanup();
});

function showing(value: number, max: number): HTMLInputElement {
  render(
    <MantineProvider>
      <QuantityInput label="Quantity" value={value} max={max} onChange={onChange} />
    </MantineProvider>,
  );
  return screen.getByLabelText<HTMLInputElement>("Quantity");
}

test("every press counts, also before the value has followed", () => {
  const input = showing(1, 9);
  for (let press = 0; press < 3; press++) fireEvent.click(screen.getByLabelText("Increase quantity"));
  expect(input.value).toBe("4");
  expect(onChange.mock.calls.flat()).toEqual([2, 3, 4]);
});

test("accepts digits only, and corrects a number that is too high on blur", () => {
  const input = showing(1, 5);
  fireEvent.change(input, { target: { value: "-7e" } });
  expect(input.value).toBe("7");
  fireEvent.blur(input);
  expect(input.value).toBe("5");
  expect(onChange).toHaveBeenLastCalledWith(5);
});

test("restores the value of an emptied field on blur", () => {
  const input = showing(3, 5);
  fireEvent.change(input, { target: { value: "" } });
  fireEvent.blur(input);
  expect(input.value).toBe("3");
  expect(onChange).not.toHaveBeenCalled();
});

test("does not go above the maximum", () => {
  showing(5, 5);
  expect(screen.getByLabelText<HTMLButtonElement>("Increase quantity").disabled).toBe(true);
});
