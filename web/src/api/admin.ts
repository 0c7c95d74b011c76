/** Queries and mutations of the admin pages. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "./client";
import { newAttempt } from "./idempotency";
import { cacheOrder } from "./orders";
import type {
  AdjustStock,
  CreateProduct,
  CreateRefund,
  Product,
  ProductImage,
  ProductQuery,
  UpdateAccount,
  UpdateOrder,
  UpdateProduct,
} from "./schemas";

const KEY = ["admin"] as const;

export const statsQuery = (since: string, until: string) =>
  queryOptions({
    queryKey: [...KEY, "stats", since, until],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/orders/stats", { params: { query: { since, until, by: "day" } }, signal })),
  });

export const adminProductsQuery = (query: ProductQuery) =>
  infiniteQueryOptions({
    queryKey: [...KEY, "products", query],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/products", { params: { query: { ...query, ...(pageParam && { cursor: pageParam }) } }, signal }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export const adminProductQuery = (id: string) =>
  queryOptions({
    queryKey: [...KEY, "product", id],
    queryFn: ({ signal }) => answer(api.GET("/api/products/{id}", { params: { path: { id } }, signal })),
    // A form is filled from it, so it must not be refetched while someone is typing.
    staleTime: Number.POSITIVE_INFINITY,
  });

export const ledgerQuery = (id: string) =>
  queryOptions({
    queryKey: [...KEY, "ledger", id],
    queryFn: async ({ signal }) =>
      (await answer(api.GET("/api/products/{id}/stock", { params: { path: { id }, query: { limit: 20 } }, signal }))).items,
  });

export const usersQuery = (q: string) =>
  infiniteQueryOptions({
    queryKey: [...KEY, "users", q],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/users", {
          params: { query: { limit: 30, ...(q && { q }), ...(pageParam && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });

export type EmailStatus = "failed" | "queued" | "sent" | "skipped";

export const emailsQuery = (filter: { status?: EmailStatus; to?: string }) =>
  infiniteQueryOptions({
    queryKey: [...KEY, "emails", filter],
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/notifications", {
          params: { query: { limit: 30, ...filter, ...(pageParam && { cursor: pageParam }) } },
          signal,
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: 15_000,
  });

export const emailQuery = (id: string) =>
  queryOptions({
    queryKey: [...KEY, "email", id],
    queryFn: ({ signal }) => answer(api.GET("/api/notifications/{id}", { params: { path: { id } }, signal })),
  });

export const servicesQuery = queryOptions({
  queryKey: [...KEY, "services"],
  queryFn: ({ signal }) => answer(api.GET("/api/monitoring/services", { signal })),
  refetchInterval: 10_000,
});

export const refundsQuery = (paymentId: string) =>
  queryOptions({
    queryKey: [...KEY, "refunds", paymentId],
    queryFn: async ({ signal }) =>
      (await answer(api.GET("/api/payments/{id}/refund", { params: { path: { id: paymentId } }, signal }))).items,
    refetchInterval: ({ state }) => (state.data?.some(({ status }) => status === "pending") ? 3000 : false),
  });

/** Returns a function that refetches every list of products. */
function useProductsChanged() {
  const client = useQueryClient();
  return () =>
    Promise.all([
      client.invalidateQueries({ queryKey: [...KEY, "products"] }),
      client.invalidateQueries({ queryKey: ["catalog"] }),
    ]);
}

export function useCreateProduct() {
  const changed = useProductsChanged();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: (body: CreateProduct) =>
      attempt.run(body, (key) =>
        answer(api.POST("/api/products", { body, params: { header: { "Idempotency-Key": key } } })),
      ),
    onSuccess: changed,
  });
}

export function useChangeProduct(id: string) {
  const client = useQueryClient();
  const changed = useProductsChanged();
  return useMutation({
    mutationFn: ({ body, version }: { body: UpdateProduct; version: number }) =>
      answer(api.PUT("/api/products/{id}", { params: { path: { id } }, body, headers: { "If-Match": `"${version}"` } })),
    onSuccess: (product) => {
      client.setQueryData([...KEY, "product", id], product);
      return changed();
    },
  });
}

export function useArchiveProduct(id: string) {
  const client = useQueryClient();
  const changed = useProductsChanged();
  return useMutation({
    mutationFn: () => answer(api.DELETE("/api/products/{id}", { params: { path: { id } } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: [...KEY, "product", id] });
      await changed();
    },
  });
}

export function useUploadImage(id: string) {
  const client = useQueryClient();
  const changed = useProductsChanged();
  return useMutation({
    // Uploads run one at a time: each picture is appended, so they keep the order in which they were dropped.
    scope: { id: `images-${id}` },
    mutationFn: ({ file, alt }: { file: File; alt: string }) => {
      const form = new FormData();
      form.append("file", file);
      if (alt) form.append("alt", alt);
      return newAttempt().run(file.name, (key) =>
        answer(
          api.POST("/api/products/{id}/images", {
            params: { path: { id }, header: { "Idempotency-Key": key } },
            // The generated type of a binary part is a string; what is sent is the form.
            body: { file: "" },
            bodySerializer: () => form,
          }),
        ),
      );
    },
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: [...KEY, "product", id] });
      await changed();
    },
  });
}

