/** The key figures of the shop; each links to the page it comes from. */
import { adminProductsQuery, servicesQuery, statsQuery } from "@/api/admin";
import { recentOrdersQuery } from "@/api/orders";
import { money } from "@/format/money";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/overview";
import { texts as shared } from "@/texts/common";
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
const COUNT_LIMIT = 100;

/** The last thirty days, in UTC like the API's statistics. */
function lastDays(): [since: string, until: string] {
  const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().replace(/T.*/, "T00:00:00Z");
  return [day(1 - DAYS), day(1)];
}

export function Overview() {
  const [[since, until]] = useState(lastDays);
  const stats = useQuery(statsQuery(since, until));
  const toShip = useQuery(recentOrdersQuery({ all: true, status: "paid", limit: COUNT_LIMIT }));
  const low = useInfiniteQuery(adminProductsQuery({ low_stock: true, limit: COUNT_LIMIT }));
  const services = useQuery(servicesQuery);
  const unhealthy = services.data?.items.filter(({ health }) => health !== "passing");
  const lowCount = low.data?.pages[0]?.items.length;
  return (
    <section>
      <AdminNav />
      <Title order={1}>{common.overview}</Title>
      <div className={classes.tiles}>
        <Tile to="/admin/orders" label={texts.revenue(DAYS)} value={stats.data && money(stats.data.revenue)} />
        <Tile to="/admin/orders" label={texts.orders(DAYS)} value={stats.data?.orders} />
        <Tile
          to="/admin/orders"
          search={{ status: "paid" }}
          label={texts.toShip}
          value={toShip.data && limited(toShip.data.length)}
          attention={Boolean(toShip.data?.length)}
        />
        <Tile
          to="/admin/products"
          search={{ low_stock: true }}
          label={texts.lowStock}
          value={lowCount === undefined ? undefined : limited(lowCount)}
          attention={Boolean(lowCount)}
        />
        <Tile
          to="/admin/system"
          label={texts.services}
          value={unhealthy && (unhealthy.length === 0 ? texts.healthy : texts.unhealthy(unhealthy.length))}
          attention={Boolean(unhealthy?.length)}
        />
      </div>
      <Card title={texts.revenueByDay}>
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

const limited = (count: number) => (count >= COUNT_LIMIT ? `${COUNT_LIMIT}+` : count);

interface TileProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  label: string;
  value: string | number | undefined;
  attention?: boolean;
}

const Tile = createLink(({ label, value, attention = false, ...link }: TileProps) => (
  <a {...link} className={classes.tile} data-attention={attention || undefined}>
    <span>{label}</span>
    <strong className="numbers">{value ?? shared.unknownAmount}</strong>
  </a>
));
