import { officeProductsQuery } from "@/api/office";
import type { ProductItem } from "@/api/schemas";
import { onDay } from "@/format/dates";
import { Listing } from "@/office/Listing";
import { OfficePage } from "@/office/OfficePage";
import { Table } from "@/office/Table";
import { Tools } from "@/office/Tools";
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
import { PRODUCT_STATES } from "./productForm";
import classes from "./ProductsPage.module.css";

const route = getRouteApi("/admin/products");

export function OfficeProductsPage() {
  return (
    <OfficePage
      needs="products:read_drafts"
      title="Products"
      aside={
        <LinkButton to="/admin/products/new" leftSection={<IconPlus size={18} />}>
          New product
        </LinkButton>
      }
    >
      <Products />
    </OfficePage>
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
  const look = useDebouncedCallback((q: string) => change({ q: q.trim() || undefined }), 300);
  const { q, status, low_stock } = search;
  const products = useInfiniteQuery({
    ...officeProductsQuery({ limit: 30, status: status ?? "all", ...(q && { q }), ...(low_stock && { low_stock }) }),
    placeholderData: keepPreviousData,
  });
  return (
    <>
      <Tools>
        <TextInput
          type="search"
          aria-label="Search products"
          placeholder="Name or words of the description"
          leftSection={<IconSearch size={18} aria-hidden />}
          maxLength={200}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            look(event.currentTarget.value);
          }}
        />
        <NativeSelect
          aria-label="Show products that are"
          value={status ?? ""}
          onChange={(event) => change({ status: event.currentTarget.value || undefined })}
          data={[{ value: "", label: "All products" }, ...PRODUCT_STATES]}
        />
        <Checkbox
          label="Running low"
          checked={low_stock ?? false}
          onChange={(event) => change({ low_stock: event.currentTarget.checked || undefined })}
        />
      </Tools>
      <Listing
        query={products}
        empty={
          <Message icon={IconPackage} title="No such products" action={<LinkButton to="/admin/products/new">New product</LinkButton>}>
            Other words may show some, or make one.
          </Message>
        }
      >
        {(items) => (
          <Table label="Products" columns={["Product", "State", "Variants", { title: "Price", align: "right" }, "Changed"]}>
            {items.map((product) => (
              <Row key={product.id} product={product} />
            ))}
          </Table>
        )}
      </Listing>
    </>
  );
}

function Row({ product }: { product: ProductItem }) {
  const state = PRODUCT_STATES.find(({ value }) => value === product.status);
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
            <small>{product.category ?? "no category"}</small>
          </span>
        </span>
      </td>
      <td>
        <Badge variant="light" color={product.status === "active" ? "teal" : "gray"} tt="none">
          {state?.label}
        </Badge>
        {!product.in_stock && <small>sold out</small>}
      </td>
      <td>{product.variant_count}</td>
      <td data-align="right">
        <Price of={product.price} />
      </td>
      <td>{onDay(product.updated_at)}</td>
    </tr>
  );
}
