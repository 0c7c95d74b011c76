/** The session of this page. */
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
