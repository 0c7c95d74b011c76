import { Logo } from "@/ui/Logo";
import { Link } from "@tanstack/react-router";
import classes from "./Footer.module.css";

export function Footer() {
  return (
    <footer className={classes.footer}>
      <div className={classes.inner}>
        <div className={classes.brand}>
          <Logo />
          <p>Things for daily use, chosen to last. You pay on Stripe’s page; your card never reaches us.</p>
        </div>
        <nav aria-label="Footer" className={classes.links}>
          <Link to="/products">Products</Link>
          <Link to="/orders">Your orders</Link>
          <Link to="/settings">Settings</Link>
          <a href="/docs">API reference</a>
        </nav>
      </div>
    </footer>
  );
}
