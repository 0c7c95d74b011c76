/** Sign-in and the person's own account. */
import { session } from "@/session/current";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api, openApi } from "./client";
import type { Register, SignIn } from "./schemas";

export function useSignIn() {
  return useMutation({
    mutationFn: (body: SignIn) => answer(openApi.POST("/api/auth/login", { body })),
    onSuccess: (signedIn) => session.begin(signedIn),
  });
}

/** Registers and signs in. A taken address looks like a fresh one until the sign-in, which then needs its own password. */
export function useRegister() {
  return useMutation({
    mutationFn: async (body: Register) => {
      await answer(openApi.POST("/api/auth/register", { body }));
      return answer(openApi.POST("/api/auth/login", { body: { email: body.email, password: body.password } }));
    },
    onSuccess: (signedIn) => session.begin(signedIn),
  });
}

/** Signs out here whatever the shop says; the cookie then at worst outlives its use. */
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
    // Repeated after an answer that got lost, it would be refused for the old password.
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
    // The link works once: repeated after an answer that got lost, it would be refused.
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
