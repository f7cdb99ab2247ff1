/** The configuration of a running process as people see and change it: by the keys of the file, without secrets. */
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { sha256Hex } from '../ids/ids.ts'
import type { ConfigDefinition } from './define.ts'
import { ConfigError, type ConfigFault } from './fault.ts'
import { isObject, valueAt, type JsonObject } from './file.ts'
import { mask, resolveSetting, settingsOf, type Layers, type OpenConfigs, type SettingEntry } from './load.ts'
import { noticesOf } from './notices.ts'

export interface Configuration {
  /** What holds now, and its hash of 16 hex digits. `path` is that of the file, empty where there is none. */
  shown: () => { config: JsonObject; hash: string; path: string }
  /** JSON Schema of all that is shown; what cannot be changed at run time is `readOnly`. */
  schema: () => object
  /**
   * What would be stored. `patch` changes what it names, where null takes back a change; `replace` takes back all that
   * it does not name. What is given as it is shown stays as it is.
   * @throws ConfigError for keys that nobody knows, wrong values, and what a running mesh cannot change
   */
  plan: (given: JsonObject, how: 'patch' | 'replace') => JsonObject
  /** Takes what is stored by now. @throws ConfigError, and then nothing has changed */
  store: (values: JsonObject) => void
}

/** Passwords in URLs are secrets wherever the URL stands. */
export const withoutPasswords = (value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll(/(:\/\/)[^/?#\s,]*@/g, `$1${mask}@`) : value

/** An object with a value at a dotted key. */
const withValue = (values: JsonObject, key: string, value: unknown): JsonObject => {
  const [name = '', ...rest] = key.split('.')
  const inner = Object.hasOwn(values, name) && isObject(values[name]) ? values[name] : {}
  return { ...values, [name]: rest.length === 0 ? value : withValue(inner, rest.join('.'), value) }
}

/** What is given at a dotted key, null and empty texts included; undefined where nothing is. */
const givenAt = (values: JsonObject, key: string): unknown =>
  key.split('.').reduce<unknown>((at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined), values)

/** A setting under one key of the file; those of several keys are one value each. */
interface Place {
  entry: SettingEntry
  key: string
  shown: unknown
}

const lastOf = (key: string): string => key.slice(key.lastIndexOf('.') + 1)

const placesOf = (entries: readonly SettingEntry[], layers: Layers): Place[] =>
  entries.flatMap((entry) => {
    const { value, source } = resolveSetting(entry, layers)
    const secret = source.layer === 'default' ? '' : mask
    return entry.fileKeys.map((key) => {
      const own = entry.fileKeys.length > 1 && isObject(value) ? value[lastOf(key)] : value
      return { entry, key, shown: entry.setting.secret ? secret : withoutPasswords(own ?? null) }
    })
  })

/** What a place is without what is stored there. */
const beneath = ({ entry, key }: Place, { stored: _stored, ...layers }: Layers): unknown =>
  placesOf([entry], layers).find((place) => place.key === key)?.shown

const obstacleTo = ({ entry }: Place, layers: Layers): string | undefined => {
  const { setting } = entry
  if (setting.secret) return 'a secret is set in the file or the environment'
  if (setting.live !== true) return 'cannot be changed while the mesh runs: set it in the file or the environment'
  const { source } = resolveSetting(entry, layers)
  return source.layer === 'env' ? `is set by the variable ${source.name}` : undefined
}

const unknownKeys = (entries: readonly SettingEntry[], values: JsonObject): ConfigFault[] => {
  const { unknown, unused } = noticesOf(entries, { env: {}, file: { path: '', values } })
  return [...unknown, ...unused].map((name) => ({
    where: name.replace(/^: /, ''),
    reason: 'is no setting of this mesh',
  }))
}

const schemaOf = ({ entry }: Place): JsonObject => {
  const { setting } = entry
  const { $schema: _, ...schema } = z.toJSONSchema(setting.schema, { io: 'input', unrepresentable: 'any' })
  return {
    ...schema,
    description: setting.about,
    ...(setting.live === true ? {} : { readOnly: true }),
    ...(setting.secret ? { writeOnly: true } : {}),
  }
}

const objectSchema = (properties: JsonObject): JsonObject => ({ type: 'object', properties })

/** Puts the schemas of places into each other, as their keys are. */
const nested = (places: readonly { key: string; schema: JsonObject }[]): JsonObject => {
  const groups = Map.groupBy(places, ({ key }) => key.split('.')[0]!)
  return objectSchema(
    Object.fromEntries(
      [...groups].map(([name, group]) => {
        const leaf = group.find(({ key }) => key === name)
        const inner = group.map(({ key, schema }) => ({ key: key.slice(name.length + 1), schema }))
        return [name, leaf?.schema ?? nested(inner)]
      }),
    ),
  )
}

/** The configuration of the modules that were opened together. */
export const createConfiguration = <D extends Record<string, ConfigDefinition>>(
  definitions: D,
  open: Pick<OpenConfigs<D>, 'layers' | 'store'>,
): Configuration => {
  const entries = settingsOf(definitions)

  return {
    shown: () => {
      const layers = open.layers()
      const config = placesOf(entries, layers).reduce<JsonObject>(
        (values, { key, shown }) => withValue(values, key, shown),
        {},
      )
      return { config, hash: sha256Hex(JSON.stringify(config)).slice(0, 16), path: layers.file?.path ?? '' }
    },

    schema: () =>
      nested(placesOf(entries, open.layers()).map((place) => ({ key: place.key, schema: schemaOf(place) }))),

    plan: (given, how) => {
      const layers = open.layers()
      const before = layers.stored?.values ?? {}
      const faults = unknownKeys(entries, given)
      let planned: JsonObject = {}
      for (const place of placesOf(entries, layers)) {
        const { key, shown } = place
        const kept = valueAt(before, key)
        const wanted = givenAt(given, key)
        const isChange = wanted !== undefined && wanted !== null && !isDeepStrictEqual(wanted, shown)
        const obstacle = isChange ? obstacleTo(place, layers) : undefined
        if (obstacle !== undefined) faults.push({ where: key, reason: obstacle })
        const takesBack = wanted === null || (wanted === undefined && how === 'replace')
        const value = isChange ? wanted : takesBack ? undefined : kept
        if (value !== undefined && !isDeepStrictEqual(value, beneath(place, layers)))
          planned = withValue(planned, key, value)
      }
      const checked = { ...layers, stored: { path: '', values: planned } }
      const wrong = entries.flatMap((entry) => resolveSetting(entry, checked).faults)
      faults.push(...wrong.map(({ where, reason }) => ({ where: where.replace(/^: /, ''), reason })))
      if (faults.length > 0) throw new ConfigError(faults)
      return planned
    },

    store: (values) => void open.store(values),
  }
}
