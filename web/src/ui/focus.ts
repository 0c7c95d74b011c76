/** Where the keyboard goes on, when what it was at has gone or something has to be looked at. */

/** To the first field that is wrong: its message is read out with it. The names are those of the form. */
export function focusFirstOf(errors: object): void {
  const [first] = Object.keys(errors);
  if (first !== undefined) document.querySelector<HTMLElement>(`[data-path="${CSS.escape(first)}"]`)?.focus();
}

/** To the start of the page's content, as after a new page. */
export function focusContent(): void {
  document.getElementById("main")?.focus({ preventScroll: true });
  scrollTo({ top: 0 });
}
