import { ordersQuery } from "@/api/orders";
import type { OrderStatus } from "@/api/schemas";
import { OrderRows } from "@/orders/OrderRow";
import { ORDER_STATUSES } from "@/orders/OrderStatusBadge";
import { SignedIn } from "@/session/SignedIn";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/orderPages";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { LinkButton } from "@/ui/links";
import { Button, Center, NativeSelect, Skeleton, Stack } from "@mantine/core";
import { IconReceipt } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

const route = getRouteApi("/orders");

export function OrdersPage() {
  return (
    <SignedIn title={texts.signInToSeeOrders}>
      <Listed />
    </SignedIn>
  );
}

function Listed() {
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const known = ORDER_STATUSES.find(({ value }) => value === status)?.value as OrderStatus | undefined;
  const orders = useInfiniteQuery(ordersQuery(known ? { status: known } : {}));
  const items = orders.data?.pages.flatMap((page) => page.items);
  return (
    <Page
      title={common.yourOrders}
      narrow
      aside={
        <NativeSelect
          aria-label={common.filterByStatus}
          size="sm"
          w="13rem"
          value={known ?? ""}
          onChange={(event) => {
            const value = event.currentTarget.value;
            void navigate({ search: value ? { status: value } : {}, replace: true });
          }}
          data={[{ value: "", label: common.allOrders }, ...ORDER_STATUSES]}
        />
      }
    >
      {orders.isError && !items ? (
        <Failure error={orders.error} onRetry={orders.refetch} />
      ) : !items ? (
        <Stack gap="sm">
          <Skeleton height={96} radius="lg" />
          <Skeleton height={96} radius="lg" />
          <Skeleton height={96} radius="lg" />
        </Stack>
      ) : items.length === 0 ? (
        <Message
          icon={IconReceipt}
          title={known ? texts.noMatchingOrders : texts.noOrders}
          action={
            known ? (
              <LinkButton to="/orders" search={{}} variant="default">
                {common.allOrders}
              </LinkButton>
            ) : (
              <LinkButton to="/products" search={{}}>
                {common.browse}
              </LinkButton>
            )
          }
        >
          {known ? texts.noMatchingOrdersText : texts.noOrdersText}
        </Message>
      ) : (
        <>
          <OrderRows orders={items} />
          {orders.hasNextPage && (
            <Center mt="xl">
              <Button variant="default" loading={orders.isFetchingNextPage} onClick={() => void orders.fetchNextPage()}>
                {texts.showEarlier}
              </Button>
            </Center>
          )}
        </>
      )}
    </Page>
  );
}
