import { Link } from "@tanstack/react-router";
import classes from "./OfficeNav.module.css";

export function OfficeNav() {
  return (
    <nav aria-label="Office" className={classes.nav}>
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
