import { useShopCurrency } from "@/api/cart";
import { categoriesQuery, productsQuery } from "@/api/catalog";
import { ProductGrid } from "@/products/ProductGrid";
import { texts } from "@/texts/catalog";
import { texts as common } from "@/texts/common";
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
import { isFiltered, toQuery, totalFound, type ProductSearch, type Sort } from "./search";

const route = getRouteApi("/products");
const FilterDrawer = lazy(async () => ({ default: (await import("./FilterDrawer")).FilterDrawer }));
/** How many pages load automatically while scrolling. Further pages need a click, so that the footer can be reached. */
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

  const title = search.q ? texts.resultsFor(search.q) : (category ?? (search.category ? common.products : texts.allProducts));
  const filters = <Filters search={search} facets={facets} categories={categories} change={change} />;

  return (
    <Page title={title}>
      <div className={classes.layout}>
        <aside className={classes.side} aria-label={texts.filters}>
          {filters}
        </aside>
        <section aria-label={common.products} aria-busy={products.isFetching}>
          <h2 className="hidden-visually">{common.products}</h2>
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
              {texts.filter}
            </Button>
            <p className={classes.count} role="status">
              {items && describeCount(items.length, products.hasNextPage, totalFound(search, facets))}
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
                placeholders={!items ? 9 : products.isFetchingNextPage ? 3 : 0}
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

function describeCount(shown: number, more: boolean, total: number | null): string {
  if (shown === 0) return texts.noProducts;
  if (!more) return texts.productCount(shown);
  return total !== null && total > shown ? texts.showing(shown, total) : texts.showingFirst(shown);
}

function SortSelect({ search, onChange }: { search: ProductSearch; onChange: (sort: Sort | undefined) => void }) {
  const standard: Sort = search.q ? "relevance" : "newest";
  return (
    <NativeSelect
      aria-label={texts.sortBy}
      size="sm"
      className={classes.sort ?? ""}
      value={search.sort ?? standard}
      onChange={(event) => {
        const sort = event.currentTarget.value as Sort;
        onChange(sort === standard ? undefined : sort);
      }}
      data={[
        ...(search.q ? [{ value: "relevance", label: texts.sorts.relevance }] : []),
        { value: "newest", label: texts.sorts.newest },
        { value: "price", label: texts.sorts.price },
        { value: "-price", label: texts.sorts["-price"] },
        { value: "name", label: texts.sorts.name },
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
    <ul className={classes.active} aria-label={texts.activeFilters}>
      {search.category && (
        <Pill label={category ?? search.category} onRemove={() => change({ category: undefined })} />
      )}
      {price && <Pill label={price} onRemove={() => change({ min_price: undefined, max_price: undefined })} />}
      {search.in_stock && <Pill label={texts.inStock} onRemove={() => change({ in_stock: undefined })} />}
    </ul>
  );
}

function Pill({ label, onRemove }: { label: string; onRemove: () => void }) {
  return (
    <li className={classes.pill}>
      {label}
      <CloseButton size="sm" radius="xl" aria-label={texts.removeFilterOf(label)} onClick={onRemove} />
    </li>
  );
}

function NoResults({ search, onClear }: { search: ProductSearch; onClear: () => void }) {
  return (
    <Message
      icon={IconSearchOff}
      title={search.q ? texts.noResultsFor(search.q) : texts.noResults}
      action={
        isFiltered(search) && (
          <Button variant="default" onClick={onClear}>
            {texts.clearFilters}
          </Button>
        )
      }
    >
      {isFiltered(search) ? texts.removeFilter : texts.otherWords}
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
    // `load` is left out: it is a new function on every render and always does the same.
  }, [near, has, loading, failed, shown]);
  if (!has) return null;
  return (
    <div ref={ref} className={classes.more}>
      {failed && <p role="alert">{texts.moreFailed}</p>}
      <Button variant="default" onClick={load} loading={loading}>
        {failed ? common.tryAgain : texts.showMore}
      </Button>
    </div>
  );
}
