/** What channels keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'
import { instanceCredentials } from './instances/sealed-credentials.ts'
import { previousWebhookSecret, webhookSecret } from './webhooks/sealed-secrets.ts'

export const secretColumns: readonly SecretColumn[] = [instanceCredentials, webhookSecret, previousWebhookSecret]
