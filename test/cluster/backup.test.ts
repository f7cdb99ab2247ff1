/** A backup that is taken while clients write, and what becomes of it in another database. */
import { randomBytes } from 'node:crypto'
import type { Ended } from '../charts/tools.ts'
import { databaseUrl, psql } from './databases.ts'
import { kubectl, release, tryKubectl } from './kube.ts'
import { ensureRelease, openRelease, type Installed } from './release.ts'
import { expectNothingLost, underLoad } from './traffic.ts'

let installed: Installed

beforeAll(async () => {
  await ensureRelease()
  installed = await openRelease()
})
afterAll(() => installed?.stop())

const name = `restored_${Date.now()}`
const folder = `/data/${name}`
const ownerUrl = (database: string) => databaseUrl.replace('@postgres:', '@127.0.0.1:').replace(/clawmesh$/, database)

/** A script of `deploy/backup`, where the image for trying has them. */
const script = (command: string, database: string): Promise<string> =>
  kubectl('exec', 'deployment/postgres', '--', 'env', `DATABASE_URL=${ownerUrl(database)}`, command, folder)

/** The program in a pod of the release, which has nothing else, over other variables than its own. */
const clawmesh = (variables: Record<string, string>, ...args: string[]): Promise<Ended> => {
  // The variables are taken out of the arguments, which the program reads as its own.
  const start = `Object.assign(process.env, JSON.parse(process.argv.splice(1, 1)[0])); import('/app/dist/main.mjs')`
  const command = ['node', '-e', start, JSON.stringify(variables), ...args]
  return tryKubectl(['exec', `deployment/${release}-identity`, '--', ...command])
}
const keyOfRelease = (): Promise<string> => {
  const template = `go-template={{index .data "encryption-key" | base64decode}}`
  return kubectl('get', 'secret', `${release}-keys`, '--output', template)
}

test('a backup under load is restored row by row, and its secrets open with the key ring alone', async () => {
  expectNothingLost(
    await underLoad(installed, async () => expect(await script('clawmesh-backup', 'clawmesh')).toContain('tables in')),
  )
  await psql(`CREATE DATABASE ${name}`)
  // Compares the rows and a checksum of every table with those of the moment of the backup.
  expect(await script('clawmesh-restore', name)).toContain('tables as they were')

  const restored = { DATABASE_URL: databaseUrl.replace(/clawmesh$/, name) }
  const migrated = await clawmesh(restored, 'migrate')
  expect([migrated.code, migrated.stderr]).toEqual([0, expect.any(String)])
  const rotate = (variables: Record<string, string>) =>
    clawmesh({ ...restored, ...variables }, 'secrets', 'rotate', '--dry-run')
  const another = randomBytes(32).toString('hex')
  const without = await rotate({ CLAWMESH_ENCRYPTION_KEY: another })
  expect(without.code).toBe(1)
  expect(without.stdout).toMatch(/providers\.llm_providers: 0 to be sealed anew, [1-9]\d* cannot be opened/)
  const ring = { CLAWMESH_ENCRYPTION_KEY: another, CLAWMESH_ENCRYPTION_OTHER_KEYS: await keyOfRelease() }
  const withRing = await rotate(ring)
  expect([withRing.code, withRing.stderr]).toEqual([0, expect.any(String)])
  expect(withRing.stdout).toMatch(/providers\.llm_providers: [1-9]\d* to be sealed anew, 0 cannot be opened/)
})
