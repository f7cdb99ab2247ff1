/** A real Redis (or Valkey) that keeps nothing. */
import { tmpdir } from 'node:os'
import { startBackgroundProcess } from './background-process.ts'
import { startOnFreePort } from './free-port.ts'
import { ensureProgram } from './system-program.ts'

export interface RedisOptions {
  /** Default: one that is free. */
  port?: number
}

export interface RedisHandle {
  url: string
  port: number
  /** SIGKILL stands for a crash. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Starts a server on the loopback interface; to restart one, start again with its `port`. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisHandle> {
  const program = await ensureProgram(['redis-server', 'valkey-server'], 'redis-server')
  return startOnFreePort(options.port, async (port) => {
    const server = await startBackgroundProcess({
      command: program,
      args: ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--dir', tmpdir()],
      ready: /Ready to accept connections/,
    })
    return { url: `redis://127.0.0.1:${port}`, port, stop: server.stop }
  })
}
