/** `clawmesh config`: what is configured, whether it is right, and the table for the documentation. */
import {
  mask,
  resolveSetting,
  settingsOf,
  withoutPasswords,
  type Layers,
  type SettingEntry,
  type Source,
} from '@clawmesh/chassis'
import { z } from 'zod'
import { configNotices, openConfiguration, readLayers } from '../configuration.ts'
import { configDefinitions, targetNames, type TargetName } from '../targets.ts'

const noticeLines = (layers: Layers): string[] => {
  const { unknown, unused } = configNotices(layers)
  return [...unknown.map((name) => `unknown: ${name}`), ...unused.map((name) => `not used (yet): ${name}`)]
}

/** What is set and does nothing, a line each. @throws ConfigError listing every fault */
export const verifyConfig = (env: NodeJS.ProcessEnv): string[] => {
  const layers = readLayers(env)
  openConfiguration(layers)
  return noticeLines(layers)
}

interface Row {
  module: string
  variable: string
  fileKey: string | null
  /** Null when it is set nowhere; `***` for a secret that is set. */
  value: unknown
  source: Source
  live: boolean
  faults: readonly string[]
}

const rowOf = (entry: SettingEntry, layers: Layers): Row => {
  const { module, setting, fileKeys } = entry
  const { value, source, faults } = resolveSetting(entry, layers)
  return {
    module,
    variable: source.layer === 'env' ? source.name : setting.env[0],
    fileKey: fileKeys[0] ?? null,
    value: setting.secret ? (source.layer === 'default' ? null : mask) : withoutPasswords(value ?? null),
    source,
    live: setting.live ?? false,
    faults: faults.map(({ where, reason }) => `${where}: ${reason}`),
  }
}

const sourceText = (source: Source): string =>
  source.layer === 'default'
    ? 'default'
    : source.layer === 'env'
      ? `env ${source.name}`
      : `file ${source.path}: ${source.name}`

const rowText = ({ variable, value, source, faults }: Row): string =>
  `${variable}=${faults.length > 0 ? `INVALID: ${faults.join('; ')}` : JSON.stringify(value)}  (${sourceText(source)})`

interface PrintOptions {
  /** Only what these read; all modules where none are named. */
  names: readonly TargetName[]
  json: boolean
}

/** Every setting with its effective value, secrets masked, and where it comes from. @throws ConfigError for a bad file */
export const printConfig = (env: NodeJS.ProcessEnv, { names, json }: PrintOptions): string => {
  const layers = readLayers(env, names)
  const modules = new Set<string>(['chassis', ...(names.length > 0 ? names : targetNames)])
  const rows = settingsOf(configDefinitions)
    .filter(({ module }) => modules.has(module))
    .map((entry) => rowOf(entry, layers))
  return json ? JSON.stringify(rows, null, 2) : rows.map(rowText).join('\n')
}

/**
 * What variables may be set to, as a JSON schema of an object with a property a setting, of its first name: values as the
 * configuration file has them. For what writes environments, such as the Helm chart; secrets say `writeOnly`.
 */
export const configSchema = (): string => {
  const properties = settingsOf(configDefinitions).map(({ setting }): [string, object] => {
    const schema = z.toJSONSchema(setting.schema, { io: 'input', unrepresentable: 'any' })
    delete schema.$schema
    return [setting.env[0], { ...schema, description: setting.about, ...(setting.secret ? { writeOnly: true } : {}) }]
  })
  return JSON.stringify(
    { type: 'object', additionalProperties: false, properties: Object.fromEntries(properties) },
    null,
    2,
  )
}

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' ')

const docsRow = (entry: SettingEntry): string => {
  const { module, setting, fileKeys } = entry
  const fallback = resolveSetting(entry, { env: {} }).value as string | number | boolean | object | undefined
  const shown =
    fallback === undefined || fallback === ''
      ? ''
      : `\`${typeof fallback === 'object' ? JSON.stringify(fallback) : fallback}\``
  const cells = [module, code(setting.env), code(fileKeys), shown, setting.live ? 'live' : '', setting.about]
  return `| ${cells.map(cell).join(' | ')} |`
}

/** The configuration reference as Markdown. */
export const configDocs = (): string =>
  [
    '# Configuration',
    '',
    'Made from the schemas by `npm run generate`; do not edit. A variable goes before the key of the configuration file;',
    'of several variables the first that is set counts. What is live follows the file while the process runs; see',
    '[operations/configuration.md](operations/configuration.md).',
    '',
    '| module | variable | key in config.json | default | | meaning |',
    '|---|---|---|---|---|---|',
    ...settingsOf(configDefinitions).map(docsRow),
    '',
  ].join('\n')
