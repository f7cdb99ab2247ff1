/** What providers keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'
import { providerKeys } from './providers/rows.ts'

export const secretColumns: readonly SecretColumn[] = [providerKeys]
