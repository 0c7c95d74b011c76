import { texts as common } from "@/texts/common";
import { texts } from "@/texts/shell";
import { Logo } from "@/ui/Logo";
import { Link } from "@tanstack/react-router";
import classes from "./Footer.module.css";

export function Footer() {
  return (
    <footer className={classes.footer}>
      <div className={classes.inner}>
        <div className={classes.brand}>
          <Logo />
          <p>{texts.aboutShop}</p>
        </div>
        <nav aria-label={texts.footer} className={classes.links}>
          <Link to="/products">{common.products}</Link>
          <Link to="/orders">{common.yourOrders}</Link>
          <Link to="/settings">{common.settings}</Link>
          <a href="/docs">{texts.apiReference}</a>
        </nav>
      </div>
    </footer>
  );
}
