/** `clawmesh secrets`: which keys the stored secrets stand under, and bringing them under the current one. */
import {
  chassisConfig,
  countSecrets,
  loadConfigs,
  rotateSecrets,
  type Database,
  type RemoteService,
  type SecretBox,
  type SecretColumn,
  type SecretCount,
} from '@clawmesh/chassis'
import { readLayers } from '../configuration.ts'
import { openDataDir, renewKeptSecret } from '../data-dir.ts'
import { withDatabases } from '../databases.ts'
import { openSecrets, SetupError } from '../host.ts'
import { secretColumns } from '../targets.ts'

interface Report {
  text: string
  ok: boolean
}

interface Holder {
  service: RemoteService
  database: Database
  columns: readonly SecretColumn[]
}

/** Does work with the database of every service that keeps secrets, the embedded one where none is configured. */
const withHolders = <T>(
  env: NodeJS.ProcessEnv,
  work: (holders: readonly Holder[], secrets: SecretBox) => Promise<T>,
): Promise<T> => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  const dataDir = openDataDir(config.dataDir)
  const columnsOf = new Map(Object.entries(secretColumns) as [RemoteService, readonly SecretColumn[]][])
  return withDatabases({ config, dataDir, services: [...columnsOf.keys()], name: 'secrets' }, (databases) =>
    work(
      [...databases].map(([service, database]) => ({ service, database, columns: columnsOf.get(service)! })),
      openSecrets(config, dataDir),
    ),
  )
}

const keyOf = (under: string): string | undefined => under.split(':')[1]

/** Counts every secret by the key it stands under; not ok while some are under a key that is not configured. */
export const status = (env: NodeJS.ProcessEnv): Promise<Report> =>
  withHolders(env, async (holders, secrets) => {
    const counts: (SecretCount & { service: RemoteService })[] = []
    for (const { service, database, columns } of holders)
      for (const found of await countSecrets(database, columns)) counts.push({ service, ...found })

    const verdict = (under: string): string => {
      const key = keyOf(under)
      if (secrets.currentPrefix === `${under}:`) return 'current'
      return key === undefined || secrets.keyIds.includes(key) ? 'to be rotated' : 'KEY IS MISSING'
    }
    const lines = counts.map(
      ({ service, table, under, count }) => `${service}.${table}  ${under}  ${count}  ${verdict(under)}`,
    )
    const unnamed = counts.some(({ under }) => keyOf(under) === undefined)
    const keys = secrets.keyIds.map((id) => {
      if (id === secrets.keyId) return `key ${id}: current`
      const used = unnamed || counts.some(({ under }) => keyOf(under) === id)
      return `key ${id}: ${used ? 'needed until secrets are rotated' : 'opens no stored secret, may go'}`
    })
    return { text: [...lines, ...keys].join('\n'), ok: !lines.some((line) => line.endsWith('KEY IS MISSING')) }
  })

/** Seals every secret anew that is not under the current key; not ok when some could not be. */
export const rotate = (env: NodeJS.ProcessEnv, { dryRun }: { dryRun: boolean }): Promise<Report> =>
  withHolders(env, async (holders, secrets) => {
    const lines: string[] = []
    let ok = true
    for (const { service, database, columns } of holders)
      for (const column of columns) {
        const { rotated, contended, unreadable } = await rotateSecrets(database, column, secrets, { dryRun })
        const done = dryRun ? 'to be sealed anew' : 'sealed anew'
        lines.push(
          `${service}.${column.table}: ${rotated} ${done}, ${unreadable.length} cannot be opened` +
            (contended === 0 ? '' : `, ${contended} were being written: run again`),
          ...unreadable.map(({ under, rowId, tenantId }) => `  ${under}: row ${rowId} of tenant ${tenantId}`),
        )
        ok &&= unreadable.length === 0 && contended === 0
      }
    return { text: lines.join('\n'), ok }
  })

/** Makes a new key the current one of the data folder; the older ones go on opening. */
export const newKey = (env: NodeJS.ProcessEnv): Report => {
  const { chassis: config } = loadConfigs({ chassis: chassisConfig }, env, readLayers(env))
  if (config.encryptionKey !== '')
    throw new SetupError('CLAWMESH_ENCRYPTION_KEY is set, so the data folder gives no key: change the variable')
  const dataDir = openDataDir(config.dataDir)
  renewKeptSecret(dataDir, 'encryption')
  const { keyId } = openSecrets(config, dataDir)
  return { text: `key ${keyId} is current from the next start on; then run clawmesh secrets rotate`, ok: true }
}
