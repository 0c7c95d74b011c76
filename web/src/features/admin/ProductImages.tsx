import { useRemoveImage, useUploadImage } from "@/api/office";
import { fieldErrors } from "@/api/problem";
import type { Product } from "@/api/schemas";
import { Card } from "@/ui/Card";
import { Notice } from "@/ui/Failure";
import { Picture } from "@/ui/Picture";
import { toastFailure } from "@/ui/toast";
import { CloseButton, Loader } from "@mantine/core";
import { IconPhotoPlus } from "@tabler/icons-react";
import { useState, type DragEvent } from "react";
import classes from "./ProductPage.module.css";

/** Pictures by drag and drop or from a file dialogue; the shop draws each anew and refuses what is none. */
export function ProductImages({ product }: { product: Product }) {
  const upload = useUploadImage(product.id);
  const remove = useRemoveImage(product.id);
  const [over, setOver] = useState(false);
  const [failed, setFailed] = useState<{ name: string; error: unknown } | null>(null);

  function take(files: FileList | null) {
    setFailed(null);
    for (const file of files ?? []) {
      upload.mutate({ file, alt: product.name }, { onError: (error) => setFailed({ name: file.name, error }) });
    }
  }
  function drop(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  }

  const wrong = fieldErrors(failed?.error);
  return (
    <Card title="Pictures">
      {failed && (
        <Notice error={failed.error} title={wrong ? "This is no picture that can be used" : undefined}>
          {wrong ? `${failed.name}: ${Object.values(wrong).join(" ")}` : undefined}
        </Notice>
      )}
      <ul className={classes.images}>
        {product.images.map((image, index) => (
          <li key={image.id} className={classes.image}>
            <Picture image={image} alt={image.alt || `Picture ${index + 1}`} sizes="8rem" category={product.category} seed={product.slug} />
            <CloseButton
              variant="default"
              aria-label={`Remove picture ${index + 1}`}
              disabled={remove.isPending}
              onClick={() => remove.mutate(image.id, { onError: toastFailure })}
            />
          </li>
        ))}
        <li>
          <label
            className={classes.drop}
            data-over={over || undefined}
            onDragOver={(event) => {
              event.preventDefault();
              setOver(true);
            }}
            onDragLeave={() => setOver(false)}
            onDrop={drop}
          >
            {upload.isPending ? <Loader size={24} /> : <IconPhotoPlus size={26} stroke={1.5} aria-hidden />}
            Drop pictures, or choose
            <input
              type="file"
              accept="image/jpeg,image/png,image/webp"
              multiple
              className="hidden-visually"
              onChange={(event) => {
                take(event.currentTarget.files);
                event.currentTarget.value = "";
              }}
            />
          </label>
        </li>
      </ul>
    </Card>
  );
}
