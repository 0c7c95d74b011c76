import { inWords } from "@/api/problem";
import { notifications } from "@mantine/notifications";

/** For a failure with no place of its own on the page. */
export function toastFailure(error: unknown): void {
  const { title, text } = inWords(error);
  notifications.show({ color: "clay", title, message: text, autoClose: 8000 });
}

export function toast(message: string): void {
  notifications.show({ color: "teal", message, autoClose: 4000 });
}
