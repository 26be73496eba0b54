/** DNS name of a Service as pods of any namespace resolve it; without the cluster's domain, which may differ. */
export function serviceDnsName(service: { name: string; namespace: string }): string {
  return `${service.name}.${service.namespace}.svc`;
}
