/**
 * Handles scripts that a new release has removed. A reload fetches the new ones. It happens only when a page needs such a
 * script to render, not when a preload on hover fails: a reload would discard what the user is typing.
 */
const KEY = "serai.reloaded-at";
/** If scripts are missing again within this time after a reload, another reload will not help. */
const AGAIN_AFTER_MS = 30_000;

let scriptMissing = false;
addEventListener("vite:preloadError", () => (scriptMissing = true));

/** Whether a script could not be loaded and a reload may help. */
export function isOutdated(): boolean {
  return scriptMissing && navigator.onLine && Date.now() - Number(sessionStorage.getItem(KEY)) > AGAIN_AFTER_MS;
}

export function reload(): void {
  sessionStorage.setItem(KEY, String(Date.now()));
  location.reload();
}
