import { ordersQuery } from "@/api/orders";
import type { OrderStatus } from "@/api/schemas";
import { atTime } from "@/format/dates";
import { Listing } from "@/office/Listing";
import { OfficePage } from "@/office/OfficePage";
import { Table } from "@/office/Table";
import { Tools } from "@/office/Tools";
import { ORDER_STATES, OrderState } from "@/orders/OrderState";
import { Message } from "@/ui/Message";
import { Price } from "@/ui/Price";
import { NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconReceipt, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

const route = getRouteApi("/admin/orders");

export function OfficeOrdersPage() {
  return (
    <OfficePage needs="orders:read" title="Orders">
      <Orders />
    </OfficePage>
  );
}

function Orders() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(search.q ?? "");
  const look = useDebouncedCallback((q: string) => {
    const { q: _before, ...rest } = search;
    void navigate({ search: { ...rest, ...(q.trim() && { q: q.trim() }) }, replace: true });
  }, 300);
  const status = ORDER_STATES.find(({ value }) => value === search.status)?.value as OrderStatus | undefined;
  const orders = useInfiniteQuery({
    ...ordersQuery({ all: true, limit: 30, ...(status && { status }), ...(search.q && { q: search.q }) }),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Tools>
        <TextInput
          type="search"
          aria-label="Search orders by number or email address"
          placeholder="Number or email address"
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={200}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            look(event.currentTarget.value);
          }}
        />
        <NativeSelect
          aria-label="Show orders that are"
          value={status ?? ""}
          onChange={(event) => {
            const { status: _before, ...rest } = search;
            const value = event.currentTarget.value;
            void navigate({ search: { ...rest, ...(value && { status: value }) }, replace: true });
          }}
          data={[{ value: "", label: "All orders" }, ...ORDER_STATES]}
        />
      </Tools>
      <Listing query={orders} empty={<Message icon={IconReceipt} title="No such orders">Other words or another state may show some.</Message>}>
        {(items) => (
          <Table label="Orders" columns={["Order", "Buyer", "Placed", "State", { title: "Total", align: "right" }]}>
            {items.map((order) => (
              <tr key={order.id}>
                <td>
                  <Link to="/admin/orders/$id" params={{ id: order.id }}>
                    {order.number ?? "New"}
                  </Link>
                </td>
                <td>
                  {order.shipping_address.name}
                  <small>{order.email}</small>
                </td>
                <td>{atTime(order.created_at)}</td>
                <td>
                  <OrderState status={order.status} />
                </td>
                <td data-align="right">{order.total && <Price of={order.total} />}</td>
              </tr>
            ))}
          </Table>
        )}
      </Listing>
    </>
  );
}
