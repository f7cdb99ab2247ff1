/** Learns from NATS whether anybody listens: where a reply is asked for and nobody does, the server itself replies so. */
import { createInbox, type NatsConnection } from '@nats-io/transport-node'

const noResponders = 503

/** Publishes, and tells whether anybody listened; true where that cannot be known. */
export const createPublishHeard = (
  connection: NatsConnection,
): ((subject: string, message: string) => Promise<boolean>) => {
  const inbox = createInbox()
  const unheard = new Set<string>()
  let asked = 0
  let listening = false

  return async (subject, message) => {
    if (!listening) {
      listening = true
      connection.subscribe(`${inbox}.*`, {
        callback: (_error, { subject: answered, headers }) => {
          if (headers?.code === noResponders) unheard.add(answered)
        },
      })
    }
    const reply = `${inbox}.${asked++}`
    try {
      connection.publish(subject, message, { reply })
      // What the server says of it comes before its answer to this.
      await connection.flush()
      return !unheard.has(reply)
    } catch {
      // The connection is lost.
      return true
    } finally {
      unheard.delete(reply)
    }
  }
}
