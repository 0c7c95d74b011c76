/** A list that is loaded page by page, with its states: loading, failed, empty, more to load. */
import { texts } from "@/texts/admin/common";
import { Failure } from "@/ui/Failure";
import { Button, Center, Skeleton } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

interface PagedListProps<Item> {
  query: UseInfiniteQueryResult<InfiniteData<{ items: Item[] }>>;
  empty: ReactNode;
  children: (items: readonly Item[]) => ReactNode;
}

export function PagedList<Item>({ query, empty, children }: PagedListProps<Item>) {
  const items = query.data?.pages.flatMap((page) => page.items);
  if (!items) return query.isError ? <Failure error={query.error} onRetry={query.refetch} /> : <Skeleton height={360} radius="lg" />;
  if (items.length === 0) return empty;
  return (
    <>
      {children(items)}
      {query.hasNextPage && (
        <Center mt="lg">
          <Button variant="default" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {texts.showMore}
          </Button>
        </Center>
      )}
    </>
  );
}
