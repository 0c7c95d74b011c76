import { cartQuery, countItems } from "@/api/cart";
import { categoriesQuery, shelfQuery } from "@/api/catalog";
import type { ProductItem } from "@/api/schemas";
import { ProductGrid } from "@/products/ProductGrid";
import { useCan, useSession } from "@/session/current";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/home";
import { Failure } from "@/ui/Failure";
import { Picture } from "@/ui/Picture";
import { iconFor } from "@/ui/categoryIcons";
import { LinkButton } from "@/ui/links";
import { useTitle } from "@/ui/useTitle";
import { Skeleton, Title } from "@mantine/core";
import { IconArrowRight, IconShoppingBag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import classes from "./HomePage.module.css";
import { RecentOrders } from "./RecentOrders";
import { GIFTS, NEWEST } from "./shelves";

const Overview = lazy(async () => ({ default: (await import("@/admin/Overview")).Overview }));

const newest = shelfQuery(NEWEST);
const small = shelfQuery(GIFTS);

export function HomePage() {
  useTitle(undefined);
  const { phase, user } = useSession();
  const reports = useCan("reports:read");
  const arrivals = useQuery(newest);
  const gifts = useQuery(small);
  return (
    <div className={classes.page}>
      {phase === "restoring" ? (
        <Skeleton height={300} radius="lg" aria-label={common.signingIn} />
      ) : reports ? (
        <Suspense fallback={<Skeleton height={420} radius="lg" />}>
          <Overview />
        </Suspense>
      ) : user ? (
        <>
          <Welcome name={user.name} />
          <RecentOrders />
        </>
      ) : (
        <Hero products={arrivals.data} />
      )}
      <Categories />
      <section className={classes.section}>
        <Heading title={texts.newArrivals} to={{}} more={texts.allProducts} />
        {arrivals.isError && !arrivals.data ? (
          <Failure error={arrivals.error} onRetry={arrivals.refetch} order={3} />
        ) : (
          <ProductGrid products={arrivals.data} placeholders={arrivals.data ? 0 : 8} wide />
        )}
      </section>
      {gifts.data?.length !== 0 && !gifts.isError && (
        <section className={classes.section}>
          <Heading title={texts.smallThings} to={{ max_price: 3000, in_stock: true }} more={texts.moreLikeThese} />
          <ProductGrid products={gifts.data} placeholders={gifts.data ? 0 : 4} wide />
        </section>
      )}
    </div>
  );
}

function Hero({ products }: { products: readonly ProductItem[] | undefined }) {
  const three = products?.slice(0, 3);
  return (
    <section className={classes.hero}>
      <div className={classes.words}>
        <Title order={1} className={classes.headline}>
          {texts.headline}
        </Title>
        <p className={classes.lead}>
          {texts.lead}
        </p>
        <div className={classes.ways}>
          <LinkButton to="/products" size="lg" radius="xl" rightSection={<IconArrowRight size={20} />}>
            {common.browse}
          </LinkButton>
        </div>
      </div>
      <div className={classes.arches} aria-hidden>
        {Array.from({ length: 3 }, (_, index) => {
          const product = three?.[index];
          return (
            <div key={index} className={classes.arch}>
              {product && (
                <Picture image={product.images[0]} alt="" sizes="16rem" category={product.category} seed={product.slug} first />
              )}
            </div>
          );
        })}
      </div>
    </section>
  );
}

function Welcome({ name }: { name: string }) {
  const { data: cart } = useQuery(cartQuery);
  const count = countItems(cart);
  return (
    <section className={classes.welcome}>
      <Title order={1}>{texts.welcome(name.split(" ")[0] ?? name)}</Title>
      {count > 0 && (
        <div className={classes.reminder}>
          <IconShoppingBag size={22} stroke={1.6} aria-hidden />
          <span>{texts.inYourCart(count)}</span>
          <Link to="/cart" className="quiet-link">
            {common.viewCart}
          </Link>
        </div>
      )}
    </section>
  );
}

function Categories() {
  const { data } = useQuery(categoriesQuery);
  return (
    <section className={classes.section} aria-label={texts.categories}>
      <ul className={classes.categories}>
        {data?.map(({ slug, name, count }) => {
          const Icon = iconFor(slug);
          return (
            <li key={slug}>
              <Link to="/products" search={{ category: slug }} className={classes.category}>
                <Icon size={30} stroke={1.4} aria-hidden />
                <span>{name}</span>
                <small>{count}</small>
              </Link>
            </li>
          );
        }) ?? Array.from({ length: 8 }, (_, index) => <Skeleton key={index} height={64} radius="lg" />)}
      </ul>
    </section>
  );
}

interface HeadingProps {
  title: string;
  more: string;
  to: { max_price?: number; in_stock?: true };
}

function Heading({ title, more, to }: HeadingProps) {
  return (
    <div className={classes.heading}>
      <Title order={2}>{title}</Title>
      <Link to="/products" search={to} className="quiet-link">
        {more}
      </Link>
    </div>
  );
}
