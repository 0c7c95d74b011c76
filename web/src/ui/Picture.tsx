/** A product's picture with a fixed aspect ratio, or a placeholder if there is none or it does not load. */
import type { ProductImage } from "@/api/schemas";
import { useState } from "react";
import { iconFor, tintFor } from "./categoryIcons";
import classes from "./Picture.module.css";

interface PictureProps {
  image: (Pick<ProductImage, "url"> & Partial<ProductImage>) | null | undefined;
  /** The alternative text; empty if the product's name is next to the picture. */
  alt: string;
  /** The displayed width, as the value of the `sizes` attribute. */
  sizes: string;
  /** Determines the icon and tint of the placeholder. */
  category?: string | null | undefined;
  seed: string;
  /** Loads the picture with high priority instead of lazily. Set it for the largest picture of the first screen. */
  first?: boolean;
}

export function Picture({ image, alt, sizes, category, seed, first = false }: PictureProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const shown = image && image.url !== broken ? image : null;
  if (!shown) return <Placeholder alt={alt} category={category} seed={seed} />;
  return (
    <span className={classes.frame}>
      <img
        className={classes.image}
        src={shown.url}
        {...sourcesOf(shown, sizes)}
        alt={alt}
        width={shown.width ?? 800}
        height={shown.height ?? 800}
        loading={first ? "eager" : "lazy"}
        fetchPriority={first ? "high" : "auto"}
        decoding="async"
        onError={() => setBroken(shown.url)}
      />
    </span>
  );
}

/** Uploaded pictures are available in several widths; the browser chooses one. */
function sourcesOf({ sources }: Partial<ProductImage>, sizes: string) {
  return sources?.length ? { srcSet: sources.map(({ url, width }) => `${url} ${width}w`).join(", "), sizes } : {};
}

function Placeholder({ alt, category, seed }: { alt: string; category: string | null | undefined; seed: string }) {
  const Icon = iconFor(category);
  const tint = tintFor(category, seed);
  return (
    <span className={classes.frame} data-tint={tint} {...(alt ? { role: "img", "aria-label": alt } : { "aria-hidden": true })}>
      <span className={classes.arch}>
        <Icon className={classes.icon} stroke={1} aria-hidden />
      </span>
    </span>
  );
}
