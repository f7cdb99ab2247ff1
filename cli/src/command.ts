/** The `clawmesh` command. */
import { writeFileSync } from 'node:fs'
import { openRpcDocument, wsAsyncApiDocument } from '@clawmesh/contracts'
import { Command, InvalidArgumentError } from 'commander'
import { configDocs, configSchema, printConfig, verifyConfig } from './commands/config.ts'
import { doctor } from './commands/doctor.ts'
import type { ListOptions, ReplayOptions } from './commands/dead-work.ts'
import { listDeadEvents, replayDeadEvents } from './commands/events.ts'
import { listDeadJobs, replayDeadJobs } from './commands/jobs.ts'
import { runMigrations } from './commands/migrate.ts'
import { releasedDocument, type ReleasedOptions } from './commands/released.ts'
import { runPackageHelper } from './commands/package-helper.ts'
import { newKey, rotate, status } from './commands/secrets.ts'
import { operatorMessage, start } from './commands/start.ts'
import { eraseTenant } from './commands/tenants.ts'
import { parseTargets, targetNames } from './targets.ts'
import { version } from './version.ts'

const { env } = process
const program = new Command('clawmesh')
  .description('A multi-tenant AI-agent gateway as a mesh of small services')
  .version(version)

program
  .command('start')
  .description('run targets until SIGTERM')
  .option('--target <names>', `all, or names between commas: ${targetNames.join(', ')}`, 'all')
  .action(async ({ target }: { target: string }) => process.exit(await start(target, env)))

program
  .command('migrate')
  .description("bring every service's database schema up to date")
  .action(() => runMigrations(env))

program
  .command('doctor')
  .description('say what is reachable and what is wrong, with the remedy')
  .action(async () => report(await doctor(env)))

const report = ({ text, ok }: { text: string; ok: boolean }): void => {
  console.log(text)
  process.exitCode = ok ? 0 : 1
}
const withDocument = (command: Command, name: Parameters<typeof releasedDocument>[0]): void => {
  command
    .option('--check', 'say what breaks clients of the last release instead; exits with 1 when something does')
    .option('--keep', 'keep the document as that of a release; refused when it breaks clients')
    .action((options: ReleasedOptions) => report(releasedDocument(name, options)))
}
withDocument(program.command('openapi').description('print the OpenAPI 3.1 document'), 'openapi')

const websocket = program.command('websocket').description('print what is spoken over WebSockets')
websocket
  .command('openrpc')
  .description('the methods, as an OpenRPC document')
  .action(() => console.log(JSON.stringify(openRpcDocument(version), null, 2)))
websocket
  .command('asyncapi')
  .description('the frames and events, as an AsyncAPI 3 document')
  .action(() => console.log(JSON.stringify(wsAsyncApiDocument(version), null, 2)))

const config = program.command('config').description('look at the configuration')
config
  .command('verify')
  .description('check every value; lists all faults')
  .action(() => {
    const notices = verifyConfig(env)
    console.log(['configuration is valid', ...notices].join('\n'))
  })
config
  .command('print')
  .description('effective values and their sources, secrets masked')
  .option('--target <names>', 'as for start: only what these targets read, with the defaults that they run on')
  .option('--json', 'as JSON')
  .action(({ target, json = false }: { target?: string; json?: boolean }) =>
    console.log(printConfig(env, { names: target === undefined ? [] : parseTargets(target), json })),
  )
config
  .command('schema')
  .description('print what variables may be set to, as a JSON schema')
  .action(() => console.log(configSchema()))
config
  .command('docs <file>')
  .description('write the configuration reference')
  .action((file: string) => writeFileSync(file, configDocs()))

const secrets = program.command('secrets').description('the keys of secrets at rest')
secrets
  .command('status')
  .description('how many secrets stand under which key, and which keys may go')
  .action(async () => report(await status(env)))
secrets
  .command('rotate')
  .description('seal every secret anew under the current key, while the mesh goes on')
  .option('--dry-run', 'only count', false)
  .action(async (options: { dryRun: boolean }) => report(await rotate(env, options)))
secrets
  .command('new-key')
  .description("embedded mode: make another key the current one in the data folder's encryption.key")
  .action(() => report(newKey(env)))

const positive = (text: string): number => {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('a number from 1 on')
  return Number(text)
}
program
  .command('package-helper')
  .description('as root: install packages of the system for the packages service, until SIGTERM')
  .requiredOption('--group <number>', 'the group that the services run as', positive)
  .action(({ group }: { group: number }) => runPackageHelper(env, group))

program
  .command('tenants')
  .description('the tenants of the installation')
  .command('erase <tenant>')
  .description('remove all rows of an archived tenant, named by its id or slug, from every database')
  .action(async (tenant: string) => report(await eraseTenant(env, tenant)))

const withList = (dead: Command, list: typeof listDeadEvents): void => {
  dead
    .command('list')
    .description('what they are and why they failed, the oldest first')
    .option('--service <name>', 'only of this service')
    .option('--limit <count>', 'of each service, at most', positive, 100)
    .option('--json', 'as JSON', false)
    .action(async (options: ListOptions) => console.log(await list(env, options)))
}
const withReplay = (dead: Command, replay: typeof replayDeadEvents): void => {
  dead
    .command('replay [id]')
    .description('have one tried once more by the service whose it is, or all that wait')
    .option('--service <name>', 'only of this service')
    .option('--all', 'all that wait; needs --service')
    .action(async (id: string | undefined, options: ReplayOptions) => report(await replay(env, id, options)))
}
const durableEvents = program.command('events').description('the durable events of the mesh')
withDocument(durableEvents.command('asyncapi').description('print them as an AsyncAPI 3 document'), 'events')
const deadEvents = durableEvents.command('dead').description('events that a consumer could not handle')
withList(deadEvents, listDeadEvents)
withReplay(deadEvents, replayDeadEvents)
const deadJobs = program
  .command('jobs')
  .description('background work of the services')
  .command('dead')
  .description('jobs that failed too often')
withList(deadJobs, listDeadJobs)
withReplay(deadJobs, replayDeadJobs)

try {
  await program.parseAsync()
} catch (thrown) {
  console.error(operatorMessage(thrown) ?? thrown)
  process.exit(1)
}
