/** The frame around every page: header, what the page is about, footer, and the way back into a session that ended. */
import { useSession } from "@/session/current";
import { useNetwork } from "@mantine/hooks";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Footer } from "./Footer";
import { Header } from "./Header";
import classes from "./Shell.module.css";

// Seldom needed, so not part of what every visitor loads first.
const SignInAgain = lazy(async () => ({ default: (await import("@/session/SignInAgain")).SignInAgain }));

export function Shell() {
  const { phase } = useSession();
  const main = useRef<HTMLElement>(null);
  useFocusOnNewPage(main);
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <Header />
      <Offline />
      <main id="main" ref={main} tabIndex={-1} className={classes.main}>
        <Outlet />
      </main>
      <Footer />
      <Suspense>{phase === "expired" && <SignInAgain />}</Suspense>
    </div>
  );
}

function Offline() {
  const { online } = useNetwork();
  if (online) return null;
  return (
    <p className={classes.offline} role="status">
      <IconPlugConnectedX size={18} aria-hidden /> You are offline. What you see may be out of date; nothing you enter is lost.
    </p>
  );
}

/** A new page starts at its content for the keyboard and for screen readers, as it would after a full load. */
function useFocusOnNewPage(main: React.RefObject<HTMLElement | null>): void {
  const pathname = useRouterState({ select: ({ resolvedLocation, location }) => (resolvedLocation ?? location).pathname });
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
  }, [pathname, main]);
}
