import { useReorderImages, useRemoveImage, useUploadImage, type ImageOrder } from "@/api/admin";
import { fieldErrors } from "@/api/problem";
import type { Product, ProductImage } from "@/api/schemas";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/products";
import { Card } from "@/ui/Card";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Failure";
import { Picture } from "@/ui/Picture";
import { toastFailure } from "@/ui/toast";
import { ActionIcon, Loader, TextInput } from "@mantine/core";
import { IconArrowLeft, IconArrowRight, IconPhotoPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useRef, useState, type DragEvent } from "react";
import classes from "./ProductImages.module.css";

/** Uploads, reorders, describes and deletes the pictures of a product. The API validates and re-encodes uploads. */
export function ProductImages({ product }: { product: Product }) {
  const upload = useUploadImage(product.id);
  const remove = useRemoveImage(product.id);
  const reorder = useReorderImages(product.id);
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | "new" | null>(null);
  const [failed, setFailed] = useState<{ name: string; error: unknown } | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const [announcement, announce] = useState("");
  const list = useRef<HTMLUListElement>(null);
  const pressed = useRef<{ id: string; by: -1 | 1 } | null>(null);
  const { images } = product;

  // Moving a picture in the list drops the focus of its button, so it is restored here.
  useEffect(() => {
    if (!pressed.current) return;
    const { id, by } = pressed.current;
    pressed.current = null;
    const [there, back] = [by, -by].map((way) =>
      list.current?.querySelector<HTMLButtonElement>(`[data-image="${id}"] [data-by="${way}"]`),
    );
    (there?.disabled ? back : there)?.focus();
  }, [images]);

  function uploadAll(files: FileList | null) {
    setFailed(null);
    for (const file of files ?? []) {
      upload.mutate({ file, alt: product.name }, { onError: (error) => setFailed({ name: file.name, error }) });
    }
  }
  function save(order: ImageOrder) {
    reorder.mutate(order, { onError: toastFailure });
  }
  function move(from: number, to: number) {
    const order = images.map(entryOf);
    const [moved] = order.splice(from, 1);
    if (!moved || from === to || to < 0 || to > order.length) return;
    order.splice(to, 0, moved);
    save(order);
    announce(texts.pictureMoved(to + 1, images.length));
  }
  function drop(event: DragEvent, to: number | "new") {
    event.preventDefault();
    if (dragged === null) uploadAll(event.dataTransfer.files);
    else move(dragged, to === "new" ? images.length - 1 : to);
    setDragged(null);
    setOver(null);
  }
  const target = (place: number | "new") => ({
    "data-over": over === place || undefined,
    onDragOver: (event: DragEvent) => {
      event.preventDefault();
      setOver(place);
    },
    onDragLeave: () => setOver(null),
    onDrop: (event: DragEvent) => drop(event, place),
  });

  const wrong = fieldErrors(failed?.error);
  return (
    <Card title={texts.pictures}>
      {failed && (
        <Notice error={failed.error} title={wrong ? texts.unusablePicture : undefined}>
          {wrong ? texts.unusablePictureText(failed.name, Object.values(wrong).join(" ")) : undefined}
        </Notice>
      )}
      <p className={classes.hint}>{texts.picturesHint}</p>
      <ul className={classes.images} ref={list}>
        {images.map((image, index) => (
          <li key={image.id} className={classes.image} data-image={image.id} {...target(index)}>
            <div
              className={classes.picture}
              draggable
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = "move";
                event.dataTransfer.setData("text/plain", image.id);
                setDragged(index);
              }}
              onDragEnd={() => {
                setDragged(null);
                setOver(null);
              }}
            >
              <Picture image={image} alt={image.alt || texts.picture(index + 1)} sizes="11rem" category={product.category} seed={product.slug} />
            </div>
            <div className={classes.tools} role="group" aria-label={texts.picture(index + 1)}>
              {([-1, 1] as const).map((by) => (
                <ActionIcon
                  key={by}
                  variant="subtle"
                  color="gray"
                  size={36}
                  data-by={by}
                  aria-label={by < 0 ? texts.movePictureLeft(index + 1) : texts.movePictureRight(index + 1)}
                  disabled={by < 0 ? index === 0 : index === images.length - 1}
                  onClick={() => {
                    pressed.current = { id: image.id, by };
                    move(index, index + by);
                  }}
                >
                  {by < 0 ? <IconArrowLeft size={18} /> : <IconArrowRight size={18} />}
                </ActionIcon>
              ))}
              <ActionIcon
                variant="subtle"
                color="clay"
                size={36}
                aria-label={texts.deletePicture(index + 1)}
                onClick={() => setRemoving(image.id)}
              >
                <IconTrash size={18} />
              </ActionIcon>
            </div>
            <Alt
              key={image.alt}
              image={image}
              number={index + 1}
              onChange={(alt) => save(images.map((one) => (one.id === image.id ? { id: one.id, alt } : entryOf(one))))}
            />
          </li>
        ))}
        <li>
          <label className={classes.drop} {...target("new")}>
            {upload.isPending ? <Loader size={24} /> : <IconPhotoPlus size={26} stroke={1.5} aria-hidden />}
            {texts.addPictures}
            <input
              type="file"
              accept="image/jpeg,image/png,image/webp"
              multiple
              className="hidden-visually"
              onChange={(event) => {
                uploadAll(event.currentTarget.files);
                event.currentTarget.value = "";
              }}
            />
          </label>
        </li>
      </ul>
      <p role="status" className="hidden-visually">
        {announcement}
      </p>
      <Confirm
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title={texts.deletePictureQuestion}
        confirmLabel={texts.delete}
        cancelLabel={common.cancel}
        pending={remove.isPending}
        onConfirm={() => removing && remove.mutate(removing, { onError: toastFailure, onSettled: () => setRemoving(null) })}
      >
        {texts.deletePictureText}
      </Confirm>
    </Card>
  );
}

/** The alternative text of a picture; saved on blur. */
function Alt({ image, number, onChange }: { image: ProductImage; number: number; onChange: (alt: string) => void }) {
  const [text, setText] = useState(image.alt ?? "");
  return (
    <TextInput
      size="sm"
      aria-label={texts.pictureDescription(number)}
      placeholder={texts.pictureDescriptionPlaceholder}
      maxLength={300}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => text.trim() !== (image.alt ?? "") && onChange(text.trim())}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}

function entryOf({ id, alt }: ProductImage): ImageOrder[number] {
  return { id, alt: alt ?? "" };
}
