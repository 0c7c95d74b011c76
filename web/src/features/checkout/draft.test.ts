import { beforeEach, expect, test } from "vitest";
import { draftOf, forgetDraft, keepDraft } from "./draft";

beforeEach(forgetDraft);

test("keeps each part that was typed", () => {
  keepDraft("ada", { note: "Ring twice" });
  keepDraft("ada", { method: "standard" });
  expect(draftOf("ada")).toEqual({ address: null, note: "Ring twice", method: "standard" });
});

test("does not show the draft to another user", () => {
  keepDraft("ada", { note: "Ring twice" });
  expect(draftOf("grace").note).toBe("");
  keepDraft("grace", { method: "standard" });
  expect(draftOf("grace").note).toBe("");
  expect(draftOf("ada").note).toBe("");
});

test("is empty after the order has been placed", () => {
  keepDraft("ada", { note: "Ring twice" });
  forgetDraft();
  expect(draftOf("ada").note).toBe("");
});
