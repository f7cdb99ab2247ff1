/** What providers keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'

export const providerKeys: SecretColumn = { table: 'llm_providers', column: 'api_key' }

export const secretColumns: readonly SecretColumn[] = [providerKeys]
