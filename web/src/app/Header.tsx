import { cartQuery, countItems } from "@/api/cart";
import { SHOP_NAME, texts as common } from "@/texts/common";
import { texts } from "@/texts/shell";
import { Logo } from "@/ui/Logo";
import { LinkIcon } from "@/ui/links";
import { Burger } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconShoppingBag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { AccountMenu } from "./AccountMenu";
import { Categories } from "./Categories";
import classes from "./Header.module.css";
import { SearchBox } from "./SearchBox";

const MenuDrawer = lazy(async () => ({ default: (await import("./MenuDrawer")).MenuDrawer }));

export function Header() {
  const [opened, drawer] = useDisclosure(false);
  const [everOpened, setEverOpened] = useState(false);
  return (
    <header className={classes.header}>
      <div className={classes.bar}>
        <Burger
          opened={opened}
          onClick={() => {
            setEverOpened(true);
            drawer.open();
          }}
          size="sm"
          className={classes.burger}
          aria-label={texts.menu}
          aria-haspopup="dialog"
        />
        <Link to="/" className={classes.brand} aria-label={texts.home}>
          <Logo />
          <span>{SHOP_NAME}</span>
        </Link>
        <div className={classes.search}>
          <SearchBox />
        </div>
        <div className={classes.actions}>
          <AccountMenu />
          <CartLink />
        </div>
      </div>
      <nav className={classes.nav} aria-label={texts.categories}>
        <Categories />
      </nav>
      <Suspense>{everOpened && <MenuDrawer opened={opened} onClose={drawer.close} />}</Suspense>
    </header>
  );
}

function CartLink() {
  const { data } = useQuery(cartQuery);
  const count = countItems(data);
  return (
    <LinkIcon
      to="/cart"
      variant="subtle"
      color="gray"
      size={44}
      className={classes.cart ?? ""}
      aria-label={count === 0 ? texts.emptyCart : texts.cart(common.items(count))}
    >
      <IconShoppingBag size={24} stroke={1.7} />
      {count > 0 && (
        <span className={classes.badge} aria-hidden key={count}>
          {count > 99 ? texts.manyItems : count}
        </span>
      )}
    </LinkIcon>
  );
}
