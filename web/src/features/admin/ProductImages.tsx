import { useReorderImages, useRemoveImage, useUploadImage, type ImageOrder } from "@/api/admin";
import { fieldErrors } from "@/api/problem";
import type { Product, ProductImage } from "@/api/schemas";
import { Card } from "@/ui/Card";
import { Confirm } from "@/ui/Confirm";
import { Notice } from "@/ui/Failure";
import { Picture } from "@/ui/Picture";
import { toastFailure } from "@/ui/toast";
import { ActionIcon, Loader, TextInput } from "@mantine/core";
import { IconArrowLeft, IconArrowRight, IconPhotoPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useRef, useState, type DragEvent } from "react";
import classes from "./ProductImages.module.css";

/** Pictures by drag and drop or from a file dialogue; the shop draws each anew and refuses what is none. */
export function ProductImages({ product }: { product: Product }) {
  const upload = useUploadImage(product.id);
  const remove = useRemoveImage(product.id);
  const arrange = useReorderImages(product.id);
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | "new" | null>(null);
  const [failed, setFailed] = useState<{ name: string; error: unknown } | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const list = useRef<HTMLUListElement>(null);
  const pressed = useRef<{ id: string; by: -1 | 1 } | null>(null);
  const { images } = product;

  // A picture that moves takes the button that moved it along; the browser lets go of what is moved.
  useEffect(() => {
    if (!pressed.current) return;
    const { id, by } = pressed.current;
    pressed.current = null;
    const [there, back] = [by, -by].map((way) =>
      list.current?.querySelector<HTMLButtonElement>(`[data-image="${id}"] [data-by="${way}"]`),
    );
    (there?.disabled ? back : there)?.focus();
  }, [images]);

  function take(files: FileList | null) {
    setFailed(null);
    for (const file of files ?? []) {
      upload.mutate({ file, alt: product.name }, { onError: (error) => setFailed({ name: file.name, error }) });
    }
  }
  function become(wish: ImageOrder) {
    arrange.mutate(wish, { onError: toastFailure });
  }
  function move(from: number, to: number) {
    const wish = images.map(wanted);
    const [moved] = wish.splice(from, 1);
    if (!moved || from === to || to < 0 || to > wish.length) return;
    wish.splice(to, 0, moved);
    become(wish);
    setSaid(`Now picture ${to + 1} of ${images.length}.`);
  }
  function drop(event: DragEvent, to: number | "new") {
    event.preventDefault();
    if (dragged === null) take(event.dataTransfer.files);
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
    <Card title="Pictures">
      {failed && (
        <Notice error={failed.error} title={wrong ? "This is no picture that can be used" : undefined}>
          {wrong ? `${failed.name}: ${Object.values(wrong).join(" ")}` : undefined}
        </Notice>
      )}
      <p className={classes.hint}>The first one stands for the product in lists and carts. Drag them into another order, or use the arrows.</p>
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
              <Picture image={image} alt={image.alt || `Picture ${index + 1}`} sizes="11rem" category={product.category} seed={product.slug} />
            </div>
            <div className={classes.tools} role="group" aria-label={`Picture ${index + 1}`}>
              {([-1, 1] as const).map((by) => (
                <ActionIcon
                  key={by}
                  variant="subtle"
                  color="gray"
                  size={36}
                  data-by={by}
                  aria-label={`Move picture ${index + 1} to the ${by < 0 ? "left" : "right"}`}
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
                aria-label={`Delete picture ${index + 1}`}
                onClick={() => setRemoving(image.id)}
              >
                <IconTrash size={18} />
              </ActionIcon>
            </div>
            <Alt
              key={image.alt}
              image={image}
              number={index + 1}
              onChange={(alt) => become(images.map((one) => (one.id === image.id ? { id: one.id, alt } : wanted(one))))}
            />
          </li>
        ))}
        <li>
          <label className={classes.drop} {...target("new")}>
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
      <p role="status" className="hidden-visually">
        {said}
      </p>
      <Confirm
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title="Delete this picture?"
        confirm="Delete it"
        keep="Keep it"
        pending={remove.isPending}
        onConfirm={() => removing && remove.mutate(removing, { onError: toastFailure, onSettled: () => setRemoving(null) })}
      >
        It leaves the product at once.
      </Confirm>
    </Card>
  );
}

/** What a picture shows, for those who do not see it; kept when one leaves the field. */
function Alt({ image, number, onChange }: { image: ProductImage; number: number; onChange: (alt: string) => void }) {
  const [text, setText] = useState(image.alt ?? "");
  return (
    <TextInput
      size="sm"
      aria-label={`What picture ${number} shows`}
      placeholder="What it shows"
      maxLength={300}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => text.trim() !== (image.alt ?? "") && onChange(text.trim())}
      onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
    />
  );
}

function wanted({ id, alt }: ProductImage): ImageOrder[number] {
  return { id, alt: alt ?? "" };
}
