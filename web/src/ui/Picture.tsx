/** A product's picture at a known proportion, or a drawn stand-in where there is none or it does not load. */
import type { ProductImage } from "@/api/schemas";
import { useState } from "react";
import { iconFor, tintFor } from "./categoryIcons";
import classes from "./Picture.module.css";

interface PictureProps {
  image: (Pick<ProductImage, "url"> & Partial<ProductImage>) | null | undefined;
  /** What to say where the picture itself says nothing; empty where the name stands beside it. */
  alt: string;
  /** How wide the picture is shown, in the words of the `sizes` attribute. */
  sizes: string;
  /** Decides the drawing and tint of the stand-in. */
  category?: string | null | undefined;
  seed: string;
  /** The largest picture of a first screen: loaded at once instead of when it comes near. */
  first?: boolean;
}

export function Picture({ image, alt, sizes, category, seed, first = false }: PictureProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const shown = image && image.url !== broken ? image : null;
  if (!shown) return <StandIn alt={alt} category={category} seed={seed} />;
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

/** Our own pictures come in several widths; the browser takes the one that fits. */
function sourcesOf({ sources }: Partial<ProductImage>, sizes: string) {
  return sources?.length ? { srcSet: sources.map(({ url, width }) => `${url} ${width}w`).join(", "), sizes } : {};
}

function StandIn({ alt, category, seed }: { alt: string; category: string | null | undefined; seed: string }) {
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
