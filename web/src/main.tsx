import "@fontsource-variable/figtree/wght.css";
import "./app/styles";
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider, type Query } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { startTransition, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { syncWithOtherTabs } from "./api/cart";
import { queries } from "./api/queries";
import { router } from "./app/router";
import { theme } from "./app/theme";
import { session } from "./session/current";
import { Toasts } from "./ui/Toasts";

session.restore();
addEventListener("storage", (event) => session.follow(event));
syncWithOtherTabs(queries);
// A page restored from the back/forward cache has old data.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) void queries.invalidateQueries();
});

// Cached data of one user must not be shown to the next. The catalog is the same for everyone.
let owner = session.state().user?.id;
session.subscribe(() => {
  const { phase, user } = session.state();
  if (phase === "restoring" || phase === "expired" || user?.id === owner) return;
  owner = user?.id;
  const personal = { predicate: ({ queryKey }: Query) => queryKey[0] !== "catalog" && queryKey[0] !== "cart" };
  // After a sign-in the mounted page refetches for the new user; after a sign-out there is nothing to refetch.
  if (user) void queries.resetQueries(personal);
  else queries.removeQueries(personal);
  void queries.invalidateQueries({ queryKey: ["cart"] });
});

const container = document.getElementById("root");
if (!container) throw new Error("index.html has no #root");
const app = createRoot(container);
// A transition splits the first render into small steps, so that the browser stays responsive.
startTransition(() =>
  app.render(
    <StrictMode>
      <MantineProvider theme={theme} defaultColorScheme="auto">
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
          <Toasts />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  ),
);
