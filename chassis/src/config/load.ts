/** Layers of configuration: default < file < what was changed at run time < environment. */
import { isDeepStrictEqual } from 'node:util'
import type { z } from 'zod'
import type { ConfigDefinition, ConfigOf, Setting } from './define.ts'
import { ConfigError, type ConfigFault } from './fault.ts'
import { snakeCase } from '../text/snake-case.ts'
import { isObject, kindOf, valueAt, type ConfigFile, type JsonObject } from './file.ts'
import { valueOfText } from './variable.ts'

export interface Layers {
  env: NodeJS.ProcessEnv
  file?: ConfigFile | undefined
  /** What was changed while the mesh ran, as a file would say it. */
  stored?: ConfigFile | undefined
  /** Texts by variable name, in place of the schemas' defaults. */
  defaults?: Readonly<Record<string, string>>
}

/** Where a value comes from; `name` is the variable, or the key in the file. */
export type Source =
  | { readonly layer: 'default' }
  | { readonly layer: 'file'; readonly path: string; readonly name: string }
  | { readonly layer: 'env'; readonly name: string }

export interface Resolved {
  value: unknown
  source: Source
  /** What is wrong with it in any layer, one that is covered by another included. */
  faults: readonly ConfigFault[]
}

/** A setting among all the others. */
export interface SettingEntry {
  module: string
  name: string
  setting: Setting
  /** Its keys in the file; none where the file has no say. */
  fileKeys: readonly string[]
}

type Definitions = Record<string, ConfigDefinition>
type ConfigsOf<D extends Definitions> = { readonly [K in keyof D]: ConfigOf<D[K]> }

const fileKeysOf = (module: string, name: string, { file }: Setting): readonly string[] => {
  if (file === false) return []
  return typeof file === 'object' ? file : [file ?? `${module}.${snakeCase(name)}`]
}

/** All settings of several modules. */
export const settingsOf = (definitions: Definitions): SettingEntry[] =>
  Object.values(definitions).flatMap(({ name: module, settings }) =>
    Object.entries(settings).map(([name, setting]) => ({
      module,
      name,
      setting,
      fileKeys: fileKeysOf(module, name, setting),
    })),
  )

interface Candidate {
  source: Source
  given: { value: unknown } | { fault: string }
}

const isSet = (text: string | undefined): text is string => text !== undefined && text !== ''

const fromEnv = ({ setting }: SettingEntry, env: NodeJS.ProcessEnv): Candidate[] => {
  const name = setting.env.find((variable) => isSet(env[variable]))
  if (name === undefined) return []
  return [{ source: { layer: 'env', name }, given: valueOfText(setting.schema, env[name]!) }]
}

const parentOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf('.')))
const lastOf = (key: string): string => key.slice(key.lastIndexOf('.') + 1)

const fromFile = ({ fileKeys }: SettingEntry, file: ConfigFile | undefined): Candidate[] => {
  if (file === undefined) return []
  const found = fileKeys
    .map((key) => ({ key, value: valueAt(file.values, key) }))
    .filter(({ value }) => value !== undefined)
  if (found.length === 0) return []
  const [first] = found
  const many = fileKeys.length > 1
  const value = many ? Object.fromEntries(found.map((part) => [lastOf(part.key), part.value])) : first!.value
  const name = many ? parentOf(first!.key) : first!.key
  return [{ source: { layer: 'file', path: file.path, name }, given: { value } }]
}

const fromDefaults = ({ setting }: SettingEntry, defaults: Layers['defaults'] = {}): Candidate[] => {
  const name = setting.env.find((variable) => Object.hasOwn(defaults, variable))
  const given = name === undefined ? { value: undefined } : valueOfText(setting.schema, defaults[name]!)
  return [{ source: { layer: 'default' }, given }]
}

const dotted = (parts: readonly PropertyKey[]): string => parts.map(String).join('.')

const faultOf = (entry: SettingEntry, source: Source, path: readonly PropertyKey[], message: string): ConfigFault => {
  if (source.layer === 'file') return { where: `${source.path}: ${dotted([source.name, ...path])}`, reason: message }
  const reason = path.length === 0 ? message : `${dotted(path)}: ${message}`
  return { where: source.layer === 'env' ? source.name : entry.setting.env[0], reason }
}

/** What a secret looks like wherever configuration is shown. */
export const mask = '***'

const check = (entry: SettingEntry, { source, given }: Candidate): Resolved => {
  if ('fault' in given) return { value: undefined, source, faults: [faultOf(entry, source, [], given.fault)] }
  if (entry.setting.secret && given.value === mask)
    return { value: undefined, source, faults: [faultOf(entry, source, [], 'a masked secret instead of the secret')] }
  const parsed = entry.setting.schema.safeParse(given.value)
  if (parsed.success) return { value: parsed.data, source, faults: [] }
  const faults = parsed.error.issues.map((issue) => {
    if (!entry.setting.secret) return faultOf(entry, source, issue.path, issue.message)
    // The names of fields may be what was to be kept secret, put into the wrong place.
    return faultOf(entry, source, [], issue.code === 'unrecognized_keys' ? 'a field that there is not' : issue.message)
  })
  return { value: undefined, source, faults }
}

