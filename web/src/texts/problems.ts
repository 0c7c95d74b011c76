/** What an error is called and what a person can do about it, where no page has a better text. */
export const texts = {
  unreachable: "We can’t reach the shop",
  offline: "You’re offline",
  checkConnection: "Check your connection and try again. Nothing you entered is lost.",
  unexpected: "Something went wrong",
  reload: "Reload the page and try again.",
  tooManyRequests: "Too many attempts",
  waitBeforeRetry: (duration: string) => `Please wait ${duration}, then try again.`,
  aMoment: "a moment",
  seconds: (count: number) => (count === 1 ? "1 second" : `${count} seconds`),
  minutes: (count: number) => (count === 1 ? "1 minute" : `${count} minutes`),
  serverError: "Something went wrong on our end",
  tryLater: "Please try again in a moment.",
  tryLaterWithReference: (requestId: string) =>
    `Please try again in a moment. If it keeps happening, contact us with this reference: ${requestId}`,
  signInRequired: "Please sign in",
  signInToContinue: "Sign in to continue.",
  notPossible: "This couldn’t be done",
  notPossibleText: "Your request couldn’t be completed.",
  /** By the problem's code. */
  titles: {
    out_of_stock: "Not enough in stock",
    total_changed: "The total has changed",
    total_not_payable: "This order can’t be paid",
    cart_empty: "Your cart is empty",
    checkout_in_progress: "You already have an open order",
    not_found: "Not found",
    precondition_failed: "Someone else made changes",
    invalid: "Please check your entries",
  } as Readonly<Record<string, string>>,
};
