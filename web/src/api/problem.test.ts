import { expect, test } from "vitest";
import { fieldErrors, describeError, isDefinite, Refusal, Unreachable } from "./problem";

test("maps fields of the request body to those of the form", () => {
  const refusal = new Refusal(
    {
      code: "invalid",
      errors: [
        { field: "shipping_address.city", message: "must not be empty" },
        { field: "note", message: "Too long." },
      ],
    },
    422,
  );
  expect(fieldErrors(refusal, "shipping_address")).toEqual({ city: "Must not be empty." });
  expect(fieldErrors(refusal)).toEqual({ "shipping_address.city": "Must not be empty.", note: "Too long." });
  expect(fieldErrors(refusal, "billing_address")).toBeNull();
});

test("has no field errors for other failures", () => {
  expect(fieldErrors(new Unreachable())).toBeNull();
  expect(fieldErrors(new Refusal({ code: "cart_empty" }, 409))).toBeNull();
});

test("keeps the facts that a code adds", () => {
  const refusal = new Refusal({ code: "checkout_in_progress", order_id: "o-1" } as object, 409);
  expect(refusal.facts.order_id).toBe("o-1");
});

test("shows the detail of a refusal, but not that of a server error", () => {
  expect(describeError(new Refusal({ code: "sku_taken", detail: "This SKU is taken." }, 409)).text).toBe("This SKU is taken.");
  const broken = describeError(new Refusal({ code: "internal", detail: "KeyError: 'x'", request_id: "r-7" }, 500));
  expect(broken.text).not.toContain("KeyError");
  expect(broken.text).toContain("r-7");
});

test("says how long to wait", () => {
  expect(describeError(new Refusal({}, 429, "40")).text).toContain("40 seconds");
  expect(describeError(new Refusal({}, 429, "61")).text).toContain("2 minutes");
  expect(describeError(new Refusal({}, 429)).text).toContain("a moment");
});

test("reads an answer that is no problem document", () => {
  const refusal = new Refusal({}, 502);
  expect(refusal.status).toBe(502);
  expect(isDefinite(refusal)).toBe(false);
});
