/** Credentials as they are stored: one sealed JSON object an instance. */
import type { SecretBox, SecretColumn } from '@clawmesh/chassis'
import type { Credentials } from './types.ts'

export const instanceCredentials: SecretColumn = { table: 'channel_instances', column: 'credentials' }

interface Sealed {
  id: string
  tenantId: string
  credentials: string | null
}

/** @throws Error when they were sealed for another place, or with a key that is gone */
export const openCredentials = (secrets: SecretBox, { id, tenantId, credentials }: Sealed): Credentials =>
  credentials === null
    ? {}
    : (JSON.parse(secrets.open(credentials, { column: instanceCredentials, tenantId, rowId: id })) as Credentials)

/** The columns that hold credentials; none when there are none to be written. */
export const credentialColumns = (
  secrets: SecretBox,
  { id, tenantId }: Pick<Sealed, 'id' | 'tenantId'>,
  credentials: Credentials | undefined,
) => {
  if (credentials === undefined) return {}
  const credentialKeys = Object.keys(credentials)
  const place = { column: instanceCredentials, tenantId, rowId: id }
  return {
    credentialKeys,
    credentials: credentialKeys.length === 0 ? null : secrets.seal(JSON.stringify(credentials), place),
  }
}
