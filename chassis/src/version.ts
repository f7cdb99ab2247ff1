import { readFileSync } from 'node:fs'

/** The version in the root package.json: what this program is, unless `CLAWMESH_VERSION` says otherwise. */
export const packageVersion = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version
