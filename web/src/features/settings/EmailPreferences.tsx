import { notificationSettingsQuery, useChangeNotificationSettings } from "@/api/notifications";
import type { NotificationSettings } from "@/api/schemas";
import { LANGUAGE } from "@/texts/language";
import { texts } from "@/texts/settings";
import { Failure } from "@/ui/Failure";
import { toastFailure } from "@/ui/toast";
import { NativeSelect, Skeleton, Stack, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Section } from "./Section";

const LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "pt", "tr", "uz", "ja", "zh"];
const names = new Intl.DisplayNames(LANGUAGE, { type: "language" });

export function EmailPreferences() {
  const settings = useQuery(notificationSettingsQuery);
  const change = useChangeNotificationSettings();
  const set = (part: Partial<NotificationSettings>) =>
    settings.data && change.mutate({ ...settings.data, ...part }, { onError: toastFailure });
  return (
    <Section title={texts.emails} intro={texts.emailsIntro}>
      {settings.isError && !settings.data ? (
        <Failure error={settings.error} onRetry={settings.refetch} order={3} />
      ) : !settings.data ? (
        <Skeleton height={150} />
      ) : (
        <Stack gap="md">
          <Switch
            label={texts.orderUpdates}
            description={texts.orderUpdatesText}
            checked={settings.data.order_updates}
            onChange={(event) => set({ order_updates: event.currentTarget.checked })}
          />
          <Switch
            label={texts.shippingUpdates}
            description={texts.shippingUpdatesText}
            checked={settings.data.shipping_updates}
            onChange={(event) => set({ shipping_updates: event.currentTarget.checked })}
          />
          <Switch
            label={texts.marketing}
            description={texts.marketingText}
            checked={settings.data.marketing}
            onChange={(event) => set({ marketing: event.currentTarget.checked })}
          />
          <NativeSelect
            label={texts.locale}
            w="16rem"
            maw="100%"
            value={settings.data.locale}
            onChange={(event) => set({ locale: event.currentTarget.value })}
            data={[...new Set([settings.data.locale, ...LANGUAGES])].map((value) => ({ value, label: names.of(value) ?? value }))}
          />
        </Stack>
      )}
    </Section>
  );
}
