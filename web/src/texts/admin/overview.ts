export const texts = {
  revenue: (days: number) => `Revenue, ${days} days`,
  orders: (days: number) => `Orders, ${days} days`,
  toShip: "To ship",
  lowStock: "Low stock",
  services: "Services",
  healthy: "All healthy",
  unhealthy: (count: number) => `${count} unhealthy`,
  revenueByDay: "Revenue by day",
  dayTitle: (day: string, revenue: string, orders: number) => `${day}: ${revenue} from ${orders === 1 ? "1 order" : `${orders} orders`}`,
};