/** The requested order of a product's pictures, with their alternative texts. */
export type ImageOrder = readonly { id: string; alt: string }[];

/**
 * Applies a requested order to the current pictures. Pictures that were deleted in the meantime are left out; pictures
 * that were added in the meantime come last.
 */
export function applyImageOrder(images: readonly ProductImage[], order: ImageOrder): ProductImage[] {
  const ordered = order.flatMap(({ id, alt }) => images.filter((image) => image.id === id).map((image) => ({ ...image, alt })));
  return [...ordered, ...images.filter(({ id }) => !order.some((one) => one.id === id))];
}

/** Optimistic. A PUT replaces the whole product, so all its other fields are sent unchanged. */
export function useReorderImages(id: string) {
  const client = useQueryClient();
  const changed = useProductsChanged();
  const key = [...KEY, "product", id];
  const change = { mutationKey: [...key, "arrange"], scope: { id: `images-${id}` } };
  return useMutation({
    ...change,
    mutationFn: (order: ImageOrder) => {
      const product = client.getQueryData<Product>(key);
      if (!product) throw new Error("the product has not been loaded");
      const { name, description, category, attributes, status, options } = product;
      const body: UpdateProduct = {
        ...{ name, description, category, attributes, status, options },
        images: applyImageOrder(product.images, order).map(({ id: image, url, alt }) => ({ id: image, url, alt: alt ?? "" })),
        variants: product.variants.map((variant) => ({
          ...{ id: variant.id, sku: variant.sku, price: variant.price, options: variant.options },
        })),
      };
      return answer(
        api.PUT("/api/products/{id}", { params: { path: { id } }, body, headers: { "If-Match": `"${product.version}"` } }),
      );
    },
    onMutate: (order) =>
      void client.setQueryData<Product>(key, (product) => product && { ...product, images: applyImageOrder(product.images, order) }),
    onSuccess: (product) => {
      // If later changes are pending, only the version is taken from this answer: the pictures on screen are newer.
      const isLast = client.isMutating({ mutationKey: change.mutationKey }) <= 1;
      client.setQueryData<Product>(key, (shown) => (isLast || !shown ? product : { ...product, images: shown.images }));
      return changed();
    },
    onError: () => client.invalidateQueries({ queryKey: key }),
  });
}

export function useRemoveImage(id: string) {
  const client = useQueryClient();
  const changed = useProductsChanged();
  return useMutation({
    scope: { id: `images-${id}` },
    mutationFn: (imageId: string) =>
      answer(api.DELETE("/api/products/{id}/images/{image_id}", { params: { path: { id, image_id: imageId } } })),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: [...KEY, "product", id] });
      await changed();
    },
  });
}

export function useAdjustStock(id: string) {
  const client = useQueryClient();
  const changed = useProductsChanged();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: (body: AdjustStock) =>
      attempt.run(body, (key) =>
        answer(
          api.POST("/api/products/{id}/stock", { body, params: { path: { id }, header: { "Idempotency-Key": key } } }),
        ),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: [...KEY, "product", id] });
      await client.invalidateQueries({ queryKey: [...KEY, "ledger", id] });
      await changed();
    },
  });
}

export function useUpdateOrder(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: UpdateOrder) => answer(api.PUT("/api/orders/{id}", { params: { path: { id } }, body })),
    onSuccess: (order) => cacheOrder(client, order),
  });
}

export function useRefund(paymentId: string, orderId: string) {
  const client = useQueryClient();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: (body: CreateRefund) =>
      attempt.run(body, (key) =>
        answer(
          api.POST("/api/payments/{id}/refund", {
            body,
            params: { path: { id: paymentId }, header: { "Idempotency-Key": key } },
          }),
        ),
      ),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: [...KEY, "refunds", paymentId] });
      await client.invalidateQueries({ queryKey: ["orders", "one", orderId] });
    },
  });
}

export function useChangeUser() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...body }: UpdateAccount & { id: string }) =>
      answer(api.PATCH("/api/users/{id}", { params: { path: { id } }, body })),
    onSettled: () => client.invalidateQueries({ queryKey: [...KEY, "users"] }),
  });
}

export function useResendEmail() {
  const client = useQueryClient();
  const [attempt] = useState(newAttempt);
  return useMutation({
    mutationFn: (id: string) =>
      attempt.run(id, (key) =>
        answer(
          api.POST("/api/notifications/{id}/resend", { params: { path: { id }, header: { "Idempotency-Key": key } } }),
        ),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: [...KEY, "emails"] }),
  });
}
