/** The account menu. Its button never moves, so CSS can position the menu without measuring. */
import { useSignOut } from "@/api/accounts";
import type { User } from "@/api/schemas";
import { useCan } from "@/session/current";
import { texts as common } from "@/texts/common";
import { texts } from "@/texts/shell";
import { UnstyledButton } from "@mantine/core";
import { IconBuildingStore, IconChevronDown, IconLogout, IconReceipt, IconSettings } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import classes from "./AccountMenu.module.css";

export function SignedInMenu({ user }: { user: User }) {
  const signOut = useSignOut();
  const runsShop = useCan("orders:read");
  const navigate = useNavigate();
  const [opened, setOpened] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useId();

  useEffect(() => {
    if (!opened) return undefined;
    items(place.current)[0]?.focus();
    const elsewhere = ({ target }: Event) => !place.current?.contains(target as Node) && setOpened(false);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [opened]);

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Escape" || event.key === "Tab") {
      // After Tab the focus moves on from the button.
      setOpened(false);
      button.current?.focus();
      return;
    }
    const next = itemAfter(event.key, items(place.current));
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  return (
    <div ref={place} className={classes.account}>
      <UnstyledButton
        ref={button}
        className={classes.button ?? ""}
        aria-haspopup="menu"
        aria-expanded={opened}
        aria-controls={menu}
        onClick={() => setOpened(!opened)}
      >
        <span className="hidden-visually">{texts.accountOf(user.name)}</span>
        <span className={classes.initials} aria-hidden>
          {initialsOf(user.name)}
        </span>
        <IconChevronDown size={16} aria-hidden />
      </UnstyledButton>
      <div id={menu} className={classes.menu} hidden={!opened}>
        <div className={classes.who}>
          <strong>{user.name}</strong>
          <span>{user.email}</span>
        </div>
        <div role="menu" aria-label={texts.account} onKeyDown={onKeyDown} onClick={() => setOpened(false)}>
          {runsShop && (
            <Link to="/admin/orders" role="menuitem" tabIndex={-1} className={classes.item}>
              <IconBuildingStore size={18} aria-hidden /> {texts.admin}
            </Link>
          )}
          <Link to="/orders" role="menuitem" tabIndex={-1} className={classes.item}>
            <IconReceipt size={18} aria-hidden /> {common.yourOrders}
          </Link>
          <Link to="/settings" role="menuitem" tabIndex={-1} className={classes.item}>
            <IconSettings size={18} aria-hidden /> {common.settings}
          </Link>
          <UnstyledButton
            role="menuitem"
            tabIndex={-1}
            className={`${classes.item} ${classes.last}`}
            onClick={() => signOut.mutate(undefined, { onSettled: () => void navigate({ to: "/" }) })}
          >
            <IconLogout size={18} aria-hidden /> {texts.signOut}
          </UnstyledButton>
        </div>
      </div>
    </div>
  );
}

function items(place: HTMLElement | null): HTMLElement[] {
  return [...(place?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
}

function itemAfter(key: string, all: HTMLElement[]): HTMLElement | undefined {
  const at = all.indexOf(document.activeElement as HTMLElement);
  switch (key) {
    case "ArrowDown":
      return all[(at + 1) % all.length];
    case "ArrowUp":
      return all.at(at - 1);
    case "Home":
      return all[0];
    case "End":
      return all.at(-1);
    default:
      return undefined;
  }
}

function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/);
  return [words[0], words.length > 1 ? words.at(-1) : ""].map((word) => [...(word ?? "")][0] ?? "").join("").toUpperCase();
}
