import type { Permission } from "@/api/schemas";
import { act, renderHook } from "@testing-library/react";
import { expect, test } from "vitest";
import { session, useCan } from "./current";

function signInWith(permissions: Permission[]): void {
  const user = { id: "a", email: "a@example.com", name: "Ada", role: "admin", permissions, email_verified: true, created_at: "" } as const;
  session.begin({ access_token: "t", token_type: "Bearer", expires_in: 600, user });
}

test("a user can what their permissions say, whatever their role is", () => {
  const { result } = renderHook(() => useCan("orders:read"));
  expect(result.current).toBe(false);
  act(() => signInWith(["orders:read"]));
  expect(result.current).toBe(true);
  act(() => signInWith(["orders:cancel"]));
  expect(result.current).toBe(false);
});
