/** The session of this page. */
import type { Permission } from "@/api/schemas";
import { useSyncExternalStore } from "react";
import { Session, type State } from "./session";

/** Null if the browser's settings forbid storage. Everything else works, but a reload then signs the user out. */
function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

export const session = new Session((request) => fetch(request), storage());

export function useSession(): State {
  return useSyncExternalStore(session.subscribe, session.state);
}

/** Whether the current user has the permission. It decides what is shown; the API refuses what a user may not do. */
export function useCan(permission: Permission): boolean {
  return useSession().user?.permissions.includes(permission) ?? false;
}
