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
  /** Those of them that were killed before all events had been delivered. */
  killsOnTheWay: number
  events: number
  /** Events that never came. */
  lost: number
  /** Events that came under more than one id, so that a receiver which tells repeats by it acts twice. */
  doubled: number
  /** Requests whose signature was wrong. */
  unsigned: number
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
    const outcome = { kills: 0, killsOnTheWay: 0, unsigned: 0 }
    /** By agent, under which ids its event came. */
    const came = new Map<string, Set<string>>()
    // As it comes: a signature is good for minutes.
    receiver.rule = (request) => {
      try {
        const { id } = verified(secret, request).data as { id: string }
        came.set(id, (came.get(id) ?? new Set()).add(request.headers['webhook-id']!))
      } catch {
        outcome.unsigned += 1
      }
      return undefined
    }
    const made: string[] = []
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < eventsPerRound; at++) {
        const { id } = await api.need<{ id: string }>('POST', '/v1/agents', { agent_key: `agent-${round}-${at}` })
        made.push(id)
      }
      await sleep(Math.random() * killedWithinMs)
      await mesh.kill('channels')
      outcome.kills += 1
      outcome.killsOnTheWay += came.size < made.length ? 1 : 0
      await mesh.restart('channels')
      if (round % 50 === 49) report({ ...outcome, made: made.length, came: came.size })
    }
    await eventually('all events', async () => made.every((id) => came.has(id))).catch(() => undefined)
    report({ received: receiver.received.length, repeated: receiver.received.length - came.size })
    return {
      ...outcome,
      events: made.length,
      lost: made.filter((id) => !came.has(id)).length,
      doubled: [...came.values()].filter(({ size }) => size > 1).length,
    }
  } finally {
    await receiver.close()
    await mesh.stop()
  }
}
