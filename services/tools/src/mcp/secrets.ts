/** Secrets of MCP servers and of their users as they are stored: one sealed JSON object a row. */
import type { SecretBox, SecretColumn, SecretPlace } from '@clawmesh/chassis'

/** In plain; they exist only while they are changed or used. */
export interface McpSecrets {
  apiKey: string
  headers: Record<string, string>
  env: Record<string, string>
  /** Of the client that an admin has registered for us at an authorization server. */
  oauthClientSecret: string
}

export const serverSecrets: SecretColumn = { table: 'mcp_servers', column: 'secrets' }
export const userSecrets: SecretColumn = { table: 'mcp_user_credentials', column: 'secrets' }

export const noSecrets: McpSecrets = { apiKey: '', headers: {}, env: {}, oauthClientSecret: '' }

/** What a secret reads as; written back it means "as stored". */
export const mask = '***' as const

/** The names of secrets, each with the mask for its value. */
export const masked = (names: readonly string[]): Record<string, typeof mask> =>
  Object.fromEntries(names.map((name) => [name, mask]))

const isEmpty = ({ apiKey, headers, env, oauthClientSecret }: McpSecrets): boolean =>
  apiKey === '' && oauthClientSecret === '' && Object.keys(headers).length === 0 && Object.keys(env).length === 0

export const sealSecrets = (box: SecretBox, secrets: McpSecrets, place: SecretPlace): string =>
  box.seal(JSON.stringify(secrets), place)

/** @throws INTERNAL when they were sealed for another place, or with a key that is gone */
export const openSecrets = (box: SecretBox, sealed: string | null, place: SecretPlace): McpSecrets =>
  // Those of older releases have fewer parts.
  sealed === null ? noSecrets : { ...noSecrets, ...(JSON.parse(box.open(sealed, place)) as Partial<McpSecrets>) }

/** The columns of a server that hold its secrets, and what is told of them. */
export const secretColumnsOf = (box: SecretBox, secrets: McpSecrets, place: Omit<SecretPlace, 'column'>) => ({
  secrets: isEmpty(secrets) ? null : sealSecrets(box, secrets, { ...place, column: serverSecrets }),
  hasApiKey: secrets.apiKey !== '',
  headerNames: Object.keys(secrets.headers),
  envNames: Object.keys(secrets.env),
})
