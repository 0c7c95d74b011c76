import { useEffect, useState } from "react";

/**
 * `opened`, but never true from the start: what is fetched and opened in one go would not notice that it opened, and
 * could not give the focus back to where it was before.
 */
export function useOnceThere(opened: boolean): boolean {
  const [there, setThere] = useState(false);
  useEffect(() => setThere(opened), [opened]);
  return there;
}
