import { expect, test } from "vitest";
import { applyImageOrder } from "./admin";

const image = (id: string, alt = "") => ({ id, url: `/media/${id}.webp`, alt });

test("pictures come in the order one wants, with new words", () => {
  const wish = [{ id: "b", alt: "From behind" }, { id: "a", alt: "" }];
  expect(applyImageOrder([image("a"), image("b")], wish)).toEqual([image("b", "From behind"), image("a")]);
});

test("a picture that came meanwhile is last, and one that went stays away", () => {
  const wish = [{ id: "b", alt: "" }, { id: "gone", alt: "" }, { id: "a", alt: "" }];
  expect(applyImageOrder([image("a"), image("new"), image("b")], wish).map(({ id }) => id)).toEqual(["b", "a", "new"]);
});
