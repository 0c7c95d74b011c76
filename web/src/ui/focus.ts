/** Moves the keyboard focus. */

/** Focuses the first field with an error, whose message screen readers then announce. Keys are the form's field names. */
export function focusFirstOf(errors: object): void {
  const [first] = Object.keys(errors);
  if (first !== undefined) document.querySelector<HTMLElement>(`[data-path="${CSS.escape(first)}"]`)?.focus();
}

/** Focuses the start of the page's content, as after a navigation. */
export function focusContent(): void {
  document.getElementById("main")?.focus({ preventScroll: true });
  scrollTo({ top: 0 });
}
