/** The queries of the front page's lists of products. */
export const NEWEST = { sort: "newest", in_stock: true, limit: 8 } as const;
export const GIFTS = { sort: "-price", max_price: 3000, in_stock: true, limit: 4 } as const;
