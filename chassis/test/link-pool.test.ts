import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createLinkPool } from '@clawmesh/chassis'
import { eventually } from '../../test/support/eventually.ts'
import { linkCaller, linkTokens, startReplica } from '../../test/support/link-replicas.ts'

const poolFor = (target: string) => createLinkPool({ target, identity: () => linkTokens.mint(linkCaller) })

it('a replica that has just come back is used by the next call, however often it was dialled in vain', async () => {
  const replica = await startReplica()
  const pool = poolFor(replica.address)
  try {
    await replica.proxy.shut()
    // Their pauses have grown beyond a second by now.
    for (let dial = 0; dial < 6; dial++) await expect(pool.pick()).rejects.toThrow('no replica can be reached')
    await replica.proxy.open()
    expect((await pool.pick()).state()).toBe('ready')
  } finally {
    pool.close()
    await replica.stop()
  }
})

it('calls that nobody answers share a dial, and are refused by it', async () => {
  let dials = 0
  const server = createServer((socket) => {
    dials++
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pool = poolFor(`127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    for (let round = 0; round < 3; round++) {
      const asked = await Promise.allSettled(Array.from({ length: 50 }, async () => pool.pick()))
      expect(asked.map(({ status }) => status)).toEqual(Array<string>(50).fill('rejected'))
    }
    // gRPC itself may try again when a connection closes at once.
    expect(dials).toBeLessThanOrEqual(9)
  } finally {
    pool.close()
    server.close()
  }
})

it('a replica that a lookup finds is dialled at once, not by the next call', async () => {
  const replicas = [await startReplica(), await startReplica()]
  const addresses = [replicas[0]!.address]
  const identity = () => linkTokens.mint(linkCaller)
  const pool = createLinkPool({ target: 'dns:///agents:9090', identity, resolve: async () => [...addresses] })
  const { now } = Date
  try {
    await pool.pick()
    addresses.push(replicas[1]!.address)
    Date.now = () => now() + 60_000
    void pool.pick()
    Date.now = now
    await eventually('two links', async () => pool.links().filter(({ state }) => state === 'ready').length === 2)
  } finally {
    Date.now = now
    pool.close()
    await Promise.all(replicas.map(({ stop }) => stop()))
  }
})
