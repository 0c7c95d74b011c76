import type { Permission } from "@/api/schemas";
import { useCan } from "@/session/current";
import { Link, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, type ReactNode } from "react";
import classes from "./OfficeNav.module.css";

export function OfficeNav() {
  const nav = useRef<HTMLElement>(null);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  // Where there is no room for all of them, the one that is shown is in sight.
  useEffect(() => {
    const current = nav.current?.querySelector<HTMLElement>("[aria-current]");
    if (nav.current && current) nav.current.scrollLeft = current.offsetLeft - nav.current.offsetLeft - 16;
  }, [pathname]);
  return (
    <nav aria-label="Office" className={classes.nav} ref={nav}>
      <Link to="/" activeOptions={{ exact: true }}>
        Overview
      </Link>
      <Allowed permission="orders:read">
        <Link to="/admin/orders">Orders</Link>
      </Allowed>
      <Allowed permission="products:read_drafts">
        <Link to="/admin/products">Products</Link>
      </Allowed>
      <Allowed permission="users:read">
        <Link to="/admin/users">Users</Link>
      </Allowed>
      <Allowed permission="emails:read">
        <Link to="/admin/mails">Mails</Link>
      </Allowed>
      <Allowed permission="monitoring:read">
        <Link to="/admin/system">System</Link>
      </Allowed>
    </nav>
  );
}

function Allowed({ permission, children }: { permission: Permission; children: ReactNode }) {
  return useCan(permission) && children;
}
