import type { OrderStats } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { money } from "@/format/money";
import { texts } from "@/texts/admin/overview";
import classes from "./RevenueChart.module.css";

/** Revenue by day as bars, and as a table for screen readers. */
export function RevenueChart({ stats }: { stats: OrderStats }) {
  const highest = Math.max(...stats.items.map(({ revenue }) => revenue.amount), 1);
  return (
    <figure className={classes.chart}>
      <div className={classes.bars} aria-hidden>
        {stats.items.map(({ day, revenue, orders }) => (
          <div
            key={day}
            className={classes.day}
            title={texts.dayTitle(onDay(day), money(revenue), orders)}
          >
            <i style={{ height: `${(revenue.amount / highest) * 100}%` }} />
          </div>
        ))}
      </div>
      <div className={classes.axis} aria-hidden>
        <span>{stats.items[0] && onDay(stats.items[0].day)}</span>
        <span>{stats.items.at(-1) && onDay(stats.items.at(-1)?.day ?? "")}</span>
      </div>
      <table className="hidden-visually">
        <caption>{texts.revenueByDay}</caption>
        <tbody>
          {stats.items.map(({ day, revenue, orders }) => (
            <tr key={day}>
              <th scope="row">{onDay(day)}</th>
              <td>{money(revenue)}</td>
              <td>{orders}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}
