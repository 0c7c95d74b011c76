/**
 * A page that was opened before a new release asks for scripts that are gone by then. Loading it anew brings the new
 * ones, but only once somebody is in need of them: a page fetched early, under a pointer that passes by, must not take
 * away what is being typed.
 */
const KEY = "serai.reloaded-at";
/** When even the page just loaded lacks a script, another load will not bring it. */
const AGAIN_AFTER_MS = 30_000;

let lacking = false;
addEventListener("vite:preloadError", () => (lacking = true));

/** Whether a script of this page could not be had, and loading the page anew may help. */
export function isOutdated(): boolean {
  return lacking && navigator.onLine && Date.now() - Number(sessionStorage.getItem(KEY)) > AGAIN_AFTER_MS;
}

export function reload(): void {
  sessionStorage.setItem(KEY, String(Date.now()));
  location.reload();
}
