import { ordersQuery } from "@/api/orders";
import type { OrderStatus } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { PagedList } from "@/admin/PagedList";
import { AdminPage } from "@/admin/AdminPage";
import { Table } from "@/admin/Table";
import { Toolbar } from "@/admin/Toolbar";
import { ORDER_STATUSES, OrderStatusBadge } from "@/orders/OrderStatusBadge";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/orders";
import { texts as shared } from "@/texts/common";
import { Message } from "@/ui/Message";
import { Price } from "@/ui/Price";
import { NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconReceipt, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

const route = getRouteApi("/admin/orders");

export function AdminOrdersPage() {
  return (
    <AdminPage needs="orders:read" title={common.orders}>
      <Orders />
    </AdminPage>
  );
}

function Orders() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(search.q ?? "");
  const searchSoon = useDebouncedCallback((q: string) => {
    const { q: _before, ...rest } = search;
    void navigate({ search: { ...rest, ...(q.trim() && { q: q.trim() }) }, replace: true });
  }, 300);
  const status = ORDER_STATUSES.find(({ value }) => value === search.status)?.value as OrderStatus | undefined;
  const orders = useInfiniteQuery({
    ...ordersQuery({ all: true, limit: 30, ...(status && { status }), ...(search.q && { q: search.q }) }),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Toolbar>
        <TextInput
          type="search"
          aria-label={texts.search}
          placeholder={texts.searchPlaceholder}
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={200}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            searchSoon(event.currentTarget.value);
          }}
        />
        <NativeSelect
          aria-label={shared.filterByStatus}
          value={status ?? ""}
          onChange={(event) => {
            const { status: _before, ...rest } = search;
            const value = event.currentTarget.value;
            void navigate({ search: { ...rest, ...(value && { status: value }) }, replace: true });
          }}
          data={[{ value: "", label: shared.allOrders }, ...ORDER_STATUSES]}
        />
      </Toolbar>
      <PagedList query={orders} empty={<Message icon={IconReceipt} title={texts.noOrders}>{texts.noOrdersText}</Message>}>
        {(items) => (
          <Table label={common.orders} columns={[texts.order, texts.customer, texts.placed, common.status, { title: texts.total, align: "right" }]}>
            {items.map((order) => (
              <tr key={order.id}>
                <td>
                  <Link to="/admin/orders/$id" params={{ id: order.id }}>
                    {order.number ?? texts.newOrder}
                  </Link>
                </td>
                <td>
                  {order.shipping_address.name}
                  <small>{order.email}</small>
                </td>
                <td>{atTime(order.created_at)}</td>
                <td>
                  <OrderStatusBadge status={order.status} />
                </td>
                <td data-align="right">{order.total && <Price of={order.total} />}</td>
              </tr>
            ))}
          </Table>
        )}
      </PagedList>
    </>
  );
}
