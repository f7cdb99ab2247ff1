/** What a call between processes costs by itself: over a link, and as a gRPC call of its own. Both ends are in this process. */
import { callOf, chatAs, deltaOf, grpcTo, linkTo, startReplica, type RpcClient } from '../support/link-replicas.ts'

const chunks = 50
const atATime = [1, 32]
const timeouts = { rpcTimeoutMs: 60_000, streamTimeoutMs: 60_000 }

const unary = async ({ agents }: RpcClient): Promise<void> => {
  await agents.resolveAgent(callOf(), { agent: 'sample' })
}
const stream = async ({ providers }: RpcClient): Promise<void> => {
  for await (const _message of providers.chat(callOf(), chatAs('sample')));
}

/** CPU and calls for a while: microseconds a call, calls a second. */
const measure = async (work: () => Promise<void>, concurrency: number, durationMs: number) => {
  const run = async (untilMs: number): Promise<number> => {
    let calls = 0
    const worker = async (): Promise<void> => {
      for (; performance.now() < untilMs; calls++) await work()
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    return calls
  }
  await run(performance.now() + durationMs / 3)
  const before = process.cpuUsage()
  const sinceMs = performance.now()
  const calls = await run(sinceMs + durationMs)
  const { user, system } = process.cpuUsage(before)
  return { cpuUs: (user + system) / calls, perSecond: (calls * 1_000) / (performance.now() - sinceMs) }
}

/** Prints what calls cost over both, in turn. */
export const rpcBench = async (rounds: number, durationMs: number): Promise<void> => {
  const replica = await startReplica({
    stream: async function* () {
      for (let at = 0; at < chunks; at++) {
        yield deltaOf(`word ${at} `)
        if (at % 5 === 4) await new Promise(setImmediate)
      }
    },
  })
  const address = `127.0.0.1:${replica.server.port}`
  const transports: Record<string, RpcClient> = {
    gRPC: grpcTo(address, timeouts),
    link: linkTo(() => [address], timeouts),
  }
  console.log(`\ncalls between processes, both ends together; best of ${rounds}`)
  console.log('                                      CPU us a call   calls/s')
  for (const [name, work] of [
    ['unary', unary],
    [`stream of ${chunks}`, stream],
  ] as const)
    for (const concurrency of atATime) {
      const best = new Map<string, Awaited<ReturnType<typeof measure>>>()
      for (let round = 0; round < rounds; round++)
        for (const [transport, its] of Object.entries(transports)) {
          const measured = await measure(() => work(its), concurrency, durationMs)
          if (measured.cpuUs < (best.get(transport)?.cpuUs ?? Infinity)) best.set(transport, measured)
        }
      for (const [transport, { cpuUs, perSecond }] of best)
        console.log(
          `${name}, ${concurrency} at a time, ${transport}`.padEnd(38) +
            cpuUs.toFixed(0).padStart(13) +
            perSecond.toFixed(0).padStart(10),
        )
    }
  for (const { close } of Object.values(transports)) close()
  await replica.stop()
}
