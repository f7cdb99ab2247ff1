/** `clawmesh start`: runs targets until told to stop. */
import { flushCompileCache } from 'node:module'
import { ConfigError, createLogger, DatabaseSetupError, restarted, startTelemetry } from '@clawmesh/chassis'
import { collectorOf, isAllInOne, logLevelOf, openConfiguration, readLayers } from '../configuration.ts'
import { openDataDir } from '../data-dir.ts'
import { SetupError } from '../host.ts'
import { releaseMemoryWhenIdle } from '../idle-memory.ts'
import { composeProcess } from '../process.ts'
import { followConfiguration } from '../reload.ts'
import { parseTargets } from '../targets.ts'
import { renderBanner } from './banner.ts'

/** How long leaving may take after a first signal before a second one, or patience, ends the process. */
const graceMs = 15_000

/** For scripts/supervise.mjs; nobody listens where there is none. */
const tellSupervisor = (message: string): void => void process.send?.(message)

/** Runs until SIGTERM or SIGINT and returns the exit code. */
export const start = async (target: string, env: NodeJS.ProcessEnv): Promise<number> => {
  const names = parseTargets(target)
  const embedded = isAllInOne(names)
  const read = () => readLayers(env, names)
  const layers = read()
  const open = openConfiguration(layers)
  const { configs } = open
  const log = createLogger({ level: logLevelOf(configs.chassis), name: embedded ? 'all' : names.join(',') })
  const unfollow = followConfiguration({ env, read, layers, open, log })
  const startedAt = performance.now()
  const endpoint = collectorOf(configs.chassis)
  const serviceName = configs.chassis.telemetryServiceName || `clawmesh-${embedded ? 'all' : names.join('-')}`
  const telemetry = endpoint === '' ? undefined : await startTelemetry({ endpoint, serviceName })

  process.on('unhandledRejection', (err) => log.error({ err }, 'unhandled rejection'))
  const mesh = await composeProcess({
    names,
    open,
    log,
    dataDir: openDataDir(configs.chassis.dataDir),
    embedded,
  })

  const reported = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => {
        resolve(signal)
        setTimeout(() => process.exit(1), configs.chassis.drainTimeoutMs + configs.chassis.lameDuckMs + graceMs).unref()
      })
  })
  await mesh.start()
  releaseMemoryWhenIdle()
  const readyMs = Math.round(performance.now() - startedAt)
  log.info({ targets: names, readyMs, port: mesh.edgePort() }, 'ready')
  if (restarted.count > 0) log.warn({ ...restarted }, 'was started again after a crash')
  tellSupervisor('ready')
  if (embedded) console.log(renderBanner({ config: configs.gateway, port: mesh.edgePort(), readyMs }))
  // Now rather than at the end, which may be a SIGKILL.
  flushCompileCache()
  await reported
  unfollow()
  await mesh.stop()
  await telemetry?.stop()
  return 0
}

/** Text for an error that the operator can mend; undefined for a bug. */
export const operatorMessage = (thrown: unknown): string | undefined => {
  if ([ConfigError, SetupError, DatabaseSetupError].some((kind) => thrown instanceof kind))
    return (thrown as Error).message
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code
  if (code === 'EADDRINUSE')
    return `${(thrown as Error).message}: choose another port with GOCLAW_PORT, or stop what uses it`
  if (code === 'ELOCKED') return (thrown as Error).message
  return undefined
}
