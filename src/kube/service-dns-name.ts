/** DNS name of a Service as pods of any namespace resolve it; without the cluster's domain, which may differ. */
export function serviceDnsName(service: { name: string; namespace: string }): string {
  return `${service.name}.${service.namespace}.svc`;
}

const dnsName = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(\.[a-z0-9.-]+)?$/;

/** The Service that such a name, with or without the cluster's domain, means; undefined for any other host. */
export function parseServiceDnsName(host: string): { name: string; namespace: string } | undefined {
  const [, name, namespace] = dnsName.exec(host) ?? [];
  return name === undefined || namespace === undefined ? undefined : { name, namespace };
}
