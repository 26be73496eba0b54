/** Host and port as they stand in a URI: an IPv6 address in brackets (RFC 3986, section 3.2). */
export function authority({ host, port }: { host: string; port: number }): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
