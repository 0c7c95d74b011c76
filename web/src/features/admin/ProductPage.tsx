import { useShopCurrency } from "@/api/cart";
import { officeProductQuery, useArchiveProduct, useChangeProduct, useCreateProduct } from "@/api/office";
import type { Product } from "@/api/schemas";
import { OfficePage } from "@/office/OfficePage";
import { useCan } from "@/session/current";
import { Confirm } from "@/ui/Confirm";
import { Failure } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { toast, toastFailure } from "@/ui/toast";
import { Button, Group, Skeleton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { emptyProduct, toChange, toDraft, toFields } from "./productForm";
import { ProductForm } from "./ProductForm";
import { ProductImages } from "./ProductImages";
import classes from "./ProductPage.module.css";
import { ProductStock } from "./ProductStock";

const route = getRouteApi("/admin/products/$id");

export function NewProductPage() {
  const create = useCreateProduct();
  const navigate = useNavigate();
  const currency = useShopCurrency();
  return (
    <OfficePage needs="products:write" title="New product">
      <ProductForm
        initial={emptyProduct()}
        error={create.error}
        pending={create.isPending}
        submitLabel="Create the product"
        onSubmit={(fields) =>
          create.mutate(toDraft(fields, currency), {
            onSuccess: ({ id }) => {
              toast("The product is made. Now its pictures.");
              void navigate({ to: "/admin/products/$id", params: { id } });
            },
          })
        }
      />
    </OfficePage>
  );
}

export function OfficeProductPage() {
  const { id } = route.useParams();
  const product = useQuery({ ...officeProductQuery(id), enabled: useCan("products:read_drafts") });
  return (
    <OfficePage
      needs="products:read_drafts"
      title={product.data?.name ?? "Product"}
      aside={
        product.data?.status === "active" && (
          <LinkButton to="/products/$slug" params={{ slug: product.data.slug }} variant="default">
            See it in the shop
          </LinkButton>
        )
      }
    >
      {product.data ? (
        <Existing product={product.data} />
      ) : product.isError ? (
        <Failure error={product.error} onRetry={product.refetch} />
      ) : (
        <Skeleton height={500} radius="lg" />
      )}
    </OfficePage>
  );
}

function Existing({ product }: { product: Product }) {
  const change = useChangeProduct(product.id);
  const archive = useArchiveProduct(product.id);
  const currency = useShopCurrency();
  const [asking, ask] = useDisclosure(false);
  return (
    <div className={classes.parts}>
      <ProductImages product={product} />
      <ProductForm
        // A product that changed elsewhere fills the form anew; one whose pictures or stock changed does not.
        key={product.variants.map(({ id }) => id).join()}
        initial={toFields(product)}
        error={change.error}
        pending={change.isPending}
        submitLabel="Save"
        onSubmit={(fields) =>
          change.mutate(
            { body: toChange(fields, currency, product), version: product.version },
            { onSuccess: () => toast("Saved.") },
          )
        }
      />
      <ProductStock product={product} />
      {product.status !== "archived" && (
        <Group>
          <Button variant="subtle" color="clay" onClick={ask.open}>
            Take it out of the shop
          </Button>
        </Group>
      )}
      <Confirm
        opened={asking}
        onClose={ask.close}
        title={`Take ${product.name} out of the shop?`}
        confirm="Archive it"
        keep="Keep it"
        pending={archive.isPending}
        onConfirm={() =>
          archive.mutate(undefined, { onSuccess: () => toast("It is archived."), onError: toastFailure, onSettled: ask.close })
        }
      >
        It leaves the catalogue. Orders that have it still show it, and it can be brought back.
      </Confirm>
    </div>
  );
}
