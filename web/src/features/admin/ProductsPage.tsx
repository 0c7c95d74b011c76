import { adminProductsQuery } from "@/api/admin";
import type { ProductItem } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { PagedList } from "@/admin/PagedList";
import { AdminPage } from "@/admin/AdminPage";
import { Table } from "@/admin/Table";
import { Toolbar } from "@/admin/Toolbar";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/products";
import { texts as shared } from "@/texts/common";
import { LinkButton } from "@/ui/links";
import { Message } from "@/ui/Message";
import { Picture } from "@/ui/Picture";
import { Price } from "@/ui/Price";
import { Badge, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconPackage, IconPlus, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { PRODUCT_STATUSES } from "./productForm";
import classes from "./ProductsPage.module.css";

const route = getRouteApi("/admin/products");

export function AdminProductsPage() {
  return (
    <AdminPage
      needs="products:read_drafts"
      title={common.products}
      aside={
        <LinkButton to="/admin/products/new" leftSection={<IconPlus size={18} />}>
          {texts.newProduct}
        </LinkButton>
      }
    >
      <Products />
    </AdminPage>
  );
}

function Products() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(search.q ?? "");
  const change = (part: Partial<Record<keyof typeof search, unknown>>) => {
    const next = Object.fromEntries(Object.entries({ ...search, ...part }).filter(([, value]) => value !== undefined));
    void navigate({ search: next, replace: true });
  };
  const searchSoon = useDebouncedCallback((q: string) => change({ q: q.trim() || undefined }), 300);
  const { q, status, low_stock } = search;
  const products = useInfiniteQuery({
    ...adminProductsQuery({ limit: 30, status: status ?? "all", ...(q && { q }), ...(low_stock && { low_stock }) }),
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
          onChange={(event) => change({ status: event.currentTarget.value || undefined })}
          data={[{ value: "", label: texts.allProducts }, ...PRODUCT_STATUSES]}
        />
        <Checkbox
          label={texts.lowStock}
          checked={low_stock ?? false}
          onChange={(event) => change({ low_stock: event.currentTarget.checked || undefined })}
        />
      </Toolbar>
      <PagedList
        query={products}
        empty={
          <Message icon={IconPackage} title={texts.noProducts} action={<LinkButton to="/admin/products/new">{texts.newProduct}</LinkButton>}>
            {texts.noProductsText}
          </Message>
        }
      >
        {(items) => (
          <Table label={common.products} columns={[texts.product, common.status, texts.variants, { title: texts.price, align: "right" }, texts.updated]}>
            {items.map((product) => (
              <Row key={product.id} product={product} />
            ))}
          </Table>
        )}
      </PagedList>
    </>
  );
}

function Row({ product }: { product: ProductItem }) {

  return (
    <tr>
      <td>
        <span className={classes.product}>
          <span className={classes.thumb}>
            <Picture image={product.images[0]} alt="" sizes="2.75rem" category={product.category} seed={product.slug} />
          </span>
          <span>
            <Link to="/admin/products/$id" params={{ id: product.id }}>
              {product.name}
            </Link>
            <small>{product.category ?? texts.noCategory}</small>
          </span>
        </span>
      </td>
      <td>
        <Badge variant="light" color={product.status === "active" ? "teal" : "gray"} tt="none">
          {texts.statuses[product.status]}
        </Badge>
        {!product.in_stock && <small>{shared.soldOut}</small>}
      </td>
      <td>{product.variant_count}</td>
      <td data-align="right">
        <Price of={product.price} />
      </td>
      <td>{onDay(product.updated_at)}</td>
    </tr>
  );
}
