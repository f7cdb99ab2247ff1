/** What providers keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'
import { refreshTokens, signInVerifiers } from './accounts/rows.ts'
import { providerKeys } from './providers/rows.ts'

export const secretColumns: readonly SecretColumn[] = [providerKeys, refreshTokens, signInVerifiers]
