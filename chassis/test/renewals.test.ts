import { setTimeout as pause } from 'node:timers/promises'
import { createRenewals } from '@clawmesh/chassis'

interface Token {
  version: number
}

/** A token that several replicas share, each with renewals of its own. */
const shared = (replicas: number, claimMs = 1_000) => {
  const renewals = Array.from({ length: replicas }, () => createRenewals<Token>({ claimMs }))
  const state = { stored: { version: 1 } as Token | undefined, isClaimed: false, done: 0 }
  const renew = (replica: number, isUsable = false) =>
    renewals[replica]!('token 1', {
      claim: async () => {
        if (state.isClaimed || state.stored?.version !== 1) return false
        state.isClaimed = true
        return true
      },
      find: async () => state.stored,
      isOld: ({ version }) => version === 1,
      isUsable,
      renew: async () => {
        state.done++
        await pause(50)
        state.isClaimed = false
        return (state.stored = { version: 2 })
      },
    })
  return { state, renew }
}

it('is done once, and everybody gets what came of it', async () => {
  const { state, renew } = shared(3)
  const found = await Promise.all([0, 1, 2, 0, 1, 2].map((replica) => renew(replica)))
  expect(found).toEqual(Array<Token>(6).fill({ version: 2 }))
  expect(state.done).toBe(1)
})

it('leaves who may use the old one with it while another replica is at work', async () => {
  const { state, renew } = shared(1)
  state.isClaimed = true
  expect(await renew(0, true)).toEqual({ version: 1 })
})

it('gives what is there where somebody else was done, or took it away', async () => {
  const { state, renew } = shared(2)
  state.stored = undefined
  expect(await renew(0)).toBeUndefined()
  state.stored = { version: 7 }
  expect(await renew(1)).toEqual({ version: 7 })
  expect(state.done).toBe(0)
})

it('does nothing without the claim, however long another one holds it', async () => {
  const { state, renew } = shared(1, 100)
  state.isClaimed = true
  await expect(renew(0)).rejects.toThrow('others have been renewing it for too long')
  expect(state.done).toBe(0)
})