/** One setting's value, where it came from, and what is wrong with it. An empty variable counts as unset. */
export const resolveSetting = (entry: SettingEntry, { env, file, stored, defaults }: Layers): Resolved => {
  const set = [...fromEnv(entry, env), ...fromFile(entry, stored), ...fromFile(entry, file)]
  const candidates = set.length > 0 ? set : fromDefaults(entry, defaults)
  const [first, ...covered] = candidates.map((candidate) => check(entry, candidate))
  return { ...first!, faults: [...first!.faults, ...covered.flatMap(({ faults }) => faults)] }
}

/** What one setting is by the environment alone; undefined when that is faulty. */
export const settingFromEnv = <T extends z.ZodType>(setting: Setting<T>, env: NodeJS.ProcessEnv): z.output<T> =>
  resolveSetting({ module: '', name: '', setting, fileKeys: [] }, { env }).value as z.output<T>

/** Where the file has something else than an object above a setting's key. */
const shapeFaults = (entries: readonly SettingEntry[], file: ConfigFile | undefined): ConfigFault[] => {
  if (file === undefined) return []
  const parents = new Set(
    entries.flatMap(({ fileKeys }) =>
      fileKeys.flatMap((key) => {
        const parts = key.split('.')
        return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('.'))
      }),
    ),
  )
  return [...parents].flatMap((key) => {
    const value = valueAt(file.values, key)
    if (value === undefined || isObject(value)) return []
    return [{ where: `${file.path}: ${key}`, reason: `expected object, received ${kindOf(value)}` }]
  })
}

/** @throws ConfigError with every fault of every layer */
const readValues = (entries: readonly SettingEntry[], layers: Layers): Map<SettingEntry, unknown> => {
  const resolved = entries.map((entry) => [entry, resolveSetting(entry, layers)] as const)
  const shapes = [layers.file, layers.stored].flatMap((file) => shapeFaults(entries, file))
  const faults = [...shapes, ...resolved.flatMap(([, { faults: found }]) => found)]
  if (faults.length > 0) throw new ConfigError(faults)
  return new Map(resolved.map(([entry, { value }]) => [entry, value]))
}

/** Settings that another reading gave another value. */
export interface Reload {
  changed: SettingEntry[]
  /** Of these, the ones that the process goes on without until it is restarted. */
  needRestart: SettingEntry[]
}

export interface OpenConfigs<D extends Definitions> {
  configs: ConfigsOf<D>
  /**
   * Reads everything anew, under what was stored; live settings change at once.
   * @throws ConfigError, and then nothing has changed
   */
  reload: (layers: Omit<Layers, 'stored'>) => Reload
  /** Takes what is stored by now. @throws ConfigError, and then nothing has changed */
  store: (values: JsonObject) => Reload
  /** What was read last. */
  layers: () => Layers
}

/** What stored values are called in faults. */
const storedPath = 'stored configuration'

/** Reads the configuration of several modules and keeps its live settings changeable. @throws ConfigError */
export const openConfigs = <const D extends Definitions>(definitions: D, layers: Layers): OpenConfigs<D> => {
  const entries = settingsOf(definitions)
  const values = readValues(entries, layers)
  const valueFor = (entry: SettingEntry) => (entry.setting.live ? () => values.get(entry) : values.get(entry))
  const configs = Object.fromEntries(
    Object.entries(definitions).map(([key, { name: module }]) => {
      const own = entries.filter((entry) => entry.module === module)
      return [key, Object.fromEntries(own.map((entry) => [entry.name, valueFor(entry)]))]
    }),
  ) as ConfigsOf<D>

  let current = layers
  const take = (next: Layers): Reload => {
    const read = readValues(entries, next)
    current = next
    const changed = entries.filter((entry) => !isDeepStrictEqual(read.get(entry), values.get(entry)))
    const live = changed.filter(({ setting }) => setting.live)
    for (const entry of live) values.set(entry, read.get(entry))
    return { changed, needRestart: changed.filter(({ setting }) => !setting.live) }
  }

  return {
    configs,
    reload: (next) => take({ ...next, stored: current.stored }),
    store: (stored) => take({ ...current, stored: { path: storedPath, values: stored } }),
    layers: () => current,
  }
}

/**
 * Reads the configuration of several modules from an environment, over a file where one is given.
 * @throws ConfigError naming every fault of both
 */
export const loadConfigs = <const D extends Definitions>(
  definitions: D,
  env: NodeJS.ProcessEnv,
  below: Omit<Layers, 'env'> = {},
): ConfigsOf<D> => openConfigs(definitions, { env, ...below }).configs
