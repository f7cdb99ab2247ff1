/** Kills of the process that delivers webhooks, between the event and the receiver's answer: nothing is lost on the way. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fakeWebhookReceiver, verified } from '../../fakes/webhook-receiver.ts'
import { eventually } from '../../support/eventually.ts'
import { startMesh } from '../../support/mesh-processes.ts'

const eventsPerRound = 3
/** Within this time after an event it is taken in, sent and settled. */
const killedWithinMs = 300

export interface WebhookKillsOutcome {
  /** Processes that were killed. */
  kills: number
  events: number
  /** Events that never came. */
  lost: number
  /** Events that came under more than one id, so that a receiver which tells repeats by it acts twice. */
  doubled: number
}

/** Runs so many rounds, each some events and a kill somewhere on their way. Repeats under one id are counted to `report`. */
export const webhookKills = async (rounds: number, report: (figures: object) => void): Promise<WebhookKillsOutcome> => {
  const [mesh, receiver] = await Promise.all([startMesh(), fakeWebhookReceiver()])
  try {
    const api = mesh.api(0, 'system')
    const { secret } = await api.need<{ secret: string }>('POST', '/v1/webhooks', {
      url: `${receiver.origin}/hook`,
      events: ['clawmesh.agents.agent.created'],
    })
    const made: string[] = []
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < eventsPerRound; at++) {
        const { id } = await api.need<{ id: string }>('POST', '/v1/agents', { agent_key: `agent-${round}-${at}` })
        made.push(id)
      }
      await sleep(Math.random() * killedWithinMs)
      await mesh.kill('channels')
      await mesh.restart('channels')
    }
    /** By agent, under which ids its event came. */
    const idsOf = () => {
      const ids = new Map<string, Set<string>>()
      for (const received of receiver.received) {
        const { data } = verified(secret, received)
        const { id } = data as { id: string }
        ids.set(id, (ids.get(id) ?? new Set()).add(received.headers['webhook-id']!))
      }
      return ids
    }
    await eventually('all events', async () => made.every((id) => idsOf().has(id))).catch(() => undefined)
    const ids = idsOf()
    report({ received: receiver.received.length, repeated: receiver.received.length - ids.size })
    return {
      kills: rounds,
      events: made.length,
      lost: made.filter((id) => !ids.has(id)).length,
      doubled: [...ids.values()].filter(({ size }) => size > 1).length,
    }
  } finally {
    await receiver.close()
    await mesh.stop()
  }
}
