/** The layout of every page: header, content, footer, and the dialog for an expired session. */
import { useSession } from "@/session/current";
import { texts } from "@/texts/shell";
import { useNetwork } from "@mantine/hooks";
import { Outlet, useRouterState } from "@tanstack/react-router";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useRef } from "react";
import { Footer } from "./Footer";
import { Header } from "./Header";
import classes from "./Shell.module.css";

// Rarely needed, so not part of the first load.
const SignInAgain = lazy(async () => ({ default: (await import("@/session/SignInAgain")).SignInAgain }));

export function Shell() {
  const { phase } = useSession();
  const main = useRef<HTMLElement>(null);
  useFocusOnNewPage(main);
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        {texts.skipToContent}
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
      <IconPlugConnectedX size={18} aria-hidden /> {texts.offline}
    </p>
  );
}

/** Moves the focus to the content after a navigation, as after a full page load. */
function useFocusOnNewPage(main: React.RefObject<HTMLElement | null>): void {
  const pathname = useRouterState({ select: ({ resolvedLocation, location }) => (resolvedLocation ?? location).pathname });
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
  }, [pathname, main]);
}
