/** Headers that belong to one connection, beside those that its `Connection` names (RFC 9110, section 7.6.1), and not the body's framing. */
export const connectionHeaders: readonly string[] = [
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
]

/** What a `Connection` header names, in lower case. */
export const connectionOptions = (value: string | undefined): string[] =>
  value?.split(',').map((name) => name.trim().toLowerCase()) ?? []
