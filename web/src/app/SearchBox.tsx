import { texts } from "@/texts/shell";
import { CloseButton } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState, type FormEvent } from "react";
import classes from "./SearchBox.module.css";

/** Searches while the user types on the list of products; on any other page Enter goes to that list. */
export function SearchBox() {
  const navigate = useNavigate();
  const location = useRouterState({ select: (state) => state.location });
  const onList = location.pathname === "/products";
  const inUrl = onList ? String((location.search as { q?: string }).q ?? "") : "";
  const [text, setText] = useState(inUrl);
  const sent = useRef(inUrl);

  // Follows changes of the URL by links and the back button, but not those that typing itself has caused.
  useEffect(() => {
    if (inUrl !== sent.current) setText(inUrl);
    sent.current = inUrl;
  }, [inUrl]);

  function search(q: string, replace: boolean) {
    const trimmed = q.trim();
    sent.current = trimmed;
    void navigate({
      to: "/products",
      search: (before) => {
        const { q: _q, sort, ...rest } = onList ? before : {};
        return { ...rest, ...(trimmed && { q: trimmed }), ...(sort && sort !== "relevance" && { sort }) };
      },
      replace,
      resetScroll: !replace,
    });
  }
  const searchSoon = useDebouncedCallback((q: string) => search(q, true), 250);
  // A pending search must not navigate back to the list after the user has left it.
  useEffect(() => {
    if (!onList) searchSoon.cancel();
  }, [onList, searchSoon]);

  function submit(event: FormEvent) {
    event.preventDefault();
    search(text, onList);
  }

  return (
    <form role="search" onSubmit={submit} className={classes.search}>
      <IconSearch size={18} aria-hidden className={classes.icon} />
      <input
        type="search"
        name="q"
        aria-label={texts.search}
        placeholder={texts.searchPlaceholder}
        autoComplete="off"
        maxLength={200}
        className={classes.input}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          if (onList) searchSoon(event.currentTarget.value);
        }}
      />
      {text && (
        <CloseButton
          className={classes.clear ?? ""}
          aria-label={texts.clearSearch}
          onClick={() => {
            setText("");
            if (onList) search("", true);
          }}
        />
      )}
    </form>
  );
}
