import { texts } from "@/texts/admin/common";
import { Link, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import classes from "./AdminNav.module.css";

export function AdminNav() {
  const nav = useRef<HTMLElement>(null);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // On a narrow screen, scroll to the link of the current page.
  useEffect(() => {
    const current = nav.current?.querySelector<HTMLElement>("[aria-current]");
    if (nav.current && current) nav.current.scrollLeft = current.offsetLeft - nav.current.offsetLeft - 16;
  }, [pathname]);
  return (
    <nav aria-label={texts.admin} className={classes.nav} ref={nav}>
      <Link to="/" activeOptions={{ exact: true }}>
        {texts.overview}
      </Link>
      <Link to="/admin/orders">{texts.orders}</Link>
      <Link to="/admin/products">{texts.products}</Link>
      <Link to="/admin/users">{texts.customers}</Link>
      <Link to="/admin/mails">{texts.emails}</Link>
      <Link to="/admin/system">{texts.system}</Link>
    </nav>
  );
}
