import type { Permission } from "@/api/schemas";
import { useCan } from "@/session/current";
import { texts } from "@/texts/admin/common";
import { Link, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, type ReactNode } from "react";
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
      <Allowed permission="orders:read">
        <Link to="/admin/orders">{texts.orders}</Link>
      </Allowed>
      <Allowed permission="products:read_drafts">
        <Link to="/admin/products">{texts.products}</Link>
      </Allowed>
      <Allowed permission="users:read">
        <Link to="/admin/users">{texts.customers}</Link>
      </Allowed>
      <Allowed permission="emails:read">
        <Link to="/admin/mails">{texts.emails}</Link>
      </Allowed>
      <Allowed permission="monitoring:read">
        <Link to="/admin/system">{texts.system}</Link>
      </Allowed>
    </nav>
  );
}

function Allowed({ permission, children }: { permission: Permission; children: ReactNode }) {
  return useCan(permission) && children;
}
