/** Off to Stripe's page. Nothing but an address of the web is followed, whoever names it. */
export function goToPaymentPage(url: string): void {
  const { protocol, href } = new URL(url);
  if (protocol === "https:" || protocol === "http:") location.assign(href);
}
