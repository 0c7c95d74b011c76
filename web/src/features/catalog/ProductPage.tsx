import { cartQuery, useAddToCart } from "@/api/cart";
import { productQuery, shelfQuery } from "@/api/catalog";
import { isNotFound, isRefusal } from "@/api/problem";
import type { Product, Variant } from "@/api/schemas";
import { ProductGrid } from "@/products/ProductGrid";
import { texts } from "@/texts/catalog";
import { texts as common } from "@/texts/common";
import { Failure, Notice } from "@/ui/Failure";
import { Message } from "@/ui/Message";
import { Price } from "@/ui/Price";
import { QuantityInput } from "@/ui/QuantityInput";
import { LinkAnchor, LinkButton } from "@/ui/links";
import { useTitle } from "@/ui/useTitle";
import { Breadcrumbs, Button, Skeleton, Title } from "@mantine/core";
import { IconArrowRight, IconCheck, IconMapOff, IconRefresh, IconShieldCheck, IconTruckDelivery } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { Gallery } from "./Gallery";
import classes from "./ProductPage.module.css";
import { VariantPicker } from "./VariantPicker";
import { chosenVariant, firstChoice, type Choice } from "./variants";

const route = getRouteApi("/products/$slug");

export function ProductPage() {
  const { slug } = route.useParams();
  const product = useQuery(productQuery(slug));
  const gone = isNotFound(product.error);
  useTitle(gone ? common.notFound : product.data?.name);
  if (gone) return <NotFound />;
  if (product.isError && !product.data) return <Failure error={product.error} onRetry={product.refetch} order={1} />;
  return (
    <div className={classes.page}>
      {product.data ? <Loaded key={product.data.id} product={product.data} /> : <Loading />}
    </div>
  );
}

function Loaded({ product }: { product: Product }) {
  const [choice, setChoice] = useState<Choice>(() => firstChoice(product));
  const variant = chosenVariant(product, choice);
  return (
    <>
      <Breadcrumbs className={classes.crumbs ?? ""} separatorMargin="xs">
        <LinkAnchor to="/products" search={{}} size="sm" c="dimmed">
          {common.products}
        </LinkAnchor>
        {product.category && (
          <LinkAnchor to="/products" search={{ category: product.category }} size="sm" c="dimmed">
            {humanize(product.category)}
          </LinkAnchor>
        )}
      </Breadcrumbs>
      <div className={classes.layout}>
        <Gallery product={product} />
        <div className={classes.buy}>
          <Title order={1}>{product.name}</Title>
          <p className={classes.price}>
            <Price of={variant?.price ?? product.price} />
          </p>
          {product.options.length > 0 && <VariantPicker product={product} choice={choice} onChange={setChoice} />}
          <Buy key={variant?.id ?? "none"} product={product} variant={variant} />
          <ul className={classes.promises}>
            <li>
              <IconTruckDelivery size={20} stroke={1.6} aria-hidden /> {texts.shippingPromise}
            </li>
            <li>
              <IconShieldCheck size={20} stroke={1.6} aria-hidden /> {texts.paymentPromise}
            </li>
            <li>
              <IconRefresh size={20} stroke={1.6} aria-hidden /> {texts.cancelPromise}
            </li>
          </ul>
          <Details product={product} variant={variant} />
        </div>
      </div>
      <Related product={product} />
    </>
  );
}

function Buy({ product, variant }: { product: Product; variant: Variant | undefined }) {
  const [quantity, setQuantity] = useState(1);
  const add = useAddToCart();
  const { data: cart } = useQuery(cartQuery);
  const inCart = cart?.items.find((item) => item.variant_id === variant?.id)?.quantity ?? 0;
  if (!variant) return <p className={classes.stock}>{texts.unavailableCombination}</p>;
  const { available } = variant.stock;
  if (available === 0) {
    return (
      <>
        <p className={classes.stock} data-state="out">
          {common.soldOut}
        </p>
        <Button size="lg" fullWidth disabled>
          {common.soldOut}
        </Button>
      </>
    );
  }
  const left = Math.max(available - inCart, 0);
  return (
    <>
      <p className={classes.stock} data-state={available <= 5 ? "few" : "in"}>
        {available <= 5 ? texts.onlyLeft(available) : texts.readyToShip}
      </p>
      <div className={classes.add}>
        <QuantityInput label={texts.quantity} value={quantity} max={available} onChange={setQuantity} />
        <Button
          size="lg"
          loading={add.isPending}
          onClick={() =>
            add.mutate(
              { product_id: product.id, variant_id: variant.id, quantity },
              { onSuccess: () => setQuantity(1) },
            )
          }
        >
          {texts.addToCart}
        </Button>
      </div>
      <div aria-live="polite" className={classes.feedback}>
        {add.isSuccess && (
          <p className={classes.added}>
            <IconCheck size={20} aria-hidden /> {inCart > 1 ? texts.addedWithCount(inCart) : texts.added}
            <Link to="/cart" className="quiet-link">
              {common.viewCart} <IconArrowRight size={16} aria-hidden />
            </Link>
          </p>
        )}
        <Notice error={add.error}>
          {isRefusal(add.error, "out_of_stock")
            ? left === 0
              ? texts.allInCart
              : texts.onlyMoreAvailable(left)
            : undefined}
        </Notice>
      </div>
    </>
  );
}

function Details({ product, variant }: { product: Product; variant: Variant | undefined }) {
  const attributes = Object.entries(product.attributes);
  return (
    <>
      {product.description && (
        <section className={classes.about}>
          <Title order={2} size="h3">
            {texts.description}
          </Title>
          <p className={classes.description}>{product.description}</p>
        </section>
      )}
      <section className={classes.about}>
        <Title order={2} size="h3">
          {texts.details}
        </Title>
        <dl className={classes.facts}>
          {attributes.map(([name, value]) => (
            <div key={name}>
              <dt>{humanize(name)}</dt>
              <dd>{value}</dd>
            </div>
          ))}
          {variant && (
            <div>
              <dt>{texts.sku}</dt>
              <dd>{variant.sku}</dd>
            </div>
          )}
        </dl>
      </section>
    </>
  );
}

function Related({ product }: { product: Product }) {
  const { data } = useQuery({
    ...shelfQuery({ ...(product.category && { category: product.category }), in_stock: true, limit: 5 }),
  });
  const others = data?.filter(({ id }) => id !== product.id).slice(0, 4);
  if (others?.length === 0) return null;
  return (
    <section className={classes.related}>
      <Title order={2}>{texts.related}</Title>
      <ProductGrid products={others} placeholders={others ? 0 : 4} wide />
    </section>
  );
}

function Loading() {
  return (
    <div className={classes.layout} aria-busy>
      <Skeleton radius="lg" className={classes.waiting ?? ""} />
      <div>
        <Skeleton height={36} width="75%" mb="md" />
        <Skeleton height={26} width="30%" mb="xl" />
        <Skeleton height={50} mb="xl" />
        <Skeleton height={14} mb={10} />
        <Skeleton height={14} mb={10} />
        <Skeleton height={14} width="60%" />
      </div>
    </div>
  );
}

function NotFound() {
  return (
    <Message
      icon={IconMapOff}
      order={1}
      title={texts.notFound}
      action={
        <LinkButton to="/products" search={{}}>
          {common.browse}
        </LinkButton>
      }
    >
      {texts.notFoundText}
    </Message>
  );
}

/** A readable label for a category's slug or an attribute's key. */
function humanize(slug: string): string {
  const text = slug.replaceAll(/[-_]+/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
