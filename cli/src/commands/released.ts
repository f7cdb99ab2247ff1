/** Documents of contracts that others build on, and their comparison with those that were released. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { breakingChanges, breakingEventChanges, eventsAsyncApiDocument, openApiDocument } from '@clawmesh/contracts'
import { version } from '../version.ts'

interface Contract {
  /** Below contracts/released, with one document a release as it was: `<version>.json`. */
  folder: string
  document: (version: string) => object
  /** What breaks those who were built against the first, one line each. */
  changes: (before: object, after: object) => string[]
}

const contracts = {
  openapi: { folder: 'openapi', document: openApiDocument, changes: breakingChanges },
  events: { folder: 'events', document: eventsAsyncApiDocument, changes: breakingEventChanges },
} satisfies Record<string, Contract>

const folderOf = ({ folder }: Contract): string =>
  fileURLToPath(new URL(`../../../contracts/released/${folder}/`, import.meta.url))
const printed = (document: object): string => `${JSON.stringify(document, null, 2)}\n`
const majorOf = (name: string): number => Number(name.split('.')[0])

/** The document of the newest release that was kept; undefined before the first. */
const lastReleased = (folder: string): { version: string; document: object } | undefined => {
  const last = existsSync(folder)
    ? readdirSync(folder)
        .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
        .at(-1)
    : undefined
  if (last === undefined) return undefined
  return {
    version: last.replace('.json', ''),
    document: JSON.parse(readFileSync(`${folder}${last}`, 'utf8')) as object,
  }
}

export interface ReleasedOptions {
  check?: true
  keep?: true
}

/** Prints the document; or says what breaks those who use the last release, or keeps the document as a release. */
export const releasedDocument = (
  name: keyof typeof contracts,
  { check, keep }: ReleasedOptions,
): { text: string; ok: boolean } => {
  const contract = contracts[name]
  const document = contract.document(version)
  if (!check && !keep) return { text: JSON.stringify(document, null, 2), ok: true }
  const folder = folderOf(contract)
  const last = lastReleased(folder)
  const broken = last === undefined ? [] : contract.changes(last.document, document)
  // Only a new major version may take something away.
  if (last !== undefined && broken.length > 0 && majorOf(version) <= majorOf(last.version))
    return { text: [`breaks clients of ${last.version}:`, ...broken.map((one) => `  ${one}`)].join('\n'), ok: false }
  if (!keep) return { text: `breaks nothing since ${last?.version ?? 'the beginning'}`, ok: true }
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}${version}.json`, printed(document))
  return { text: `kept ${version}`, ok: true }
}
