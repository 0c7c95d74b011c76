/** How queries and mutations behave everywhere unless one says otherwise. */
import { QueryClient } from "@tanstack/react-query";
import { isDefinite, Refusal } from "./problem";

const pause = (attempt: number, error: unknown) =>
  error instanceof Refusal && error.retryAfterSeconds !== null && error.retryAfterSeconds <= 5
    ? error.retryAfterSeconds * 1000
    : Math.min(500 * 2 ** attempt, 4000);

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal will not change its mind; silence and "not now" may.
      retry: (failures, error) => failures < 2 && !isDefinite(error),
      retryDelay: pause,
      staleTime: 30_000,
      // Being offline is shown as what it is, instead of as loading for ever.
      networkMode: "always",
    },
    mutations: {
      // Every mutation is safe to repeat: PUT and DELETE by nature, POST by its idempotency key.
      retry: (failures, error) => failures < 1 && !isDefinite(error),
      retryDelay: pause,
      networkMode: "always",
    },
  },
});
