/** What identity keeps sealed: an answer may show an API key, once. */
import type { SecretColumn } from '@clawmesh/chassis'

export const keptAnswers: SecretColumn = { table: 'idempotency_keys', column: 'answer' }

export const secretColumns: readonly SecretColumn[] = [keptAnswers]
