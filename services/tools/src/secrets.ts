/** What tools keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'
import { serverSecrets, userSecrets } from './mcp/secrets.ts'

export const secretColumns: readonly SecretColumn[] = [serverSecrets, userSecrets]
