import type { Product } from "@/api/schemas";
import { texts } from "@/texts/catalog";
import { Picture } from "@/ui/Picture";
import { UnstyledButton } from "@mantine/core";
import { useState } from "react";
import classes from "./Gallery.module.css";

export function Gallery({ product }: { product: Product }) {
  const [shown, setShown] = useState(0);
  const image = product.images[shown] ?? product.images[0];
  return (
    <div className={classes.gallery}>
      <div className={classes.large}>
        <Picture
          image={image}
          alt={image ? image.alt || product.name : ""}
          sizes="(min-width: 78em) 38rem, (min-width: 52em) 50vw, 94vw"
          category={product.category}
          seed={product.slug}
          first
        />
      </div>
      {product.images.length > 1 && (
        <ul className={classes.small} aria-label={texts.pictures}>
          {product.images.map((other, index) => (
            <li key={other.url}>
              <UnstyledButton
                className={classes.pick ?? ""}
                aria-label={texts.picture(index + 1, other.alt ?? "")}
                aria-pressed={index === shown}
                onClick={() => setShown(index)}
              >
                <Picture image={other} alt="" sizes="5rem" category={product.category} seed={product.slug} />
              </UnstyledButton>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
