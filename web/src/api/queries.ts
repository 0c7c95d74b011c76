/** The query client with the defaults for all queries and mutations. */
import { QueryClient } from "@tanstack/react-query";
import { isDefinite, Refusal } from "./problem";

const pause = (attempt: number, error: unknown) =>
  error instanceof Refusal && error.retryAfterSeconds !== null && error.retryAfterSeconds <= 5
    ? error.retryAfterSeconds * 1000
    : Math.min(500 * 2 ** attempt, 4000);

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal is final; a server error or a missing answer may be temporary.
      retry: (failures, error) => failures < 2 && !isDefinite(error),
      retryDelay: pause,
      staleTime: 30_000,
      // When offline, fail and show it instead of showing a loading state until the network is back.
      networkMode: "always",
    },
    mutations: {
      // Every mutation is safe to repeat: PUT and DELETE are idempotent, POST has an idempotency key.
      retry: (failures, error) => failures < 1 && !isDefinite(error),
      retryDelay: pause,
      networkMode: "always",
    },
  },
});
