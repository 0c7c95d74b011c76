import { useShopCurrency } from "@/api/cart";
import { adminProductQuery, useArchiveProduct, useChangeProduct, useCreateProduct } from "@/api/admin";
import type { Product } from "@/api/schemas";
import { AdminPage } from "@/admin/AdminPage";
import { useCan } from "@/session/current";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/products";
import { Confirm } from "@/ui/Confirm";
import { Failure } from "@/ui/Failure";
import { LinkButton } from "@/ui/links";
import { toast, toastFailure } from "@/ui/toast";
import { Button, Group, Skeleton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { emptyProduct, toUpdateProduct, toCreateProduct, toFields } from "./productForm";
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
    <AdminPage needs="products:write" title={texts.newProduct}>
      <ProductForm
        initial={emptyProduct()}
        error={create.error}
        pending={create.isPending}
        submitLabel={texts.create}
        onSubmit={(fields) =>
          create.mutate(toCreateProduct(fields, currency), {
            onSuccess: ({ id }) => {
              toast(texts.created);
              void navigate({ to: "/admin/products/$id", params: { id } });
            },
          })
        }
      />
    </AdminPage>
  );
}

export function AdminProductPage() {
  const { id } = route.useParams();
  const product = useQuery({ ...adminProductQuery(id), enabled: useCan("products:read_drafts") });
  return (
    <AdminPage
      needs="products:read_drafts"
      title={product.data?.name ?? texts.product}
      aside={
        product.data?.status === "active" && (
          <LinkButton to="/products/$slug" params={{ slug: product.data.slug }} variant="default">
            {texts.viewInShop}
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
    </AdminPage>
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
        // Resets the form when the variants have changed, but not when only pictures or stock have.
        key={product.variants.map(({ id }) => id).join()}
        initial={toFields(product)}
        error={change.error}
        pending={change.isPending}
        submitLabel={texts.save}
        onSubmit={(fields) =>
          change.mutate(
            { body: toUpdateProduct(fields, currency, product), version: product.version },
            { onSuccess: () => toast(texts.saved) },
          )
        }
      />
      <ProductStock product={product} />
      {product.status !== "archived" && (
        <Group>
          <Button variant="subtle" color="clay" onClick={ask.open}>
            {texts.archive}
          </Button>
        </Group>
      )}
      <Confirm
        opened={asking}
        onClose={ask.close}
        title={texts.archiveQuestion(product.name)}
        confirmLabel={texts.archive}
        cancelLabel={common.cancel}
        pending={archive.isPending}
        onConfirm={() =>
          archive.mutate(undefined, { onSuccess: () => toast(texts.archived), onError: toastFailure, onSettled: ask.close })
        }
      >
        {texts.archiveText}
      </Confirm>
    </div>
  );
}
