/** The thread in which PGlite runs: WebAssembly works synchronously, and the services' event loop must not wait for it. */
import { chmodSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { vector } from '@electric-sql/pglite-pgvector'
import { createMultiplexer } from './postgres-multiplexer.ts'

/** What the thread is told when it starts. */
export interface PgliteWork {
  /** Undefined keeps all data in memory. */
  pgDataDir: string | undefined
  socketPath: string
  maxConnections: number
  idleInTransactionTimeoutMs: number
}

/** What it says: once when all stands, never after that. */
export type PgliteReport = { kind: 'ready' }
/** What it may be told later. */
export type PgliteOrder = { kind: 'stop' }

async function serve(work: PgliteWork): Promise<void> {
  const database = await PGlite.create({
    ...(work.pgDataDir === undefined ? {} : { dataDir: work.pgDataDir }),
    extensions: { vector },
  })
  const multiplexer = createMultiplexer({
    session: {
      execute: (messages, onAnswer) => database.execProtocolRawStream(messages, { onRawData: onAnswer }),
      inTransaction: () => database.isInTransaction(),
    },
    database: 'postgres',
    maxConnections: work.maxConnections,
    idleInTransactionTimeoutMs: work.idleInTransactionTimeoutMs,
    // After an abort of WebAssembly the instance is of no use: end the thread, which the main one reports.
    onSessionFailure: (error) => {
      setImmediate(() => {
        throw error
      })
    },
  })
  await multiplexer.listen(work.socketPath)
  chmodSync(work.socketPath, 0o600)

  const stop = async (): Promise<never> => {
    await multiplexer.close()
    await database.close()
    process.exit(0)
  }
  parentPort?.once('message', (_order: PgliteOrder) => void stop())
  parentPort?.postMessage({ kind: 'ready' } satisfies PgliteReport)
}

await serve(workerData as PgliteWork)
