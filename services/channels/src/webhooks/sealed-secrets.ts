/** Secrets of webhooks as they are stored. */
import type { SecretBox, SecretColumn } from '@clawmesh/chassis'

export const webhookSecret: SecretColumn = { table: 'webhooks', column: 'secret' }
export const previousWebhookSecret: SecretColumn = { table: 'webhooks', column: 'previous_secret' }

interface Sealed {
  id: string
  tenantId: string
  secret: string
  previousSecret: string | null
  previousSecretExpiresAt: Date | null
}

interface Place {
  id: string
  tenantId: string
}

export const sealSecret = (box: SecretBox, secret: string, { id, tenantId }: Place, column = webhookSecret): string =>
  box.seal(secret, { column, tenantId, rowId: id })

/** The secrets that sign now, the current one first. @throws Error when they cannot be opened */
export const signingSecrets = (box: SecretBox, row: Sealed, now: Date): string[] => {
  const { id: rowId, tenantId, secret, previousSecret, previousSecretExpiresAt } = row
  const current = box.open(secret, { column: webhookSecret, tenantId, rowId })
  if (previousSecret === null || previousSecretExpiresAt === null || previousSecretExpiresAt <= now) return [current]
  return [current, box.open(previousSecret, { column: previousWebhookSecret, tenantId, rowId })]
}
