/** A product in a grid. */
export const texts = {
  from: "from",
  addToCart: (product: string) => `Add ${product} to cart`,
  added: (product: string) => `${product} added to cart.`,
  noMoreInStock: (product: string) => `We have no more of ${product} in stock.`,
};
