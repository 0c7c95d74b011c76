import { recentOrdersQuery } from "@/api/orders";
import { OrderRows } from "@/orders/OrderRow";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/home";
import { Skeleton, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import classes from "./HomePage.module.css";

export function RecentOrders() {
  const orders = useQuery(recentOrdersQuery({ limit: 3 }));
  if (orders.isError || orders.data?.length === 0) return null;
  return (
    <section className={classes.section}>
      <div className={classes.heading}>
        <Title order={2}>{texts.recentOrders}</Title>
        <Link to="/orders" className="quiet-link">
          {common.allOrders}
        </Link>
      </div>
      {orders.data ? <OrderRows orders={orders.data} /> : <Skeleton height={180} radius="lg" />}
    </section>
  );
}
