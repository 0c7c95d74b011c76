/** Navigates to Stripe's payment page. Follows http(s) URLs only, so that a `javascript:` URL can never run. */
export function goToPaymentPage(url: string): void {
  const { protocol, href } = new URL(url);
  if (protocol === "https:" || protocol === "http:") location.assign(href);
}
