/** Whatever stands in the configuration file and in the environment: values or listed faults, and nothing else. */
import {
  ConfigError,
  noticesOf,
  openConfigs,
  parseConfigFile,
  settingsOf,
  type ConfigFile,
  type JsonObject,
  type Layers,
} from '@clawmesh/chassis'
import fc from 'fast-check'
import { configDefinitions } from '../../../cli/src/targets.ts'

const path = 'config.json'
const entries = settingsOf(configDefinitions)
const fileKeys = entries.flatMap((entry) => entry.fileKeys)
const variables = entries.flatMap(({ setting }) => setting.env)

/** The value, or undefined for listed faults. @throws whatever else is thrown */
const orFaults = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown
    if (thrown.faults.length === 0) throw new Error('faults without a fault', { cause: thrown })
    for (const { where, reason } of thrown.faults) {
      const known = variables.includes(where) || where === path || where.startsWith(`${path}: `)
      if (!known || reason === '') throw new Error(`a fault of nothing: ${where}: ${reason}`, { cause: thrown })
    }
    return undefined
  }
}

const readAll = (layers: Layers): boolean => {
  noticesOf(entries, layers)
  return orFaults(() => openConfigs(configDefinitions, layers)) !== undefined
}

const words = ['{', '}', '[', ']', ',', ':', '"', "'", '\\', '//', '/*', '*/', '\n', ' ', '0x', '.', '-', 'Infinity']
const pieces = [...words, 'null', 'true', '1e400', '__proto__', '\ufeff', '\0', 'gateway', 'port', 'tools']
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.constantFrom(...pieces)).map((parts) => parts.join('')),
  fc.json(),
  // Right but for one place.
  fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...pieces)).map(([json, at, piece]) => {
    const place = at % (json.length + 1)
    return json.slice(0, place) + piece + json.slice(place)
  }),
)

const likely = fc.oneof(
  fc.integer(),
  fc.boolean(),
  fc.string(),
  fc.array(fc.string()),
  fc.dictionary(fc.string(), fc.float()),
)
const value = fc.oneof({ weight: 3, arbitrary: likely }, { weight: 1, arbitrary: fc.jsonValue() }, fc.double())

type Tree = Record<string, unknown>

/** Puts a value at a key, into whatever is there already. */
const plant = (tree: Tree, key: string, planted: unknown): void => {
  const parts = key.split('.')
  const last = parts.pop()!
  let branch = tree
  for (const part of parts) {
    const next = Object.hasOwn(branch, part) ? branch[part] : undefined
    if (typeof next !== 'object' || next === null || Array.isArray(next)) branch[part] = {}
    branch = branch[part] as Tree
  }
  branch[last] = planted
}

const values = fc
  .tuple(
    fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...fileKeys), value), { maxLength: 8 }),
  )
  .map(([wild, planted]): JsonObject => {
    const tree: Tree = { ...wild }
    for (const [key, given] of planted) plant(tree, key, given)
    return tree
  })
const file = fc.option(
  values.map((tree): ConfigFile => ({ path, values: tree })),
  { nil: undefined },
)
const env = fc.dictionary(
  fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...variables) },
    { weight: 1, arbitrary: fc.string().map((name) => `CLAWMESH_${name}`) },
  ),
  fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.integer().map(String)),
)

const secrets = entries.filter(({ setting }) => setting.secret)

/** The properties by name; each throws when it does not hold for `numRuns` cases. */
export const configProperties: Readonly<Record<string, (numRuns: number) => void>> = {
  'any text as the file is an object or a listed fault': (numRuns) =>
    fc.assert(
      fc.property(text, (source) => {
        const parsed = orFaults(() => parseConfigFile(path, source))
        if (parsed !== undefined) readAll({ env: {}, file: parsed })
      }),
      { numRuns },
    ),
  'any object in the file is a configuration or listed faults': (numRuns) =>
    fc.assert(
      fc.property(values, (tree) => void readAll({ env: {}, file: { path, values: tree } })),
      { numRuns },
    ),
  'any environment over any file is a configuration or listed faults': (numRuns) =>
    fc.assert(
      fc.property(env, file, (given, below) => void readAll({ env: given, file: below })),
      { numRuns },
    ),
  'no fault repeats what stands in the place of a secret': (numRuns) =>
    fc.assert(
      fc.property(
        fc.constantFrom(...secrets),
        fc.stringMatching(/^[a-z0-9]{12,30}$/),
        fc.boolean(),
        (entry, secret, bad) => {
          const tree: Tree = {}
          for (const key of entry.fileKeys) plant(tree, key, bad ? { [secret]: secret } : secret)
          try {
            openConfigs(configDefinitions, { env: { [entry.setting.env[0]]: secret }, file: { path, values: tree } })
          } catch (thrown) {
            return !(thrown as ConfigError).message.includes(secret)
          }
          return true
        },
      ),
      { numRuns },
    ),
}
