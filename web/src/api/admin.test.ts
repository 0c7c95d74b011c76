import { expect, test } from "vitest";
import { applyImageOrder } from "./admin";

const image = (id: string, alt = "") => ({ id, url: `/media/${id}.webp`, alt });

test("pictures are put in the requested order with their new alternative texts", () => {
  const order = [{ id: "b", alt: "From behind" }, { id: "a", alt: "" }];
  expect(applyImageOrder([image("a"), image("b")], order)).toEqual([image("b", "From behind"), image("a")]);
});

test("a picture added in the meantime comes last, and a deleted one stays deleted", () => {
  const order = [{ id: "b", alt: "" }, { id: "gone", alt: "" }, { id: "a", alt: "" }];
  expect(applyImageOrder([image("a"), image("new"), image("b")], order).map(({ id }) => id)).toEqual(["b", "a", "new"]);
});
