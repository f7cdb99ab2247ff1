/** What identity keeps sealed: an answer may show an API key, once. */
import type { SecretColumn } from '@clawmesh/chassis'
import { keptAnswers } from './idempotency/rows.ts'

export const secretColumns: readonly SecretColumn[] = [keptAnswers]
