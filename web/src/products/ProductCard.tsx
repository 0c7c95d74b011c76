import { useAddToCart } from "@/api/cart";
import { isRefusal } from "@/api/problem";
import type { ProductItem } from "@/api/schemas";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/products";
import { Picture } from "@/ui/Picture";
import { Price } from "@/ui/Price";
import { toast, toastFailure } from "@/ui/toast";
import { ActionIcon } from "@mantine/core";
import { IconCheck, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import classes from "./ProductCard.module.css";

const CARD_SIZES = "(min-width: 75em) 18rem, (min-width: 48em) 30vw, 46vw";

export function ProductCard({ product, first = false }: { product: ProductItem; first?: boolean }) {
  return (
    <article className={classes.card} data-sold-out={!product.in_stock || undefined}>
      <div className={classes.picture}>
        <Picture
          image={product.images[0]}
          alt=""
          sizes={CARD_SIZES}
          category={product.category}
          seed={product.slug}
          first={first}
        />
        {!product.in_stock && <span className={classes.flag}>{common.soldOut}</span>}
      </div>
      <div className={classes.text}>
        <h3 className={classes.name}>
          <Link to="/products/$slug" params={{ slug: product.slug }} className={classes.link}>
            {product.name}
          </Link>
        </h3>
        <p className={classes.price}>
          {product.variant_count > 1 && <span className={classes.from}>{texts.from} </span>}
          <Price of={product.price} />
        </p>
        {product.in_stock && product.default_variant_id && <QuickAdd product={product} />}
      </div>
    </article>
  );
}

function QuickAdd({ product }: { product: ProductItem }) {
  const add = useAddToCart();
  const [added, setAdded] = useState(false);
  useEffect(() => {
    if (!added) return undefined;
    const timer = setTimeout(() => setAdded(false), 1600);
    return () => clearTimeout(timer);
  }, [added]);
  return (
    <ActionIcon
      className={classes.add ?? ""}
      variant={added ? "filled" : "default"}
      color="teal"
      size={40}
      radius="xl"
      aria-label={texts.addToCart(product.name)}
      loading={add.isPending}
      onClick={() =>
        add.mutate(
          { product_id: product.id, quantity: 1 },
          {
            onSuccess: () => {
              setAdded(true);
              toast(texts.added(product.name));
            },
            onError: (error) =>
              isRefusal(error, "out_of_stock") ? toast(texts.noMoreInStock(product.name)) : toastFailure(error),
          },
        )
      }
    >
      {added ? <IconCheck size={20} /> : <IconPlus size={20} />}
    </ActionIcon>
  );
}
