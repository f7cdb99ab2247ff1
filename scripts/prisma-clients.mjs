/** Generates the Prisma client of every service that has a schema; the schema's generator block says where it goes. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { capture } from './process.mjs'
import { fromRoot } from './root.mjs'

const atOnce = 2

/**
 * Generates the clients that are missing or were made from another schema or Prisma version.
 *
 * @param {{ force?: boolean }} [options] `force` makes all of them anew
 */
export async function generatePrismaClients({ force = false } = {}) {
  const stale = findSchemas().filter((schema) => force || !isCurrent(schema))
  if (stale.length === 0) return
  console.error(`clawmesh: generating Prisma clients (${stale.map(({ service }) => service).join(', ')})`)
  const queue = [...stale]
  const worker = async () => {
    for (let schema = queue.shift(); schema; schema = queue.shift()) await generate(schema)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** @typedef {{ service: string, schemaFile: string, clientFolder: string, stampFile: string }} Schema */

/** @returns {Schema[]} */
function findSchemas() {
  const services = fromRoot('services')
  if (!existsSync(services)) return []
  return readdirSync(services)
    .sort()
    .map((service) => {
      const clientFolder = fromRoot('services', service, 'src/db/client')
      return {
        service,
        schemaFile: fromRoot('services', service, 'prisma/schema.prisma'),
        clientFolder,
        stampFile: `${clientFolder}/.clawmesh-stamp`,
      }
    })
    .filter(({ schemaFile }) => existsSync(schemaFile))
}

/** @param {Schema} schema */
function isCurrent(schema) {
  return existsSync(schema.stampFile) && readFileSync(schema.stampFile, 'utf8') === hashOf(schema)
}

/** @param {Schema} schema */
function hashOf({ schemaFile }) {
  const { version } = JSON.parse(readFileSync(fromRoot('node_modules/prisma/package.json'), 'utf8'))
  return createHash('sha256').update(version).update(readFileSync(schemaFile)).digest('hex')
}

/** @param {Schema} schema */
async function generate(schema) {
  const hash = hashOf(schema)
  const { code, stdout, stderr } = await capture(
    process.execPath,
    [fromRoot('node_modules/prisma/build/index.js'), 'generate', '--no-hints', '--schema', schema.schemaFile],
    // The command downloads its schema engine unless told of one; generating never calls it, so any program will do.
    { PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true', CHECKPOINT_DISABLE: '1', ...process.env },
  )
  if (code !== 0) throw new Error(`prisma generate failed for ${schema.service}\n${stdout}${stderr}`)
  if (!existsSync(schema.clientFolder)) {
    throw new Error(`${schema.schemaFile} must set output = "../src/db/client" in its generator block`)
  }
  writeFileSync(schema.stampFile, hash)
}
