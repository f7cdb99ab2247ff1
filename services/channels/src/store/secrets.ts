/** What channels keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'

export const instanceCredentials: SecretColumn = { table: 'channel_instances', column: 'credentials' }

export const secretColumns: readonly SecretColumn[] = [instanceCredentials]
