/** `clawmesh openapi`: the document, and its comparison with those that were released. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { breakingChanges, openApiDocument } from '@clawmesh/contracts'
import { version } from '../version.ts'

/** One document a release, as it was: `<version>.json`. */
const folder = fileURLToPath(new URL('../../../contracts/released/openapi/', import.meta.url))

const printed = (document: object): string => `${JSON.stringify(document, null, 2)}\n`
const majorOf = (name: string): number => Number(name.split('.')[0])

/** The document of the newest release that was kept; undefined before the first. */
const lastReleased = (): { version: string; document: object } | undefined => {
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

interface OpenApiOptions {
  check?: true
  keep?: true
}

/** Prints the document; or says what breaks clients of the last release, or keeps the document as a release. */
export const openApi = ({ check, keep }: OpenApiOptions): { text: string; ok: boolean } => {
  const document = openApiDocument(version)
  if (!check && !keep) return { text: JSON.stringify(document, null, 2), ok: true }
  const last = lastReleased()
  const broken = last === undefined ? [] : breakingChanges(last.document, document)
  // Only a new major version may take something away.
  if (last !== undefined && broken.length > 0 && majorOf(version) <= majorOf(last.version))
    return { text: [`breaks clients of ${last.version}:`, ...broken.map((one) => `  ${one}`)].join('\n'), ok: false }
  if (!keep) return { text: `breaks nothing since ${last?.version ?? 'the beginning'}`, ok: true }
  writeFileSync(`${folder}${version}.json`, printed(document))
  return { text: `kept ${version}`, ok: true }
}
