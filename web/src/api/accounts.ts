/** Signing in and out, and the account of the current user. */
import { session } from "@/session/current";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api, openApi } from "./client";
import type { Registration, Credentials } from "./schemas";

export function useSignIn() {
  return useMutation({
    mutationFn: (body: Credentials) => answer(openApi.POST("/api/auth/login", { body })),
    onSuccess: (signedIn) => session.begin(signedIn),
  });
}

/** Registers, then signs in. The API does not reveal whether an address is taken: then the sign-in fails with 401. */
export function useRegister() {
  return useMutation({
    mutationFn: async (body: Registration) => {
      await answer(openApi.POST("/api/auth/register", { body }));
      return answer(openApi.POST("/api/auth/login", { body: { email: body.email, password: body.password } }));
    },
    onSuccess: (signedIn) => session.begin(signedIn),
  });
}

/** Ends the session in this browser even if the request fails; the refresh cookie then stays until it expires. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => answer(openApi.POST("/api/auth/logout")),
    onSettled: () => session.end(),
  });
}

export function useChangeProfile() {
  return useMutation({
    mutationFn: (body: { name: string }) => answer(api.PATCH("/api/auth/me", { body })),
    onSuccess: (user) => session.changed(user),
  });
}

export function useChangePassword() {
  return useMutation({
    // A retry after a lost answer would be refused, because the current password is no longer the old one.
    retry: false,
    mutationFn: (body: { current_password: string; new_password: string }) =>
      answer(api.POST("/api/auth/password", { body })),
  });
}

export function useForgotPassword() {
  return useMutation({
    mutationFn: (email: string) => answer(openApi.POST("/api/auth/password/forgot", { body: { email } })),
  });
}

export function useResetPassword() {
  return useMutation({
    // The token can be used once: a retry after a lost answer would be refused.
    retry: false,
    mutationFn: (body: { token: string; password: string }) => answer(openApi.POST("/api/auth/password/reset", { body })),
    onSuccess: () => session.end(),
  });
}

export function useVerifyEmail() {
  return useMutation({
    retry: false,
    mutationFn: async (token: string) => {
      await answer(openApi.POST("/api/auth/email/verify", { body: { token } }));
      if (session.state().user) session.changed(await answer(api.GET("/api/auth/me")));
    },
  });
}

export function useResendVerification() {
  return useMutation({ mutationFn: () => answer(api.POST("/api/auth/email/resend")) });
}

export const sessionsQuery = queryOptions({
  queryKey: ["sessions"],
  queryFn: async ({ signal }) =>
    (await answer(api.GET("/api/auth/sessions", { params: { query: { limit: 50 } }, signal }))).items,
  staleTime: 0,
});

export function useEndSession() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/auth/sessions/{id}", { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
}

export function useEndOtherSessions() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => answer(api.DELETE("/api/auth/sessions")),
    onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  });
}
