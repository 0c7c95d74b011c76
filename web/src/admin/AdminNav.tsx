import { Link, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import classes from "./AdminNav.module.css";

export function AdminNav() {
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
      <Link to="/admin/orders">Orders</Link>
      <Link to="/admin/products">Products</Link>
      <Link to="/admin/users">Users</Link>
      <Link to="/admin/mails">Mails</Link>
      <Link to="/admin/system">System</Link>
    </nav>
  );
}
