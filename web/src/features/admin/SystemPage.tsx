import { servicesQuery } from "@/api/office";
import type { ServiceHealth } from "@/api/schemas";
import { ago } from "@/format/dates";
import { OfficePage } from "@/office/OfficePage";
import { Table } from "@/office/Table";
import { Failure } from "@/ui/Failure";
import { Alert, Badge, Skeleton } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";

const HEALTH: Readonly<Record<ServiceHealth["health"], { label: string; color: string }>> = {
  passing: { label: "Well", color: "teal" },
  warning: { label: "In part", color: "clay" },
  critical: { label: "Down", color: "clay" },
  maintenance: { label: "Leaving", color: "gray" },
};
const number = new Intl.NumberFormat();
const share = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 });

export function SystemPage() {
  return (
    <OfficePage needs="monitoring:read" title="System">
      <Services />
    </OfficePage>
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
        <Alert color="clay" variant="light" icon={<IconAlertTriangle />} mb="md" title="The registry does not answer">
          {registry.as_of ? `What follows is as of ${ago(registry.as_of)}.` : "Nothing is known of the services yet."}
        </Alert>
      )}
      <Table
        label="Services and their instances"
        columns={["Service", "Instance", "Address", "Health", "Since", "Version", { title: "Requests", align: "right" }, { title: "Failed", align: "right" }]}
      >
        {items.flatMap(({ name, health, instances }) =>
          instances.length === 0
            ? [
                <tr key={name}>
                  <td>{name}</td>
                  <td colSpan={2}>no instance</td>
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
                  <td data-align="right">{instance.requests_total === null ? "–" : number.format(instance.requests_total)}</td>
                  <td data-align="right">{instance.error_rate === null ? "–" : share.format(instance.error_rate)}</td>
                </tr>
              )),
        )}
      </Table>
    </>
  );
}

function Health({ of }: { of: ServiceHealth["health"] }) {
  const { label, color } = HEALTH[of];
  return (
    <Badge color={color} variant="light" tt="none">
      {label}
    </Badge>
  );
}
