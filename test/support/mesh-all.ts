/** The whole mesh in one process, as `npm start` runs it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patientEnv } from './limits.ts'
import { apiOf, type Api } from './mesh-api.ts'
import { reservePort } from './mesh-ports.ts'
import { startClawmesh, waitUntilReady, type Ended, type MeshProcess } from './mesh-process.ts'

export interface AllOptions {
  /** Default: a new folder, removed by `stop`. */
  dataDir?: string
  env?: Readonly<Record<string, string>>
  /** Root of the sources it runs. Default: these. */
  checkout?: string
}

export interface AllInOne {
  url: string
  port: number
  pid: number
  dataDir: string
  /** A client with the token of its environment, if there is one. */
  api: (userId?: string) => Api
  /** What it has printed, the banner first. */
  output: () => string
  kill: (signal?: NodeJS.Signals) => Promise<Ended>
  stop: () => Promise<void>
}

/** One log file a start. */
let starts = 0

/**
 * Starts `clawmesh start --target all` on a free port and waits until it answers.
 *
 * @throws Error with its output when it does not start
 */
export const startAll = async ({ dataDir: given, env = {}, checkout }: AllOptions = {}): Promise<AllInOne> => {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'clawmesh-all-')))
  const clean = () => (given === undefined ? rm(dataDir, { recursive: true, force: true }) : Promise.resolve())
  const port = Number(env['GOCLAW_PORT'] ?? (await reservePort()))
  const url = `http://127.0.0.1:${port}`
  const logFile = `${dataDir}-${++starts}.log`
  let started: MeshProcess | undefined
  try {
    started = startClawmesh(
      ['start', '--target', 'all'],
      {
        ...patientEnv,
        CLAWMESH_DATA_DIR: dataDir,
        GOCLAW_PORT: String(port),
        CLAWMESH_FETCH_ALLOW: '127.0.0.1',
        ...env,
      },
      logFile,
      checkout,
    )
    await waitUntilReady('clawmesh start --target all', `${url}/health`, started)
  } catch (error) {
    await started?.end('SIGKILL')
    await clean()
    throw error
  }
  const process = started
  return {
    url,
    port,
    pid: process.pid,
    dataDir,
    api: (userId) =>
      apiOf({ url, token: env['GOCLAW_GATEWAY_TOKEN'] ?? '', ...(userId === undefined ? {} : { userId }) }),
    output: process.output,
    kill: (signal = 'SIGKILL') => process.end(signal),
    stop: async () => {
      await process.end('SIGKILL')
      await rm(logFile, { force: true })
      await clean()
    },
  }
}
