import { beforeEach, expect, test } from "vitest";
import { draftOf, forgetDraft, keepDraft } from "./draft";

beforeEach(forgetDraft);

test("keeps what was typed, bit by bit", () => {
  keepDraft("ada", { note: "Ring twice" });
  keepDraft("ada", { method: "standard" });
  expect(draftOf("ada")).toEqual({ address: null, note: "Ring twice", method: "standard" });
});

test("shows it to nobody else", () => {
  keepDraft("ada", { note: "Ring twice" });
  expect(draftOf("grace").note).toBe("");
  keepDraft("grace", { method: "standard" });
  expect(draftOf("grace").note).toBe("");
  expect(draftOf("ada").note).toBe("");
});

test("is empty once it has become an order", () => {
  keepDraft("ada", { note: "Ring twice" });
  forgetDraft();
  expect(draftOf("ada").note).toBe("");
});
