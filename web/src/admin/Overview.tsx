/** How the shop does, at a glance; each figure leads to where it comes from. */
import { adminProductsQuery, servicesQuery, statsQuery } from "@/api/admin";
import { recentOrdersQuery } from "@/api/orders";
import { money } from "@/format/money";
import { Card } from "@/ui/Card";
import { Failure } from "@/ui/Failure";
import { Skeleton, Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { createLink } from "@tanstack/react-router";
import { useState, type AnchorHTMLAttributes } from "react";
import { RevenueChart } from "./RevenueChart";
import { AdminNav } from "./AdminNav";
import classes from "./Overview.module.css";

const DAYS = 30;
const MANY = 100;

/** The last thirty days in UTC, as the shop counts them. */
function lastDays(): [since: string, until: string] {
  const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().replace(/T.*/, "T00:00:00Z");
  return [day(1 - DAYS), day(1)];
}

export function Overview() {
  const [[since, until]] = useState(lastDays);
  const stats = useQuery(statsQuery(since, until));
  const toShip = useQuery(recentOrdersQuery({ all: true, status: "paid", limit: MANY }));
  const low = useInfiniteQuery(adminProductsQuery({ low_stock: true, limit: MANY }));
  const services = useQuery(servicesQuery);
  const ill = services.data?.items.filter(({ health }) => health !== "passing");
  const lowCount = low.data?.pages[0]?.items.length;
  return (
    <section>
      <AdminNav />
      <Title order={1}>Overview</Title>
      <div className={classes.tiles}>
        <Tile to="/admin/orders" label={`Revenue, ${DAYS} days`} value={stats.data && money(stats.data.revenue)} />
        <Tile to="/admin/orders" label={`Orders, ${DAYS} days`} value={stats.data?.orders} />
        <Tile
          to="/admin/orders"
          search={{ status: "paid" }}
          label="To be shipped"
          value={toShip.data && many(toShip.data.length)}
          attention={Boolean(toShip.data?.length)}
        />
        <Tile
          to="/admin/products"
          search={{ low_stock: true }}
          label="Running low"
          value={lowCount === undefined ? undefined : many(lowCount)}
          attention={Boolean(lowCount)}
        />
        <Tile
          to="/admin/system"
          label="Services"
          value={ill && (ill.length === 0 ? "All well" : `${ill.length} not well`)}
          attention={Boolean(ill?.length)}
        />
      </div>
      <Card title="Revenue by day">
        {stats.data ? (
          <RevenueChart stats={stats.data} />
        ) : stats.isError ? (
          <Failure error={stats.error} onRetry={stats.refetch} order={3} />
        ) : (
          <Skeleton height={170} />
        )}
      </Card>
    </section>
  );
}

const many = (count: number) => (count >= MANY ? `${MANY}+` : count);

interface TileProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  label: string;
  value: string | number | undefined;
  attention?: boolean;
}

const Tile = createLink(({ label, value, attention = false, ...link }: TileProps) => (
  <a {...link} className={classes.tile} data-attention={attention || undefined}>
    <span>{label}</span>
    <strong className="numbers">{value ?? "…"}</strong>
  </a>
));
