export const texts = {
  headline: "Things you will still use in twenty years",
  lead: "Furniture, lighting, linen and tools from small makers. No seasons, no countdowns. Just things made to last.",
  welcome: (firstName: string) => `Welcome, ${firstName}`,
  inYourCart: (count: number) => (count === 1 ? "You have 1 item in your cart." : `You have ${count} items in your cart.`),
  categories: "Categories",
  newArrivals: "New arrivals",
  allProducts: "All products",
  smallThings: "Small everyday things",
  moreLikeThese: "More like these",
  recentOrders: "Recent orders",
};
