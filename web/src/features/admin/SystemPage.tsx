import { servicesQuery } from "@/api/admin";
import type { ServiceHealth } from "@/api/schemas";
import { ago } from "@/format/dates";
import { count, percent } from "@/format/numbers";
import { AdminPage } from "@/admin/AdminPage";
import { Table } from "@/admin/Table";
import { texts as common } from "@/texts/admin/common";
import { texts } from "@/texts/admin/system";
import { Failure } from "@/ui/Failure";
import { Alert, Badge, Skeleton } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";

const COLORS: Readonly<Record<ServiceHealth["health"], string>> = {
  passing: "teal",
  warning: "clay",
  critical: "clay",
  maintenance: "gray",
};

export function SystemPage() {
  return (
    <AdminPage needs="monitoring:read" title={common.system}>
      <Services />
    </AdminPage>
  );
}

function Services() {
  const services = useQuery(servicesQuery);
  if (!services.data) {
    return services.isError ? <Failure error={services.error} onRetry={services.refetch} /> : <Skeleton height={420} radius="lg" />;
  }
  const { items, registry } = services.data;
  return (
    <>
      {!registry.reachable && (
        <Alert color="clay" variant="light" icon={<IconAlertTriangle />} mb="md" title={texts.registryUnreachable}>
          {registry.as_of ? texts.asOf(ago(registry.as_of)) : texts.noInformation}
        </Alert>
      )}
      <Table
        label={texts.services}
        columns={[texts.service, texts.instance, texts.address, texts.health, texts.since, texts.version, { title: texts.requests, align: "right" }, { title: texts.failed, align: "right" }]}
      >
        {items.flatMap(({ name, health, instances }) =>
          instances.length === 0
            ? [
                <tr key={name}>
                  <td>{name}</td>
                  <td colSpan={2}>{texts.noInstance}</td>
                  <td colSpan={5}>
                    <Health of={health} />
                  </td>
                </tr>,
              ]
            : instances.map((instance, index) => (
                <tr key={instance.instance}>
                  <td>{index === 0 && name}</td>
                  <td>{instance.instance}</td>
                  <td>{instance.address}</td>
                  <td>
                    <Health of={instance.health} />
                  </td>
                  <td>{instance.since && ago(instance.since)}</td>
                  <td>{instance.version}</td>
                  <td data-align="right">{instance.requests_total === null ? texts.notKnown : count(instance.requests_total)}</td>
                  <td data-align="right">{instance.error_rate === null ? texts.notKnown : percent(instance.error_rate)}</td>
                </tr>
              )),
        )}
      </Table>
    </>
  );
}

function Health({ of }: { of: ServiceHealth["health"] }) {

  return (
    <Badge color={COLORS[of]} variant="light" tt="none">
      {texts.healths[of]}
    </Badge>
  );
}
