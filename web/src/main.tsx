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
// Shown again by the back button, a page is as old as when it was left.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) void queries.invalidateQueries();
});

// What one person was shown is not kept for the next; the catalogue is the same for everybody.
let owner = session.state().user?.id;
session.subscribe(() => {
  const { phase, user } = session.state();
  if (phase === "restoring" || phase === "expired" || user?.id === owner) return;
  owner = user?.id;
  const personal = { predicate: ({ queryKey }: Query) => queryKey[0] !== "catalogue" && queryKey[0] !== "cart" };
  // A page that is there already asks anew for who came; once nobody is signed in there is nothing to ask for.
  if (user) void queries.resetQueries(personal);
  else queries.removeQueries(personal);
  void queries.invalidateQueries({ queryKey: ["cart"] });
});

const place = document.getElementById("root");
if (!place) throw new Error("index.html has no #root");
const app = createRoot(place);
// As a transition the first drawing goes in small steps too, between which the browser may do something else.
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
