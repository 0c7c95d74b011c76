/** The frame of the admin pages and what several of them share. */
export const texts = {
  admin: "Admin",
  signIn: "Sign in to Admin",
  noAccess: "You don’t have access to this page",
  noAccessText: "It is for administrators. Sign in with an administrator’s account.",
  overview: "Overview",
  orders: "Orders",
  products: "Products",
  customers: "Customers",
  emails: "Emails",
  system: "System",
  showMore: "Show more",
  actions: "Actions",
  status: "Status",
  cancel: "Cancel",
};
