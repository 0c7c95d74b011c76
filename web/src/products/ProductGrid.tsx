import type { ProductItem } from "@/api/schemas";
import { Skeleton } from "@mantine/core";
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
  return (
    <div className={classes.grid} data-wide={wide || undefined}>
      {products?.map((product, index) => <ProductCard key={product.id} product={product} first={index < eager} />)}
      {Array.from({ length: waitingFor }, (_, index) => (
        <div key={index} aria-hidden>
          <Skeleton className={classes.picture ?? ""} radius="lg" />
          <Skeleton height={16} width="70%" mt="sm" />
          <Skeleton height={14} width="35%" mt={8} />
        </div>
      ))}
    </div>
  );
}
