/** A real `nats-server` with JetStream. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBackgroundProcess } from './background-process.ts'
import { ensureProgram } from './system-program.ts'

export interface NatsOptions {
  /** Default: one that is free. */
  port?: number
  /** Where JetStream keeps its streams. Default: a new temporary directory, removed by `stop`. */
  storeDir?: string
  /** Further settings, as in a file of nats-server. */
  settings?: string
}

export interface NatsHandle {
  url: string
  port: number
  storeDir: string
  /** SIGKILL stands for a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/**
 * Starts a server on the loopback interface. To restart one: `stop` it, then start with its `port` and a `storeDir` that
 * you gave the first one, too.
 */
export async function startNats(options: NatsOptions = {}): Promise<NatsHandle> {
  const program = await ensureProgram(['nats-server'], 'nats-server')
  const storeDir = options.storeDir ?? (await mkdtemp(join(tmpdir(), 'clawmesh-nats-')))
  const settings = join(storeDir, 'settings.conf')
  if (options.settings !== undefined) await writeFile(settings, options.settings)
  const server = await startBackgroundProcess({
    command: program,
    // Port -1 lets the server choose; it prints the port before it is ready.
    args: [
      ...['--addr', '127.0.0.1', '--port', String(options.port ?? -1), '--jetstream', '--store_dir', storeDir],
      ...(options.settings === undefined ? [] : ['--config', settings]),
    ],
    ready: /Listening for client connections on [^\n]*:(\d+)[^]*Server is ready/,
  })
  const port = Number(server.ready[1])
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    async stop(signal) {
      await server.stop(signal)
      if (options.storeDir === undefined) await rm(storeDir, { recursive: true, force: true })
    },
  }
}
