import { SHOP_NAME, texts as common } from "@/texts/common";
import { useEffect } from "react";

/** Sets the document's title. Undefined: the name of the shop alone. Null: leaves the title unchanged. */
export function useTitle(title: string | undefined | null): void {
  useEffect(() => {
    if (title !== null) document.title = title ? common.pageTitle(title) : SHOP_NAME;
  }, [title]);
}
