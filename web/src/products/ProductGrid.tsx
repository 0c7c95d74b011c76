import type { ProductItem } from "@/api/schemas";
import { Skeleton } from "@mantine/core";
import { useDeferredValue } from "react";
import { ProductCard } from "./ProductCard";
import classes from "./ProductGrid.module.css";

interface ProductGridProps {
  products: readonly ProductItem[] | undefined;
  /** How many places to keep while nothing is known yet, or while more is on its way. */
  waitingFor?: number;
  wide?: boolean;
  /** How many of the first pictures are seen without scrolling. */
  eager?: number;
}

export function ProductGrid({ products, waitingFor = 0, wide = false, eager = 0 }: ProductGridProps) {
  // Drawn piece by piece: a page full of products at once would leave what somebody presses meanwhile unanswered.
  const drawn = useDeferredValue(products);
  const places = drawn ? waitingFor : (products?.length ?? waitingFor);
  return (
    <div className={classes.grid} data-wide={wide || undefined}>
      {drawn?.map((product, index) => <ProductCard key={product.id} product={product} first={index < eager} />)}
      {Array.from({ length: places }, (_, index) => (
        <div key={index} aria-hidden>
          <Skeleton className={classes.picture ?? ""} radius="lg" />
          <Skeleton height={16} width="70%" mt="sm" />
          <Skeleton height={14} width="35%" mt={8} />
        </div>
      ))}
    </div>
  );
}
