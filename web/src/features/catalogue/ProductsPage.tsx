import { useShopCurrency } from "@/api/cart";
import { categoriesQuery, productsQuery } from "@/api/catalogue";
import { ProductGrid } from "@/products/ProductGrid";
import { Failure } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Page } from "@/ui/Page";
import { Button, CloseButton, NativeSelect } from "@mantine/core";
import { useDisclosure, useIntersection } from "@mantine/hooks";
import { IconAdjustmentsHorizontal, IconSearchOff } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { Filters, priceRange } from "./Filters";
import classes from "./ProductsPage.module.css";
import { isFiltered, toQuery, type ProductSearch, type Sort } from "./search";

const route = getRouteApi("/products");
const FilterDrawer = lazy(async () => ({ default: (await import("./FilterDrawer")).FilterDrawer }));
/** Pages that come by themselves while scrolling; then a button, so that the end of the page can be reached. */
const AUTO_LOADED_PAGES = 4;

export function ProductsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [filtering, drawer] = useDisclosure(false);
  const [everFiltered, setEverFiltered] = useState(false);
  const products = useInfiniteQuery(productsQuery(toQuery(search)));
  const { data: categories } = useQuery(categoriesQuery);
  const items = products.data?.pages.flatMap((page) => page.items);
  const facets = products.data?.pages[0]?.facets;
  const category = categories?.find(({ slug }) => slug === search.category)?.name;

  function change(part: { [Name in keyof ProductSearch]?: ProductSearch[Name] | undefined }) {
    const next = Object.fromEntries(Object.entries({ ...search, ...part }).filter(([, value]) => value !== undefined));
    void navigate({ search: next, replace: true, resetScroll: true });
  }
  const clear = () => change({ category: undefined, min_price: undefined, max_price: undefined, in_stock: undefined });

  const title = search.q ? `Results for “${search.q}”` : (category ?? (search.category ? "Products" : "Everything"));
  const filters = <Filters search={search} facets={facets} categories={categories} change={change} />;

  return (
    <Page title={title}>
      <div className={classes.layout}>
        <aside className={classes.side} aria-label="Filters">
          {filters}
        </aside>
        <section aria-label="Products" aria-busy={products.isFetching}>
          <h2 className="hidden-visually">Products</h2>
          <div className={classes.tools}>
            <Button
              className={classes.filterButton ?? ""}
              variant="default"
              leftSection={<IconAdjustmentsHorizontal size={18} />}
              onClick={() => {
                setEverFiltered(true);
                drawer.open();
              }}
            >
              Filter
            </Button>
            <p className={classes.count} role="status">
              {items && describe(items.length, products.hasNextPage)}
            </p>
            <SortSelect search={search} onChange={(sort) => change({ sort })} />
          </div>
          <ActiveFilters search={search} category={category} change={change} />
          {products.isError && !items ? (
            <Failure error={products.error} onRetry={products.refetch} />
          ) : items?.length === 0 ? (
            <NoResults search={search} onClear={clear} />
          ) : (
            <div className={classes.results} data-stale={products.isPlaceholderData || undefined}>
              <ProductGrid
                products={items}
                waitingFor={!items ? 9 : products.isFetchingNextPage ? 3 : 0}
                eager={3}
              />
              <LoadMore
                shown={products.data?.pages.length ?? 0}
                has={products.hasNextPage}
                loading={products.isFetchingNextPage}
                failed={products.isFetchNextPageError}
                load={() => void products.fetchNextPage()}
              />
            </div>
          )}
        </section>
      </div>
      <Suspense>
        {everFiltered && (
          <FilterDrawer opened={filtering} onClose={drawer.close}>
            {filters}
          </FilterDrawer>
        )}
      </Suspense>
    </Page>
  );
}

function describe(shown: number, more: boolean): string {
  if (shown === 0) return "No products";
  if (more) return `The first ${shown} products`;
  return shown === 1 ? "1 product" : `${shown} products`;
}

function SortSelect({ search, onChange }: { search: ProductSearch; onChange: (sort: Sort | undefined) => void }) {
  const usual: Sort = search.q ? "relevance" : "newest";
  return (
    <NativeSelect
      aria-label="Sort by"
      size="sm"
      className={classes.sort ?? ""}
      value={search.sort ?? usual}
      onChange={(event) => {
        const sort = event.currentTarget.value as Sort;
        onChange(sort === usual ? undefined : sort);
      }}
      data={[
        ...(search.q ? [{ value: "relevance", label: "Best match" }] : []),
        { value: "newest", label: "Newest first" },
        { value: "price", label: "Price, low to high" },
        { value: "-price", label: "Price, high to low" },
        { value: "name", label: "Name" },
      ]}
    />
  );
}

interface ActiveFiltersProps {
  search: ProductSearch;
  category: string | undefined;
  change: (part: { [Name in keyof ProductSearch]?: undefined }) => void;
}

function ActiveFilters({ search, category, change }: ActiveFiltersProps) {
  const price = priceRange(search, useShopCurrency());
  if (!isFiltered(search)) return null;
  return (
    <ul className={classes.chosen} aria-label="Chosen filters">
      {search.category && (
        <Pill label={category ?? search.category} onRemove={() => change({ category: undefined })} />
      )}
      {price && <Pill label={price} onRemove={() => change({ min_price: undefined, max_price: undefined })} />}
      {search.in_stock && <Pill label="In stock" onRemove={() => change({ in_stock: undefined })} />}
    </ul>
  );
}

function Pill({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <li className={classes.pill}>
      {label}
      <CloseButton size="sm" radius="xl" aria-label={`Remove the filter ${label}`} onClick={onRemove} />
    </li>
  );
}

function NoResults({ search, onClear }: { search: ProductSearch; onClear: () => void }) {
  return (
    <Message
      icon={IconSearchOff}
      title={search.q ? `Nothing found for “${search.q}”` : "Nothing here fits"}
      action={
        isFiltered(search) && (
          <Button variant="default" onClick={onClear}>
            Clear the filters
          </Button>
        )
      }
    >
      {isFiltered(search) ? "Fewer filters show more." : "Try fewer or other words, or look through the categories."}
    </Message>
  );
}

interface LoadMoreProps {
  shown: number;
  has: boolean;
  loading: boolean;
  failed: boolean;
  load: () => void;
}

function LoadMore({ shown, has, loading, failed, load }: LoadMoreProps) {
  const { ref, entry } = useIntersection({ rootMargin: "600px" });
  const near = entry?.isIntersecting ?? false;
  useEffect(() => {
    if (near && has && !loading && !failed && shown < AUTO_LOADED_PAGES) load();
    // Not on `load`: it is made anew by each draw and always does the same.
  }, [near, has, loading, failed, shown]);
  if (!has) return null;
  return (
    <div ref={ref} className={classes.more}>
      {failed && <p role="alert">More products could not be loaded.</p>}
      <Button variant="default" onClick={load} loading={loading}>
        {failed ? "Try again" : "Show more products"}
      </Button>
    </div>
  );
}
