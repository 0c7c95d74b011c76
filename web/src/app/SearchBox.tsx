import { CloseButton } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useState, type FormEvent } from "react";
import classes from "./SearchBox.module.css";

/** Looks while one types on the product list, and takes one there with Enter from anywhere else. */
export function SearchBox() {
  const navigate = useNavigate();
  const location = useRouterState({ select: (state) => state.location });
  const onList = location.pathname === "/products";
  const inAddress = onList ? String((location.search as { q?: string }).q ?? "") : "";
  const [text, setText] = useState(inAddress);
  const sent = useRef(inAddress);

  // The address changes by links and the back button too; what is being typed is not overwritten by its own echo.
  useEffect(() => {
    if (inAddress !== sent.current) setText(inAddress);
    sent.current = inAddress;
  }, [inAddress]);

  function look(q: string, replace: boolean) {
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
  const lookSoon = useDebouncedCallback((q: string) => look(q, true), 250);
  // Whoever has gone on to a product meanwhile is not fetched back to the list.
  useEffect(() => {
    if (!onList) lookSoon.cancel();
  }, [onList, lookSoon]);

  function submit(event: FormEvent) {
    event.preventDefault();
    look(text, onList);
  }

  return (
    <form role="search" onSubmit={submit} className={classes.search}>
      <IconSearch size={18} aria-hidden className={classes.icon} />
      <input
        type="search"
        name="q"
        aria-label="Search the shop"
        placeholder="Search lamps, desks, linen…"
        autoComplete="off"
        maxLength={200}
        className={classes.input}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          if (onList) lookSoon(event.currentTarget.value);
        }}
      />
      {text && (
        <CloseButton
          className={classes.clear ?? ""}
          aria-label="Clear the search"
          onClick={() => {
            setText("");
            if (onList) look("", true);
          }}
        />
      )}
    </form>
  );
}
