import type { ProductItem } from "@/api/schemas";
import { Skeleton } from "@mantine/core";
import { useDeferredValue } from "react";
import { ProductCard } from "./ProductCard";
import classes from "./ProductGrid.module.css";

interface ProductGridProps {
  products: readonly ProductItem[] | undefined;
  /** The number of placeholders to show while products are loading. */
  placeholders?: number;
  wide?: boolean;
  /** How many pictures are on the first screen and must not load lazily. */
  eager?: number;
}

export function ProductGrid({ products, placeholders = 0, wide = false, eager = 0 }: ProductGridProps) {
  // Rendered in steps: rendering a page full of products at once would block input.
  const drawn = useDeferredValue(products);
  const skeletons = drawn ? placeholders : (products?.length ?? placeholders);
  return (
    <div className={classes.grid} data-wide={wide || undefined}>
      {drawn?.map((product, index) => <ProductCard key={product.id} product={product} first={index < eager} />)}
      {Array.from({ length: skeletons }, (_, index) => (
        <div key={index} aria-hidden>
          <Skeleton className={classes.picture ?? ""} radius="lg" />
          <Skeleton height={16} width="70%" mt="sm" />
          <Skeleton height={14} width="35%" mt={8} />
        </div>
      ))}
    </div>
  );
}
