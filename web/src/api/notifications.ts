/** The email preferences of the current user. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "./client";
import type { NotificationSettings } from "./schemas";

export const notificationSettingsQuery = queryOptions({
  queryKey: ["notifications", "settings"],
  queryFn: ({ signal }) => answer(api.GET("/api/notifications/settings", { signal })),
});

export function useChangeNotificationSettings() {
  const client = useQueryClient();
  const { queryKey } = notificationSettingsQuery;
  return useMutation({
    scope: { id: "notification-settings" },
    mutationFn: (body: NotificationSettings) => answer(api.PUT("/api/notifications/settings", { body })),
    onMutate: (body) => {
      const before = client.getQueryData<NotificationSettings>(queryKey);
      client.setQueryData(queryKey, body);
      return { before };
    },
    onError: (_error, _body, context) => {
      if (context?.before) client.setQueryData(queryKey, context.before);
    },
    onSuccess: (settings) => client.setQueryData(queryKey, settings),
  });
}
