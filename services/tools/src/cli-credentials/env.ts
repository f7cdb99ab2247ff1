/** Variables that programs are given: which may be set, and how they are sealed. */
import type { Mesh, SecretBox, SecretColumn, SecretPlace } from '@clawmesh/chassis'
import type { CliEnv } from './types.ts'

export const binaryEnv: SecretColumn = { table: 'secure_cli_binaries', column: 'encrypted_env' }
export const userEnv: SecretColumn = { table: 'secure_cli_user_credentials', column: 'encrypted_env' }

/** What a value reads as; written back it means "as stored". */
export const mask = '***' as const

/** They say which program runs, or what it loads before itself. */
const reserved = new Set(
  'PATH IFS ENV BASH_ENV SHELLOPTS BASHOPTS NODE_OPTIONS PYTHONPATH PYTHONSTARTUP PYTHONHOME PERL5OPT PERL5LIB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS GCONV_PATH'.split(
    ' ',
  ),
)
const reservedPrefixes = ['GOCLAW_', 'CLAWMESH_', 'LD_', 'DYLD_']

/** Whether a variable of that name may be set for a program. */
export const maySet = (name: string): boolean => {
  const upper = name.toUpperCase()
  return (
    /^[A-Za-z_]\w*$/.test(name) && !reserved.has(upper) && !reservedPrefixes.some((prefix) => upper.startsWith(prefix))
  )
}

/** Values that are given, those that are masked as they are stored; a masked one of which nothing is stored is none. */
export const unmasked = (given: CliEnv, stored: CliEnv): CliEnv =>
  Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const kept = value === mask ? (Object.hasOwn(stored, name) ? stored[name] : undefined) : value
      return kept === undefined ? [] : [[name, kept]]
    }),
  )

/** The columns that hold variables: sealed, and their names. */
export const envColumns = (box: SecretBox, env: CliEnv, place: SecretPlace) => {
  const envKeys = Object.keys(env)
  return { encryptedEnv: envKeys.length === 0 ? null : box.seal(JSON.stringify(env), place), envKeys }
}

/** @throws INTERNAL when they were sealed for another place, or with a key that is gone */
export const openEnv = (box: SecretBox, sealed: string | null, place: SecretPlace): CliEnv =>
  sealed === null ? {} : (JSON.parse(box.open(sealed, place)) as CliEnv)

/** The same for those who go on without: of what no key opens any more nothing is left, and it is logged. */
export const openEnvOrNone = (
  { secrets, log }: Pick<Mesh, 'secrets' | 'log'>,
  sealed: string | null,
  place: SecretPlace,
): CliEnv => {
  try {
    return openEnv(secrets, sealed, place)
  } catch (err) {
    const { column, tenantId, rowId } = place
    log.warn({ err, tenantId, table: column.table, id: rowId }, 'variables of a program cannot be read')
    return {}
  }
}
