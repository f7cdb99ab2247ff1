/** What a call between processes costs by itself: over a link, and as a gRPC call of its own. Both ends are in this process. */
import { compare } from './cpu.ts'
import { callOf, chatAs, deltaOf, grpcTo, linkTo, startReplica, type RpcClient } from '../support/link-replicas.ts'

const chunks = 50
const timeouts = { rpcTimeoutMs: 60_000, streamTimeoutMs: 60_000 }

const unary = async ({ agents }: RpcClient): Promise<void> => {
  await agents.resolveAgent(callOf(), { agent: 'sample' })
}
const stream = async ({ providers }: RpcClient): Promise<void> => {
  for await (const _message of providers.chat(callOf(), chatAs('sample')));
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
  for (const [name, work] of [
    ['unary', unary],
    [`stream of ${chunks}`, stream],
  ] as const)
    await compare(name, new Map(Object.entries(transports).map(([transport, its]) => [transport, () => work(its)])), {
      rounds,
      durationMs,
    })
  for (const { close } of Object.values(transports)) close()
  await replica.stop()
}
