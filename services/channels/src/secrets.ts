/** What channels keeps sealed. */
import type { SecretColumn } from '@clawmesh/chassis'
import { instanceCredentials } from './instances/sealed-credentials.ts'

export const secretColumns: readonly SecretColumn[] = [instanceCredentials]
